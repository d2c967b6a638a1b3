"""A PostgreSQL schema brought up to date: what is there is compared with what the published tables say.

A schema that an older version made gets the tables and columns that came since; a view that somebody dropped is made
again. What cannot be made again without losing something is refused, with what to do. Nothing is changed where nothing
is missing, and what is changed is changed in one transaction, under the publishers' lock.

What a comparison cannot find, a column that is called or typed differently than before, needs a statement of its own,
run here for schemas whose version is lower. Until now there was no such change.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.ground.errors import PublishError
from pipeline.published.contract import RUNS, SCHEMA_VERSION, Column, PublishedTable
from pipeline.published.histories import METRIC_HISTORY, STAGE_RUNS
from pipeline.published.targets import definitions, statements
from pipeline.published.targets.session import Connection

log = logging.getLogger(__name__)

REPUBLISH = "publish the newest night again (python -m pipeline run --run-date NIGHT)"


@dataclass
class Relation:
    """What a schema has of a name.

    Attributes:
        kind: PostgreSQL's letter for it: p, r, v, S, ...
        columns: their types by name, in their order.
        required: those that must not be null.
    """

    kind: str
    columns: dict[str, str] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)


Found = dict[str, Relation]


def found(connection: Connection, schema: str) -> Found:
    """What a schema has, by name; nothing where it is not there."""
    made: Found = {}
    for name, kind, column, type_, required in statements.execute(connection, "columns", {}, schema=schema):
        relation = made.setdefault(name, Relation(kind))
        if column is not None:
            relation.columns[column] = type_
            relation.required |= {column} if required else set()
    return made


def require_known(connection: Connection, schema: str) -> None:
    """Refuse a schema that a newer version of Nightjar made or changed.

    Raises:
        PublishError: its version is higher than ours.
    """
    version = _version(connection, schema)
    if version > SCHEMA_VERSION:
        raise PublishError(
            f"schema {schema} has version {version} of Nightjar's tables, and this Nightjar knows versions up to "
            f"{SCHEMA_VERSION}: install the newer Nightjar again, or let this one publish into another schema "
            "(publish.schema_name; an administrator makes it with roles.sql)"
        )


def _version(connection: Connection, schema: str) -> int:
    row = statements.execute(connection, "version", {"schema": statements.name(schema)}).fetchone()
    return int(row[0]) if row else 0


def bring_up(connection: Connection, schema: str, tables: Sequence[PublishedTable]) -> None:
    """Make what a schema lacks; the caller holds the publishers' lock.

    Raises:
        PublishError: something was dropped or changed that cannot be made again as it was; nothing is changed.
    """
    there = found(connection, schema)
    _require_the_books(schema, there)
    for table in tables:
        if table.name in there:
            _require_columns(schema, table, there[table.name])
        if table.view in there:
            _require_view(schema, table, there[table.view])
    if METRIC_HISTORY.view in there:
        _require_view(schema, METRIC_HISTORY, there[METRIC_HISTORY.view])
    if STAGE_RUNS.name in there:
        _require_columns(schema, STAGE_RUNS, there[STAGE_RUNS.name])
    with connection.transaction():
        if RUNS.name not in there:
            log.info(
                "schema %s has no tables of Nightjar's yet: they are made; who may read them, roles.sql says", schema
            )
            definitions.create_books(connection, schema)
        for table in tables:
            _complete(connection, schema, table, there)
        _complete_histories(connection, schema, there)
        statements.execute(connection, "grant_views", {"name": statements.literal(schema)})
        if _version(connection, schema) != SCHEMA_VERSION:
            names = {"schema": statements.name(schema)}
            statements.execute(connection, "set_version", names, version=SCHEMA_VERSION)


def _complete(connection: Connection, schema: str, table: PublishedTable, there: Found) -> None:
    """The table, its columns that came later, and its view."""
    if table.name != RUNS.name and table.name not in there:
        definitions.create_table(connection, schema, table)
        if RUNS.name in there:
            level = logging.INFO if table.added_later else logging.WARNING
            log.log(level, "table %s.%s is made: runs from before have no rows in it", schema, table.name)
    for column in _missing(table, there.get(table.name)):
        definitions.add_column(connection, schema, table, column)
        log.info("table %s.%s gets the column %s", schema, table.name, column.name)
    if table.view not in there or _is_short(table, there[table.view]):
        definitions.create_view(connection, schema, table)
        if RUNS.name in there:
            log.warning("view %s.%s is made anew, readable to whoever may use the schema", schema, table.view)


def _complete_histories(connection: Connection, schema: str, there: Found) -> None:
    """What there is of all runs."""
    if STAGE_RUNS.name not in there:
        definitions.create_stage_runs(connection, schema)
    for column in _missing(STAGE_RUNS, there.get(STAGE_RUNS.name)):
        definitions.add_column(connection, schema, STAGE_RUNS, column)
    if METRIC_HISTORY.view not in there or _is_short(METRIC_HISTORY, there[METRIC_HISTORY.view]):
        definitions.create_metric_history(connection, schema)


def _is_short(table: PublishedTable, view: Relation) -> bool:
    """Whether a view lacks columns that came since."""
    return list(view.columns) != list(table.schema.names)


def _missing(table: PublishedTable, relation: Relation | None) -> list[Column]:
    return [column for column in table.later if relation is not None and column.name not in relation.columns]


def _require_the_books(schema: str, there: Found) -> None:
    """Which rows are of which run stands in five places; without one of them nobody can say it."""
    books = definitions.BOOKS.items()
    lost = [name for name, columns in books if name not in there or not columns <= set(there[name].columns)]
    if lost and any(name in there for name in definitions.BOOKS):
        raise PublishError(
            f"schema {schema} has lost {', '.join(f'{schema}.{name}' for name in lost)} or columns of it, and without "
            f"that nobody can say which rows are of which run: restore the schema from a backup, or drop it (drop "
            f"schema {schema} cascade), run roles.sql, and {REPUBLISH}; the Parquet copies of all runs stay"
        )


def _require_columns(schema: str, table: PublishedTable, relation: Relation) -> None:
    wanted = definitions.held(table)
    where, later = f"{schema}.{table.name}", {column.name for column in table.later}
    for name, type_ in wanted.items():
        if name not in relation.columns and name not in later:
            raise PublishError(
                f"table {where} has no column {name}: somebody dropped it, and its values in published runs are gone. "
                f"Put it back ({definitions.put_back(schema, table, name)}), then {REPUBLISH}; runs from before keep "
                "what the statement fills in"
            )
        if relation.columns.get(name, type_) != type_:
            raise PublishError(
                f"column {name} of table {where} is {relation.columns[name]} and must be {type_}: somebody changed it. "
                f"Change it back (alter table {where} alter column {name} type {type_}), then {REPUBLISH}"
            )
    if strange := sorted(relation.required - set(wanted)):
        raise PublishError(
            f"column {strange[0]} of table {where} is not Nightjar's and must not be null, so no row could be loaded: "
            f"alter table {where} alter column {strange[0]} drop not null, then {REPUBLISH}"
        )


def _require_view(schema: str, table: PublishedTable, relation: Relation) -> None:
    """A view in use can get columns at its end; any other difference is somebody else's view."""
    wanted, has = table.schema.names, list(relation.columns)
    if relation.kind != "v" or wanted[: len(has)] != has:
        raise PublishError(
            f"{schema}.{table.view} is not the view that Nightjar made (it has {', '.join(has)}; wanted: "
            f"{', '.join(wanted)}): drop or rename it, then {REPUBLISH}, which makes it again"
        )
