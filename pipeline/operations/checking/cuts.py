"""Copying stretches of a log file, so that the copy is read like the file: whole rows, with the header of a CSV."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.ground.errors import InputError
from pipeline.intake import text_files, zstd_frames
from pipeline.settings.sections.data import Ingest


@dataclass(frozen=True)
class Stretch:
    """Lines of a text file, or rows of a Parquet file, one after the other.

    Attributes:
        first: number of the first of them in the file, from 1.
        number: how many.
    """

    first: int
    number: int

    @property
    def end(self) -> int:
        """The number after the last of them."""
        return self.first + self.number


@dataclass(frozen=True)
class Size:
    """What a file holds.

    Attributes:
        number: its lines, the header's too; of a Parquet file its rows.
        is_lined: whether its lines end so that stretches of it can be copied; old Macs' do not.
    """

    number: int
    is_lined: bool = True


def size(path: Path, kind: str, settings: Ingest) -> Size:
    """How much a file holds; it is read to its end.

    Raises:
        InputError: it cannot be read to its end, or holds more than a night takes.
    """
    if kind == "parquet":
        with _parquet(path) as file:
            text_files.require_few(str(path), file.metadata.num_rows, 0, settings)
            return Size(file.metadata.num_rows)
    if path.suffix == ".zst" and path.stat().st_size and not zstd_frames.is_whole(path):
        raise InputError(f"{path} is truncated or no .zst: fetch it again, then run the night again")
    text_files.require_text([str(path)])
    census = text_files.count([str(path)], settings, threads=1)[str(path)]
    return Size(census.lines, census.ends != "cr")


def cut(path: Path, kind: str, wanted: Sequence[Stretch], copy: Path) -> list[Stretch]:
    """Copy stretches of a file.

    Args:
        path: the file.
        kind: csv, jsonl or parquet.
        wanted: in the file's order, apart from each other; the first line of a CSV file is copied besides.
        copy: where to; its folder exists, and it is packed as the file is.
    Returns:
        What was copied of the rows: as wanted, but for the ends of a CSV's stretches, which are those of rows.
    """
    if kind == "parquet":
        _cut_rows(path, wanted, copy)
        return list(wanted)
    header = kind == "csv"
    found = _cut_lines(path, wanted, copy, header, quoted=header)
    if header and not all(any(one.first <= s.first < one.end for s in found) for one in wanted):
        # after a stray quotation mark no row seems to begin any more
        found = _cut_lines(path, wanted, copy, header, quoted=False)
    return found


def _cut_lines(path: Path, wanted: Sequence[Stretch], copy: Path, header: bool, quoted: bool) -> list[Stretch]:
    packing = {".gz": "gzip", ".zst": "zstd"}.get(path.suffix)
    found: list[Stretch] = []
    with pa.output_stream(str(copy), compression=packing) as out:
        for number, line in _lines(path, wanted, header, quoted):
            out.write(line)
            if header and number == 1:
                continue
            if found and found[-1].end == number:
                found[-1] = Stretch(found[-1].first, found[-1].number + 1)
            else:
                found.append(Stretch(number, 1))
    return found


def _parquet(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (OSError, pa.ArrowException) as error:
        raise text_files.unreadable(path, error) from None


def _cut_rows(path: Path, wanted: Sequence[Stretch], copy: Path) -> None:
    with _parquet(path) as file, pq.ParquetWriter(copy, file.schema_arrow) as out:
        first = 1
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            inside = [(max(w.first, first), min(w.end, first + rows)) for w in wanted]
            if any(begin < end for begin, end in inside):
                table = file.read_row_group(group)
                for begin, end in inside:
                    if begin < end:
                        out.write_table(table.slice(begin - first, end - begin))
            first += rows


def _lines(path: Path, wanted: Sequence[Stretch], header: bool, quoted: bool) -> Iterator[tuple[int, bytes]]:
    """The rows that begin within what is wanted, line by line with the lines' numbers; the header, if there is one.

    Where texts are quoted a row begins where an even number of quotation marks stands before.
    """
    taken = [Stretch(1, 1), *wanted] if header else list(wanted)
    last = max((stretch.end for stretch in taken), default=0)
    number, marks, is_taken = 1, 0, False
    for block in _blocks(path):
        lines = block.count(b"\n")
        if not is_taken and not any(s.first < number + lines + 1 and number < s.end for s in taken):
            if number >= last:
                return
            number, marks = number + lines, marks + block.count(b'"')
            continue
        for line in io.BytesIO(block):  # which ends lines at \n only
            if not quoted or marks % 2 == 0:
                is_taken = any(s.first <= number < s.end for s in taken)
            if is_taken:
                yield number, line
            number, marks = number + 1, marks + line.count(b'"')


def _blocks(path: Path) -> Iterator[bytes]:
    """A file in pieces that end with a line; the last one may have no end."""
    held = b""
    with text_files.opened(path) as stream:
        while piece := stream.read(text_files.CHUNK):
            block, newline, held = (held + piece).rpartition(b"\n")
            if newline:
                yield block + newline
    if held:
        yield held
