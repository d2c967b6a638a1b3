"""The file-per-run target: names, the link, the log, what a reader needs."""

import json
import time
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground.errors import PublishError
from pipeline.publication import stores
from pipeline.publication.tables import popular_items, published
from pipeline.published import contract
from pipeline.published.contract import RUNS
from pipeline.published.run_ids import run_date_of
from pipeline.published.targets.duckdb import DuckDBTarget
from pipeline.sources.configuration import FullConfig
from tests.published.targets import runs

A, B, C = "2011-10-02-aaaaaaaa", "2011-10-03-bbbbbbbb", "2011-10-03-cccccccc"


@pytest.fixture
def target(tmp_path: Path) -> DuckDBTarget:
    """A target with three runs loaded, none active."""
    made = DuckDBTarget(FullConfig(home=tmp_path, threads=1), published())
    made.pointer.parent.mkdir(parents=True)
    for run_id in (A, B, C):
        made.load(run_id, tables(tmp_path / run_id, run_id), RUNS.schema.empty_table())
    return made


def tables(folder: Path, run_id: str) -> Path:
    """Parquet files of a run with one recommendation."""
    folder.mkdir()
    row = {"run_id": run_id, "surface": "s", "user_id": "u", "rank": 1, "item_id": "i", "score": 1.0}
    rows = {"recommendations": [row | {"source": "als", "reason": "because"}]}
    for table in published():
        pq.write_table(pa.Table.from_pylist(rows.get(table.name, []), schema=table.schema), folder / table.file)
    return folder


def test_it_is_a_target(tmp_path: Path) -> None:
    made: contract.Target = DuckDBTarget(FullConfig(home=tmp_path), published())
    assert isinstance(stores.target(FullConfig(home=tmp_path)), DuckDBTarget)
    assert (made.active(), made.loaded()) == (None, [])
    assert run_date_of(A).isoformat() == "2011-10-02"


def test_the_tables_have_the_columns_of_the_schemas(target: DuckDBTarget) -> None:
    with duckdb.connect(str(target.path(A)), read_only=True) as connection:
        for name, schema in ((table.name, table.schema) for table in published()):
            found = connection.table(name).to_arrow_table()
            assert found.schema.names == schema.names
            found.cast(schema)
            nullable = connection.execute(
                "select is_nullable from duckdb_columns() where table_name = $name order by column_index",
                {"name": name},
            ).fetchall()
            assert [(field.nullable,) for field in schema] == nullable


def test_the_pointer_is_a_relative_link_and_the_only_thing_that_changes(target: DuckDBTarget) -> None:
    files = {path: path.stat().st_ino for path in target.folder.iterdir()}
    target.activate(A, published=True)
    target.activate(B, published=True)
    assert str(target.pointer.readlink()) == f"runs/{B}.duckdb"
    assert {path: path.stat().st_ino for path in target.folder.iterdir()} == files
    with duckdb.connect(str(target.pointer), read_only=True) as connection:
        assert connection.execute("select run_id from current_recommendations").fetchall() == [(B,)]


def test_a_file_goes_only_some_time_after_the_flip(target: DuckDBTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader who has followed the link to a file opens it a moment later."""
    seconds, waited = iter([100.0, 100.25, 101.5]), list[float]()
    monkeypatch.setattr(time, "monotonic", lambda: next(seconds))
    monkeypatch.setattr(time, "sleep", waited.append)
    target.activate(A, published=True)
    target.drop(C)
    target.drop(B)
    assert (waited, target.loaded()) == ([0.75, 0.0], [A])


def test_a_line_of_the_log_without_its_flip_does_not_count(target: DuckDBTarget) -> None:
    target.activate(A, published=True)
    target.activate(B, published=True)
    with target.activations.open("a") as log:
        log.write(json.dumps({"run_id": C, "previous": B, "published": True}) + "\n")
    assert target.active() == B
    assert target.previous(C) is None
    target.activate(C, published=True)
    assert [json.loads(line)["run_id"] for line in target.activations.read_text().splitlines()] == [A, B, C]


def test_a_lost_file_is_named(target: DuckDBTarget, caplog: pytest.LogCaptureFixture) -> None:
    target.activate(A, published=True)
    target.drop(A)
    assert target.active() is None
    assert "whose file is gone" in caplog.text
    target.activate(B, published=True)
    assert target.active() == B
    with pytest.raises(PublishError, match="cannot be read"):
        target.read(A, "runs", RUNS.schema)


def test_a_users_list_is_found_by_index(target: DuckDBTarget) -> None:
    with duckdb.connect(str(target.path(A)), read_only=True) as connection:
        indexes = connection.execute("select table_name, expressions from duckdb_indexes() order by 1").fetchall()
    assert indexes == [
        ("answers", "[cluster_id]"),
        ("audiences", "[about]"),
        ("document_labels", "[document_id]"),
        ("entity_events", "[entity]"),
        ("entity_sentiment", "[entity]"),
        ("explanations", "[user_id]"),
        ("labels_wanted", "[label_set]"),
        ("question_clusters", "[cluster_id]"),
        ("recommendations", "[user_id]"),
        ("search_results", "[query]"),
        ("search_terms", "[term]"),
        ("similar_items", "[item_id]"),
        ("topics", "[topic_id]"),
        ("unanswered", "[cluster_id]"),
        ("user_profiles", "[user_id]"),
    ]


def test_a_run_of_an_older_version_is_read_gone_back_to_and_forgotten(tmp_path: Path) -> None:
    shop = runs.Shop("duckdb", FullConfig(home=tmp_path, threads=1), tmp_path)
    shop.config.tables.mkdir()
    shop.publish(A)
    with duckdb.connect(str(shop.config.tables / "runs" / f"{A}.duckdb")) as file:
        file.execute("drop view current_recommendation_outcomes")
        file.execute("drop table recommendation_outcomes")
        file.execute("drop view current_search_results")
        file.execute("drop table search_results")
    shop.publish(B)
    assert shop.target.ever_active() == {A, B}
    shop.target.activate(A, published=False)
    assert shop.run_ids() == {A: runs.K * 3}
    assert shop.target.forget("u") == 2 * (runs.K + 1)
    assert shop.run_ids() == {A: runs.K * 2}


def test_a_file_that_somebody_changed_is_named_with_the_remedy(tmp_path: Path) -> None:
    shop = runs.Shop("duckdb", FullConfig(home=tmp_path, threads=1), tmp_path)
    shop.config.tables.mkdir()
    shop.publish(A)
    path = shop.config.tables / "runs" / f"{A}.duckdb"
    with duckdb.connect(str(path)) as file:
        file.execute("drop view current_popular_items")
        file.execute("alter table popular_items drop column score")
    said = rf"popular_items in {path} has no column score: .*run --run-date 2011-10-02"
    for read in (lambda: shop.target.counts(A), lambda: shop.target.forget("u")):
        with pytest.raises(PublishError, match=said):
            read()
    shop.publish(A)
    assert shop.target.forget("u") == runs.K + 1
    with duckdb.connect(str(path)) as file:
        file.execute("drop view current_popular_items")
    with pytest.raises(PublishError, match=r"(?s)current_popular_items.*publish its night again"):
        shop.target.read(A, "show_popular", popular_items.TABLE.schema, segment="all", k=2)
