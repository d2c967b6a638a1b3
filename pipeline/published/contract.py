"""What a published table and a published run are, and what a database that holds published runs must do.

Which tables there are is said above, in pipeline.publication.tables: whatever is here is given them.

Whatever the target, a run is loaded beside the active one and is whole before anybody can see it; `activate` is the
only step that readers notice, and it is atomic. The caller holds `lock` around everything that belongs together.
"""

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

KINDS = (
    pa.string(),
    pa.bool_(),
    pa.int32(),
    pa.float32(),
    pa.date32(),
    pa.timestamp("us", tz="UTC"),
    pa.list_(pa.string()),
)
"""The types that a published column may have: those that every target knows."""


SCHEMA_VERSION = 8
"""Of the tables, columns and views that a database has. Every change of them raises it by one, so that a Nightjar of
before the change does not write into tables that it only half knows; 0 is every database without a version."""


@dataclass(frozen=True)
class Column:
    """A column of a published table.

    Attributes:
        name: its name.
        kind: one of KINDS.
        meaning: what it holds, in words, with its unit.
        nullable: whether it may be unknown; a list may be empty, and is never unknown.
        added_later: whether tables of older versions may lack it; it is added to them, and their rows have none. It is
            nullable, and stands behind those that are not, as a view that is in use can get a column at its end alone.
        of: the columns that it is made of, as pipeline.lineage.origins reads them: "made ensemble.lists(score)";
            "run": what the run says of itself, its night and its settings. No part of what is written.
    """

    name: str
    kind: pa.DataType
    meaning: str
    nullable: bool = False
    added_later: bool = False
    of: tuple[str, ...] = ()


OF_RUN = ("run",)
RUN_ID = Column(
    "run_id", pa.string(), "the run that the row is of: its night and a hash of what it was made from", of=OF_RUN
)


@dataclass(frozen=True)
class PublishedTable:
    """A published table: the only place where its columns stand; what holds it is derived from here.

    Attributes:
        name: its name, letters and underscores; readers of databases know it as current_<name>.
        grain: what one row is, in words: "one row per item and rank".
        columns: in the order of the files and the views, without run_id, which comes first in every table.
        key: columns that are unique within a run, and that PostgreSQL looks rows up by.
        index: the column that DuckDB looks rows up by; None: nobody looks for single rows.
        things: a column and what `status` calls its different values: ("user_id", "users"); None: not counted there.
        added_later: whether runs of older versions may lack it.
        of_all_runs: it has the rows of every run that is remembered; see pipeline.published.histories.
    """

    name: str
    grain: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    index: str | None = None
    things: tuple[str, str] | None = None
    added_later: bool = False
    of_all_runs: bool = False

    def __post_init__(self) -> None:
        """Refuse what the targets could not hold.

        Raises:
            ValueError: a name or a type no target takes, a column twice, or one named that is not there.
        """
        names = [column.name for column in self.columns]
        if not re.fullmatch(r"[a-z]+(_[a-z]+)*", self.name):  # with digits it could be the name of a load's table
            raise ValueError(f"{self.name}: a table's name is of small letters and single underscores")
        if wrong := [name for name in names if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name)]:
            raise ValueError(f"{self.name}: {', '.join(wrong)}: a name is of small letters, digits and underscores")
        if len(set(names)) < len(names) or {RUN_ID.name, "load"} & set(names):  # PostgreSQL's rows have their load
            raise ValueError(f"{self.name}: a column is there twice (run_id and load come by themselves)")
        unheld = [c for c in self.columns if c.kind not in KINDS or (c.nullable and pa.types.is_list(c.kind))]
        if unheld:
            said = ", ".join(f"{c.name} is {'nullable ' * c.nullable}{c.kind}" for c in unheld)
            raise ValueError(f"{self.name}: {said}, which not every target can hold")
        if wrong := [c.name for c in self.columns if c.added_later and not c.nullable]:
            raise ValueError(f"{self.name}: {', '.join(wrong)}: a column that is added later is nullable")
        if [c.added_later for c in self.columns] != sorted(c.added_later for c in self.columns):
            raise ValueError(f"{self.name}: columns that are added later stand behind the others")
        named = {*self.key, *filter(None, [self.index]), *(self.things or ())[:1]}
        if absent := sorted(named - {RUN_ID.name, *names}):
            raise ValueError(f"{self.name} has no column {', '.join(absent)}")

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns as they are written, run_id first; without their meanings, which would change the files."""
        return pa.schema([pa.field(c.name, c.kind, nullable=c.nullable) for c in (RUN_ID, *self.columns)])

    @property
    def later(self) -> tuple[Column, ...]:
        """The columns that tables of older versions may lack."""
        return tuple(column for column in self.columns if column.added_later)

    @property
    def file(self) -> str:
        """The name of its file in a run's folder."""
        return f"{self.name}.parquet"

    @property
    def view(self) -> str:
        """What readers of a database know it as: the rows of the active run, else its own name."""
        return self.name if self.of_all_runs else f"current_{self.name}"

    @property
    def about_users(self) -> bool:
        """Whether its rows are about people, and are removed with them."""
        return "user_id" in self.schema.names


