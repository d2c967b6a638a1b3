"""Text for a terminal: columns that line up whatever the titles contain, and nothing that could steer the terminal."""

import unicodedata
from collections.abc import Sequence

WIDTH = 110
"""Columns of the terminal that a view may use."""


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
