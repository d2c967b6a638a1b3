"""A new published table is a module, a check and a line: what that makes of it, in both targets."""

import os
import shutil
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from pipeline.ground import sql
from pipeline.ground.errors import GateError
from pipeline.operations import forget, show
from pipeline.publication import publish, stores, tables
from pipeline.publication.night import Night
from pipeline.published.contract import Column, PublishedTable
from pipeline.settings.config import Config
from pipeline.settings.sections import checks
from pipeline.settings.sections.checks import Checks
from tests.published.targets import runs
from tests.small_shop import NIGHT, Shop, go, shop

GREETINGS = PublishedTable(
    name="greetings",
    grain="one row per user",
    columns=(
        Column("user_id", pa.string(), "who is greeted"),
        Column("words", pa.string(), "the greeting", nullable=True),
        Column("since", pa.date32(), "the day it was written"),
        Column("warm", pa.bool_(), "whether it is meant"),
        Column("times", pa.int32(), "how often it is said"),
    ),
    key=("user_id",),
    index="user_id",
    things=("user_id", "people"),
    added_later=True,
)
CHECK = "select user_id || ' is greeted ' || times || ' times' from greetings where times > 9"
TIMES = [1, 2, 3]


def greet(night: Night) -> Iterable[pa.Table]:
    """A greeting for every user, in two pieces."""
    for start in (0, 2):
        users = night.users.column("user_id").to_pylist()[start : start + 2]
        rows = [
            {"run_id": night.run_id, "user_id": user, "words": words, "since": night.run_date, "warm": True, "times": n}
            for user, words, n in zip(users, ("hello", None), TIMES[start : start + 2], strict=False)
        ]
        yield pa.Table.from_pylist(rows, schema=GREETINGS.schema)


@pytest.fixture
def register(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A function that adds the table: its module, its check beside the others, the line."""

    def add() -> None:
        folder = shutil.copytree(sql.FOLDER, tmp_path / "sql")
        (folder / "checks" / "tables" / "greetings.sql").write_text(CHECK)
        monkeypatch.setattr(sql, "FOLDER", folder)
        monkeypatch.setattr(checks, "FOLDER", folder / "checks")
        module = ModuleType("greetings")
        module.TABLE, module.make = GREETINGS, greet  # type: ignore[attr-defined]
        monkeypatch.setattr(tables, "PUBLISHED", (*tables.PUBLISHED, module))

    return add


@pytest.fixture(params=["duckdb", "postgres"])
def reader(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> runs.Shop:
    """An application that reads the target."""
    return runs.make(request.param, tmp_path / "home", request, monkeypatch)


def of_night(reader: runs.Shop, nights: int = 0, **settings: Any) -> Shop:
    """The small shop, some nights on, published to the reader's target."""
    made = shop(reader.home, night=NIGHT + timedelta(days=nights))
    section = made.config.publish.model_copy(update={"target": reader.kind} | settings)
    made.config = made.config.model_copy(update={"publish": section, "checks": Checks()})
    return made.write()


def holders(config: Config) -> int:
    """How many loads of the table the target and the archive hold."""
    parquet = len(list(config.tables.glob("parquet/*/greetings.parquet")))
    if config.publish.target == "duckdb":
        assert len(list(config.tables.glob("runs/*.duckdb"))) == parquet
    else:
        with psycopg.connect(os.environ["NIGHTJAR_DSN"]) as connection:
            found = connection.execute("select count(*) from pg_class where relname ~ '^greetings_[0-9]+$'").fetchone()
        assert found == (parquet,)
    return parquet


def test_it_is_made_loaded_read_counted_forgotten_and_dropped(reader: runs.Shop, register: Callable[[], None]) -> None:
    register()
    made = of_night(reader, keep_runs=1)
    report = go(made)
    assert (report["rows_greetings"], report["unusual"]) == (3, {})
    statement = "select * from current_greetings order by user_id"
    run_id = report["run_id"]
    assert reader.query(statement) == [
        (run_id, "u0", "hello", date(2011, 10, 2), True, 1),
        (run_id, "u1", None, date(2011, 10, 2), True, 2),
        (run_id, "u2", "hello", date(2011, 10, 2), True, 3),
    ]
    assert "greetings           3  3 people" in show.status(made.config)
    assert publish.still_holds(made.config, {"report": report})

    later = [of_night(reader, nights, keep_runs=1) for nights in (1, 2)]
    for each in later:
        go(each)
    assert holders(made.config) == 2  # the newest, and the one a rollback returns to

    forget.forget(made.config, ["u1"], date(2011, 11, 1))
    assert [row[1] for row in reader.query(statement)] == ["u0", "u2"]
    publish.rollback(made.config)
    assert [row[1] for row in reader.query(statement)] == ["u0", "u2"]
    for path in made.config.tables.glob("parquet/*/greetings.parquet"):
        assert b"u1" not in path.read_bytes()


def test_its_check_stops_a_publication_and_its_runs_are_compared(
    reader: runs.Shop, register: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    register()
    monkeypatch.setattr(f"{__name__}.TIMES", [1, 10, 3])
    with pytest.raises(GateError, match=r"greetings \(1\): u1 is greeted 10 times"):
        go(of_night(reader))


def test_runs_from_before_it_was_added_are_read_counted_forgotten_and_gone_back_to(
    reader: runs.Shop, register: Callable[[], None]
) -> None:
    made = of_night(reader)
    first = go(made)
    register()
    assert publish.still_holds(made.config, {"report": first})
    assert "greetings" not in show.status(made.config)
    assert "recommendations" in show.status(made.config)
    assert stores.target(made.config).forget("u1") > 0
    go(of_night(reader, 1))
    assert len(reader.query("select * from current_greetings")) == 3
    assert publish.rollback(made.config).run_id == first["run_id"]
    assert "greetings" not in show.status(made.config)
    assert stores.target(made.config).forget("u0") > 0
    assert {row[0] for row in reader.query("select user_id from current_recommendations")} == {"u2"}
    if reader.kind == "postgres":  # the view shows the run's rows, of which there are none
        assert reader.query("select * from current_greetings") == []


def test_every_line_is_a_module_of_its_tables_name() -> None:
    assert [table.name for table in tables.published()] == list(tables.NAMES)
    modules = {path.stem for path in Path(tables.__file__).parent.glob("*.py")} - {"__init__"}
    assert modules == set(tables.NAMES)
    for table in tables.published():
        assert table.grain.startswith("one row per ")
        assert all(column.meaning for column in table.columns)
