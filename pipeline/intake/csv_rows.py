"""How the rows of a CSV file lie on its lines, and whether quotation marks are its writer's or part of a text.

A writer that does not quote may write a field that begins with a quotation mark; to a reader that minds quotes it goes
on, over the ends of lines, to the next one. What tells the two apart are the lines within such a row: those of a text
that somebody quoted have a number of delimiters by chance, those of rows that were swallowed have the header's.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.ground.errors import InputError
from pipeline.intake import text_files

HEADER_BYTES = 1 << 20
ONE_CHARACTER = "\x1f"
"""Stands for a delimiter of several, which Python's csv does not take; only fields are counted."""
CLEAR = 8
"""Delimiters that must stand where the header has them before a reading that refuses nothing is given up."""


def header(file: Path, path: str, delimiter: str, quoted: bool) -> list[str]:
    """The names in a file's first line.

    Args:
        file: what is read.
        path: the log file, for messages.
        delimiter: between two names.
        quoted: whether quotation marks are the writer's.
    Raises:
        InputError: it cannot be read, or does not name its columns, each once (capitals are the same as small letters).
    """
    with text_files.opened(file) as stream:
        text = stream.read(HEADER_BYTES).decode("utf-8-sig", errors="replace")
    given = (line.rstrip("\r\n") + "\n" for line in re.findall(r"[^\r\n]*(?:\r*\n|\r)|[^\r\n]+", text))
    if quoted:
        try:
            names = next(_reader(given, delimiter), [])
        except csv.Error:
            raise InputError(f"{path}: line 1: a quotation mark is not closed in the names of the columns") from None
    else:
        names = next(given, "").strip("\n").split(delimiter)
    known = [name.lower() for name in names]
    bad = [n for n, name in enumerate(known, 1) if not name or name in known[: n - 1]]
    if bad or not names:
        where = f"; column {bad[0]} has no name or an earlier one's" if bad else ""
        raise InputError(f"{path}: its first line must name its columns, each once{where}", content=str(names))
    return [name.replace(ONE_CHARACTER, delimiter) for name in names]


