"""Reading CSV files: each with the columns that its own header names, and every line of it accounted for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import duckdb
import numpy as np
from duckdb import ColumnExpression, ConstantExpression

from pipeline.ground import sql
from pipeline.ground.errors import InputError
from pipeline.intake import csv_lines, csv_rows, line_ends, raw
from pipeline.intake.text_files import Census
from pipeline.settings.sections.data import InputFiles

QUOTE = '"'
MIXED = "state machine reached an invalid state"
"""What DuckDB says of a file whose lines end in several ways."""


@dataclass(frozen=True)
class CsvFile:
    """A file and how it is read.

    Attributes:
        path: of the log file.
        copy: what is read in its place, or itself.
        header: the names of its columns.
        quoted: whether quotation marks are its writer's, not part of what was written.
    """

    path: str
    copy: str
    header: tuple[str, ...]
    quoted: bool


@dataclass(frozen=True)
class Reader:
    """Reads the CSV files of one source into `raw` and `unreadable`.

    Attributes:
        connection: where the tables are made.
        source: delimiter and quotes.
        census: what was counted in each file that has a line.
        scratch: a folder for copies.
        max_row_bytes: a longer line is refused.
    """

    connection: duckdb.DuckDBPyConnection
    source: InputFiles
    census: Mapping[str, Census]
    scratch: Path
    max_row_bytes: int

    def read(self, paths: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Read files, of which the headers are united by name: a column that a file lacks is null there.

        Returns:
            The header of each, by its path.
        Raises:
            InputError: a header is none, or has nothing in common with the others'; a quotation mark swallows rows.
            duckdb.Error: DuckDB cannot read a file.
        """
        files = [self._opened(path) for path in paths]
        _require_kin(files)
        try:
            self._fill(files)
        except duckdb.Error as error:
            mixed = [file for file in files if self.census[file.path].ends == "mixed"]
            if MIXED not in str(error) or not mixed:
                raise
            files = [replace(file, copy=self._blunt(file)) if file in mixed else file for file in files]
            self._fill(files)
        if unquoted := {file.path for file in self._unaccounted(files) if self._account(file)}:
            files = [replace(file, quoted=False) if file.path in unquoted else file for file in files]
            self._fill(files)
            for file in self._unaccounted(files):
                self._account(file)
        return {file.path: file.header for file in files}

    def _opened(self, path: str) -> CsvFile:
        quoted, delimiter = self.source.quotes != "never", self.source.delimiter
        header = tuple(csv_rows.header(Path(path), path, delimiter, quoted))
        read = path
        if self.census[path].ends == "cr":
            read = line_ends.mend(path, self._copy(path))
        elif self.census[path].ends == "mixed":
            read = line_ends.mend(path, self._copy(path), line_ends.Shape(delimiter, len(header), quoted))
        return CsvFile(path, read, header, quoted)

    def _blunt(self, file: CsvFile) -> str:
        return line_ends.mend_bluntly(file.path, Path(f"{self._copy(file.path)}.blunt"), self.source.delimiter)

    def _copy(self, path: str) -> Path:
        """Where the file goes with one kind of ends of lines."""
        return self.scratch / f"with-unix-ends-{list(self.census).index(path)}.csv"

    def _fill(self, files: Sequence[CsvFile]) -> None:
        """Files in their order, as many at a time as are read in the same way."""
        sql.execute(self.connection, "ingest/no_rejects")
        names: dict[str, str] = {}  # all columns as they are first spelt, by what DuckDB takes for the same
        for name in (name for file in files for name in file.header):
            names.setdefault(name.lower(), name)
        runs = [list(run) for _, run in groupby(files, key=lambda file: (file.header, file.quoted))]
        for number, run in enumerate(runs):
            raw.fill(self.connection, self._rows(run, names), more=number > 0)
        copies, paths = [file.copy for file in files], [file.path for file in files]
        if copies != paths:
            sql.execute(self.connection, "ingest/renamed", copies=copies, paths=paths)
        sql.execute(self.connection, "ingest/unreadable_csv", copies=copies, paths=paths)

    def _rows(self, run: Sequence[CsvFile], names: Mapping[str, str]) -> duckdb.DuckDBPyRelation:
        rows = sql.select(
            self.connection,
            "ingest/read_csv",
            files=sql.literal(file.copy for file in run),
            columns=dict.fromkeys(run[0].header, "VARCHAR"),
            delimiter=self.source.delimiter,
            quote=QUOTE if run[0].quoted else "",
            max_row_bytes=self.max_row_bytes,
            place=raw.FILE_OF_ROW,
        )
        own = {name.lower(): name for name in run[0].header}
        columns = [
            ColumnExpression(own[key]).alias(name)
            if key in own
            else ConstantExpression(None).cast("VARCHAR").alias(name)
            for key, name in names.items()
        ]
        return rows.select(*columns, ColumnExpression(raw.FILE_OF_ROW))

    def _unaccounted(self, files: Sequence[CsvFile]) -> list[CsvFile]:
        """Those of which not every line after the first is a row, or a row was refused for its quotation marks."""
        counts = self._counts()
        return [
            file
            for file in files
            for rows, _, quotes in [counts.get(file.path, (0, False, False))]
            if quotes or rows != self.census[file.path].lines - 1
        ]

    def _counts(self) -> dict[str, tuple[int, bool, bool]]:
        found = sql.execute(self.connection, "ingest/csv_counts").fetchall()
        return {path: (rows, refused, quotes) for path, rows, refused, quotes in found}

    def _account(self, file: CsvFile) -> bool:
        """Explain a file's lines by empty ones and by quoted texts of several; whether to read it without quotes.

        Raises:
            InputError: they cannot be explained; names the line.
        """
        rows, refused, quotes = self._counts().get(file.path, (0, False, False))
        copy, columns, delimiter = Path(file.copy), len(file.header), self.source.delimiter
        lines = csv_lines.count(copy, delimiter, columns, file.quoted, self.max_row_bytes)
        if lines is not None and lines.rows == rows and not lines.doubtful and not quotes:
            empty = lines.empty
        else:
            found = csv_rows.look(copy, delimiter, columns, file.quoted, self.max_row_bytes)
            if file.quoted and csv_rows.is_unquoted(found, file.path, rows, columns, self.source.quotes == "always"):
                return True
            if found.rows != rows:
                raise InputError(
                    f"{file.path} has {found.rows:,} rows, of which {rows:,} can be read: look for quotation marks "
                    "that are not closed; nothing was written"
                )
            empty = np.array(found.empty, np.int64)
        if refused and len(empty):
            places = {"paths": [file.path] * len(empty), "places": empty.tolist()}
            sql.execute(self.connection, "ingest/without_empty", **places)
        return False


def _require_kin(files: Sequence[CsvFile]) -> None:
    """Stop at a file whose first line names none of the columns of any other: it is a row, or another log's."""
    if len(files) < 2:
        return
    known = [{name.lower() for name in file.header} for file in files]
    often: dict[str, int] = {}
    for name in (name for names in known for name in names):
        often[name] = often.get(name, 0) + 1
    for file, names in zip(files, known, strict=True):
        if all(often[name] == 1 for name in names):
            raise InputError(
                f"{file.path}: its first line names none of the columns that the other files have: give it a line with "
                "their names, or take it out of the files that the configuration names",
                content=str(list(file.header)),
            )
