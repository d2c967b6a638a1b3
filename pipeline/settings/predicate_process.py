"""The process in which surfaces' predicates run (`python -m`): its limits, and the database that holds the items.

Its input is a line of JSON (`wheres`: the predicates by surface, `valid_on`: the day, `memory_mb`, `seconds`,
`attributes`: kinds by name) and an Arrow stream of the items, or nothing; its output a line of JSON (`error`: what is
wrong, or null) and a byte per surface and item.
"""

import contextlib
import json
import resource
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import duckdb
import numpy as np
import pyarrow as pa

from pipeline.ground import sql
from pipeline.ground.errors import InputError

TYPES = {"word": "varchar", "number": "double", "date": "date"}
"""Of an attribute's column, by its kind."""


def main() -> None:
    """Answer what standard input asks."""
    asked = json.loads(sys.stdin.buffer.readline())
    content = sys.stdin.buffer.read()
    items = pa.ipc.open_stream(content).read_all() if content else None
    try:
        with over(items, asked["valid_on"], asked["attributes"]) as connection:
            limit(asked["memory_mb"], asked["seconds"])
            found = [passing(connection, surface, where) for surface, where in asked["wheres"].items()]
    except InputError as error:
        print(json.dumps({"error": str(error)}), flush=True)
        return
    print(json.dumps({"error": None}), flush=True)
    sys.stdout.buffer.write(b"".join(passes.tobytes() for passes in found))


def limit(memory_mb: int, seconds: int) -> None:
    """Bound what this process may take from here on: MiB of memory beside what it has, seconds of the processor."""
    with contextlib.suppress(FileNotFoundError):  # where there is no /proc, only the time is bounded
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        memory = pages * resource.getpagesize() + memory_mb * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


@contextlib.contextmanager
def over(
    items: pa.Table | None, valid_on: str | None, attributes: Mapping[str, str] = MappingProxyType({})
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database that holds the items, reaches nothing else, and cannot be told to.

    Args:
        items: schemas.ITEMS, and a column for each attribute; None: one item of which nothing is known.
        valid_on: the day that is asked about, in ISO 8601.
        attributes: what is unknown of that one too: the kinds by name.
    """
    with duckdb.connect(config={"enable_external_access": "false", "threads": 1}) as connection:
        if items is not None:
            connection.register("arrow_items", items)
        made = "publish/items_for_where" if items is not None else "publish/items_unknown"
        sql.execute(connection, made, valid_on=valid_on).fetchall()
        if items is None and attributes:
            nothing = duckdb.ConstantExpression(None)
            nulls = [nothing.cast(TYPES[kind]).alias(name) for name, kind in attributes.items()]
            connection.table("items").select(duckdb.StarExpression(), *nulls).create("described")
            sql.execute(connection, "publish/items_described").fetchall()
        connection.execute("set lock_configuration = true").fetchall()
        yield connection


def passing(connection: duckdb.DuckDBPyConnection, surface: str, where: str) -> np.ndarray:
    """Which items pass a surface's predicate: bool [I]; an item it says nothing about does not.

    Args:
        connection: from `over`.
        surface: its name, for messages.
        where: the predicate.
    Raises:
        InputError: it is no condition, reaches beyond the items' columns, or cannot be worked out.
    """
    said = f"surface '{surface}': where = {where!r}"
    where = where.replace("$valid_on", "valid_on")
    faults = sql.execute(connection, "publish/where_faults", predicate=where).fetchall()
    if faults:
        raise InputError(f"{said} cannot be used: {'; '.join(fault for (fault,) in faults)}")
    try:
        chosen = connection.table("items").select(duckdb.SQLExpression(where).alias("passes"))
        if str(chosen.types[0]) != "BOOLEAN":
            raise InputError(f"{said} is a {chosen.types[0]}: write a condition, e.g. kind = 'product'")
        rows = chosen.fetchnumpy()["passes"]
    except (duckdb.OutOfMemoryException, MemoryError):
        raise InputError(f"{said} needs too much memory: write it so that it takes less") from None
    except duckdb.Error as error:
        raise InputError(f"{said} is not a condition on the items table: {error}") from None
    return np.asarray(np.ma.filled(rows, False), dtype=bool)


if __name__ == "__main__":
    main()
