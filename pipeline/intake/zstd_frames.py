"""Whether a .zst file is whole, by walking its frames' block headers: nothing is unpacked.

DuckDB reads a truncated .zst up to where it ends and says nothing. Source: RFC 8878, section 3.
"""

import os
from pathlib import Path
from typing import BinaryIO

FRAME = 0xFD2FB528
SKIPPABLE = range(0x184D2A50, 0x184D2A60)
RAW, RLE, COMPRESSED = 0, 1, 2


class _CutError(Exception):
    """The file ends inside a frame, or is none."""


def is_whole(path: Path) -> bool:
    """Whether a file consists of complete Zstandard frames, at least one.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        end, frames = os.fstat(file.fileno()).st_size, 0
        try:
            while file.tell() < end:
                _skip_frame(file, end)
                frames += 1
        except _CutError:
            return False
    return frames > 0


def _skip_frame(file: BinaryIO, end: int) -> None:
    magic = _number(file, 4)
    if magic in SKIPPABLE:
        _skip(file, _number(file, 4), end)
        return
    if magic != FRAME:
        raise _CutError
    descriptor = _number(file, 1)
    single_segment, dictionary = descriptor >> 5 & 1, (0, 1, 2, 4)[descriptor & 3]
    content_size = (single_segment, 2, 4, 8)[descriptor >> 6]
    _skip(file, (1 - single_segment) + dictionary + content_size, end)
    last = 0
    while not last:
        header = _number(file, 3)
        last, kind, size = header & 1, header >> 1 & 3, header >> 3
        if kind not in (RAW, RLE, COMPRESSED):
            raise _CutError
        _skip(file, 1 if kind == RLE else size, end)
    _skip(file, 4 * (descriptor >> 2 & 1), end)  # the checksum


def _number(file: BinaryIO, size: int) -> int:
    found = file.read(size)
    if len(found) < size:
        raise _CutError
    return int.from_bytes(found, "little")


def _skip(file: BinaryIO, size: int, end: int) -> None:
    if file.tell() + size > end:
        raise _CutError
    file.seek(size, os.SEEK_CUR)
