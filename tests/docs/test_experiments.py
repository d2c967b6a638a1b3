"""The page on experiments: its settings are read, and its ways to work out a user's arm agree with the tables'."""

import json
import shutil
import subprocess
import tomllib
from collections.abc import Callable

import duckdb
import pyarrow as pa
import pytest

from pipeline.publication import arms
from pipeline.settings.sections.experiment import SurfaceOverlay
from pipeline.sources.configuration import FullConfig
from tests.conftest import ROOT
from tests.docs.pages import blocks
from tests.postgres import Server

PAGE = (ROOT / "docs/experiments.md").read_text(encoding="utf-8")
(PYTHON,), (JAVASCRIPT,), (SETTINGS,) = (blocks(PAGE, kind) for kind in ("python", "js", "toml"))
DUCKDB, POSTGRES = blocks(PAGE, "sql")
IDS = [*(f"u{n}" for n in range(500)), "12748", "Zoë", "客", "a'b", "x:y", "\U0001f989", "\u202ex"]
EXPERIMENT = FullConfig.model_validate(tomllib.loads(SETTINGS)).experiment
SHARES = [(arm.name, arm.share) for arm in EXPERIMENT.arms]


@pytest.fixture(scope="module")
def wanted() -> list[str | None]:
    """The arms as publication has them."""
    with duckdb.connect() as connection:
        codes = arms.codes(connection, pa.chunked_array([IDS]), EXPERIMENT)
    return [None if code < 0 else SHARES[code][0] for code in codes]


def arms_by(buckets: dict[str, float]) -> list[str | None]:
    rows = arms.table(EXPERIMENT).to_pylist()
    return [next((r["arm"] for r in rows if r["low"] <= buckets[one] < r["high"]), None) for one in IDS]


def by_python() -> list[str | None]:
    names: dict[str, Callable[..., str | None]] = {}
    exec(PYTHON, names)
    return [names["arm_of"](user_id, "unlike", SHARES) for user_id in IDS]


def by_javascript() -> list[str | None]:
    if (node := shutil.which("node")) is None:
        pytest.skip("there is no node")
    call = f"console.log(JSON.stringify({json.dumps(IDS)}.map((id) => armOf(id, 'unlike', {json.dumps(SHARES)}))));"
    made = subprocess.run([node, "-e", JAVASCRIPT + call], capture_output=True, check=True, text=True).stdout
    found: list[str | None] = json.loads(made)
    return found


def by_duckdb() -> list[str | None]:
    with duckdb.connect() as connection:
        connection.register("current_user_profiles", pa.table({"user_id": IDS}))
        return arms_by(dict(connection.sql(DUCKDB).fetchall()))


@pytest.mark.parametrize("other", [by_python, by_javascript, by_duckdb])
def test_every_way_gives_the_arm_that_the_tables_have(other: Callable[[], list[str | None]], wanted: list[str]) -> None:
    assert other() == wanted
    assert set(wanted) == {"control", "unlike", "borda"}


def test_so_does_postgresql(postgres: Server, wanted: list[str | None]) -> None:
    import psycopg

    postgres.create_database("arms")
    with psycopg.connect(postgres.dsn("arms")) as connection:
        connection.execute("create schema nightjar")
        connection.execute("create table nightjar.current_user_profiles (user_id text)")
        with connection.cursor() as cursor:
            cursor.executemany("insert into nightjar.current_user_profiles values (%s)", [(one,) for one in IDS])
        assert arms_by(dict(connection.execute(POSTGRES).fetchall())) == wanted


def test_the_page_names_all_that_arms_can_differ_in() -> None:
    assert all(f"`{key}`" in PAGE for key in SurfaceOverlay.model_fields)
    assert "`ensemble.final`" in PAGE
