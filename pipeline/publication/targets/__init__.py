"""Where the published tables go: one small contract, one class per kind of database.

Whatever the target, a run is loaded beside the active one and is whole before anybody can see it; `activate` is the
only step that readers notice, and it is atomic. The caller holds the publication's lock in every method that writes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from pipeline.config import Config


def run_date_of(run_id: str) -> date:
    """The night of a run; a run_id is its date and a hash, e.g. 2011-10-02-1f0c9a7e."""
    return date.fromisoformat(run_id[:10])


@dataclass(frozen=True)
class ActiveRun:
    """A published run.

    Attributes:
        run_id: its identity.
        run_date: the night it was made for.
        folder: its tables as Parquet, one file per table of schemas.PUBLISHED.
    """

    run_id: str
    run_date: date
    folder: Path


class Target(Protocol):
    """A database that holds published runs."""

    def load(self, run_id: str, folder: Path, history: pa.Table) -> None:
        """Load the Parquet tables of a run, whole or not at all; a run loaded before is replaced.

        Args:
            run_id: the run.
            folder: one Parquet file per table of schemas.PUBLISHED.
            history: schemas.RUNS, every run to be listed in `runs`, this one included.
        Raises:
            PublishError: the rows in the database are not those of the files.
        """

    def loaded(self) -> list[str]:
        """Run ids that could be activated: the newest night first, of one night the latest load first."""

    def active(self) -> str | None:
        """The run that readers see."""

    def previous(self, run_id: str) -> str | None:
        """The run that was active before `run_id` was published, if it is still loaded; else the one before that."""

    def activate(self, run_id: str, published: bool) -> None:
        """Let readers see another loaded run, atomically.

        Args:
            run_id: a loaded run.
            published: the run is new; False when an operator goes back to it.
        """

    def drop(self, run_id: str) -> None:
        """Remove a run that is not active; a reader that has it open keeps it."""

    def clean(self) -> None:
        """Remove what a killed publication left behind."""

    def read(
        self, run_id: str, name: str, schema: pa.Schema, relations: Mapping[str, pa.Table], **params: Any
    ) -> pa.Table:
        """Run sql/publish/<name>.sql on the tables of a run; arguments as pipeline.sql.query."""


def of(config: Config) -> Target:
    """The configured target."""
    from pipeline.publication.targets.duckdb import (
        DuckDBTarget,  # here, so a target's driver is needed only where it is used
    )

    return {"duckdb": DuckDBTarget}[config.publish.target](config)
