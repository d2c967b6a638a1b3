"""The shop's SELECT from `raw`, held to what an input table may have and must have."""

import contextlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb
from duckdb import ColumnExpression, ConstantExpression

from pipeline.ground import confinement, places, sql
from pipeline.ground.errors import InputError
from pipeline.intake import ids, logs, selects
from pipeline.intake.inputs import InputTable
from pipeline.settings.config import Config
from pipeline.settings.sections.data import InputFiles


def ask(
    connection: duckdb.DuckDBPyConnection, tables: Iterable[InputTable], source: InputFiles, config: Config
) -> None:
    """Say for whom a log is going to be read: of JSON Lines only the keys are that a mapping of it names.

    Args:
        connection: where it is read next.
        tables: that may be mapped from it.
        source: the log.
        config: the tables' sources and mappings.
    """
    asked = selects.Named()
    for table in tables:
        mapped = table.files(config)
        if mapped is not None and logs.same_raw(mapped, source):
            asked |= _named(connection, config.folder / mapped.sql) | selects.Named(table.columns)
    sql.execute(connection, "ingest/named", words=sorted(asked.words), every=asked.every)


def _named(connection: duckdb.DuckDBPyConnection, path: Path) -> selects.Named:
    try:
        return selects.named(connection, path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):  # which is said where it is mapped
        return selects.Named(every=True)


def map_raw(connection: duckdb.DuckDBPyConnection, table: InputTable, source: InputFiles, config: Config) -> set[str]:
    """Make the view mapped_<table>: all columns a mapping may select, null where it does not; ids as in `ids`.

    Returns:
        The columns it selects.
    Raises:
        InputError: it does not run, does more than select from `raw`, selects a column the table does not have, or none
            that it needs, takes too long, or says of a row that it stands where none does.
    """
    path = config.folder / source.sql
    relation = _bound(connection, path, config.ingest.max_mapping_minutes)
    given = set(relation.columns)
    if unknown := given - table.columns:
        raise InputError(f"{path} selects {sorted(unknown)}; the columns of {table.name} are {sorted(table.columns)}")
    if missing := table.needed - given:
        raise InputError(f"{path} must also select {sorted(missing)} (_file and _row are columns of raw)")
    sql.execute(connection, "ingest/values")
    present = [ids.text(name) if name in table.ids else ColumnExpression(name) for name in relation.columns]
    absent = [ConstantExpression(None).alias(name) for name in sorted(table.columns - given)]
    fault = ids.fault(name for name in table.ids if name in given)
    relation.select(*present, *absent, fault).create_view(f"mapped_{table.name}")
    _require_places(connection, table, source, config, given)
    return given


def _bound(connection: duckdb.DuckDBPyConnection, path: Path, minutes: float) -> duckdb.DuckDBPyRelation:
    """The mapping's rows, which are computed when they are used; nothing but one SELECT from `raw` gets so far."""
    text = ""
    try:
        text = path.read_text(encoding="utf-8")
        if faults := selects.faults(connection, text):
            raise InputError(f"{path} must be one SELECT from raw that reads and calls nothing else", "; ".join(faults))
        with _in_time(connection, path, minutes):
            return connection.sql(text)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}") from None
    except duckdb.Error as error:
        raise InputError(f"{path}: {places.of_sql(error, text)}", content=str(error)) from None


def _in_time(
    connection: duckdb.DuckDBPyConnection, path: Path, minutes: float
) -> contextlib.AbstractContextManager[None]:
    said = f"{path} took longer than ingest.max_mapping_minutes ({minutes:g}) and was stopped: mend it, or allow more"
    return confinement.limited(connection, minutes, said)


def _require_places(
    connection: duckdb.DuckDBPyConnection, table: InputTable, source: InputFiles, config: Config, given: set[str]
) -> None:
    """Stop where a mapping changes what says where its rows stand: their refusal could not be counted any more."""
    if "_row" not in table.needed and "arrived_at" in given:  # then nobody asks where a row stands
        return
    does = "misplaced_rows" if "_row" in table.needed else "misplaced_files"
    with running(connection, source, config):
        found = sql.execute(connection, f"ingest/{does}", mapped=f"mapped_{table.name}").fetchone()
    if found is not None:
        raise InputError(
            f"{config.folder / source.sql} must select _file and _row as they are in raw: "
            f"no row of the log has the _file {found[0]!r}" + ("" if found[1] is None else f" and the _row {found[1]}")
        )


@contextlib.contextmanager
def running(connection: duckdb.DuckDBPyConnection, source: InputFiles, config: Config) -> Iterator[None]:
    """Give a mapping its time, and say which one it is that fails on a row; of pseudonyms' rows without values.

    Raises:
        InputError: it fails, or takes longer than ingest.max_mapping_minutes.
    """
    try:
        with _in_time(connection, config.folder / source.sql, config.ingest.max_mapping_minutes):
            yield
    except (duckdb.ConversionException, duckdb.InvalidInputException, duckdb.OutOfRangeException) as error:
        said = re.sub(r"'[^']*'", "'...'", str(error)) if config.ingest.pseudonyms else str(error)  # it quotes values
        what = f"{config.folder / source.sql} fails on a row; cast with try_cast: {places.of_sql(error)}"
        raise InputError(what, content=said) from None
