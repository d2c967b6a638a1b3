"""What is in a sample of a shop's logs, by the tables that ingest stages: nothing is read a second way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import duckdb

from pipeline.features import build
from pipeline.ground import sql
from pipeline.intake import faults, left_out, refusals
from pipeline.operations.checking import clock
from pipeline.operations.checking.clock import Clock
from pipeline.operations.checking.samples import Sample, Sampled

TYPES = 40
"""Kinds of behaviour that are told apart."""
SHOWN = 3
"""Refused rows of one reason that are shown."""


@dataclass(frozen=True)
class Kind:
    """One kind of behaviour, as the mapping calls it.

    Attributes:
        name: of any text.
        rows: how many.
        known: whether features.event_types names it; else its rows are refused.
        valued: how many have a `value`.
        least, greatest: of the values.
        different: values.
    """

    name: str
    rows: int
    known: bool
    valued: int
    least: float | None
    greatest: float | None
    different: int


@dataclass(frozen=True)
class Place:
    """A refused row.

    Attributes:
        file: its name in the shop's folder.
        line: of a text file; None where the format has none.
        is_exact: whether it stands on that line, or about there.
        raw: what it says, where that may be kept.
    """

    file: str
    line: int | None
    is_exact: bool
    raw: str | None


@dataclass(frozen=True)
class Refused:
    """Rows that are refused for one reason, and the first of them."""

    reason: str
    rows: int
    examples: Sequence[Place]

    @property
    def is_harmless(self) -> bool:
        """Whether it says nothing bad about the log, as a repetition does not."""
        return self.reason in refusals.HARMLESS


@dataclass(frozen=True)
class LeftOut:
    """Rows of which the mapping makes no event, and the first of them."""

    rows: int
    examples: Sequence[Place]


@dataclass(frozen=True)
class Events:
    """What a night would take, over all days.

    Attributes:
        events, guests: how many, and how many of them of nobody known.
        users, items: how many.
        first, last: days of the first and of the last event.
        complete: the last day with events before `last`.
        median_events, many_events, most_events: of a user; nine in ten have at most `many_events`.
    """

    events: int
    guests: int
    users: int
    items: int
    first: date | None
    last: date | None
    complete: date | None
    median_events: int | None
    many_events: int | None
    most_events: int | None

    @property
    def days(self) -> int:
        """From the first to the last complete day."""
        until = self.complete or self.last
        return (until - self.first).days + 1 if until and self.first else 0


@dataclass(frozen=True)
class Repeats:
    """Whether users come back to an item.

    Attributes:
        pairs: of a user and an item with an action of the goal, known for a horizon at least.
        repeated: of which the user came back on a later day.
    """

    pairs: int
    repeated: int

    @property
    def share(self) -> float | None:
        """Of the pairs."""
        return self.repeated / self.pairs if self.pairs else None

    @property
    def is_learned(self) -> bool | None:
        """What `features.repeats = "learned"` makes of it; None: too few pairs to tell."""
        return self.repeated >= build.REPEATED_SHARE * self.pairs if self.pairs >= build.SURE_PAIRS else None


@dataclass(frozen=True)
class Catalogue:
    """What the log and the catalogue know of each other's items.

    Attributes:
        items: of the catalogue.
        known, titled: of the log's items, those in the catalogue, and those with a title there.
        known_events: events on the known ones.
        unused: items of the catalogue without an event.
    """

    items: int
    known: int
    titled: int
    known_events: int
    unused: int


@dataclass(frozen=True)
class Fresh:
    """How new what is acted on is.

    Attributes:
        events: of the last `horizon_days`.
        cold: of them, on items that had no event before these days.
        young: of them, on items whose first event was less than a week before.
    """

    events: int
    cold: int
    young: int


@dataclass
class Facts:
    """All that was found; what could not be looked at is absent."""

    kinds: Sequence[Kind] = ()
    refused: Sequence[Refused] = ()
    left_out: LeftOut | None = None
    faults: Mapping[str, int] = field(default_factory=dict)
    events: Events | None = None
    repeats: Repeats | None = None
    catalogue: Catalogue | None = None
    fresh: Fresh | None = None
    clock: Clock | None = None

    @property
    def refused_share(self) -> float:
        """Of the rows, those that are refused and count towards ingest.max_reject_share."""
        bad = sum(one.rows for one in self.refused if not one.is_harmless)
        taken = self.events.events if self.events else 0
        return bad / (bad + taken) if bad else 0.0


def gather(connection: duckdb.DuckDBPyConnection, sample: Sample) -> Facts:
    """Look at what was staged of a sample.

    Args:
        connection: from staging.staged, of the sample's configuration.
        sample: what was read.
    """
    config, types = sample.config, sample.config.features.event_types
    given = list(types.values())
    bound = {"labels": [kind.label for kind in given], "neutrals": [kind.neutral for kind in given]}
    sql.execute(connection, "check/events", types=list(types), **bound)
    found = Facts(
        kinds=[
            Kind(name, rows, name in types, *values)
            for name, rows, *values in sql.execute(connection, "check/types", limit=TYPES).fetchall()
        ],
        refused=_refused(connection, sample),
        left_out=_left_out(connection, sample),
        faults=_faults(connection),
        events=Events(*_row(connection, "summary")),
    )
    if not found.events or not found.events.events:
        return found
    found.repeats = Repeats(*_row(connection, "repeats", days=config.horizon_days))
    found.catalogue = _catalogue(connection, sample)
    counts = dict(sql.execute(connection, "check/hours").fetchall())
    found.clock = clock.read(config.timezone, [int(counts.get(hour, 0)) for hour in range(24)])
    if all(one.is_whole for one in sample.inputs.values()):
        found.fresh = Fresh(*_row(connection, "fresh", days=config.horizon_days))
    return found


def _row(connection: duckdb.DuckDBPyConnection, name: str, **bound: object) -> tuple[Any, ...]:
    (row,) = sql.execute(connection, f"check/{name}", **bound).fetchall()
    return tuple(row)


def _refused(connection: duckdb.DuckDBPyConnection, sample: Sample) -> list[Refused]:
    read = dict(sql.execute(connection, "check/read").fetchall())
    found = sql.execute(connection, "check/refused", shown=SHOWN).fetchall()
    sampled = sample.inputs["events"].sampled
    return [
        Refused(reason, rows, [_place(sampled.get(e["file"]), read.get(e["file"]), e) for e in examples])
        for reason, rows, examples in found
    ]


def _left_out(connection: duckdb.DuckDBPyConnection, sample: Sample) -> LeftOut | None:
    found = left_out.found(connection, date.min, date.max, SHOWN)
    if not found.rows:
        return None
    read = dict(sql.execute(connection, "check/read").fetchall())
    sampled = sample.inputs["events"].sampled
    places = [(file, {"file": file, "row": row, "raw": None}) for file, row in found.places]
    return LeftOut(found.rows, [_place(sampled.get(file), read.get(file), place) for file, place in places])


def _place(sampled: Sampled | None, read: int | None, example: Mapping[str, Any]) -> Place:
    file, row, raw = example["file"], example["row"], example["raw"]
    if sampled is None or row is None:
        return Place(file, row, False, raw)
    return Place(file, sampled.place(row), read == sampled.number, raw)


def _faults(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    found: dict[str, int] = {}
    for of_night in faults.measure(connection, date.min, date.max).values():
        for fault, rows in of_night.items():
            found[fault] = found.get(fault, 0) + rows
    return dict(sorted(found.items(), key=lambda entry: -entry[1]))


def _catalogue(connection: duckdb.DuckDBPyConnection, sample: Sample) -> Catalogue | None:
    """Only of a whole catalogue, or one that is the log itself."""
    items = sample.inputs.get("items")
    if items is None or not (items.is_whole or items.sampled.keys() == sample.inputs["events"].sampled.keys()):
        return None
    return Catalogue(*(number or 0 for number in _row(connection, "catalogue")))
