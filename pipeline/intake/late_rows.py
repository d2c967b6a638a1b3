"""Rows of the log whose night is over: a file was delivered, or went on, after the night on which they arrive.

A row arrives on a night that follows from the row and its file alone (sql/ingest/events.sql). Where that night is
finished and has not seen the row, tonight's takes or refuses it; where it is not, the row is kept for it. What a night
has seen, its manifest says (`seen_by`): of each log file of which it took or refused rows, how many there were, and how
many it counted of which night. A file may be written anew in another order, so a row is known by what it is and by how
many were counted, not by its place (sql/ingest/late_entries.sql).
"""

import hashlib
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import duckdb

from pipeline.ground import artifacts, sql
from pipeline.intake import last_rows, log_files, renamed, text_files
from pipeline.intake.inputs import EVENTS
from pipeline.settings.config import Config

log = logging.getLogger(__name__)

KEY = "read"
NONE = date(1, 1, 1)

Record = dict[str, Any]
"""Of one night: `as`, by what its rows were read; `files`, by name: their rows, unreadable lines, bytes and
what hashes them; COUNTED, LATE and LEFT_OUT, and of what stands last, last_rows.KEY."""
COUNTED = "counted"
"""In a record, by name of a log file and night: how many events, rows that the mapping leaves out, and lines that
cannot be read, of that night this one counts: its own, those that came too late for another, and those of NIGHTLESS."""
NIGHTLESS = ""
"""In COUNTED, instead of a night: nothing says it but the rows beside them, which may be others tomorrow."""
KINDS = ("event", "left out", "line")
"""Of what COUNTED has numbers, as sql/ingest/log_entries.sql calls them."""
LATE = "late"
"""In a record, by name of a log file and earlier night: how many of its lines came too late for that night, and are
this one's. Absent where none is."""
LEFT_OUT = "late, left out"
"""In a record, the same of the lines that the mapping leaves out."""
BOTH = (LATE, LEFT_OUT)
FINDING = ("late_entries", "late_nightless")
"""Statements that find what has to arrive on another night."""
MOVING = ("late", "late_left_out", "late_lines", "nightless_events", "nightless_left_out", "nightless_lines")
"""Statements that let it."""


def seen_by(connection: duckdb.DuckDBPyConnection, config: Config, first: date, last: date) -> dict[date, Record]:
    """What every night of a range has seen, for its manifest; nights on which nothing arrived are absent.

    Args:
        connection: with the tables of staging.staged.
        config: by what rows are read.
        first, last: the range.
    """
    found: dict[date, Record] = {}
    for night, name, *counts in sql.execute(connection, "ingest/seen_by", first=first, last=last).fetchall():
        found.setdefault(night, record(config))["files"][name] = counts
    for night, name, own, *counts in sql.execute(connection, "ingest/counted_by", first=first, last=last).fetchall():
        found[night][COUNTED].setdefault(name, {})[own.isoformat() if own else NIGHTLESS] = counts
    for name, own, *lines in sql.execute(
        connection, "ingest/late_counts"
    ).fetchall():  # only where one night is written
        for key, number in zip(BOTH, lines, strict=True):
            if number:
                found[last].setdefault(key, {}).setdefault(name, {})[own.isoformat()] = number
    for night, name, said in last_rows.counted(connection, first, last):
        found[night].setdefault(last_rows.KEY, {})[name] = said
    return found


def held(folder: Path) -> list[tuple[str, date, int, int]]:
    """The lines that a finished night has of earlier ones: log file, night, how many, and how many more left out."""
    record_of = recorded(folder) or {}
    late, left_out = (_numbers(record_of, key) for key in BOTH)
    return [(*of, late.get(of, 0), left_out.get(of, 0)) for of in dict.fromkeys([*late, *left_out])]


def _numbers(found: Record, key: str) -> dict[tuple[str, date], int]:
    nights: Mapping[str, Mapping[str, int]] = found.get(key, {})
    return {(name, date.fromisoformat(own)): n for name, of_file in nights.items() for own, n in of_file.items()}


