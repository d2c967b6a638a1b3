"""JSON Lines that are none: a byte order mark before the first of them, and lines that no reader can take."""

import json
import shutil
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from pipeline.ground import sql
from pipeline.ground.errors import InputError

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def without_marks(paths: Sequence[str], folder: Path) -> dict[str, str]:
    """Copy the files that begin with a byte order mark, which is no JSON, without it.

    Args:
        paths: text files, packed (.gz, .zst) or plain.
        folder: where the copies go, unpacked; it is made where there are some.
    Returns:
        The copy of each such file, by its path.
    Raises:
        InputError: a file cannot be read.
    """
    copies = {}
    for number, path in enumerate(paths):
        try:
            with pa.input_stream(path, compression="detect") as source:
                if source.read(len(BYTE_ORDER_MARK)) != BYTE_ORDER_MARK:
                    continue
                folder.mkdir(parents=True, exist_ok=True)
                copy = folder / f"without-byte-order-mark-{number}.jsonl"
                with copy.open("wb") as out:
                    shutil.copyfileobj(source, out)
                copies[path] = str(copy)
        except (OSError, pa.ArrowInvalid) as error:
            raise InputError(f"{path} cannot be read ({error}): is it whole? Fetch it again") from None
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
    for line in _split(path):
        if not line.strip():
            continue
        row += 1
        if row in wanted:
            yield row, line.strip()
        if row == last:
            return


def _split(path: str, chunk: int = 1 << 20) -> Iterator[bytes]:
    """The lines of a text file, packed or plain."""
    held = b""
    with pa.input_stream(path, compression="detect") as stream:
        while piece := stream.read(chunk):
            *ended, held = (held + piece).split(b"\n")
            yield from ended
    if held:
        yield held
