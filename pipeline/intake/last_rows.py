"""The last row of a log file of CSV, which its writer may not have written to its end.

One that was cut off in its last column has all its columns, and nothing tells it from a whole one until more of it is
there. So a night notes what its last row was, and what it made of it: see pipeline.intake.cut_lines.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

import duckdb

from pipeline.ground import sql
from pipeline.intake import logs
from pipeline.intake.inputs import EVENTS
from pipeline.privacy import pseudonyms
from pipeline.settings.config import Config

KEY = "last rows"
"""In a night's record, by name of a log file: the place of its last row that could be read, how many characters it has,
what hashes them, by night how many events and rows left out it is, and hashes of the ids of events that are taken."""
DIGITS = 16
"""Of a hash in hexadecimal digits, so many are noted; so do sql/ingest/last_counted.sql and cut_events.sql."""

Values = dict[str, str]
"""A row's columns that have a value, by their names in small letters."""


def note(connection: duckdb.DuckDBPyConnection, config: Config) -> None:
    """Make the table last_rows of the log that is in `raw`; empty where that is not CSV."""
    source, found = EVENTS.files(config), []
    if source is not None and logs.format_of(source) == "csv":
        found = [
            (path, name, place, length(row := values(text)), digest(row, config))
            for path, name, place, text in sql.execute(connection, "ingest/rows_last").fetchall()
        ]
    paths, names, places, characters, hashes = [list(c) for c in zip(*found, strict=True)] if found else [[]] * 5
    given = {"paths": paths, "names": names, "places": places, "characters": characters, "hashes": hashes}
    sql.execute(connection, "ingest/last_rows", **given)


def counted(connection: duckdb.DuckDBPyConnection, first: date, last: date) -> Iterator[tuple[date, str, list[Any]]]:
    """Nights of a range, log files whose last row arrives on them, and what the night's record says of it."""
    for night, name, *said in sql.execute(connection, "ingest/last_counted", first=first, last=last).fetchall():
        yield night, name, said


def without(record: dict[str, Any], event_ids: Iterable[str]) -> dict[str, Any]:
    """A night's record after it gave up some events."""
    gone = {hashlib.sha256(one.encode()).hexdigest()[:DIGITS] for one in event_ids}
    if not any(gone.intersection(said[-1]) for said in record.get(KEY, {}).values()):
        return record
    left = {name: [*said[:-1], [one for one in said[-1] if one not in gone]] for name, said in record[KEY].items()}
    return {**record, KEY: left}


def values(row: str) -> Values:
    """What a row of `raw` says, of its JSON: the columns of other files of a night are null in it."""
    return {name.lower(): str(value) for name, value in json.loads(row).items() if value is not None}


def length(row: Values) -> int:
    """How many characters its values have."""
    return sum(map(len, row.values()))


def digest(row: Values, config: Config) -> str:
    """A hash of the row, of which nobody learns an id that is to be a pseudonym."""
    text = json.dumps(row, sort_keys=True)
    if config.ingest.pseudonyms:
        return pseudonyms.key().derive("last row").hash(text)[:DIGITS]
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def is_cut(noted: list[Any], row: Values, config: Config) -> bool:
    """Whether a row is one that a night has noted, and goes on in one of its columns.

    Args:
        noted: as the record has it.
        row: what stands in the same place now.
        config: how it is hashed.
    """
    _, characters, known, *_ = noted
    more = length(row) - characters
    if more <= 0:
        return False
    shorter = ({**row, name: value[:-more]} for name, value in row.items() if len(value) > more)
    absent = ({n: v for n, v in row.items() if n != name} for name, value in row.items() if len(value) == more)
    return any(digest(one, config) == known for one in (*shorter, *absent))