def without(found: Record, given: Collection[tuple[str, date]]) -> tuple[Record, int]:
    """A night's record after the lines of some log files and nights became another's; how many of them are left out."""
    kept = {key: value for key, value in found.items() if key not in (*BOTH, COUNTED)}
    if COUNTED in found:
        kept[COUNTED] = {
            name: {own: n for own, n in of.items() if own == NIGHTLESS or (name, date.fromisoformat(own)) not in given}
            for name, of in found[COUNTED].items()
        }
    for key in BOTH:
        for (name, own), number in _numbers(found, key).items():
            if (name, own) not in given:
                kept.setdefault(key, {}).setdefault(name, {})[own.isoformat()] = number
    return kept, sum(number for of, number in _numbers(found, LEFT_OUT).items() if of in given)


def note_sizes(connection: duckdb.DuckDBPyConnection, config: Config, paths: Iterable[Path]) -> None:
    """Note how large the log files are, and a hash of each, before they are read: what is appended meanwhile is more.

    Args:
        connection: where it is noted.
        config: whose folder the names are relative to.
        paths: of the files.
    """
    noted = found(config, paths)
    sizes, hashes = ([one[n] for one in noted.values()] for n in (2, 3))
    sql.execute(connection, "ingest/log_sizes", names=list(noted), bytes=sizes, hashes=hashes)


def found(config: Config, paths: Iterable[Path]) -> dict[str, list[Any]]:
    """By name, how files are found, as a Record's `files` have it but for their rows and lines, which are 0 here."""
    sizes = {path: path.stat().st_size for path in paths}
    return {name_of(config, path): [0, 0, size, _hash(path, size)] for path, size in sizes.items()}


def _hash(path: Path, size: int) -> str:
    """Of a file's first bytes: one that is being written may have more by now."""
    digest, left = hashlib.sha256(), size
    try:
        with path.open("rb") as file:
            while left > 0 and (piece := file.read(min(text_files.CHUNK, left))):
                digest.update(piece)
                left -= len(piece)
    except OSError as error:
        raise text_files.unreadable(path, error) from None
    return digest.hexdigest()[: renamed.DIGITS]


@dataclass(frozen=True)
class Reading:
    """What a finished night read.

    Attributes:
        at: when it was finished, in ns since 1970, by the clock of the lake's disk.
        files: by name, as in Record.
    """

    at: int
    files: Mapping[str, Sequence[Any]]


def change(config: Config, path: Path, readings: Iterable[Reading]) -> Literal["size", "same size"] | None:
    """What is other about a log file than when a night read it last; None where it is as one of them found it.

    Only a file that was touched since is hashed: of the last days' files there may be many.
    """
    state, name = path.stat(), name_of(config, path)
    known = [(reading.at, *reading.files[name]) for reading in readings if name in reading.files]
    alike = [(at, *digest) for at, _, _, size, *digest in known if size == state.st_size]
    if not alike:
        return "size"
    if any(not digest or state.st_ctime_ns < at for at, *digest in alike):
        return None
    ours = _hash(path, state.st_size)
    return None if any(digest == [ours] for _, *digest in alike) else "same size"


def name_of(config: Config, path: Path) -> str:
    """A log file's name, as records and refused rows have it."""
    return log_files.name_of(config, path)


def record(config: Config) -> Record:
    """Of a night that has seen nothing."""
    return {"as": _reading(config), "files": {}, COUNTED: {}}


def _reading(config: Config) -> str:
    """By what rows become events: of two nights for which it is the same, a row is the same event."""
    source = EVENTS.files(config)
    mapping = (config.folder / source.sql).read_text(encoding="utf-8") if source else ""
    judged = config.ingest.model_dump(mode="json", include={"earliest", "arrival", "max_id_bytes", "pseudonyms"})
    kinds = sorted(config.features.event_types)
    return artifacts.text_sha256(mapping, judged, kinds, config.timezone, artifacts.code_version())[:16]


def recorded(folder: Path) -> Record | None:
    """What a finished night has seen; None where its manifest is older than such records."""
    found: Record | None = artifacts.read_manifest(folder)["report"].get(KEY)
    return found


