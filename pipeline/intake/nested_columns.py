"""Lists and records of Parquet files in which a number of one file is a text of another: one id is the same text.

DuckDB makes texts of both, of a decimal 7.00. Here what may be no integer becomes the text that it is as an id
(sql/ingest/values.sql), file by file, before they are put together.
"""

from collections.abc import Iterator, Sequence

import pyarrow as pa
from duckdb import (
    CaseExpression,
    ColumnExpression,
    ConstantExpression,
    Expression,
    FunctionExpression,
    LambdaExpression,
)

Place = tuple[str, ...]
"""Where a value stands in a column: the names of records' fields in lower case, ITEM for the items of a list."""
ITEM = ""


def is_text(kind: pa.DataType) -> bool:
    """Whether values of a type are texts."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def may_be_broken(kind: pa.DataType) -> bool:
    """Whether values of a type are numbers that may not be whole."""
    return bool(pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def mixed(kinds: Sequence[pa.DataType]) -> frozenset[Place]:
    """The places where one file's column has text, and another's numbers that may not be whole.

    Args:
        kinds: of one nested column, in each file that has it.
    """
    found = [dict(_values(kind)) for kind in kinds]
    texts, numbers = (
        {place for of in found for place, kind in of.items() if holds(kind)} for holds in (is_text, may_be_broken)
    )
    return frozenset(texts & numbers)


def texted(name: str, kind: pa.DataType, places: frozenset[Place]) -> Expression:
    """A file's nested column with texts in place of the numbers at some places; as it is where it has none there.

    Args:
        name: of the column.
        kind: of it, in this file.
        places: of `mixed`.
    """
    return _texted(ColumnExpression(name), kind, places, ())


def _values(kind: pa.DataType, place: Place = ()) -> Iterator[tuple[Place, pa.DataType]]:
    """The values in a type that are no lists or records, by their place; of others nothing is known."""
    if _is_list(kind):
        yield from _values(kind.value_type, (*place, ITEM))
    elif pa.types.is_struct(kind):
        for field in _fields(kind):
            yield from _values(field.type, (*place, field.name.lower()))
    elif not pa.types.is_nested(kind):
        yield place, kind


def _texted(value: Expression, kind: pa.DataType, places: frozenset[Place], place: Place) -> Expression:
    if not any(one in places and may_be_broken(found) for one, found in _values(kind, place)):
        return value
    if _is_list(kind):
        item = f"item_{len(place)}"
        inner = _texted(ColumnExpression(item), kind.value_type, places, (*place, ITEM))
        return FunctionExpression("list_transform", value, LambdaExpression(item, inner))
    if pa.types.is_struct(kind):
        parts = [
            _texted(
                FunctionExpression("struct_extract", value, ConstantExpression(field.name)),
                field.type,
                places,
                (*place, field.name.lower()),
            ).alias(field.name)
            for field in _fields(kind)
        ]
        nothing = ConstantExpression(None)
        return CaseExpression(value.isnull(), nothing).otherwise(FunctionExpression("struct_pack", *parts))
    return FunctionExpression("number_text", value)


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _fields(kind: pa.DataType) -> Iterator[pa.Field]:
    return (kind.field(number) for number in range(kind.num_fields))
