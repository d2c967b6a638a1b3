"""A person is removed from the databases, wherever the published tables are or were."""

import json
import os
from pathlib import Path

import pytest

from pipeline.ground.errors import UnavailableError
from pipeline.operations import forget
from tests.operations.a_home import ASKED, GONE, PEOPLE, a_home, names_them
from tests.published.targets import runs


def test_postgres_loses_the_person_and_so_do_files_from_before(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = a_home(tmp_path)  # its tables went to DuckDB until now
    shop = runs.make("postgres", config.home, request, monkeypatch)
    for run_id in (runs.A, runs.B):
        shop.publish(run_id, users=PEOPLE)
    moved = config.model_copy(update={"publish": shop.config.publish})
    (receipt,) = forget.forget(moved, [GONE], ASKED)
    assert not names_them(config.home / "tables")
    left = shop.query("select distinct user_id from recommendations union select user_id from user_profiles order by 1")
    assert left == [("person-7",), ("person-778",)]
    entries = json.loads(receipt.read_text())["removed"]
    assert {e["database"] for e in entries if e.get("table") == "database"} == {"postgres", "duckdb"}


@pytest.mark.parametrize("variable", ["NIGHTJAR_DSN", "AIRFLOW_CONN_NIGHTJAR"])
def test_postgres_loses_the_person_also_when_the_tables_have_moved_to_duckdb(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    shop = runs.make("postgres", tmp_path / "before", request, monkeypatch)
    connection = os.environ["NIGHTJAR_DSN"]
    monkeypatch.delenv("NIGHTJAR_DSN")
    config = a_home(tmp_path)
    (unseen,) = forget.forget(config, ["person-nobody"], ASKED)  # no connection: no error, and the receipt says so
    assert json.loads(unseen.read_text())["databases"] == ["duckdb"]
    monkeypatch.setenv(variable, connection)
    (empty,) = forget.forget(config, ["person-7"], ASKED)  # a database in which nothing was published
    assert json.loads(empty.read_text())["databases"] == ["duckdb", "postgres"]
    monkeypatch.setenv("NIGHTJAR_DSN", connection)
    for run_id in (runs.A, runs.B):
        shop.publish(run_id, users=PEOPLE)
    if variable != "NIGHTJAR_DSN":
        monkeypatch.delenv("NIGHTJAR_DSN")
    (receipt,) = forget.forget(config, [GONE], ASKED)
    monkeypatch.setenv("NIGHTJAR_DSN", connection)
    left = shop.query("select distinct user_id from recommendations union select user_id from user_profiles order by 1")
    assert left == [("person-7",), ("person-778",)]
    entries = json.loads(receipt.read_text())["removed"]
    rows = {e["database"]: e["rows"] for e in entries if e.get("table") == "database"}
    assert rows["postgres"] == 2 * (runs.K + 1)  # per run K recommendations and a profile
    assert not names_them(config.home)


def test_without_the_database_that_may_know_somebody_nothing_is_called_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = a_home(tmp_path)
    monkeypatch.setenv("NIGHTJAR_DSN", "postgresql://nightjar@127.0.0.1:1/shop")
    with pytest.raises(UnavailableError):
        forget.forget(config, [GONE], ASKED)
    assert not list(config.home.glob("receipts/forget-*"))
