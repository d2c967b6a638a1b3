"""What the stages of all runs took, as both databases keep it."""

import os
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pyarrow as pa
import pytest

from pipeline.ground.errors import PublishError
from pipeline.published.histories import STAGE_RUNS
from tests.published.targets.older import make_older
from tests.published.targets.runs import A, B, C, Shop, history, make, tables

Rows = list[tuple[Any, ...]]


@pytest.fixture(params=["duckdb", "postgres"])
def shop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return make(request.param, tmp_path, request, monkeypatch)


def took(run_id: str, **seconds: float) -> pa.Table:
    """STAGE_RUNS of a run."""
    size = {"peak_memory_mb": 900, "written_mb": 1.5, "rows": 3e9, "parts": 9, "linked_parts": None}
    made = {"run_id": run_id, "run_date": date.fromisoformat(run_id[:10]), "engine": "local", "threads": 2} | size
    rows = [made | {"stage": stage, "seconds": spent} for stage, spent in seconds.items()]
    return pa.Table.from_pylist(rows, schema=STAGE_RUNS.schema)


def load(shop: Shop, run_id: str, stages: pa.Table | None) -> None:
    shop.target.load(run_id, tables(shop.home / "files" / run_id, run_id), history(A, B, C), stages)


def seen(shop: Shop) -> Rows:
    return shop.query("select run_id, stage, seconds from stage_runs order by run_id, stage")


def test_every_run_keeps_its_rows_and_one_that_is_loaded_again_replaces_them(shop: Shop) -> None:
    load(shop, A, took(A, als=1.5, features=4))
    shop.target.activate(A, published=True)
    found = shop.query("select * from stage_runs where stage = 'als'")
    assert found == [tuple(took(A, als=1.5).to_pylist()[0].values())]
    load(shop, B, pa.concat_tables([took(B, als=2), took(A, publish=8)]))
    shop.target.activate(B, published=True)
    older = [(A, "als", 1.5), (A, "features", 4), (A, "publish", 8)]
    assert seen(shop) == [*older, (B, "als", 2)]
    load(shop, B, took(B, als=3))
    shop.target.activate(B, published=True)
    assert seen(shop) == [*older, (B, "als", 3)]
    load(shop, C, None)
    shop.target.activate(C, published=True)
    assert seen(shop) == [*older, (B, "als", 3)]


def test_they_stay_when_runs_are_gone_back_from_dropped_and_forgotten_from(shop: Shop) -> None:
    for run_id, seconds in ((A, 1), (B, 2)):
        load(shop, run_id, took(run_id, als=seconds))
        shop.target.activate(run_id, published=True)
    shop.target.activate(A, published=False)  # what was newest is not active
    load(shop, C, took(C, als=3))
    shop.target.activate(C, published=True)
    every = [(A, "als", 1), (B, "als", 2), (C, "als", 3)]
    assert seen(shop) == every
    shop.target.drop(A)
    shop.target.drop(B)
    assert shop.target.forget("u") > 0
    assert seen(shop) == every


@pytest.mark.parametrize("version", range(4))
@pytest.mark.parametrize("kind", ["duckdb", "postgres"])
def test_what_an_older_version_made_gets_them(
    kind: str, version: int, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = make(kind, tmp_path, request, monkeypatch)
    make_older(shop, version)
    load(shop, B, took(B, als=2))
    shop.target.activate(B, published=True)
    assert seen(shop) == [(B, "als", 2)]


def test_what_a_damaged_file_remembered_is_lost_and_said(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shop = make("duckdb", tmp_path, request, monkeypatch)
    load(shop, A, took(A, als=1))
    shop.target.activate(A, published=True)
    (shop.config.tables / "runs" / f"{A}.duckdb").write_bytes(b"bit rot" * 2000)
    load(shop, B, took(B, als=2))
    shop.target.activate(B, published=True)
    assert seen(shop) == [(B, "als", 2)]
    assert f"what run {A} remembers of its stages is lost" in caplog.text


def test_a_dropped_table_is_made_again_and_a_dropped_column_is_named(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = make("postgres", tmp_path, request, monkeypatch)
    load(shop, A, took(A, als=1))
    with psycopg.connect(os.environ["NIGHTJAR_DSN"]) as connection:
        connection.execute("drop table nightjar.stage_runs")
    load(shop, B, took(B, als=2))
    assert seen(shop) == [(B, "als", 2)]
    with psycopg.connect(os.environ["NIGHTJAR_DSN"]) as connection:
        connection.execute("alter table nightjar.stage_runs drop column seconds")
    with pytest.raises(PublishError, match=r"table nightjar.stage_runs has no column seconds: somebody dropped it"):
        load(shop, B, took(B, als=2))


def test_a_column_that_somebody_dropped_from_a_file_is_named(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shop = make("duckdb", tmp_path, request, monkeypatch)
    load(shop, A, took(A, als=1))
    shop.target.activate(A, published=True)
    with duckdb.connect(str(shop.config.tables / "runs" / f"{A}.duckdb")) as file:
        file.execute("alter table stage_runs drop column seconds").fetchall()
    load(shop, B, took(B, als=2))
    assert "has no column seconds" in caplog.text
