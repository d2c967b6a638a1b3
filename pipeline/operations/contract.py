"""What the published tables hold and keep to, for those who read them: an Open Data Contract (ODCS), as YAML.

All of it is made from what publication itself goes by: the registry of tables, the checks that stop it, the settings.
The same settings give the same bytes.

Source: Bitol, "Open Data Contract Standard", v3.1.0.
"""

import re
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import yaml

from pipeline.ground import keeping, sql
from pipeline.publication import stores
from pipeline.published.contract import RUN_ID, SCHEMA_VERSION, Column, PublishedTable
from pipeline.published.histories import HISTORIES, STAGE_RUNS
from pipeline.published.targets import dsn
from pipeline.published.targets.duckdb_statements import TYPES as DUCKDB_TYPES
from pipeline.settings.config import Config
from pipeline.store import homes

STANDARD = "v3.1.0"
LOGICAL_TYPES: dict[pa.DataType, str] = {
    pa.string(): "string",
    pa.bool_(): "boolean",
    pa.int32(): "integer",
    pa.float32(): "number",
    pa.date32(): "date",
    pa.timestamp("us", tz="UTC"): "timestamp",
    pa.list_(pa.string()): "array",
}
"""The standard's names of published.contract.KINDS."""
SEVERITIES = {"stop": "error", "warn": "warning"}
LISTS = "recommendations"
"""What a check is about that names no table."""
WIDTH = 120
Described = dict[str, Any]


def as_yaml(config: Config) -> str:
    """The contract of a shop's tables.

    Raises:
        PublishError: NIGHTJAR_DSN is no connection.
    """
    return str(yaml.safe_dump(described(config), sort_keys=False, allow_unicode=True, width=WIDTH))


def described(config: Config) -> Described:
    """The contract, as the standard names its parts; arguments and errors as of as_yaml."""
    tables = [*stores.archive(config).tables, *HISTORIES]
    return {
        "apiVersion": STANDARD,
        "kind": "DataContract",
        "id": "nightjar-published-tables",
        "version": f"{SCHEMA_VERSION}.0.0",
        "name": "Nightjar's published tables",
        "status": "active",
        "description": {
            "purpose": "What applications show: every night's recommendations and what belongs to them.",
            "usage": "Read the current_* views: they show the active run, whole, and change in one step. "
            "What else there is has the rows of every run.",
            "limitations": "Columns that are added later stand at the end of a view.",
        },
        "servers": list(_servers(config)),
        "schema": [_table(table, [one.name for one in tables], config) for table in tables],
        "slaProperties": list(_promises(config)),
    }


def _servers(config: Config) -> Iterator[Described]:
    """Where the tables are, without what is secret."""
    if config.publish.target == "postgres":
        if dsn.is_configured():
            found = dsn.from_environment()
            where = {"host": found.get("host", "localhost"), "port": _port(found.get("port", "5432"))}
            database = found.get("dbname", found.get("user", "postgres"))
            yield {"server": "postgres", "type": "postgres", **where, "database": database} | {
                "schema": config.publish.schema_name
            }
    elif homes.mirror_of(config.home) is None:
        yield {
            "server": "duckdb",
            "type": "duckdb",
            "database": str(config.tables / "current.duckdb"),
            "schema": "main",
        }
    files = keeping.shown(str(config.tables / "parquet" / "run_id=*" / "*.parquet"))
    kind = (
        {"type": "local", "path": files}
        if homes.mirror_of(config.home) is None
        else {"type": "custom", "location": files}
    )
    yield {"server": "parquet", **kind, "format": "parquet", "description": "All runs that are kept, a folder each."}


def _port(said: str) -> int | str:
    return int(said) if said.isdecimal() else said


# --- tables -----------------------------------------------------------------------------------------------------------


def _table(table: PublishedTable, names: list[str], config: Config) -> Described:
    found: Described = {
        "name": table.view,
        "physicalName": table.view,
        "physicalType": "table" if table is STAGE_RUNS else "view",
        "logicalType": "object",
        "description": f"{table.grain[0].upper()}{table.grain[1:]}.",
        "dataGranularityDescription": table.grain,
        "properties": [_property(column, table, config) for column in (RUN_ID, *table.columns)],
    }
    rules = [
        rule for name in config.checks.of("tables") if table.name in _about(name, names) for rule in _rule(name, config)
    ]
    return found | ({"quality": rules} if rules else {})


def _property(column: Column, table: PublishedTable, config: Config) -> Described:
    found: Described = {
        "name": column.name,
        "logicalType": LOGICAL_TYPES[column.kind],
        "physicalType": _physical_type(column.kind, config),
        "description": column.meaning,
        "required": not column.nullable,
    }
    if column.name in table.key:
        found |= {"primaryKey": True, "primaryKeyPosition": table.key.index(column.name) + 1}
    if pa.types.is_list(column.kind):
        found["items"] = {"logicalType": LOGICAL_TYPES[column.kind.value_type]}
    if column.name == "user_id":
        found["tags"] = ["personal data"]
    return found


def _physical_type(kind: pa.DataType, config: Config) -> str:
    if config.publish.target == "postgres":
        from pipeline.published.targets.definitions import TYPES  # here, as it needs PostgreSQL's driver

        return TYPES[kind][0]
    return DUCKDB_TYPES[kind]


def _rule(name: str, config: Config) -> Iterator[Described]:
    """What a check that publication runs looks for, and what it does when it finds something."""
    file, severity = f"sql/checks/tables/{name}.sql", config.checks.severity[name]
    stops = f"No run is published in which {file} finds something"
    said = stops if severity == "stop" else f"What {file} finds is only warned of"
    yield {
        "name": name,
        "type": "text",
        "description": f"{said}: {sql.heading(f'checks/tables/{name}')}",
        "severity": SEVERITIES[severity],
    }


def _about(name: str, tables: list[str]) -> set[str]:
    """The tables that a check is about: that of its name, else those that its statement reads."""
    own = {table for table in tables if name == table or name.startswith(f"{table}_")}
    read = set(re.findall(r"[a-z_]+", sql.statement(f"checks/tables/{name}"))) & set(tables)
    return own or read or {LISTS}


# --- promises ---------------------------------------------------------------------------------------------------------


def _promises(config: Config) -> Iterator[Described]:
    """How often there is a run, by when it is valid, how many are kept."""
    yield {"property": "frequency", "value": 1, "unit": "d", "description": "One run for every night."}
    if (valid_by := config.monitoring.valid_by) is not None:
        yield {
            "property": "timeOfAvailability",
            "value": valid_by,
            "description": f"By {valid_by} in {config.timezone} the views show a run that knows the day before whole; "
            "`nightjar valid` says whether they do.",
            "driver": "operational",
        }
    kept = config.publish.keep_runs
    yield {
        "property": "retention",
        "value": kept,
        "unit": "runs",
        "description": f"The newest {kept} runs can be gone back to.",
    }
