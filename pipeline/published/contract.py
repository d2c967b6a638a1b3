"""What a published run is, and what a database that holds published runs must do.

Whatever the target, a run is loaded beside the active one and is whole before anybody can see it; `activate` is the
only step that readers notice, and it is atomic. The caller holds `lock` around everything that belongs together.
"""

from collections.abc import Container, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa


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


def run_active_before(run_id: str, before: Mapping[str, str | None], loaded: Container[str]) -> str | None:
    """The nearest run before `run_id` that is still loaded.

    Args:
        run_id: a run.
        before: for every run that was published, the run that was active until then.
        loaded: the runs to choose from.
    """
    visited, found = {run_id}, before.get(run_id)
    while found is not None and found not in loaded and found not in visited:
        visited.add(found)
        found = before.get(found)
    return found if found is not None and found in loaded and found not in visited else None


class Target(Protocol):
    """A database that holds published runs. Only its first use connects to it.

    Every method may raise PublishError, and UnavailableError where trying again later may help.
    """

    def lock(self) -> AbstractContextManager[None]:
        """Serialise publications, rollbacks and retention; waits for another one, and may be entered again inside."""

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

    def ever_active(self) -> set[str]:
        """Every run that readers saw at some time, loaded or not."""

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

    def forget(self, user_id: str) -> int:
        """Remove a user's rows from every loaded run for good; readers of the active one see all of them or none.

        Returns:
            The number of rows removed.
        """

    def read(self, run_id: str, name: str, schema: pa.Schema, **params: Any) -> pa.Table:
        """Run sql/publish/<name>.sql, or the target's own statement of this name, on the tables of a run.

        Args:
            run_id: a loaded run.
            name: the statement.
            schema: the table's contract.
            params: values bound to the statement's names.
        """
