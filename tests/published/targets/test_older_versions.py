"""Databases that older versions made, from exactly their tables with rows in them: read, published into, changed."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from pipeline.ground.errors import PublishError
from pipeline.publication import tables as registry
from pipeline.publication.tables import published
from pipeline.published import contract
from pipeline.published.contract import SCHEMA_VERSION, Column, PublishedTable
from pipeline.published.histories import HISTORIES
from pipeline.published.run_ids import run_date_of
from pipeline.published.targets import duckdb_tables, migration
from tests.published.targets.older import make_older
from tests.published.targets.runs import A, B, Shop, filled, make, tables

WHOLE = 12
NOTE = Column("note", pa.string(), "what somebody noted", nullable=True, added_later=True)
DAYS = Column("days_left", pa.int32(), "days for which it holds", nullable=True, added_later=True)


@pytest.fixture(params=[(kind, version) for kind in ("duckdb", "postgres") for version in range(SCHEMA_VERSION)])
def old(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A database of an older version, with run A active."""
    kind, version = request.param
    return filled(kind, older(version), tmp_path, request, monkeypatch)


@cache
def older(version: int) -> Callable[[Shop], None]:
    """What makes a shop's tables as an older version made them."""
    return lambda shop: make_older(shop, version)


@pytest.fixture
def add(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A function that gives a published table more columns, as a later version would."""

    def columns(name: str, *more: Column) -> None:
        for module in registry.PUBLISHED:
            if module.TABLE.name == name:
                monkeypatch.setattr(module, "TABLE", replace(module.TABLE, columns=(*module.TABLE.columns, *more)))

    return columns


def table(name: str) -> PublishedTable:
    return next(table for table in published() if table.name == name)


def rows(shop: Shop, name: str, columns: str = "*") -> list[tuple[Any, ...]]:
    return sorted(shop.query(f"select {columns} from current_{name}"), key=str)


@pytest.mark.few(4)
def test_a_run_of_an_older_version_is_what_it_would_be_today(old: Shop, tmp_path: Path) -> None:
    """The same rows, published by this version into a database of its own, are the independent answer."""
    today = Shop("duckdb", old.config.model_copy(update={"home": tmp_path / "today"}), tmp_path / "today")
    section = today.config.publish.model_copy(update={"target": "duckdb"})
    today.config = today.config.model_copy(update={"publish": section})
    today.config.tables.mkdir(parents=True)
    today.publish(A)
    for each in published():
        names = ", ".join(name for name in each.schema.names if name not in {column.name for column in each.later})
        if each.name != "runs" and not each.added_later:
            assert rows(old, each.name, names) == rows(today, each.name, names)
    assert rows(old, "runs", "run_id, code_version") == [(A, "old")]
    assert (old.target.active(), old.target.loaded(), old.target.ever_active()) == (A, [A], {A})
    assert {count.table: count.rows for count in old.target.counts(A)}["recommendations"] == WHOLE


@pytest.mark.few(2)
def test_it_is_published_into_gone_back_to_and_forgotten_from(old: Shop) -> None:
    old.publish(B)
    assert (old.run_ids(), old.target.previous(B)) == ({B: WHOLE}, A)
    old.target.activate(A, published=False)
    assert old.run_ids() == {A: WHOLE}
    assert old.target.forget("u") == 2 * 5
    assert old.run_ids() == {A: WHOLE - 4}
    assert [row[0] for row in rows(old, "user_profiles", "user_id")] == ["v", "w"]
    old.target.drop(B)
    assert old.target.loaded() == [A]


def test_somebody_is_forgotten_before_the_first_publication(old: Shop) -> None:
    assert old.target.forget("nobody") == 0
    assert old.target.forget("u") == 5
    assert old.run_ids() == {A: WHOLE - 4}
    assert rows(old, "recommendation_outcomes", "bucket") == [("heavy",), ("new",)]


@pytest.mark.few(2)
def test_columns_that_came_since_are_null_in_the_rows_there_are(old: Shop, add: Callable[..., None]) -> None:
    columns = "run_id, surface, user_id, rank, item_id, score, source, reason"
    before = rows(old, "recommendations", columns)
    add("recommendations", NOTE, DAYS)
    schema = table("recommendations").schema
    read = old.target.read(A, "show_lists", schema, user_id="u", k=9)
    assert (read.num_rows, read.column("note").to_pylist(), read.schema) == (4, [None] * 4, schema)
    assert old.target.read(A, "runs", contract.RUNS.schema).column("run_id").to_pylist() == [A]

    folder = tables(old.home / "files" / B, B, note="seen", days_left=3)
    old.target.load(B, folder, runs_of(B))
    assert rows(old, "recommendations", columns) == before
    old.target.activate(B, published=True)
    assert set(rows(old, "recommendations", "note, days_left")) == {("seen", 3)}
    old.target.activate(A, published=False)
    if old.kind == "postgres":  # a file is never changed
        assert set(rows(old, "recommendations", "note, days_left")) == {(None, None)}
    assert old.target.forget("u") == 10
    assert set(rows(old, "recommendations", "note, days_left")) == {(None, None)}
    assert old.run_ids() == {A: WHOLE - 4}
    read = old.target.read(B, "show_lists", schema, user_id="v", k=9)
    assert read.column("note").to_pylist() == ["seen"] * 4


def runs_of(run_id: str) -> pa.Table:
    """RUNS as the registry has it now: a column that came since has nothing."""
    at = {"run_date": run_date_of(run_id), "published_at": datetime(2011, 10, 4, tzinfo=UTC)}
    row = {"run_id": run_id, "code_version": "1", "config_hash": "c", "metrics": "{}"} | at
    return pa.Table.from_pylist([row], schema=table("runs").schema)


def test_a_newer_versions_tables_are_not_touched(old: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    old.publish(B)
    before = old.run_ids()
    for module in (migration, duckdb_tables):
        monkeypatch.setattr(module, "SCHEMA_VERSION", SCHEMA_VERSION - 1)
    with pytest.raises(PublishError, match=rf"has version {SCHEMA_VERSION} of Nightjar's tables.*install the newer"):
        old.target.forget("u")
    if old.kind == "postgres":
        for change in (lambda: old.load(A), lambda: old.target.activate(A, False), lambda: old.target.drop(A)):
            with pytest.raises(PublishError, match=rf"schema nightjar has version {SCHEMA_VERSION}"):
                change()
    assert old.run_ids() == before


LYING = """
select table_name, string_agg(column_name || ' ' || data_type || ' ' || is_nullable, ', ' order by ordinal_position)
from information_schema.columns where table_schema = 'nightjar' and table_name !~ '_[0-9]+$'
group by table_name order by table_name
"""


def test_an_upgraded_schema_is_the_one_that_is_made_anew(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = []
    for older in (*range(SCHEMA_VERSION), None):
        made = make("postgres", tmp_path / str(older), request, monkeypatch)
        if older is not None:
            make_older(made, older)
        made.publish(B)
        with psycopg.connect(os.environ["NIGHTJAR_DSN"]) as connection:
            described.append(connection.execute(LYING).fetchall())
            version = connection.execute("select version from nightjar.schema_version").fetchall()
        assert version == [(SCHEMA_VERSION,)]
    assert all(one == described[-1] for one in described)


KNOWN = {
    1: "08bf075917cd8da2dcc9143d01cca05a1ad3db2b9ce851fa06567c675d12d23f",
    2: "ebcfe5ed0d860fe91cdfd6462d3e95213bff26ff88b4d9769044fdbf81b50b6f",
    3: "0d4ebe26d21e5dc59e4da51c35543c5285cac19717d851c783e9c6b36582e35f",
    4: "46d255d7c445a19892dbaf75d9ba5b12aa7b6555c1a449321f3c293104d7542d",
    5: "31ee52438a4cf1e71587c6409c5ed33d2defdfaf65adf25f7ce7011d5d3d1039",
    6: "c9f7f1c55c5e02e39cd04f49dc66d1e904bd521b45956213dba097a980a1528e",
    7: "e2b13c845e27e9a5c5851f4eb0a1a4715ef5c8640c549cbf60ce913709822996",
    8: "fe5726fda277ac2f97ad1036cf07315b4dd57ffa707ab9f5246136b54e704aa3",
}
"""The SHA-256 of what the tables of each version are. A change of tables or columns is a new version: raise
contract.SCHEMA_VERSION, add a line here, and the databases of the version before to tests/published/targets/older."""


def test_a_change_of_the_tables_is_a_new_version() -> None:
    described = [
        f"{table.name}.{column.name} {column.kind} {column.nullable}"
        for table in (*published(), *HISTORIES)
        for column in table.columns
    ]
    assert sha256("\n".join(described).encode()).hexdigest() == KNOWN[SCHEMA_VERSION]
