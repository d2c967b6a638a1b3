"""Runs to load into a target, and the application that reads them: the same for every kind of target."""

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.publication import stores
from pipeline.publication.tables import published
from pipeline.published import contract
from pipeline.published.contract import RUNS
from pipeline.settings.sections.publication import Publish
from pipeline.sources.configuration import FullConfig
from tests.postgres import Server, require

A, B, C = "2011-10-02-aaaaaaaa", "2011-10-03-bbbbbbbb", "2011-10-03-cccccccc"
USERS = ("u", "v", "w")
K = 4
_numbers = itertools.count()


@dataclass
class Shop:
    """A target, and how an application reads it.

    Attributes:
        kind: "duckdb" or "postgres".
        config: the configuration.
        home: a folder of its own.
    """

    kind: str
    config: FullConfig
    home: Path

    @property
    def target(self) -> contract.Target:
        """The target, as a process that has just started has it."""
        return stores.target(self.config)

    def load(self, run_id: str, users: Sequence[str] = USERS, **changes: Any) -> None:
        """Load a run, as a publication would."""
        folder = tables(self.home / "files" / run_id, run_id, users, **changes)
        self.target.load(run_id, folder, history(run_id))

    def publish(self, run_id: str, users: Sequence[str] = USERS) -> None:
        """Load a run and make it active."""
        self.load(run_id, users)
        self.target.activate(run_id, published=True)

    def run_ids(self) -> dict[str, int]:
        """What an application sees now: the rows of each run in current_recommendations."""
        return dict(self.query("select run_id, count(*) from current_recommendations group by run_id"))

    def query(self, statement: str, **params: Any) -> list[tuple[Any, ...]]:
        """A query of an application on a connection of its own; parameters are written $name."""
        with self.reader() as query:
            return query(statement, params)

    @contextmanager
    def reader(self) -> Iterator[Any]:
        """A function that runs an application's queries, on one connection."""
        if self.kind == "duckdb":
            import duckdb

            with duckdb.connect(str(self.config.tables / "current.duckdb"), read_only=True) as file:
                yield lambda statement, params=None: _rows(file.sql(statement, params=params or {}).to_arrow_table())
        else:
            import psycopg

            with psycopg.connect(os.environ["NIGHTJAR_DSN"], autocommit=True) as connection:
                connection.execute("set search_path = nightjar")
                yield lambda statement, params=None: connection.execute(
                    bound(statement, params or {}), params
                ).fetchall()


def _rows(table: pa.Table) -> list[tuple[Any, ...]]:
    """Through Arrow: DuckDB's own way to times with a zone needs another package."""
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def bound(statement: str, params: dict[str, Any]) -> Any:
    """A statement with $name as psycopg writes it."""
    for name in params:
        statement = statement.replace(f"${name}", f"%({name})s")
    return statement


def make(
    kind: str, home: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, template: str = "template1"
) -> Shop:
    """A shop without runs; with PostgreSQL in a database of its own, which holds what the template holds."""
    if kind == "postgres":
        require()
        server: Server = request.getfixturevalue("postgres")
        monkeypatch.setenv("NIGHTJAR_DSN", server.create_database(f"target_{next(_numbers)}", template))
    return Shop(kind, FullConfig(home=home, threads=1, publish=Publish(target=kind, settle_seconds=2)), home)


_filled: dict[tuple[str, Callable[[Shop], None]], tuple[tempfile.TemporaryDirectory[str], str]] = {}
"""By kind and what fills them, the folder and the database of shops that were filled in this process."""


