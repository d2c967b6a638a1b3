"""Log files with a line too long to read: copies without such lines, which are refused and counted instead."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyarrow as pa

from pipeline.intake import text_files

log = logging.getLogger(__name__)
CHUNK = 1 << 20


@dataclass(frozen=True)
class LongLine:
    """A line that was left out.

    Attributes:
        path: its log file.
        line: its place in it, from 1.
        start: its beginning, as text.
    """

    path: str
    line: int
    start: str


def leave_out(
    paths: Sequence[str], folder: Path, max_bytes: int, max_characters: int
) -> tuple[dict[str, str], list[LongLine]]:
    """Copy the files that have lines longer than a limit, without those lines.

    Args:
        paths: text files, packed (.gz, .zst) or plain.
        folder: where the copies go, unpacked; it is made.
        max_bytes: the limit; about so much is held in memory.
        max_characters: how much of a line left out is kept.
    Returns:
        The copy of each file that has such lines, by its path; and the lines left out, in order.
    Raises:
        InputError: a file cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    copies: dict[str, str] = {}
    left_out: list[LongLine] = []
    for number, path in enumerate(paths):
        copy = folder / f"without-long-lines-{number}.jsonl"
        try:
            found = [LongLine(path, *line) for line in _copy(path, copy, max_bytes, max_characters)]
        except (OSError, pa.ArrowInvalid) as error:
            raise text_files.unreadable(path, error) from None
        if not found:
            copy.unlink()
            continue
        log.warning("%s: %d lines longer than ingest.max_row_bytes are refused", path, len(found))
        copies[path] = str(copy)
        left_out += found
    return copies, left_out


def _copy(path: str, copy: Path, max_bytes: int, max_characters: int) -> Iterator[tuple[int, str]]:
    """Copy the lines within the limit; yields number and start of the others."""
    with pa.input_stream(path, compression="detect") as source, copy.open("wb") as out:
        for number, (line, whole) in enumerate(_lines(source, max_bytes, 4 * max_characters), 1):
            if whole:
                out.write(line)
            else:
                yield number, line.decode(errors="replace")[:max_characters]


def _lines(source: IO[bytes], max_bytes: int, kept_bytes: int) -> Iterator[tuple[bytes, bool]]:
    """Every line with its end and True, or the beginning of it and False where it is longer than the limit."""
    held, start = b"", b""  # of the line being read; `start` once it is too long
    while chunk := source.read(CHUNK):
        *ended, held = (held + chunk).split(b"\n")
        for line in ended:
            long = start or len(line) > max_bytes
            yield ((start or line)[:kept_bytes], False) if long else (line + b"\n", True)
            start = b""
        if start or len(held) > max_bytes:
            start, held = start or held[:kept_bytes], b""
    if held or start:
        yield (start, False) if start else (held, True)
