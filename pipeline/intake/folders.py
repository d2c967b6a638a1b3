"""Columns that stand in the names of a log file's folders (`country=fr/day=1/log.csv`), where a shop asks for them."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

import duckdb
import pyarrow as pa

from pipeline.ground import sql

NULL = "__HIVE_DEFAULT_PARTITION__"
"""How Hive and Spark write a null into a folder's name."""


def columns_of(name: Path) -> dict[str, str | None]:
    """What the folders of a file say, by key; of folders with the same key the innermost counts.

    Args:
        name: of the file, relative to the shop's folder: what stands above it is no part of a log.
    """
    pairs = [part.partition("=") for part in name.parts[:-1] if part.find("=") > 0]
    return {unquote(key): None if value == NULL else unquote(value) for key, _, value in pairs}


def add(connection: duckdb.DuckDBPyConnection, paths: Sequence[Path], folder: Path) -> None:
    """Give the table `raw` the columns of its files' folders, as text; a column of the log's own stays as it is.

    Args:
        connection: with the table `raw`.
        paths: its files.
        folder: the shop's.
    """
    said = {path: columns_of(path.relative_to(folder)) for path in paths}
    known = {name.lower() for name in connection.table("raw").columns}
    keys: dict[str, str] = {}  # the column, by what DuckDB takes for the same name
    for key in (key for columns in said.values() for key in columns):
        if key.lower() not in known:
            keys.setdefault(key.lower(), key)
    if not keys:
        return
    values = [{key.lower(): value for key, value in columns.items()} for columns in said.values()]
    table = {"_file": [str(path) for path in said]} | {
        name: pa.array([one.get(lower) for one in values], pa.string()) for lower, name in keys.items()
    }
    connection.register("folders", pa.table(table))
    try:
        sql.execute(connection, "ingest/folder_columns")
    finally:
        connection.unregister("folders")
