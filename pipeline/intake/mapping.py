"""The shop's SELECT from `raw`, held to what an input table may have and must have."""

import contextlib
import logging
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import duckdb
from duckdb import ColumnExpression, ConstantExpression, FunctionExpression

from pipeline.ground import confinement, places, sql
from pipeline.ground.errors import InputError
from pipeline.intake import absent, dry_run, id_columns, ids, logs, numberings, row_numbers, selects
from pipeline.intake.inputs import InputTable, attributes
from pipeline.intake.inputs.table import PLACE
from pipeline.settings.config import Config
from pipeline.settings.sections.data import InputFiles

log = logging.getLogger(__name__)

NO_ID_NEEDED = "an event_id need not be selected, it is a hash of all that the row says then"
FAILURES = (duckdb.ConversionException, duckdb.InvalidInputException, duckdb.OutOfRangeException)
"""What DuckDB raises where a mapping fails on a row."""


class FailsOnRowError(InputError):
    """A mapping runs, but not on every row.

    Attributes:
        kind: of DuckDB's error.
    """

    def __init__(self, path: Path, kind: str, content: str) -> None:
        """Of the mapping in a file, and what DuckDB says, which may quote a row."""
        super().__init__(f"{path} fails on a row; cast with try_cast: {kind}", content)
        self.kind = kind


def read(
    connection: duckdb.DuckDBPyConnection,
    tables: Iterable[InputTable],
    source: InputFiles,
    files: list[logs.LogFile],
    config: Config,
) -> None:
    """Read a log for the mappings that are made of it: of JSON Lines the keys that they name, of Parquet ids as text.

    Args:
        connection: where the tables of `logs.read` are made.
        tables: that may be mapped from it.
        source: the log.
        files: at least one.
        config: the tables' sources and mappings.
    Raises:
        InputError, duckdb.Error: as `logs.read`.
    """
    absent.restore(connection)
    asked = selects.Named()
    as_text, calculated = set[str](), set[str]()
    for table in tables:
        mapped = table.files(config)
        if mapped is not None and logs.same_raw(mapped, source):
            text = _text(config.folder / mapped.sql)
            asked |= selects.named(connection, text) | selects.Named(table.columns)
            given = id_columns.named(connection, text, table.ids)
            as_text, calculated = as_text | given[0], calculated | given[1]
    sql.execute(connection, "ingest/named", words=sorted(asked.words), every=asked.every).fetchall()
    logs.read(connection, source, files, config, as_text - calculated)


def _text(path: Path) -> str:
    """A mapping; none where it cannot be read, which is said where it is mapped."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def map_raw(connection: duckdb.DuckDBPyConnection, table: InputTable, source: InputFiles, config: Config) -> set[str]:
    """Make the view mapped_<table>: all columns a mapping may select, null where it does not; ids as in `ids`.

    Returns:
        The columns it selects.
    Raises:
        InputError: it does not run, does more than select from `raw`, selects a column the table does not have, or none
            that it needs, takes too long, says of a row that it stands where none does, or makes an event of its
            number.
    """
    path = config.folder / source.sql
    absent.restore(connection)
    relation, lacking = _bound(connection, path, logs.format_of(source), config.ingest.max_mapping_minutes)
    given, declared = set(relation.columns), table.attributes(config)
    if unknown := given - table.columns - declared.keys():
        known = f"{table.name} has the columns {', '.join(sorted(table.columns | declared.keys()))}"
        known += f"; name more in {table.key}.attributes" if table.described else ""
        raise InputError(f"{path} selects columns that are none ({known})", content=", ".join(sorted(unknown)))
    if missing := (table.needed | declared.keys()) - given:
        raise InputError(f"{path} must also select {sorted(missing)} (_file and _row are columns of raw)")
    sql.execute(connection, "ingest/values")
    columns = [name for name in relation.columns if name not in declared]
    present = [ids.text(name) if name in table.ids else ColumnExpression(name) for name in columns]
    present += [attributes.values(declared)] if table.described else []
    nulls = [ConstantExpression(None).alias(name) for name in sorted(table.columns - given)]
    of_ids = [name for name in table.ids if name in given]
    rows = ids.with_texts(relation, of_ids).select(*present, *nulls, ids.fault(of_ids))
    told = [name for name in ("arrived_at", table.happened) if name in given]
    if config.until is not None and not table.refuses and told:  # of events what happened is asked
        rows = rows.filter(FunctionExpression("is_known", ColumnExpression(told[0]), ConstantExpression(config.until)))
    rows.create_view(f"mapped_{table.name}")
    kept = selects.as_they_are(connection, path.read_text(encoding="utf-8"))
    if not kept >= (table.needed & PLACE) | {"_file"}:
        _require_places(connection, table, source, config, given)
    if table.refuses:
        _require_no_numbers(connection, table, source, config, kept)
    if lacking:
        with running(connection, source, config):
            empty = _empty(connection, table, (table.needed | {"arrived_at"}) & given)
        if empty and not (table.refuses and _is_lenient(source, config)):
            raise _lacks(connection, path, lacking, empty, logs.format_of(source))
        log.warning("%s names %s, which the log does not have: null", path, lacking)
    return given


def _is_lenient(source: InputFiles, config: Config) -> bool:
    """Whether all of a log may be noise: every line may be refused, and no header says that it is another's."""
    return config.ingest.max_reject_share >= 1 and logs.format_of(source) == "jsonl"