def filled(
    kind: str,
    fill: Callable[[Shop], None],
    home: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Shop:
    """A shop that is filled, once in a process: each test gets a copy of its folder and of its database."""
    if (kind, fill) not in _filled:
        folder = tempfile.TemporaryDirectory()
        fill(make(kind, Path(folder.name), request, monkeypatch))
        _filled[kind, fill] = folder, os.environ.get("NIGHTJAR_DSN", "").rpartition("/")[2]
    folder, database = _filled[kind, fill]
    shutil.copytree(folder.name, home, symlinks=True, dirs_exist_ok=True)
    return make(kind, home, request, monkeypatch, template=database)


def three_runs(shop: Shop) -> None:
    """Load three runs, of which none is active."""
    for run_id in (A, B, C):
        shop.load(run_id)


def one_run(shop: Shop) -> None:
    """Publish run A."""
    shop.publish(A)


def tables(folder: Path, run_id: str, users: Sequence[str] = USERS, **changes: Any) -> Path:
    """Parquet files of a run: K recommendations of each user, their profiles, two similar and two popular items.

    Args:
        folder: is made.
        run_id: goes into every row.
        users: their ids.
        changes: values of every recommendation.
    """
    folder.mkdir(parents=True, exist_ok=True)
    last = datetime(2011, 9, 30, tzinfo=UTC)
    made = {"surface": "s", "score": 1.5, "source": "als", "reason": "because", **changes}
    items = [f"i{rank}" for rank in range(1, K + 1)]
    rows: dict[str, list[dict[str, Any]]] = {
        "recommendations": [
            {"user_id": u, "rank": rank, "item_id": item} | made for u in users for rank, item in enumerate(items, 1)
        ],
        "similar_items": [
            {"item_id": "i1", "rank": rank, "similar_item_id": f"i{rank + 1}", "score": 0.5} for rank in (1, 2)
        ],
        "popular_items": [{"segment": "all", "rank": rank, "item_id": f"i{rank}", "score": 9} for rank in (1, 2)],
        "search_results": [
            {"query": query, "rank": rank, "item_id": f"i{rank}", "score": 0.25}
            for query in ("mug", "'; drop table search_results; --")
            for rank in (1, 2)
        ],
        "search_terms": [
            {"term": " mug ", "rank": rank, "item_id": f"i{rank}", "weight": 2.5, "appeal": 0.5} for rank in (1, 2)
        ],
        "user_profiles": people(users, last),
        "recommendation_outcomes": [outcome(bucket, was_active=bucket != "new") for bucket in ("heavy", "new")],
        "audiences": [{"audience": "buyers", "about": "i1", "rank": 1, "user_id": "somebody else", "score": 0.5}],
        **of_documents(last),
        "exposure": [exposed("all", exposure_share=1.0), exposed("tail", grouping="popularity", items_shown=0)],
        "explanations": [explained("als", 1.0), explained("others", -0.5)],
        "data_checks": [checked("runs", "passed"), checked("search_results", "warned", found=2, message="of 2 rows")],
        "runs": history(run_id).to_pylist(),
    }
    for table in published():
        complete = [{"run_id": run_id} | row for row in rows.get(table.name, [])]
        pq.write_table(pa.Table.from_pylist(complete, schema=table.schema), folder / table.file)
    return folder


def people(users: Sequence[str], last: datetime) -> list[dict[str, Any]]:
    """The profiles of some users, without run_id."""
    known = zip(users, itertools.cycle([["mugs", "tea"], []]), itertools.cycle([last, None]))
    profile = {"segment": "new", "events": 3, "asked_label": "fee"}
    return [profile | {"user_id": u, "top_categories": c, "last_event_time": t} for u, c, t in known]


def of_documents(last: datetime) -> dict[str, list[dict[str, Any]]]:
    """The tables of what people write, without run_id."""
    return {
        "document_labels": [labelled(document_id="m1", best="late", is_given=False, written_at=last)],
        "labels_wanted": [labelled(document_id="m2", rank=1)],
        "entity_sentiment": [written(texts=4, labelled=0)],
        "entity_events": [
            written(texts=4, expected=1.5, false_share=0.25, words=["late"], document_id="m1", user_id="somebody else")
        ],
        "topics": [
            {"topic_id": "t", "rank": 1, "words": ["late"], "documents": 4, "entities": ["i1"], "document_id": "m1"}
            | {"first_seen": last, "user_id": "somebody else"}
        ],
        "question_clusters": [asked(document_id="m1", questions=4, first_asked=last)],
        "answers": [asked(document_id="m3", score=0.5, why="it resolved a question like this", like_cluster_id="c")],
        "unanswered": [asked(document_id="m1", questions=4, probability=0.25)],
    }


def outcome(bucket: str, **changes: Any) -> dict[str, Any]:
    """A row of recommendation_outcomes without run_id."""
    counts = {"days": 7, "users": 40, "shown": 400, "hits": 30, "impressions": 9, "clicks": 2}
    shares = {"hit_rate": 0.5, "precision": 0.0625, "ndcg": 0.25, "ndcg_low": 0.125, "ndcg_high": 0.375, "recall": 0.5}
    names = {"judged_run_id": "2011-09-25-dddddddd", "surface": "s", "source": "all", "bucket_kind": "users"}
    return names | counts | shares | {"bucket": bucket, "was_active": True} | changes


def labelled(**changes: Any) -> dict[str, Any]:
    """A row of document_labels or labels_wanted without run_id."""
    return {"label_set": "topic", "probability": 0.25, "user_id": "somebody else"} | changes


def written(**changes: Any) -> dict[str, Any]:
    """A row of entity_sentiment or entity_events without run_id."""
    return {"entity": "i1", "day": date(2011, 9, 30)} | changes


def exposed(value: str, **changes: Any) -> dict[str, Any]:
    """A row of exposure without run_id."""
    return {"surface": "s", "grouping": "all", "value": value, "items": 4, "items_shown": 4, "gini": 0.5} | changes


def explained(driver: str, adds: float) -> dict[str, Any]:
    """A row of explanations without run_id."""
    return {"surface": "s", "user_id": "somebody else", "rank": 1, "item_id": "i1", "driver": driver, "adds": adds}


def asked(**changes: Any) -> dict[str, Any]:
    """A row of question_clusters, answers or unanswered without run_id."""
    return {"cluster_id": "c", "rank": 1, "user_id": "somebody else"} | changes


def checked(name: str, status: str, **changes: Any) -> dict[str, Any]:
    """A row of data_checks without run_id."""
    made = {"stage": "publish", "check_name": name, "about": name, "status": status, "found": 0, "allowed": 0}
    return made | {"message": ""} | changes


def history(*run_ids: str) -> pa.Table:
    """RUNS of some runs."""
    rows = [
        {
            "run_id": run_id,
            "run_date": date.fromisoformat(run_id[:10]),
            "published_at": datetime(2011, 10, 4, tzinfo=UTC),
            "code_version": "1",
            "config_hash": "c",
            "metrics": '{"all.final.ndcg": 0.5}',
        }
        for run_id in run_ids
    ]
    return pa.Table.from_pylist(rows, schema=RUNS.schema)
