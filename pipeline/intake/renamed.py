"""Log files that bear another name than when a night read them: rotated, moved, or packed since.

A night notes of each file how large it was, and a hash. What begins with the same bytes, unpacked, is the same file,
which may have gone on: what was counted of it then holds for it now, and for a copy. Its old name may be a new file's.
Where no file begins so, it was written anew, and its name says which it is, packed or not.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from pipeline.ground import sql
from pipeline.intake import text_files

PACKED = (".gz", ".zst")
DIGITS = 16
"""Of a hash in hexadecimal digits, so many are noted."""

Content = tuple[int, str]
"""How many bytes, and what hashes them."""


@dataclass(frozen=True)
class Noted:
    """How a night found a file, as its manifest says it: the content is as it is on the disk, packed or not."""

    night: date
    name: str
    content: Content


@dataclass(frozen=True)
class Present:
    """A log file that is read now: its name in the shop's folder, where it is, and its content on the disk."""

    name: str
    path: Path
    content: Content


def note(connection: duckdb.DuckDBPyConnection, records: Mapping[date, Mapping[str, Any] | None]) -> None:
    """Make the table renamed_files: what files that nights have noted are now.

    Args:
        connection: with the tables event_files and log_sizes.
        records: of nights, as late_rows.recorded gives them.
    Raises:
        InputError: a file cannot be read.
    """
    noted = [
        Noted(night, name, (counts[2], counts[3]))
        for night, said in records.items()
        if said is not None
        for name, counts in said["files"].items()
        if len(counts) == 4 and counts[0] + counts[1] > 0
    ]
    rows = sql.execute(connection, "ingest/files_there").fetchall()
    found = list(_found(noted, [Present(name, Path(path), (size, digest)) for path, name, size, digest in rows]))
    nights, said, names, first = [list(column) for column in zip(*found, strict=True)] if found else ([], [], [], [])
    sql.execute(connection, "ingest/renamed_files", nights=nights, said=said, names=names, is_first=first)


def _found(noted: Sequence[Noted], there: Sequence[Present]) -> Iterator[tuple[date, str, str, bool]]:
    """Of each that is no longer what its name says, or has copies, what it is now; the first is the one that it is."""
    holding = _holding(noted, there)
    known = {(one.night, one.name) for one in noted if one.name in holding.get(one.content, set())}
    present, claims = {file.name for file in there}, _claims(noted, holding)
    for one in noted:
        names = holding.get(one.content, set())
        others = sorted(name for name in names if name != one.name and (one.night, name) not in known)
        own = [one.name] if one.name in names else [] if names else _written_anew(one, present, claims)
        for place, name in enumerate([*own, *others] if [*own, *others] != [one.name] else []):
            yield one.night, one.name, name, place == 0


def _claims(noted: Sequence[Noted], holding: Mapping[Content, set[str]]) -> dict[str, set[str]]:
    """By name of a file, what those are called, packed or not, whose content it has."""
    found: dict[str, set[str]] = {}
    for one in noted:
        for name in holding.get(one.content, ()):
            found.setdefault(name, set()).add(_plain(one.name))
    return found


def _written_anew(one: Noted, there: Collection[str], claims: Mapping[str, set[str]]) -> list[str]:
    """What a file is of which neither the content nor the name is there: what is named so but for how it is packed."""
    name = _plain(one.name)
    alike = [other for other in there if _plain(other) == name and not claims.get(other, set()) - {name}]
    return alike if one.name not in there and len(alike) == 1 else []


def _plain(name: str) -> str:
    """A file's name without what says how it is packed."""
    return name.removesuffix(".gz").removesuffix(".zst")


def _holding(noted: Sequence[Noted], there: Sequence[Present]) -> dict[Content, set[str]]:
    """By content, the names of the files that have it or begin with it, unpacked: as far as one may be another's."""
    found: dict[Content, set[str]] = {}
    for file in there:
        found.setdefault(file.content, set()).add(file.name)
    names = {one.name for one in noted}
    asked = [file for file in there if file.name not in names]
    is_alone = names == {file.name for file in there} and len(names) == 1  # and no other's, as it may have gone on
    if not is_alone and any(one.name not in found.get(one.content, set()) for one in noted):
        asked = list(there)
    sizes = sorted({one.content[0] for one in noted if not one.name.endswith(PACKED)})
    for file in asked:
        fitting = [size for size in sizes if size <= file.content[0] or file.name.endswith(PACKED)]
        for content in beginnings(file.path, fitting):
            found.setdefault(content, set()).add(file.name)
    return found


def beginnings(path: Path, sizes: Sequence[int]) -> Iterator[Content]:
    """A file's first bytes, unpacked, as many as each of `sizes` (ascending) says, as far as there are so many."""
    if not sizes:
        return
    digest, read = hashlib.sha256(), 0
    with text_files.opened(path) as stream:
        for size in sizes:
            while read < size and (piece := stream.read(min(text_files.CHUNK, size - read))):
                digest.update(piece)
                read += len(piece)
            if read < size:
                return
            yield size, digest.hexdigest()[:DIGITS]