def _lacks(
    connection: duckdb.DuckDBPyConnection, path: Path, lacking: list[str], empty: list[str], kind: str
) -> InputError:
    """The error of a mapping that names nothing but what the log lacks; its columns, where all of them are read."""
    columns = [name for name in connection.table("raw").columns if name not in {*lacking, "_file", "_row"}]
    remedy = "Name columns that it has" + ("; is the delimiter right?" if kind == "csv" else "")
    return InputError(
        f"{path} names {lacking}, which the log does not have, and no row has {empty} without it. {remedy}",
        content=", ".join(columns if kind != "jsonl" else []),
    )


def _bound(
    connection: duckdb.DuckDBPyConnection, path: Path, kind: str, minutes: float
) -> tuple[duckdb.DuckDBPyRelation, list[str]]:
    """The mapping's rows, which are computed when they are used, and the columns that the log lacks for them.

    Nothing but one SELECT from `raw` gets so far.
    """
    text = ""
    try:
        text = path.read_text(encoding="utf-8")
        if faults := selects.faults(connection, text):
            raise InputError(f"{path} must be one SELECT from raw that reads and calls nothing else", "; ".join(faults))
        dry_run.require_fits(connection, path, text, kind)  # before it is bound, which works out constants
        with _in_time(connection, path, minutes):
            return absent.bind(connection, text, kind, selects.named(connection, text).words)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}") from None
    except duckdb.Error as error:
        raise InputError(f"{path}: {places.of_sql(error, text)}", content=places.words(error, is_own=True)) from None


def _empty(connection: duckdb.DuckDBPyConnection, table: InputTable, columns: Iterable[str]) -> list[str]:
    """Which columns of a mapping have no value in any row, where there are rows."""
    counted = sql.execute(connection, "ingest/filled", names=sorted(columns), mapped=f"mapped_{table.name}")
    names = [column[0] for column in counted.description or ()]
    (counts,) = counted.fetchall()
    return [name for name, count in zip(names, counts, strict=True) if not count and any(counts)]


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
    path, mapped = config.folder / source.sql, f"mapped_{table.name}"
    with running(connection, source, config):
        if "_row" in table.needed:
            found = row_numbers.misplaced(connection, mapped)
        else:
            found = sql.execute(connection, "ingest/misplaced_files", mapped=mapped).fetchone()
    if found is not None:
        name, is_known = found
        what = f"of {name!r} a row has not its own _row" if is_known else f"no log file has the _file {name!r}"
        raise InputError(f"{path} must select _file and _row as they are in raw: {what}")


def _require_no_numbers(
    connection: duckdb.DuckDBPyConnection, table: InputTable, source: InputFiles, config: Config, kept: Collection[str]
) -> None:
    """Stop where what a mapping says of a row follows from its number in one reading, or an event's id is one."""
    path = config.folder / source.sql
    with running(connection, source, config):
        found = [] if "_row" in kept else row_numbers.dependent(connection, f"mapped_{table.name}")
    if found:
        raise InputError(
            f"{path}: {', '.join(sorted(found))} would follow from _row, which numbers the rows "
            "of one reading: the next night, or load-history, would make another event of the same row. Make it of the "
            f"log's own columns; {NO_ID_NEEDED}"
        )
    if not numberings.may_be_an_id(connection, path.read_text(encoding="utf-8")):
        return
    with running(connection, source, config):
        is_number = numberings.dependent(connection, f"mapped_{table.name}")
    if is_number:
        raise InputError(
            f"{path}: event_id numbers the rows of one reading: the next night, or load-history, would give the same "
            f"event another id, and its id to another event. Make it of the log's own columns; {NO_ID_NEEDED}"
        )


@contextlib.contextmanager
def running(connection: duckdb.DuckDBPyConnection, source: InputFiles, config: Config) -> Iterator[None]:
    """Give a mapping its time, and say which one it is that fails on a row; of pseudonyms' rows without values.

    Raises:
        FailsOnRowError: it fails.
        InputError: it takes longer than ingest.max_mapping_minutes.
    """
    try:
        with _in_time(connection, config.folder / source.sql, config.ingest.max_mapping_minutes):
            yield
    except FAILURES as error:
        said = places.words(error)
        said = re.sub(r"'[^']*'", "'...'", said) if config.ingest.pseudonyms else said  # it quotes values
        raise FailsOnRowError(config.folder / source.sql, places.of_sql(error), said) from None
