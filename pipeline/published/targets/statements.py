"""The only place that runs sql/publish/postgres/*.sql.

Values are bound as %(name)s. PostgreSQL takes no bound values where a name stands, and none in statements that define
tables; there, and only there, the file has a {placeholder} that psycopg's composition quotes as what it is: a name, a
list of names, or a literal. So a table can be called by its load, and nothing is ever formatted into the text.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import psycopg
from psycopg import sql as psycopg_sql

from pipeline.ground import sql

Names = dict[str, psycopg_sql.Composable]


def name(*parts: str) -> psycopg_sql.Composable:
    """A table or schema, e.g. name("nightjar", "recommendations")."""
    return psycopg_sql.Identifier(*parts)


def names(columns: Sequence[str], of: str | None = None) -> psycopg_sql.Composable:
    """A list of columns, each behind the name of the relation it is `of` where that is given."""
    before = [] if of is None else [of]
    return psycopg_sql.SQL(", ").join(psycopg_sql.Identifier(*before, column) for column in columns)


def literal(value: int | str) -> psycopg_sql.Composable:
    """A value in a statement that takes no bound ones."""
    return psycopg_sql.Literal(value)


@cache
def _text(file: str) -> psycopg_sql.SQL:
    return psycopg_sql.SQL(sql.statement(f"publish/postgres/{file}"))


def composed(file: str, placeholders: Names) -> psycopg_sql.Composed:
    """The statement of sql/publish/postgres/<file>.sql with its placeholders filled in."""
    return _text(file).format(**placeholders)


def execute(
    connection: psycopg.Connection[Any], file: str, placeholders: Names, **params: Any
) -> psycopg.Cursor[tuple[Any, ...]]:
    """Run sql/publish/postgres/<file>.sql.

    Args:
        connection: where.
        file: the file's name without its ending.
        placeholders: for the {names} in it; more than it has do no harm.
        params: for its %(names)s.
    """
    return connection.execute(composed(file, placeholders), params or None)