@dataclass(frozen=True)
class Known:
    """What finished nights have seen, from the oldest on that tonight has rows of.

    Attributes:
        records: by night; None where its manifest is older than such records.
        reading: by what rows are read tonight (Record's `as`).
    """

    records: Mapping[date, Record | None]
    reading: str

    def unlike(self) -> set[date]:
        """The nights that read rows as others than they are tonight, or did not count them."""
        return {
            n for n, said in self.records.items() if said is None or said["as"] != self.reading or COUNTED not in said
        }

    def unlike_until(self, night: date) -> date:
        """The last of these before a night."""
        return max((n for n in self.unlike() if n < night), default=NONE)

    def alike(self, night: date) -> dict[date, Record]:
        """What the nights saw that read rows as tonight's does, `night`, as did all between them."""
        since, unlike = self.unlike_until(night), self.unlike()
        return {n: said for n, said in self.records.items() if said is not None and n > since and n not in unlike}


def known(connection: duckdb.DuckDBPyConnection, config: Config, others: Sequence[Path]) -> Known | None:
    """What the other nights have seen; None where tonight has no rows of theirs.

    Args:
        connection: with the tables of staged rows; gets the table renamed_files.
        config: by what rows are read.
        others: the folders of all other nights that are finished.
    """
    ((oldest,),) = sql.execute(connection, "ingest/oldest").fetchall()
    asked = {n: folder for folder in others if oldest and (n := artifacts.run_date_of(folder)) >= oldest}
    if not asked:
        return None
    records = {n: recorded(folder) for n, folder in asked.items()}
    renamed.note(connection, records)
    return Known(records, _reading(config))


def take(connection: duckdb.DuckDBPyConnection, known: Known, night: date) -> None:
    """Let what arrives on a finished night that has not seen it arrive on `night`.

    Args:
        connection: with the tables staged_events, staged_lines, other_nights and renamed_files.
        known: what the other nights have seen.
        night: that is being written.
    """
    _note_read(connection, {n: said for n, said in known.records.items() if n < night}, known.unlike_until(night))
    _note_counted(connection, known.alike(night))
    for step in FINDING:
        sql.execute(connection, f"ingest/{step}", night=night)
    if not any(connection.table(name).limit(1).fetchall() for name in FINDING):
        return
    for step in MOVING:
        sql.execute(connection, f"ingest/{step}", night=night)
    for name, events in sql.execute(connection, "ingest/unknown_again").fetchall():
        log.warning(
            "%s was written anew since its nights were ingested: the lake lacks %s of its events of finished nights, "
            "more than they have rows more, so these are not taken. If it is another file by an old name, let `files` "
            "find the old one too. If their ids are others now, load them again: load-history --until %s --force",
            name, f"{events:,}", night,
        )  # fmt: skip


def _note_read(
    connection: duckdb.DuckDBPyConnection, records: Mapping[date, Record | None], unlike_until: date
) -> None:
    """Make the table decided, of the nights before the one that is written."""
    seen = [
        (before, name, *counts[:2])
        for before, said in records.items()
        if said is not None
        for name, counts in said["files"].items()
    ]
    read_by, names, rows, lines = _columns(seen, 4)
    unrecorded = [n for n, said in records.items() if said is None]
    sql.execute(
        connection,
        "ingest/decided",
        finished=list(records),
        read_by=read_by,
        names=names,
        rows=rows,
        lines=lines,
        unrecorded_until=max(unrecorded, default=NONE),
        unlike_until=unlike_until,
    )


def _note_counted(connection: duckdb.DuckDBPyConnection, records: Mapping[date, Record]) -> None:
    """Make the table counted, of nights that read rows as tonight does."""
    numbers = [
        (n, name, date.fromisoformat(own) if own else None, kind, number)
        for n, said in records.items()
        for name, of_file in said[COUNTED].items()
        for own, counts in of_file.items()
        for kind, number in zip(KINDS, counts, strict=True)
        if number
    ]
    nights, names, owns, kinds, counts = _columns(numbers, len(KINDS) + 2)
    sql.execute(connection, "ingest/counted", nights=nights, names=names, own=owns, what=kinds, numbers=counts)


def _columns(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]
