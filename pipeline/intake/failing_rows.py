"""Rows on which a mapping fails: found by halving the log, and refused, as lines are that cannot be read."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import duckdb

from pipeline.ground import sql
from pipeline.ground.errors import InputError
from pipeline.intake import absent, logs, selects
from pipeline.intake.mapping import FAILURES, FailsOnRowError, running
from pipeline.settings.config import Config
from pipeline.settings.sections.data import InputFiles

log = logging.getLogger(__name__)

REASON = "unreadable: the mapping fails on it"
MOST = 100
"""Of one reading; a mapping that fails on more, or on more than ingest.max_reject_share, is a mistake in itself."""


def refuse(connection: duckdb.DuckDBPyConnection, source: InputFiles, config: Config, error: FailsOnRowError) -> None:
    """Take the rows on which a mapping fails, one by one, from `raw` to `unreadable`.

    Args:
        connection: with the tables of logs.read.
        source: the log and its mapping, which fails on some row.
        config: its folder, and how much of a row is kept.
        error: what it says.
    Raises:
        InputError: they are too many, the mapping fails on none of them alone, or it takes longer than
            ingest.max_mapping_minutes to find them.
    """
    path = config.folder / source.sql
    rows, last = _found(connection, source, config, MOST + 1)
    if not rows or len(rows) > min(MOST, config.ingest.max_reject_share * last):
        raise _said(error, path, rows, last) from None
    files, places, texts = map(list, zip(*rows, strict=True))
    given = {"paths": files, "rows": places, "reasons": [REASON] * len(rows), "texts": texts}
    for name in ("readable_rows", "unreadable_json", "raw_files"):
        sql.execute(connection, f"ingest/{name}", **given)
    log.warning("%s fails on %d rows, which are refused; cast with try_cast", path, len(rows))


def placed(
    connection: duckdb.DuckDBPyConnection, source: InputFiles, config: Config, error: FailsOnRowError
) -> InputError:
    """The error of a mapping that may fail on no row, with the first on which it does; arguments as `refuse`.

    Raises:
        InputError: it takes longer than ingest.max_mapping_minutes to find it.
    """
    rows, last = _found(connection, source, config, 1)
    return _said(error, config.folder / source.sql, rows, last, is_all=False)


def _said(
    error: FailsOnRowError, path: Path, rows: list[tuple[str, int, str]], last: int, is_all: bool = True
) -> InputError:
    content = str(error).removeprefix(error.said).removeprefix(": ")
    if not rows:
        return InputError(f"{path} fails on several rows together, and on none of them alone: {error.kind}", content)
    file, row, _ = rows[0]
    number = f"more than {MOST}" if len(rows) > MOST else f"{len(rows)} of {last:,}"
    where = f"on {number} rows, the first is row {row} of {file}" if is_all else f"the first is row {row} of {file}"
    return InputError(f"{error.said} ({where})", content)


def _found(
    connection: duckdb.DuckDBPyConnection, source: InputFiles, config: Config, most: int
) -> tuple[list[tuple[str, int, str]], int]:
    """The first rows on which a mapping fails: file, place in it and text; and how many rows there are."""
    text = (config.folder / source.sql).read_text(encoding="utf-8")
    absent.restore(connection)
    with running(connection, source, config), _set_aside(connection):
        fails = _tried(connection, text, logs.format_of(source))
        ((last,),) = sql.execute(connection, "ingest/rows_of", table="raw_all").fetchall()
        found = list(islice(_failing(fails, 1, last), most))
    if not found:
        return [], last
    most_characters = config.ingest.max_raw_characters
    rows = sql.execute(connection, "ingest/failing_rows", rows=found, max_raw_characters=most_characters).fetchall()
    return rows, last


@contextlib.contextmanager
def _set_aside(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    sql.execute(connection, "ingest/raw_all")
    try:
        yield
    finally:
        absent.restore(connection)
        sql.execute(connection, "ingest/raw_all_again").fetchall()


def _tried(connection: duckdb.DuckDBPyConnection, text: str, kind: str) -> Callable[[int, int], bool]:
    words = selects.named(connection, text).words

    def fails(first: int, last: int) -> bool:
        """Whether the mapping fails on the rows from one number to another, of which alone `raw` consists."""
        absent.restore(connection)
        sql.execute(connection, "ingest/raw_part", first=first, last=last)
        try:
            relation, _ = absent.bind(connection, text, kind, words)
            relation.create_view("tried", replace=True)
            sql.execute(connection, "ingest/evaluated").fetchall()
        except FAILURES:
            return True
        return False

    return fails


def _failing(fails: Callable[[int, int], bool], first: int, last: int) -> Iterator[int]:
    """The rows on which it fails by themselves, in order."""
    open_parts = [(first, last)]
    while open_parts:
        begin, end = open_parts.pop()
        if not fails(begin, end):
            continue
        if begin < end:
            middle = (begin + end) // 2
            open_parts += [(middle + 1, end), (begin, middle)]
            continue
        yield begin
