"""Ids as text, each in one spelling: a column of integers is one of floats where pandas wrote it with a gap.

A customer who is 7 in one file and 7.0 in the next is one customer. Every input's ids pass through here before its own
statement sees them; what cannot be an id has a reason in the column FAULT.
"""

import re
from collections.abc import Iterable

import duckdb
from duckdb import (
    CaseExpression,
    CoalesceOperator,
    ColumnExpression,
    ConstantExpression,
    Expression,
    FunctionExpression,
    StarExpression,
)

from pipeline.intake.inputs import InputTable

FAULT = "id_fault"
"""The column that says why a row's ids are none; null: they are."""
TEXT = "{} as text"
"""The column beside one of ids."""


def with_texts(rows: duckdb.DuckDBPyRelation, names: Iterable[str]) -> duckdb.DuckDBPyRelation:
    """The rows, and beside each of those columns its id as text, null where it has none, which is worked out once for
    `text` and `fault`. Its macros are sql/ingest/values.sql's.
    """
    texts = (FunctionExpression("id_text", ColumnExpression(name)).alias(TEXT.format(name)) for name in names)
    return rows.select(StarExpression(), *texts)


def text(name: str) -> Expression:
    """A column of ids as text, under its own name; of `with_texts`."""
    return ColumnExpression(TEXT.format(name)).alias(name)


def fault(names: Iterable[str]) -> Expression:
    """The column FAULT of those columns: what is wrong with the first that is no id; of `with_texts`."""
    return CoalesceOperator(*map(_fault, names), ConstantExpression(None)).alias(FAULT)


def _fault(name: str) -> Expression:
    said = FunctionExpression("id_fault", ConstantExpression(name), ColumnExpression(name))
    return CaseExpression(ColumnExpression(TEXT.format(name)).isnull(), said)


def canonical(one: str) -> str:
    """An id as ingest keeps it, of the text that a person gives: as sql/ingest/values.sql's `whole`."""
    found = re.fullmatch(r"(-?(?:0|[1-9][0-9]*))\.0", one)
    return one if found is None else str(int(found[1]))


def forms(one: str) -> list[str]:
    """A person's id, and how else the same id can be written: what was taken before 7.0 was 7 is still on disk."""
    kept = canonical(one)
    whole = re.fullmatch(r"-?(?:0|[1-9][0-9]*)", kept)
    return list(dict.fromkeys([one, kept, *([f"{kept}.0"] if whole else [])]))


def usable(table: InputTable, max_id_bytes: int) -> Expression:
    """Whether the ids that must be there are, and none is empty or too long."""
    usable = ConstantExpression(True)
    for name in table.ids:
        size = FunctionExpression("strlen", ColumnExpression(name))
        fits = (size > ConstantExpression(0)) & (size <= ConstantExpression(max_id_bytes))
        may_be_absent = table.schema.field(name).nullable
        usable = usable & (fits | ColumnExpression(name).isnull() if may_be_absent else fits)
    return usable
