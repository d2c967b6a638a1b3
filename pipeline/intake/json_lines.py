"""Reading JSON Lines: without byte order marks; lines that are too long or no objects are refused, the others read."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import duckdb

from pipeline.ground import sql
from pipeline.ground.errors import InputError
from pipeline.intake import long_lines, raw, text_files
from pipeline.intake.text_files import Census
from pipeline.settings.sections.data import Ingest

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
NO_KEY = "no_key"
"""The column of `raw` while its lines are judged, where they have no key."""


def read(
    connection: duckdb.DuckDBPyConnection,
    census: Mapping[str, Census],
    scratch: Path,
    settings: Ingest,
) -> None:
    """Read files into `raw`, `unreadable` and `raw_files`.

    Args:
        connection: where the tables are made.
        census: what was counted in each file that has a line, by its path.
        scratch: an existing folder for copies.
        settings: limits.
    Raises:
        InputError: a file cannot be read, or no line is an object with keys, which only a shop of which every line may
            be refused allows.
        duckdb.Error: DuckDB cannot read a file.
    """
    paths = list(census)
    lenient = settings.max_reject_share >= 1
    copies = mended(census, scratch)
    read_as = {path: copies.get(path, path) for path in paths}
    log_file = {copy: path for path, copy in read_as.items()}
    long: list[long_lines.LongLine] = []
    try:
        has_keys = _fill(connection, list(read_as.values()), paths, settings.max_row_bytes, lenient)
    except duckdb.Error as error:
        if "maximum_object_size" not in str(error):
            raise
        shorter, long = long_lines.leave_out(
            list(read_as.values()), scratch, settings.max_row_bytes, settings.max_raw_characters
        )
        read_as = {path: shorter.get(file, file) for path, file in read_as.items()}
        has_keys = _fill(connection, list(read_as.values()), paths, settings.max_row_bytes, lenient)
    sql.execute(connection, "ingest/renamed", copies=list(read_as.values()), paths=list(read_as))
    sql.execute(
        connection,
        "ingest/unreadable_long",
        paths=[log_file[line.path] for line in long],
        lines=[line.line for line in long],
        starts=[line.start for line in long],
    )
    sql.execute(connection, "ingest/raw_files")
    refuse(connection, read_as, settings.max_raw_characters)
    if not has_keys:
        sql.execute(connection, "ingest/raw_without_keys").fetchall()


def _fill(
    connection: duckdb.DuckDBPyConnection,
    paths: Sequence[str],
    log_files: Sequence[str],
    max_row_bytes: int,
    lenient: bool,
) -> bool:
    """Fill `raw` of files, which may be copies of the log's; whether they have a key, as all but `lenient` must."""
    found = sql.execute(
        connection, "ingest/jsonl_keys", files=sql.literal(paths), max_row_bytes=max_row_bytes
    ).fetchall()
    if not found and not lenient:
        named = f"{log_files[0]}{' and the others' if len(log_files) > 1 else ''}"
        raise InputError(f"{named}: none of its lines is a JSON object with keys: write one object a line")
    lines = sql.select(
        connection,
        "ingest/read_jsonl",
        files=sql.literal(paths),
        columns={key: "VARCHAR" for (key,) in found or [(NO_KEY,)]},
        max_row_bytes=max_row_bytes,
        place=raw.FILE_OF_ROW,
    )
    raw.fill(connection, lines)
    return bool(found)


def mended(census: Mapping[str, Census], folder: Path) -> dict[str, str]:
    """Copy the files that begin with a byte order mark, which is no JSON, without it, and with ends of lines for old
    Macs' carriage returns.

    Args:
        census: what was counted in each file, by its path.
        folder: where the copies go, unpacked; it exists.
    Returns:
        The copy of each such file, by its path.
    Raises:
        InputError: a file cannot be read.
    """
    copies = {}
    for number, (path, counted) in enumerate(census.items()):
        with text_files.opened(path) as stream:
            start = stream.read(len(BYTE_ORDER_MARK))
            if (marked := start == BYTE_ORDER_MARK) or counted.ends == "cr":
                copy = folder / f"mended-{number}.jsonl"
                with copy.open("wb") as out:
                    out.write(b"" if marked else start)
                    while piece := stream.read(text_files.CHUNK):
                        out.write(piece.replace(b"\r", b"\n") if counted.ends == "cr" else piece)
                copies[path] = str(copy)
    return copies


def refuse(connection: duckdb.DuckDBPyConnection, paths: dict[str, str], max_characters: int) -> None:
    """Take the rows of lines that are no JSON object from `raw` to `unreadable`, with their text and what is wrong.

    Args:
        connection: with the tables `raw`, `raw_files` and `unreadable`.
        paths: what was read in place of each log file.
        max_characters: how much of a line is kept.
    """
    rows: dict[str, list[int]] = defaultdict(list)
    for path, row in sql.execute(connection, "ingest/blank_rows").fetchall():
        rows[path].append(row)
    columns = set(connection.table("raw").columns)
    found = [
        (path, row, reason, text.decode(errors="replace")[:max_characters])
        for path, blank in rows.items()
        for row, text in _lines(paths[path], set(blank))
        if (reason := fault(text, columns)) is not None
    ]
    if not found:
        return
    names, places, reasons, texts = map(list, zip(*found, strict=True))
    given = {"paths": names, "rows": places, "reasons": reasons, "texts": texts}
    sql.execute(connection, "ingest/readable_rows", **given)
    sql.execute(connection, "ingest/unreadable_json", **given)


def fault(line: bytes, columns: Collection[str]) -> str | None:
    """Why a line of which nothing was read is no row; None where it is an object that has none of the columns."""
    try:
        found = json.loads(line.decode(), parse_constant=lambda name: name)
    except UnicodeDecodeError:
        return "unreadable: invalid encoding"
    except (ValueError, RecursionError):
        return "unreadable: not valid JSON"
    if not isinstance(found, dict):
        return "unreadable: no JSON object"
    if any(value is not None for key, value in found.items() if key in columns):
        return "unreadable: not valid JSON"  # to a stricter reader: half a surrogate, say
    return None


def _lines(path: str, wanted: set[int]) -> Iterator[tuple[int, bytes]]:
    """Lines by their number, from 1; those of nothing but white space are not counted, as DuckDB does not."""
    last, row = max(wanted), 0
    for line in text_files.lines(path):
        if not line.strip():
            continue
        row += 1
        if row in wanted:
            yield row, line.strip()
        if row == last:
            return
