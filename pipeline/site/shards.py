"""Data files that a page reads by hash: of whatever is looked up, all that shares the first digits of its MD5.

A page finds somebody's file without an index, from a bucket or a disk, as each file is a script that hands over its
content: `nightjar("users/3f", [...])`. It is JSON in ASCII, arrays all the way down, so that no text in it can be taken
for a name or for the end of a script. MD5 is no secret here: it spreads ids evenly, and DuckDB and a page both have it.
"""

import json
import math
import re
from pathlib import Path

import duckdb

from pipeline.ground import sql

PER_FILE = 500
"""Users, items or keys that a file has at most on average, so that it is read in an instant."""
MOST_DIGITS = 4
NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
"""In JSON it stands in strings alone."""
PARTS = tuple("0123456789abcdef")
"""Files are made by the first digit, so that memory is that of a sixteenth."""


def digits(count: int) -> int:
    """How many hexadecimal digits the names of files have, for so many things to look up: 1 to MOST_DIGITS.

    Of a hundred thousand users there are 256 files, of a million 4,096.
    """
    return min(MOST_DIGITS, max(1, math.ceil(math.log(max(count, 1) / PER_FILE, 16))))


def write(connection: duckdb.DuckDBPyConnection, kind: str, folder: Path, **params: object) -> int:
    """Write the files of a kind of thing: sql/site/<kind>.sql, a row (shard, content) per file.

    Args:
        connection: has what the statement reads.
        kind: of things; also the name of the files' folder.
        folder: where the folder goes.
        params: bound to the statement, beside `part`.
    Returns:
        How many files.
    """
    place, count = folder / kind, 0
    place.mkdir(parents=True)
    for part in PARTS:
        found = sql.execute(connection, f"site/{kind}", part=part, **params)
        while row := found.fetchone():
            shard, content = row
            (place / f"{shard}.js").write_text(_script(f"{kind}/{shard}", content), encoding="ascii")
            count += 1
    return count


def _script(name: str, content: str) -> str:
    """Content, JSON as DuckDB writes it, handed over by name; escaped to ASCII, whatever a server says it is."""
    ascii_only = NOT_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], content)
    return f"nightjar({json.dumps(name)},{ascii_only})\n"
