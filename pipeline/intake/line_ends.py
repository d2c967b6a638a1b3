"""Text files whose lines do not all end in one way, which DuckDB does not read: copies in which they do."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.intake import text_files

RETURNS = re.compile(rb"\r+\n$")
ENDS = re.compile(rb"\r*\n?$")
QUOTED = re.compile(rb'"[^"]*"')


@dataclass(frozen=True)
class Shape:
    """How a CSV file's rows are written.

    Attributes:
        delimiter: between two fields.
        columns: how many its header names.
        quoted: whether quotation marks are the writer's.
    """

    delimiter: str
    columns: int
    quoted: bool


def mend(path: str, copy: Path, shape: Shape | None = None) -> str:
    """Copy a file, unpacked, with Unix's ends of lines.

    Args:
        path: of the file.
        copy: where it goes; the folder is made.
        shape: of its rows, where lines end in several ways; default: all end as old Macs had it.
    Returns:
        The copy's path.
    Raises:
        InputError: the file cannot be read.
    """
    copy.parent.mkdir(parents=True, exist_ok=True)
    with copy.open("wb") as out:
        out.writelines(_returns(path) if shape is None else _mixed(path, shape))
    return str(copy)


def mend_bluntly(path: str, copy: Path, delimiter: str) -> str:
    """`mend` for a file that cannot be read by its quotation marks: what ends a line in a text in quotes is mended too.

    A carriage return within a line stays where it is: in a field without quotes it gets them.
    """
    with copy.open("wb") as out:
        for line in text_files.lines(path):
            mended = RETURNS.sub(b"\n", line) if b"\r" in line else line
            if b"\r" in mended and b'"' not in mended:
                fields = mended.removesuffix(b"\n").split(delimiter.encode())
                mended = _joined(fields, delimiter.encode())
            out.write(mended)
    return str(copy)


def _returns(path: str) -> Iterator[bytes]:
    with text_files.opened(path) as stream:
        while piece := stream.read(text_files.CHUNK):
            yield piece.replace(b"\r", b"\n")


def _mixed(path: str, shape: Shape) -> Iterator[bytes]:
    """The file's lines; the ends of those within a text in quotes stay as they are."""
    inside = False
    for line in text_files.lines(path):
        begins_inside = inside
        inside ^= shape.quoted and line.count(b'"') % 2 == 1
        if b"\r" not in line or inside:
            yield line
        elif begins_inside:
            yield ENDS.sub(b"", line, count=1) + b"\n"
        else:
            yield from _split(ENDS.sub(b"", line, count=1), shape)


def _split(line: bytes, shape: Shape) -> Iterator[bytes]:
    """The lines that carriage returns make of one: several where that gives rows by the header and one does not."""
    delimiter = shape.delimiter.encode()
    bare = QUOTED.sub(lambda found: b"x" * len(found[0]), line) if shape.quoted else line  # of the same length
    lines = _parts(line, bare, b"\r")
    fields = [one.count(delimiter) + 1 for one in bare.split(b"\r")]
    if bare.count(delimiter) + 1 != shape.columns and shape.columns in fields:
        yield from (one + b"\n" for one in lines)
    else:
        yield _joined(_parts(line, bare, delimiter), delimiter) if shape.quoted else line + b"\n"


def _parts(line: bytes, bare: bytes, between: bytes) -> list[bytes]:
    """A line split where `bare`, which is as long, has what stands between two parts."""
    cuts = [found.start() for found in re.finditer(re.escape(between), bare)]
    starts = [0, *(cut + len(between) for cut in cuts)]
    return [line[start:cut] for start, cut in zip(starts, [*cuts, len(line)], strict=True)]


def _joined(fields: list[bytes], delimiter: bytes) -> bytes:
    """A line of fields; one with a carriage return has quotes around it."""
    return delimiter.join(b'"' + one + b'"' if b"\r" in one and b'"' not in one else one for one in fields) + b"\n"