def _reader(given: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    """Rows as DuckDB splits them, which allows spaces beside quotation marks."""
    one = delimiter if len(delimiter) == 1 else ONE_CHARACTER
    beside = re.compile(rf'" +(?={re.escape(one)}|\n|$)')
    prepared = (line.replace(delimiter, one) for line in given) if one != delimiter else given
    closed = (beside.sub('"', line) if '" ' in line else line for line in prepared)
    return csv.reader(closed, delimiter=one, strict=True, skipinitialspace=one != " ")


@dataclass
class Rows:
    """What was seen of a file; places are its lines, from 1.

    Attributes:
        rows: data rows, the unreadable ones included; empty lines are none.
        empty: the places of empty lines among data rows and empty lines, from 1.
        needing: rows that have the header's columns only because something is quoted.
        quoted: rows with a quoted field that would be one without quotes too.
        odd: lines that cannot be read with quotes, but have the header's columns without.
        swallowing: where rows begin that cannot be read and hold lines most of which are rows without quotes.
        doubtful: where rows begin that can be read, though most of their lines are rows without quotes.
        fitting: how many of the further lines of doubtful rows are.
        lost: where other rows begin that cannot be read and go on over several lines.
    """

    rows: int = 0
    empty: list[int] = field(default_factory=list)
    needing: int = 0
    quoted: int = 0
    odd: list[int] = field(default_factory=list)
    swallowing: list[int] = field(default_factory=list)
    doubtful: list[int] = field(default_factory=list)
    fitting: int = 0
    lost: list[int] = field(default_factory=list)

    def add(self, row: Sequence[str] | None, texts: list[str], delimiter: str, columns: int, line: int) -> None:
        """Judge a row.

        Args:
            row: its fields; None where it cannot be read.
            texts: its lines.
            delimiter: between two fields.
            columns: how many the header names.
            line: where it begins.
        """
        if texts == ["\n"] and columns > 1:
            self.empty.append(self.rows + len(self.empty) + 1)
            return
        self.rows += 1
        if len(texts) == 1 and '"' not in texts[0]:
            return
        fits = [text.count(delimiter) + 1 == columns for text in texts]
        if row is None or len(row) != columns:
            self._unreadable(fits, closed=row is not None, line=line)
        elif len(texts) > 1 and fits[0] and _most(fits[1:]):
            self.doubtful.append(line)
            self.fitting += sum(fits[1:])
        elif len(texts) > 1 or not fits[0]:
            self.needing += 1
        elif row != texts[0].rstrip("\n").split(delimiter):
            self.quoted += 1

    def _unreadable(self, fits: list[bool], closed: bool, line: int) -> None:
        if len(fits) == 1:
            if fits[0]:
                self.odd.append(line)
        elif _most(fits):
            self.swallowing.append(line)
        elif not closed:
            self.lost.append(line)


def _most(fits: list[bool]) -> bool:
    return 2 * sum(fits) > len(fits)


def look(path: Path, delimiter: str, columns: int, quoted: bool, max_row_bytes: int) -> Rows:
    """Read a file with quotes, as DuckDB does, and without, and compare; a million rows take some seconds.

    Args:
        path: text, packed or plain.
        delimiter: between two fields.
        columns: how many the header names.
        quoted: whether quotation marks are the writer's; if not, only empty lines are looked for.
        max_row_bytes: a longer field cannot be read.
    """
    found, held, line = Rows(), list[str](), 1
    delimiter = delimiter.encode().decode("latin-1")
    given = _held(path, held)
    reader = _reader(given, delimiter) if quoted else ([] for _ in given)
    before = csv.field_size_limit(max_row_bytes)
    try:
        while True:
            row: list[str] | None
            too_long = False
            try:
                row = next(reader)
            except StopIteration:
                return found
            except csv.Error as error:
                row, too_long = None, "field limit" in str(error)
            if line > 1 and too_long and len(held) == 1:  # whatever is quoted in it
                found.rows += 1
            elif line > 1:
                found.add(row, held, delimiter, columns, line)
            line += len(held)
            held.clear()
    finally:
        csv.field_size_limit(before)


def _held(path: Path, held: list[str]) -> Iterator[str]:
    """The lines of a file, which are also put down, for whoever is handed a row to see on which it stood."""
    for line in text_files.lines(path):
        text = line.decode("latin-1").rstrip("\r\n").replace("\r", " ") + "\n"
        held.append(text)
        yield text


def is_unquoted(found: Rows, path: str, rows: int, columns: int, sure: bool) -> bool:
    """Whether a file is to be read without quotes.

    Args:
        found: what was seen of it.
        path: the log file, for the message.
        rows: how many DuckDB read with quotes; after one that cannot be read it may go on elsewhere.
        columns: how many its header names.
        sure: whether the shop says that quotation marks are its writer's.
    Raises:
        InputError: rows are swallowed, or it is not clear what the quotation marks are; names the line.
    """
    strays = len(found.odd) + len(found.swallowing) + len(found.doubtful)
    if not sure and strays and not found.needing and not found.lost and found.quoted <= strays:
        if found.odd or found.swallowing or found.fitting * (columns - 1) >= CLEAR:
            return True
        raise _unclear(path, found.doubtful[0])
    if lines := sorted(found.swallowing + found.lost + (found.odd if found.rows != rows else [])):
        raise InputError(
            f"{path}: line {lines[0]}: a quotation mark that is not closed takes the lines after it: mend that line, "
            'or set quotes = "never" if the writer of the file quotes nothing'
        )
    if not sure and len(found.doubtful) > found.needing:
        raise _unclear(path, found.doubtful[0])
    return False


def _unclear(path: str, line: int) -> InputError:
    return InputError(
        f"{path}: line {line}: its quotation mark takes lines that could be rows of their own: set quotes = "
        '"never" if the writer of the file quotes nothing, "always" if it quotes whatever needs it'
    )
