"""The attributes that a shop declares of its users or items: columns of its mapping, as one list of texts."""

from collections.abc import Iterable

from duckdb import ColumnExpression, Expression, FunctionExpression


def values(names: Iterable[str]) -> Expression:
    """The column `attributes`, varchar[]: what a row says of each, in the order of the names; null where nothing.

    Its macro is sql/ingest/values.sql's.
    """
    texts = [FunctionExpression("label", ColumnExpression(name)) for name in names]
    return FunctionExpression("list_value", *texts).cast("varchar[]").alias("attributes")
