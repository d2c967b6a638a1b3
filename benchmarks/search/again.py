"""What is the input `searches` worth: what people found by other words, after a search in vain?

The made-up log, in which who found nothing may ask again; people ask in vain as often as without, and what they find by
other words is in either log. With the input, the same statement as a night's (sql/features/searched.sql) says for whom
the first words were answered by the second. Judged are the choices of what was wanted after first searches, as ever.
"""

import tempfile
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.search import measures, rankers
from benchmarks.search.log import Log
from benchmarks.search.planted import Searches, Visits
from pipeline.features import given
from pipeline.ground import sql
from pipeline.settings.sections.data import EventType

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

BEGIN = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Shop(rankers.Shop):
    """What is known with the searches.

    Attributes:
        searched: (query, item, -1: the search alone), a row a person.
    """

    searched: tuple[tuple[str, int], ...] = ()

    @cached_property
    def frequent(self) -> list[str]:
        """[Q] the queries that were asked often enough, whether or not anything was chosen."""
        told = [query for query, item in self.searched if item < 0]
        queries, times = np.unique(np.array(told, dtype=str), return_counts=True)
        return sorted(
            {str(query) for query in queries[times >= self.least]} | set(rankers.often(self.before, self.least))
        )

    @cached_property
    def choices(self) -> "csr_matrix":
        """[Q, I] how often item i was chosen after query q, or after what was asked instead."""
        from scipy import sparse

        own = self.weighed(np.ones(len(self.before.query)))
        places = {query: row for row, query in enumerate(self.frequent)}
        found = [(places[query], item) for query, item in self.searched if item >= 0 and query in places]
        row, column = np.array(found, dtype=np.int64).reshape(-1, 2).T
        return own + sparse.csr_matrix((np.ones(len(found), np.float32), (row, column)), shape=own.shape)


def judge(made: Visits, split: float, encoder: rankers.Memory) -> dict[str, Any]:
    """The measures of the answers without the searches and with them, asked after day `split`, and their difference."""
    after = made.first.where((made.first.day >= split) & made.first.wanted)
    asked, number = np.unique(after.query.astype(str), return_inverse=True)
    before = _together(made.first.where(made.first.day < split), made.then.where(made.then.day < split))
    without = rankers.Shop(before, [str(query) for query in asked], encoder)
    found = tuple(searched(made, split))
    within = Shop(before, without.asked, encoder, searched=found)
    vain = _in_vain(made, split)
    parts = {
        "all": np.ones(len(number), dtype=bool),
        "mostly in vain": np.array([vain.get(str(query), 0) > 0.5 for query in after.query]),
    }
    measured = {
        n: measures.measure(rankers.ours(s)[number], after.item) for n, s in (("without", without), ("with", within))
    }
    report: dict[str, Any] = {"judged": len(number), "taught": sum(item >= 0 for _, item in found)}
    for part, kept in parts.items():
        apart = measures.difference(measured["with"].ndcg[kept], measured["without"].ndcg[kept], number[kept])
        report[part] = {"choices": int(kept.sum())} | {n: one.means(kept) for n, one in measured.items()}
        report[part]["with less without, ndcg@10"] = [round(value, 4) for value in apart]
    return report


def searched(made: Visits, until: float) -> list[tuple[str, int]]:
    """(query, item or -1) a row a person: what the searches before day `until` count for, by the night's statement."""
    night = date(2025, 1, 1)
    of_first, of_then = made.first.day < until, made.then.day < until
    events = [
        *_events(made.first.where(of_first), made.first_of[of_first]),
        *_events(made.then.where(of_then), made.who[made.then_of[of_then]]),
    ]
    asked = [*_rows(made.searches, np.arange(len(made.searches.day)), until), *_rows(made.retries, made.who, until)]
    with tempfile.TemporaryDirectory() as folder, sql.connect(2, 1024) as connection:
        partition = Path(folder) / f"run_date={night}"
        partition.mkdir()
        for name, rows in (("events", events), ("searches", asked)):
            pq.write_table(pa.Table.from_pylist(rows), partition / f"{name}.parquet")
        sql.execute(connection, "features/text_macros").fetchall()
        connection.from_arrow(given.event_types({"view": EventType(weight=1.0)})).create("event_types")
        paths: dict[str, Any] = {
            "partitions": [str(partition / "events.parquet")],
            "searches": [str(partition / "searches.parquet")],
        }
        sql.execute(connection, "features/searched", **paths, arrived_by=night).fetchall()
        told = "select distinct query, coalesce(item_id::int, -1), who from searched order by all"
        found: list[tuple[str, int, str]] = connection.execute(told).fetchall()
    return [(query, item) for query, item, _ in found]


def _events(log: Log, who: np.ndarray) -> list[dict[str, Any]]:
    """The choices as events, twenty seconds after the search."""
    columns = zip(log.query, log.item, log.day, who, strict=True)
    shared = {"event_type": "view", "session_id": None}
    return [
        shared | {"user_id": f"u{person}", "item_id": str(item), "query": query, "event_time": _at(day, 20)}
        for query, item, day, person in columns
    ]


def _rows(searches: Searches, who: np.ndarray, until: float) -> list[dict[str, Any]]:
    """The searches before a day as the input has them."""
    columns = zip(searches.query, searches.day, who, strict=True)
    return [
        {"user_id": f"u{person}", "session_id": None, "searched_at": _at(day), "query": query}
        for query, day, person in columns
        if day < until
    ]


def _at(day: float, seconds: int = 0) -> datetime:
    return BEGIN + timedelta(days=float(day), seconds=seconds)


def _in_vain(made: Visits, until: float) -> dict[str, float]:
    """By query, the share of first searches before a day after which nothing was chosen."""
    found = np.isin(np.arange(len(made.searches.day)), made.first_of)
    kept = made.searches.day < until
    queries, number = np.unique(made.searches.query[kept].astype(str), return_inverse=True)
    share = 1 - np.bincount(number, weights=found[kept]) / np.bincount(number)
    return dict(zip(queries.tolist(), share.tolist(), strict=True))


def _together(one: Log, other: Log) -> Log:
    """Two logs of the same items."""
    columns = ("query", "item", "day", "place", "wanted")
    return Log(one.titles, *(np.concatenate([getattr(one, name), getattr(other, name)]) for name in columns))
