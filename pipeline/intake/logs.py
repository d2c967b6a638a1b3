"""Reading the shop's raw log files into DuckDB's table `raw`."""

import logging
import re
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.ground import places, resources, sql
from pipeline.ground.errors import InputError
from pipeline.ground.sql import literal
from pipeline.intake import folders, json_lines, parquet_files, raw, text_files, zstd_frames
from pipeline.intake.csv_files import Reader
from pipeline.intake.log_files import FORMATS, PLACEHOLDERS, LogFile, find, folder_of, format_of, name_of
from pipeline.settings.config import Config
from pipeline.settings.sections.data import Ingest, InputFiles

__all__ = ["FORMATS", "PLACEHOLDERS", "LogFile", "find", "folder_of", "format_of", "literal", "read", "same_raw"]

log = logging.getLogger(__name__)

CAST = re.compile(r'failed to cast column "(.+?)" from type (.+?) to (.+?): ')
"""How DuckDB says that a column is of two types."""


def same_raw(one: InputFiles, other: InputFiles) -> bool:
    """Whether two sources read the same files in the same way, so that their table `raw` is one."""
    of_the_mapping = {"sql", "attributes"}
    return one.model_dump(exclude=of_the_mapping) == other.model_dump(exclude=of_the_mapping)


def read(
    connection: duckdb.DuckDBPyConnection,
    source: InputFiles,
    files: list[LogFile],
    config: Config,
    ids: Collection[str] = (),
) -> None:
    """Read files once into the tables `raw` (all text for CSV and JSON Lines), `unreadable`, `raw_files`, `log_files`.

    Args:
        connection: where the tables are made.
        source: format, delimiter and quotes.
        files: at least one.
        config: limits.
        ids: names, in lower case, of the columns of Parquet files that may be text.
    Raises:
        InputError: a file is missing, truncated or too large, or has rows of which it is not clear what they are.
        duckdb.Error: memory or the disk is full.
    """
    kind, paths = format_of(source), [str(file.path) for file in files]
    sql.execute(
        connection,
        "ingest/log_files",
        paths=paths,
        names=[name_of(config, file.path) for file in files],
        first_days=[file.first_day for file in files],
        last_days=[file.last_day for file in files],
    )
    for path in paths:
        _require_packed_well(path)
    if kind != "parquet":
        text_files.require_text(paths)
    try:
        sql.execute(connection, "ingest/unreadable_none")
        own = _read(connection, paths, source, config, ids)
        if source.hive_partitioning:
            folders.add(connection, [file.path for file in files], folder_of(source, config), own)
        sql.execute(connection, "ingest/raw_files")
    except duckdb.Error as error:
        if resources.is_scarce(error):  # not the file's fault
            raise
        place = _named(error, paths) or _unreadable(connection, paths, source, config, ids) or source.named
        said, content = _reason(error, kind)
        raise InputError(f"{place}: {said}", content) from error


def _require_packed_well(path: str) -> None:
    if "?" in path and path.endswith((".gz", ".zst")):  # DuckDB takes what follows for a URL's query, not an ending
        raise InputError(f"{path}: a packed file cannot be read from a path with '?': rename it")
    try:
        whole = not path.endswith(".zst") or zstd_frames.is_whole(Path(path)) or not Path(path).stat().st_size
    except OSError as error:
        raise text_files.unreadable(path, error) from None
    if not whole:
        raise InputError(f"{path} is truncated or no .zst: fetch it again, then run the night again")


def _named(error: duckdb.Error, paths: list[str]) -> str:
    """Which of the files an error names, and the line in it; "" where none."""
    path = max((path for path in paths if path in str(error)), key=len, default="")
    line = re.search(r"\bLine: (\d+)", str(error), re.IGNORECASE)
    return f"{path}: line {line[1]}" if path and line else path


def _unreadable(
    connection: duckdb.DuckDBPyConnection, paths: list[str], source: InputFiles, config: Config, ids: Collection[str]
) -> str:
    """The first file that cannot be read by itself either; "" where there is none."""
    for path in paths:
        try:
            _read(connection, [path], source, config, ids)
        except (duckdb.Error, InputError):
            return path
    return ""


def _reason(error: duckdb.Error, kind: str) -> tuple[str, str]:
    """Why a file cannot be read, and what to do; and what DuckDB says of it."""
    if raw.FILE_OF_ROW in str(error):
        return f"its column {raw.FILE_OF_ROW} has a name that is needed here: call it otherwise", ""
    if found := CAST.search(str(error)):
        column, own, other = found.groups()
        said = "a column is of another type than in other files, and no type holds both: write it as one in all of them"
        return said, f'"{column}" is {own} here, and {other} there'
    return f"it cannot be read, it may be truncated or no {kind}: fetch it again", places.words(error)


def _read(
    connection: duckdb.DuckDBPyConnection, paths: list[str], source: InputFiles, config: Config, ids: Collection[str]
) -> Mapping[str, Collection[str]] | None:
    """Fill `raw`; the columns that each file has, None where its rows say it."""
    settings, kind = config.ingest, format_of(source)
    if kind == "parquet":
        for path in paths:
            _require_few(path, settings)
        return parquet_files.read(connection, paths, ids)
    ((spill, _),) = sql.execute(connection, "ingest/scratch").fetchall()
    counted = text_files.count(paths, settings, config.threads)
    census = {path: of for path, of in counted.items() if not of.is_blank}  # rotation makes files of no bytes
    if not census:
        log.warning("%s: there is nothing in it%s", paths[0], ", nor in the others" if len(paths) > 1 else "")
        sql.execute(connection, "ingest/raw_nothing")
        return {}
    folder = spill if Path(spill).is_dir() else None
    with tempfile.TemporaryDirectory(prefix="mended", dir=folder) as scratch:
        if kind == "jsonl":
            json_lines.read(connection, census, Path(scratch), settings)
            return None
        return Reader(connection, source, census, Path(scratch), settings.max_row_bytes).read(list(census))


def _require_few(path: str, settings: Ingest) -> None:
    """Stop at a Parquet file that says itself that it holds too much."""
    try:
        said = pq.read_metadata(path)
    except (OSError, pa.ArrowException) as error:
        raise text_files.unreadable(path, error) from None
    size = sum(said.row_group(n).total_byte_size for n in range(said.num_row_groups))
    text_files.require_few(path, said.num_rows, size, settings)
