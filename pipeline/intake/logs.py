"""The shop's raw log files: which ones a night needs, and reading them into DuckDB's table `raw`."""

import csv
import glob
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
from duckdb import ColumnExpression, StarExpression

from pipeline.ground import resources, sql
from pipeline.ground.errors import InputError
from pipeline.intake import folders, json_lines, long_lines, zstd_frames
from pipeline.intake.inputs.table import PLACE
from pipeline.settings.config import Config
from pipeline.settings.sections.data import InputFiles

PLACEHOLDERS = {"year": r"(?P<year>\d{4})", "month": r"(?P<month>\d{2})", "day": r"(?P<day>\d{2})"}
FORMATS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".parquet": "parquet"}
HEADER_BYTES = 1 << 20
FILE_OF_ROW = "file_of_row_for_nightjar"
"""The column that a reader adds; a log with a column of this name cannot be read."""


@dataclass(frozen=True)
class LogFile:
    """One raw file and the days it is about: those its name says, else null."""

    path: Path
    first_day: date | None
    last_day: date | None

    def is_about(self, night: date) -> bool:
        """Whether the file can be the night's log, by its name."""
        return self.first_day is None or self.last_day is None or self.first_day <= night <= self.last_day


def _glob(pattern: str, values: dict[str, str]) -> str:
    """What Path.glob takes: only *, ? and the placeholders stand for anything, a bracket is a bracket."""
    pattern = pattern.replace("[", "[[]")
    for name in PLACEHOLDERS:
        pattern = pattern.replace(f"{{{name}}}", values.get(name, "*"))
    return pattern


def _name_pattern(pattern: str) -> re.Pattern[str]:
    """The glob as a regular expression that reads the date in a file's name."""
    parts = re.split(r"(\{year\}|\{month\}|\{day\}|\*\*/|\*|\?)", pattern)
    known = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    seen: set[str] = set()
    expression = ""
    for part in parts:
        name = part.strip("{}")
        if part.startswith("{") and name in PLACEHOLDERS:
            expression += f"(?P={name})" if name in seen else PLACEHOLDERS[name]
            seen.add(name)
        else:
            expression += known.get(part, re.escape(part))
    return re.compile(expression)


def _days(name: re.Match[str]) -> tuple[date | None, date | None]:
    """First and last day of the year, month or day in a file's name."""
    given = {key: int(value) for key, value in name.groupdict().items()}
    if "year" not in given:
        return None, None
    month, day = given.get("month"), given.get("day")
    first = date(given["year"], month or 1, day or 1)
    if day and month:
        return first, first
    following = first.replace(day=28) + timedelta(days=4) if month else date(first.year + 1, 1, 1)
    return first, following.replace(day=1) - timedelta(days=1)


def find(source: InputFiles, config: Config, night: date | None = None) -> list[LogFile]:
    """The files of a source, in name order.

    Args:
        source: the section that names them.
        config: its folder is where the glob starts.
        night: only files in which rows can stand that arrive on it: those about it and about the day before, as the
            last rows of a file may be of the day after. Default: all files.
    """
    nights = [night + timedelta(days=n) for n in (-1, 0)] if night else [None]
    parts = [{"year": f"{n:%Y}", "month": f"{n:%m}", "day": f"{n:%d}"} if n else {} for n in nights]
    paths = {path for values in parts for path in config.folder.glob(_glob(source.files, values)) if path.is_file()}
    expression = _name_pattern(source.files)
    found = []
    for path in sorted(paths):
        matched = expression.fullmatch(path.relative_to(config.folder).as_posix())
        if matched:
            found.append(LogFile(path, *_file_days(path, matched)))
    return found


def _file_days(path: Path, matched: re.Match[str]) -> tuple[date | None, date | None]:
    try:
        return _days(matched)
    except ValueError as error:
        raise InputError(f"{path}: the date in its name is none ({error})") from None


def format_of(source: InputFiles) -> str:
    """csv, jsonl or parquet."""
    if source.format != "auto":
        return source.format
    name = re.sub(r"\.(gz|zst)$", "", source.files)
    if (ending := Path(name).suffix) not in FORMATS:
        raise InputError(
            f"the format of '{source.files}' is not clear from its name: set format to csv, jsonl or parquet"
        )
    return FORMATS[ending]


def _header(path: Path, delimiter: str) -> list[str]:
    try:
        with pa.input_stream(str(path), compression="detect") as stream:
            text = stream.read(HEADER_BYTES).decode("utf-8-sig", errors="replace")
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path} cannot be read ({error}): is it whole? Fetch it again") from None
    names = next(csv.reader(text.splitlines(), delimiter=delimiter), [])
    if not names or len(set(names)) != len(names) or "" in names:
        raise InputError(f"{path}: its first line must name its columns, each once; it is {names}")
    return names


def _csv_columns(paths: Iterable[Path], delimiter: str) -> list[str]:
    """The header that all files share."""
    first, *others = paths
    columns = _header(first, delimiter)
    for path in others:
        if (names := _header(path, delimiter)) != columns:
            raise InputError(f"{path} has columns {names}, but {first} has {columns}: name them by separate globs")
    return columns


def _json_columns(connection: duckdb.DuckDBPyConnection, paths: list[str], name: str, max_row_bytes: int) -> list[str]:
    """The keys that the files' first lines have."""
    files = literal(paths)
    rows = sql.execute(connection, "ingest/jsonl_keys", files=files, max_row_bytes=max_row_bytes).fetchall()
    if not rows:
        raise InputError(f"{name}: none of its first lines is a JSON object with keys")
    return [key for (key,) in rows]


