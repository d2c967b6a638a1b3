"""Log files that are text, packed or plain: opened with errors that name them, and counted."""

import codecs
import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from pipeline.ground import resources
from pipeline.ground.errors import InputError
from pipeline.settings.sections.data import Ingest

CHUNK = 1 << 22
LF, CR, QUOTE = b'\n\r"'
"""As the numbers that they are in an array of bytes."""

PACKINGS = {
    b"\x1f\x8b": ("gzip", ".gz"),
    b"\x28\xb5\x2f\xfd": ("zstd", ".zst"),
    b"\xfd7zXZ\x00": ("xz", ""),
    b"BZh91AY&SY": ("bzip2", ""),
    b"\x04\x22\x4d\x18": ("lz4", ""),
    b"PK\x03\x04": ("zip", ""),
    b"\x1f\x9d": ("compress", ""),
}
"""By how a packed file begins, as no text does: what packed it, and the ending by which it is read; "" where none."""


@dataclass(frozen=True)
class Census:
    """What a text file holds, before anybody has read it.

    Attributes:
        lines: how many, the last one with or without an end.
        quotes: whether there is a quotation mark.
        ends: "one" way in which all lines end (as Unix or as Windows has it), "cr" where they end as old Macs had it,
            "mixed" where a carriage return stands elsewhere, be it in a quoted field.
        is_blank: whether there is nothing but ends of lines, behind a byte order mark or not: no row, and no header.
    """

    lines: int
    quotes: bool
    ends: str
    is_blank: bool = False


@contextlib.contextmanager
def opened(path: str | Path) -> Iterator[pa.NativeFile]:
    """A file's bytes, unpacked.

    Raises:
        InputError: it cannot be opened or read to its end.
    """
    try:
        with pa.input_stream(str(path), compression="detect") as stream:
            yield stream
    except (OSError, pa.ArrowInvalid) as error:
        raise unreadable(path, error) from None


def require_text(paths: list[str]) -> None:
    """Stop on a file that is packed as its name does not say, or in a way that is not read, or that is in UTF-16.

    A byte order mark says that, as spreadsheets write it into "Unicode text".

    Raises:
        InputError: names the file and the remedy.
    """
    for path in paths:
        _require_known_packing(path)
        with opened(path) as stream:
            if stream.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
                raise InputError(f"{path} is in UTF-16: write it as UTF-8 (iconv --from-code UTF-16 --to-code UTF-8)")


def _require_known_packing(path: str) -> None:
    try:
        with Path(path).open("rb") as file:
            start = file.read(max(map(len, PACKINGS)))
    except OSError as error:
        raise unreadable(path, error) from None
    for begins, (name, ending) in PACKINGS.items():
        if start.startswith(begins) and not ending:
            raise InputError(
                f"{path} is packed with {name}, which is not read: pack it with gzip or zstd, or unpack it"
            )
        if start.startswith(begins) and not path.endswith(ending):
            raise InputError(f"{path} is packed with {name}, as its name does not say: let it end in {ending}")


def unreadable(path: str | Path, error: Exception) -> Exception:
    """What to raise for a file that cannot be read: the error itself, where the machine is to blame."""
    if resources.is_scarce(error):
        return error
    if isinstance(error, PermissionError):
        return InputError(f"{path} is forbidden to this user: give it the right to read the file")
    return InputError(f"{path} cannot be read: is it whole? Fetch it again", content=str(error))


def lines(path: str | Path) -> Iterator[bytes]:
    """The lines of a file with their ends; the last one may have none."""
    held: list[bytes] = []
    with opened(path) as stream:
        while piece := stream.read(CHUNK):
            *ended, rest = piece.split(b"\n")
            if ended:
                held.append(ended[0])
                yield b"".join(held) + b"\n"
                for line in ended[1:]:
                    yield line + b"\n"
                held = []
            held.append(rest)
    if last := b"".join(held):
        yield last


def count(paths: list[str], settings: Ingest, threads: int) -> dict[str, Census]:
    """The census of files, at about the pace at which they are unpacked.

    Args:
        paths: text files.
        settings: how much one may hold.
        threads: files that are looked at at a time.
    Raises:
        InputError: a file cannot be read, or holds more than `ingest.max_file_rows` or `ingest.max_file_mb` allow.
    """
    with ThreadPoolExecutor(threads) as pool:
        return dict(zip(paths, pool.map(lambda path: _count(path, settings), paths), strict=True))


def _count(path: str, settings: Ingest) -> Census:
    ended = returns = windows = size = 0
    quotes, is_blank, last = False, True, b"\n"
    with opened(path) as stream:
        while piece := stream.read(CHUNK):
            ended += piece.count(b"\n")
            windows += last == b"\r" and piece[:1] == b"\n"
            if b"\r" in piece:
                returns += piece.count(b"\r")
                windows += piece.count(b"\r\n")
            quotes = quotes or b'"' in piece
            is_blank = is_blank and not (piece if size else piece.removeprefix(codecs.BOM_UTF8)).strip(b"\r\n")
            size, last = size + len(piece), piece[-1:]
            require_few(path, ended or returns, size, settings)
    if ended == 0 and returns:
        return Census(returns + (last != b"\r"), quotes, "cr", is_blank)
    alike = returns == 0 or returns == windows == ended
    return Census(ended + (last != b"\n"), quotes, "one" if alike else "mixed", is_blank)


def require_few(path: str, rows: int, size: int, settings: Ingest) -> None:
    """Stop at a file that holds more than a shop's file may.

    Raises:
        InputError: names the setting.
    """
    for key, found, limit in (
        ("max_file_rows", rows, settings.max_file_rows),
        ("max_file_mb", size >> 20, settings.max_file_mb),
    ):
        if found > limit:
            raise InputError(
                f"{path} holds more than ingest.{key} = {limit:,} allows: is it a log? If so, raise the limit, "
                "or deliver it as several files"
            )
