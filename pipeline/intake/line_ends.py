"""Text files whose lines do not all end in one way, which DuckDB does not read: copies in which they do."""

import re
from collections.abc import Iterator
from pathlib import Path

from pipeline.intake import text_files

RETURNS = re.compile(rb"\r+\n$")


def mend(path: str, copy: Path, delimiter: str, ends: str) -> str:
    """Copy a file, unpacked, with Unix's ends of lines.

    A carriage return within a line stays where it is: in a field without quotes it gets them.

    Args:
        path: of the file.
        copy: where it goes; the folder is made.
        delimiter: between two fields.
        ends: what its census says: "cr" or "mixed".
    Returns:
        The copy's path.
    Raises:
        InputError: the file cannot be read.
    """
    copy.parent.mkdir(parents=True, exist_ok=True)
    with copy.open("wb") as out:
        out.writelines(_returns(path) if ends == "cr" else _mixed(path, delimiter.encode()))
    return str(copy)


def _returns(path: str) -> Iterator[bytes]:
    with text_files.opened(path) as stream:
        while piece := stream.read(text_files.CHUNK):
            yield piece.replace(b"\r", b"\n")


def _mixed(path: str, delimiter: bytes) -> Iterator[bytes]:
    for line in text_files.lines(path):
        mended = RETURNS.sub(b"\n", line) if b"\r" in line else line
        if b"\r" in mended and b'"' not in mended:
            fields = mended.removesuffix(b"\n").split(delimiter)
            mended = delimiter.join(b'"' + one + b'"' if b"\r" in one else one for one in fields) + b"\n"
        yield mended
