"""Parquet files: a column of ids is text, so that one id is the same text whatever type it or its neighbours have.

Files are read together, and DuckDB gives a column of several types the one that holds them all: of integers and floats
it makes floats, in which large integers are rounded, and of decimals and texts texts such as 7.00. So what a mapping
gives as an id (pipeline.intake.id_columns) becomes text file by file, where some file has floats or the types differ;
and a number beside a text too, also in lists and records (pipeline.intake.nested_columns). What is no id in a column
of floats is none as a text either (sql/ingest/values.sql).
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import groupby

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from duckdb import ColumnExpression, ConstantExpression, Expression, FunctionExpression, StarExpression

from pipeline.ground import sql
from pipeline.intake import nested_columns, raw

INTEGER, FLOAT, DOUBLE, DECIMAL, TEXT = "integer", "float", "double", "decimal", "text"
NOTHING, NESTED, OTHER = "nothing", "nested", "other"
BROKEN = frozenset({FLOAT, DOUBLE, DECIMAL})
"""Kinds of numbers that may not be whole."""

Kinds = Mapping[str, str]
"""By the name of a file's column, in lower case, what it has."""


def read(connection: duckdb.DuckDBPyConnection, paths: Sequence[str], ids: Collection[str]) -> dict[str, list[str]]:
    """Fill `raw` with the rows of files, in their order.

    Args:
        connection: where it is made.
        paths: of the files, which can be read.
        ids: names, in lower case, of the columns that may be text.
    Returns:
        The columns of each file.
    Raises:
        duckdb.Error: a file cannot be read, or a column is a list in one and a number in another.
    """
    schemas = {path: pq.read_schema(path) for path in paths}
    types = {path: {field.name.lower(): field.type for field in schema} for path, schema in schemas.items()}
    kinds = {path: {name: _kind(kind) for name, kind in of.items()} for path, of in types.items()}
    changed = _changed(list(kinds.values()), ids)
    rows = _rows(connection, paths)
    nested = _nested(list(types.values()))
    together = {name.lower(): str(kind) for name, kind in zip(rows.columns, rows.types, strict=True)}
    changed |= {name: together[name] for name in nested}
    if changed:
        sql.execute(connection, "ingest/values")
        no_rows = {name: ConstantExpression(None).cast(kind).alias(name) for name, kind in changed.items()}
        raw.fill(connection, _with(rows, no_rows).limit(0))
        for found, of_kind in groupby(paths, key=lambda path: {name: types[path].get(name) for name in changed}):
            columns = {
                name: _column(name, kind, changed[name], nested.get(name)) for name, kind in found.items() if kind
            }
            raw.fill(connection, _with(_rows(connection, list(of_kind)), columns), more=True)
    else:
        raw.fill(connection, rows)
    return {path: schema.names for path, schema in schemas.items()}


def _rows(connection: duckdb.DuckDBPyConnection, paths: Sequence[str]) -> duckdb.DuckDBPyRelation:
    return sql.select(connection, "ingest/read_parquet", files=sql.literal(paths), place=raw.FILE_OF_ROW)


def _kind(kind: pa.DataType) -> str:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_integer(kind):
        return INTEGER
    if pa.types.is_floating(kind):
        return DOUBLE if pa.types.is_float64(kind) else FLOAT
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return TEXT
    if pa.types.is_decimal(kind):
        return DECIMAL
    return NESTED if pa.types.is_nested(kind) else NOTHING if pa.types.is_null(kind) else OTHER


def _changed(files: Sequence[Kinds], ids: Collection[str]) -> dict[str, str]:
    """The columns that get another type than DuckDB would give them, and that type."""
    changed = {}
    for name in dict.fromkeys(name for of in files for name in of):
        kinds = {of[name] for of in files if name in of} - {NOTHING}
        if NESTED in kinds or not kinds & BROKEN:  # integers and texts are the same texts together
            continue
        if TEXT in kinds or name in ids:
            changed[name] = "VARCHAR"
        elif FLOAT in kinds and len(kinds) > 1:  # DuckDB would take the integers for floats of 32 bits
            changed[name] = "DOUBLE"
    return changed


def _with(rows: duckdb.DuckDBPyRelation, columns: Mapping[str, Expression]) -> duckdb.DuckDBPyRelation:
    """The rows with other columns of these names, in lower case, in place of their own."""
    own = [name for name in rows.columns if name.lower() in columns]
    return rows.select(StarExpression(exclude=own), *(columns[name.lower()].alias(name) for name in own))


def _nested(files: Sequence[Mapping[str, pa.DataType]]) -> dict[str, frozenset[nested_columns.Place]]:
    """The nested columns that have a text in one file where another has a number, and where in them."""
    names = dict.fromkeys(name for of in files for name, kind in of.items() if pa.types.is_nested(kind))
    found = {name: nested_columns.mixed([of[name] for of in files if name in of]) for name in names}
    return {name: places for name, places in found.items() if places}


def _column(name: str, kind: pa.DataType, wanted: str, places: frozenset[nested_columns.Place] | None) -> Expression:
    """A file's column as the type that is wanted; of a nested one, what stands at some places as the texts of ids."""
    if places is not None:
        return nested_columns.texted(name, kind, places).cast(wanted)
    own = ColumnExpression(name)
    is_broken = _kind(kind) in BROKEN
    return FunctionExpression("number_text", own) if wanted == "VARCHAR" and is_broken else own.cast(wanted)
