"""Columns that stand in the names of a log file's folders (`country=fr/day=1/log.csv`), where a shop asks for them."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

import duckdb
import pyarrow as pa
from duckdb import CoalesceOperator, ColumnExpression, Expression, FunctionExpression

from pipeline.ground import keeping, sql
from pipeline.ground.errors import InputError
from pipeline.intake.inputs.table import PLACE

NULL = "__HIVE_DEFAULT_PARTITION__"
"""How Hive and Spark write a null into a folder's name."""


def columns_of(name: Path) -> dict[str, str | None]:
    """What the folders of a file say, by key; of folders with the same key the innermost counts.

    Args:
        name: of the file, relative to the shop's folder: what stands above it is no part of a log.
    """
    pairs = [part.partition("=") for part in name.parts[:-1] if part.find("=") > 0]
    return {unquote(key): None if value == NULL else unquote(value) for key, _, value in pairs}


def add(
    connection: duckdb.DuckDBPyConnection,
    paths: Sequence[Path],
    folder: Path,
    own: Mapping[str, Collection[str]] | None,
) -> None:
    """Give the table `raw` the columns of its files' folders, as text; a column that a file has itself stays as it is.

    What a file's rows get follows from the file alone, whatever other files are read with it.

    Args:
        connection: with the table `raw`.
        paths: its files.
        folder: where they lie.
        own: the columns that each file has, by its path; None: those of which it has a value.
    Raises:
        InputError: a folder's key is a column of another file that is no text there.
    """
    said = {str(path): {k.lower(): v for k, v in columns_of(_name(path, folder)).items()} for path in paths}
    keys: dict[str, str] = {}  # the column, by what DuckDB takes for the same name
    for path in paths:
        for key in columns_of(_name(path, folder)):
            keys.setdefault(key.lower(), key)
    keys = {lower: name for lower, name in keys.items() if lower not in PLACE}
    if not keys:
        return
    raw = connection.table("raw")
    known = {name.lower(): name for name in raw.columns}
    shared = [known[lower] for lower in keys if lower in known]
    has = _with_values(connection, shared) if own is None else own
    given = {path: {name.lower() for name in has.get(path, ())} for path in said}
    _require_texts(raw, shared, said, given)
    table = {"_file": list(said)} | {
        _column(lower): pa.array(
            [None if lower in given[path] else columns.get(lower) for path, columns in said.items()], pa.string()
        )
        for lower in keys
    }
    connection.register("folders", pa.table(table))
    try:
        rows = sql.select(connection, "ingest/folder_rows")
        kept = [_value(name, keys) for name in raw.columns if name not in PLACE]
        new = [ColumnExpression(_column(lower)).alias(name) for lower, name in keys.items() if lower not in known]
        rows.select(*kept, *new, *map(ColumnExpression, sorted(PLACE))).create("raw_in_folders")
        sql.execute(connection, "ingest/folder_columns").fetchall()
    finally:
        connection.unregister("folders")


def _name(path: Path, folder: Path) -> Path:
    """A file's name below the shop's folder, or its URL."""
    return path.relative_to(folder) if path.is_relative_to(folder) else Path(keeping.shown(str(path)))


def _column(lower: str) -> str:
    """A name for what folders say that no column of a log has."""
    return f"folder_of_file_for_nightjar {lower}"


def _value(name: str, keys: Collection[str]) -> Expression:
    """A column of the log; in a file that lacks it, what the file's folder says."""
    own = ColumnExpression(name)
    if name.lower() not in keys:
        return own
    return CoalesceOperator(own, ColumnExpression(_column(name.lower()))).alias(name)


def _with_values(connection: duckdb.DuckDBPyConnection, names: Sequence[str]) -> dict[str, set[str]]:
    """Which of some columns have a value in any row of a file, by its path."""
    if not names:
        return {}
    counts = [FunctionExpression("count", ColumnExpression(name)) for name in names]
    rows = connection.table("raw").aggregate([ColumnExpression("_file"), *counts]).fetchall()
    return {path: {name for name, n in zip(names, found, strict=True) if n} for path, *found in rows}


def _require_texts(
    raw: duckdb.DuckDBPyRelation,
    names: Sequence[str],
    said: Mapping[str, Mapping[str, str | None]],
    given: Mapping[str, Collection[str]],
) -> None:
    kinds = dict(zip(raw.columns, map(str, raw.types), strict=True))
    for name in (name for name in names if kinds[name] != "VARCHAR"):
        for path in (path for path in said if name.lower() in said[path] and name.lower() not in given[path]):
            raise InputError(
                f"{path}: its folder says {name}, which is a column of type {kinds[name]} in other files: rename the "
                "folder, or give this file the column"
            )