RUNS = PublishedTable(
    name="runs",
    grain="one row per run; the view has the active one alone",
    columns=(
        Column("run_date", pa.date32(), "the night that the run was made for: the last day that it knows", of=OF_RUN),
        Column(
            "published_at",
            pa.timestamp("us", tz="UTC"),
            "when its tables begin to hold: the start of the day after, or the moment up to which its day was known",
            of=OF_RUN,
        ),
        Column("code_version", pa.string(), "a hash of the code that made it", of=OF_RUN),
        Column("config_hash", pa.string(), "a hash of the settings that it was made with", of=OF_RUN),
        Column(
            "metrics",
            pa.string(),
            "how it was judged before it was published, as JSON",
            of=("made evaluate.metrics(value, low, high)", "made ensemble.lists(score, probability)"),
        ),
    ),
    key=("run_id",),
)
"""What a run says about itself. A database keeps it of every run ever, so that it is part of the contract."""


def per_run(tables: Iterable[PublishedTable]) -> list[PublishedTable]:
    """The tables whose rows are all of one run: all but RUNS."""
    return [table for table in tables if table.name != RUNS.name]


@dataclass(frozen=True)
class ActiveRun:
    """A published run.

    Attributes:
        run_id: its identity.
        run_date: the night it was made for.
        folder: its tables as Parquet, one file per published table.
    """

    run_id: str
    run_date: date
    folder: Path


@dataclass(frozen=True)
class Count:
    """What a table of a run holds.

    Attributes:
        table: its name.
        rows: how many.
        things, word: how many different things they are about, and what these are called.
    """

    table: str
    rows: int
    things: int
    word: str


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

    Every method may raise PublishError, and UnavailableError where trying again later may help. What an older version
    of Nightjar published is read, and brought up to date where it is written to; what a newer one did is refused.
    """

    def lock(self) -> AbstractContextManager[None]:
        """Serialise publications, rollbacks and retention; may be entered again inside.

        Raises:
            UnavailableError: another one went on for publish.lock_minutes; the process that has the lock is named.
        """

    def load(self, run_id: str, folder: Path, history: pa.Table, stages: pa.Table | None = None) -> None:
        """Load the Parquet tables of a run, whole or not at all; a run loaded before is replaced.

        Args:
            run_id: the run.
            folder: one Parquet file per published table.
            history: RUNS, every run to be listed in `runs`, this one included.
            stages: histories.STAGE_RUNS, rows to add or to replace; what is there of other runs and stages stays.
        Raises:
            PublishError: the rows in the database are not those of the files.
        """

    def loaded(self) -> list[str]:
        """Run ids that could be activated: what knew most first (see known_until), of those alike the latest load."""

    def active(self) -> str | None:
        """The run that readers see."""

    def misled(self) -> list[str]:
        """What leads readers elsewhere than to the active run, in words."""

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

    def counts(self, run_id: str) -> list[Count]:
        """What the tables of a loaded run hold, of those that name things to count; one that was added later and is
        empty is left out, as a run of an older version does not have it."""

    def rows(
        self, run_id: str, tables: Iterable[PublishedTable]
    ) -> Iterator[tuple[PublishedTable, Iterator[pa.RecordBatch]]]:
        """All rows that readers are shown of tables of a loaded run, table by table, in no order; none of a table that
        the database does not have, as one of an older version may not. Not of RUNS, which `read` gives."""

    def read(self, run_id: str, name: str, schema: pa.Schema, **params: Any) -> pa.Table:
        """Run sql/publish/<name>.sql, or the target's own statement of this name, on the tables of a run.

        Args:
            run_id: a loaded run.
            name: the statement.
            schema: the table's contract.
            params: values bound to the statement's names.
        """
