"""Text for a terminal: columns that line up whatever the titles contain, and nothing that could steer the terminal."""

import logging
import os
import sys
import unicodedata
from collections.abc import Sequence
from typing import Any, TextIO

from pipeline.ground import keeping

STEERING = {"Cc", "Cf", "Cs"}
"""Unicode's categories of characters that move a cursor, turn a text's direction, or cannot be written."""
WIDTH = 110
"""Columns of the terminal that a view may use."""


def harmless(text: str) -> str:
    """The text without control and formatting characters but its ends of lines and tabs: what is quoted from a log, a
    mapping or a name may hold some, and would steer the terminal that shows it."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in STEERING)


def shown(text: str) -> str:
    """The text for people: harmless, and what lies in an object store has its URL."""
    return harmless(keeping.shown(text))


def say(text: object, file: TextIO | None = None) -> None:
    """Print a text that may quote what others wrote; default: to standard output.

    Where its reader has gone away (head, less) nobody hears the rest, and what there is to do goes on.
    """
    stream = file or sys.stdout
    try:
        print(shown(str(text)), file=stream, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def guard_logs() -> None:
    """From now on whatever the pipeline logs is harmless, wherever it is shown; what others log stays as it is."""
    made = logging.getLogRecordFactory()
    if getattr(made, "is_guard", False):
        return

    def guarded(*args: Any, **given: Any) -> logging.LogRecord:
        record = made(*args, **given)
        if (record.name or "").partition(".")[0] == "pipeline":  # makeLogRecord names it afterwards
            record.msg, record.args = shown(record.getMessage()), None
        return record

    guarded.is_guard = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(guarded)


def clean(text: str) -> str:
    """The text on one line, without control, formatting (direction, zero width) and unassigned characters."""
    visible = (" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
    return " ".join("".join(visible).split())


def width(text: str) -> int:
    """Columns the text takes: wide characters two, combining marks none."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def fit(text: str, columns: int, right: bool = False) -> str:
    """The text cleaned, cut with an ellipsis and padded to exactly `columns`."""
    text = clean(text)
    if width(text) > columns:
        while text and width(text) > columns - 1:
            text = text[:-1]
        text += "…"
    pad = " " * (columns - width(text))
    return pad + text if right else text + pad


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = (), squeeze: str = ""
) -> list[str]:
    """Lines of a table, each column as wide as its widest cell.

    Args:
        header: column names.
        rows: cells, one per column.
        right: columns that are aligned to the right.
        squeeze: the column that is cut, to no less than 12, when the lines would be longer than WIDTH.
    """
    cells = [[clean(cell) for cell in row] for row in rows]
    widths = [max(width(c) for c in column) for column in zip(header, *cells, strict=True)]
    if squeeze:
        at = header.index(squeeze)
        too_long = sum(widths) + 2 * len(widths) - WIDTH
        widths[at] = max(min(widths[at], 12), widths[at] - max(0, too_long))
    lines = []
    for row in (list(header), *cells):
        fitted = (fit(cell, w, name in right) for cell, w, name in zip(row, widths, header, strict=True))
        lines.append(fit_line("  " + "  ".join(fitted)))
    return lines


def fit_line(line: str) -> str:
    """The line cut to WIDTH, without trailing blanks; its own leading blanks stay."""
    indent = len(line) - len(line.lstrip())
    return (" " * indent + fit(line, WIDTH - indent)).rstrip() if width(line) > WIDTH else line.rstrip()
