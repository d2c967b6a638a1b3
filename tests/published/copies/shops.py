"""Shops whose published runs go to a copy, and what applications must be able to read there."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline.publication import following, stores
from pipeline.settings.sections.copies import PublishedCopy
from pipeline.settings.sections.publication import Publish
from pipeline.sources.configuration import FullConfig
from tests.published.targets import runs
from tests.published.targets.runs import USERS, A, B, C, K

HOSTILE = [
    "",
    "a:b:c",
    "'; drop table runs; --",
    'quo"te\\',
    "line\nbreak\r\tand\x01",
    "\U0001f3ba ü \u2028",
    "*?[x]",
    "nul\0in it",
    "x" * 500,
]
NIGHTS = (A, B, C)


@dataclass
class CopiedShop:
    """A shop with a DuckDB target whose runs are made up, and its copies.

    Attributes:
        config: the configuration.
    """

    config: FullConfig

    def activate(self, run_id: str, users: Sequence[str] = USERS, **changes: Any) -> None:
        """What publishing a run leaves behind, but for the copies."""
        target, archive = stores.target(self.config), stores.archive(self.config)
        out = self.config.home / "made" / f"{run_id} {hash((tuple(users), str(changes)))}"
        runs.tables(out, run_id, users, **changes)
        with target.lock():
            target.load(run_id, archive.keep(run_id, out), runs.history(run_id))
            target.activate(run_id, published=True)

    def publish(self, run_id: str, users: Sequence[str] = USERS, **changes: Any) -> None:
        """A publication with its copies."""
        self.activate(run_id, users, **changes)
        following.follow(self.config)

    def rows(self, run_id: str, table: str) -> list[dict[str, Any]]:
        """The rows of a run's Parquet file, which are what a copy must have."""
        rows: list[dict[str, Any]] = pq.read_table(self.file(run_id, table), partitioning=None).to_pylist()
        return rows

    def file(self, run_id: str, table: str) -> Path:
        """A run's Parquet file."""
        return stores.archive(self.config).path(run_id) / f"{table}.parquet"


def shop(home: Path, **copies: dict[str, Any]) -> CopiedShop:
    """A shop without runs."""
    given = {name: PublishedCopy(**settings) for name, settings in copies.items()}
    return CopiedShop(FullConfig(home=home, threads=1, publish=Publish(copies=given)))


def lists(rows: list[dict[str, Any]], *keys: str) -> dict[tuple[str, ...], list[dict[str, Any]]]:
    """The rows of every key, as JSON would have them, without the run and what no row has."""
    empty = {name for name in (rows[0] if rows else ()) if all(row[name] is None for row in rows)}
    found: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        entry = {name: value for name, value in row.items() if name not in {"run_id", *keys, *empty}}
        found.setdefault(tuple(row[key] for key in keys), []).append(json.loads(json.dumps(entry, default=str)))
    return found


__all__ = ["HOSTILE", "NIGHTS", "USERS", "A", "B", "C", "CopiedShop", "K", "lists", "shop"]