def literal(paths: Iterable[str]) -> list[str]:
    """Paths as DuckDB's readers must be given them, which take a name with *, ? or [ for a pattern."""
    return [glob.escape(path) for path in paths]


def same_raw(one: InputFiles, other: InputFiles) -> bool:
    """Whether two sources read the same files in the same way, so that their table `raw` is one."""
    return one.model_dump(exclude={"sql"}) == other.model_dump(exclude={"sql"})


def read(connection: duckdb.DuckDBPyConnection, source: InputFiles, files: list[LogFile], config: Config) -> None:
    """Read files once into the tables `raw` (all text for CSV and JSON Lines), `unreadable`, `raw_files`, `log_files`.

    Args:
        connection: where the tables are made.
        source: format and delimiter.
        files: at least one.
        config: limits.
    Raises:
        InputError: a file is missing, truncated, or has other columns than the first.
        duckdb.Error: memory or the disk is full.
    """
    kind, paths = format_of(source), [str(file.path) for file in files]
    sql.execute(
        connection,
        "ingest/log_files",
        paths=paths,
        names=[file.path.relative_to(config.folder).as_posix() for file in files],
        first_days=[file.first_day for file in files],
        last_days=[file.last_day for file in files],
    )
    for path in paths:
        if "?" in path and path.endswith((".gz", ".zst")):  # DuckDB takes what follows for a URL's query, not an ending
            raise InputError(f"{path}: a packed file cannot be read from a path with '?': rename it")
        if path.endswith(".zst") and not zstd_frames.is_whole(Path(path)):
            raise InputError(f"{path} is truncated or no .zst: fetch it again, then run the night again")
    try:
        sql.execute(connection, "ingest/unreadable_none")
        if kind == "jsonl":
            _read_json(connection, paths, source, config)
        else:
            _read(connection, kind, paths, source, config.ingest.max_row_bytes)
        if source.hive_partitioning:
            folders.add(connection, [file.path for file in files], config.folder)
        if kind == "csv":
            sql.execute(connection, "ingest/unreadable_csv")
        sql.execute(connection, "ingest/raw_files")
    except duckdb.Error as error:
        if resources.is_memory(error) or "No space left" in str(error):  # not the file's fault
            raise
        first = str(error).splitlines()[0]
        raise InputError(
            f"{source.files}: a log file cannot be read, it may be truncated or no {kind}: {first}"
        ) from error


def _read(connection: duckdb.DuckDBPyConnection, kind: str, paths: list[str], source: InputFiles, limit: int) -> None:
    columns: list[str] = []
    if kind == "csv":
        columns = _csv_columns(map(Path, paths), source.delimiter)
    elif kind == "jsonl":
        columns = _json_columns(connection, paths, source.files, limit)
    lines = sql.select(
        connection,
        f"ingest/read_{kind}",
        files=literal(paths),
        columns=dict.fromkeys(columns, "VARCHAR"),
        delimiter=source.delimiter,
        max_row_bytes=limit,
        place=FILE_OF_ROW,
    )
    # a column of the log's own that has one of our names keeps its content under a longer one
    own = {name: _longer(name, lines.columns) for name in lines.columns if name.lower() in PLACE}
    renamed = [ColumnExpression(name).alias(longer) for name, longer in own.items()]
    others = StarExpression(exclude=[*own, FILE_OF_ROW])
    lines.select(others, *renamed, ColumnExpression(FILE_OF_ROW).alias("_file")).create_view("log_lines", replace=True)
    sql.execute(connection, "ingest/raw")


def _longer(name: str, taken: Iterable[str]) -> str:
    """A name that is not taken: with underscores before it."""
    known = {one.lower() for one in taken}
    while name.lower() in known:
        name = f"_{name}"
    return name


def _read_json(connection: duckdb.DuckDBPyConnection, paths: list[str], source: InputFiles, config: Config) -> None:
    """Read JSON Lines: without byte order marks; lines that are too long or no objects are refused, the others read."""
    ((scratch,),) = sql.execute(connection, "ingest/scratch").fetchall()
    settings = config.ingest
    copies = json_lines.without_marks(paths, Path(scratch))
    read_as = {path: copies.get(path, path) for path in paths}
    log_file = {copy: path for path, copy in read_as.items()}
    long: list[long_lines.LongLine] = []
    try:
        _read(connection, "jsonl", list(read_as.values()), source, settings.max_row_bytes)
    except duckdb.Error as error:
        if "maximum_object_size" not in str(error):
            raise
        shorter, long = long_lines.leave_out(
            list(read_as.values()), Path(scratch), settings.max_row_bytes, settings.max_raw_characters
        )
        read_as = {path: shorter.get(file, file) for path, file in read_as.items()}
        _read(connection, "jsonl", list(read_as.values()), source, settings.max_row_bytes)
    sql.execute(connection, "ingest/renamed", copies=list(read_as.values()), paths=list(read_as))
    sql.execute(
        connection,
        "ingest/unreadable_long",
        paths=[log_file[line.path] for line in long],
        lines=[line.line for line in long],
        starts=[line.start for line in long],
    )
    sql.execute(connection, "ingest/raw_files")
    json_lines.refuse(connection, read_as, settings.max_raw_characters)
