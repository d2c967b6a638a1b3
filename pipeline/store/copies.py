"""The files of a home's copy: which are there, and how they get there without a store."""

import contextlib
import os
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from pipeline.ground import artifacts
from pipeline.store.records import Record, Records
from pipeline.store.units import SEEN, Content, Unit, named


def tidy(unit: Unit, content: Content) -> None:
    """Set a folder's links, and remove what is no longer part of it; links first, as a reader follows them."""
    for name, leads_to in content["links"].items():
        link = unit.folder / name
        if not link.is_symlink() or str(link.readlink()) != leads_to:
            beside = link.with_name(f".{link.name}.fetched")
            beside.unlink(missing_ok=True)
            beside.symlink_to(leads_to)
            beside.replace(link)
    known = content["files"].keys() | content["links"].keys()
    for path in unit.own_files():
        if path.relative_to(unit.folder).as_posix() not in known:
            path.unlink()
            with contextlib.suppress(OSError):
                path.parent.rmdir()


def set_written(folder: Path, content: Content) -> None:
    """When a night was finished: `delivery` and `prune` ask."""
    at = content["written"][artifacts.MANIFEST]
    for path in (folder / artifacts.MANIFEST, folder):
        os.utime(path, ns=(at, at))


def is_as_noted(unit: Unit, content: Content) -> bool:
    """Whether a part's files are those that this machine noted, as far as their identities tell."""
    seen = unit.identities()
    return bool(seen) and seen == content.get(SEEN)


def is_there(path: Path, about: Content) -> bool:
    """Whether a file has its size: of a folder with its manifest, that is enough."""
    try:
        return path.stat().st_size == int(about["bytes"])
    except OSError:
        return False


def without_objects(content: Content) -> Content:
    """What a manifest says of the files, not of where they are."""
    return {name: said for name, said in content.items() if name not in {"objects", SEEN}}


def objects_by_hash(content: Content) -> dict[str, str]:
    """The keys of a part's objects, by sha256."""
    return {about["sha256"]: content["objects"][name] for name, about in content["files"].items()}


def hashes(content: Content) -> dict[str, str]:
    """The sha256 of a part's files, by name."""
    return {name: about["sha256"] for name, about in content["files"].items()}


def missing(unit: Unit, content: Content, names: Iterable[str], record: Record | None) -> list[str]:
    """Which of some files the copy of a part lacks, or has otherwise."""
    if unit.is_night:
        return [name for name in names if not is_there(unit.folder / name, content["files"][name])]
    here = unit.described(record.content if record else None) or {"files": {}}
    return [name for name in names if here["files"].get(name) != content["files"][name]]


def neighbours(records: Records, unit: Unit, content: Content) -> list[tuple[Unit, Record]]:
    """The nights that may have parts of a night, with their records: itself, and those near it, the nearest first."""
    if not unit.is_night or not content.get("parts"):
        near = [unit]
    else:
        night, stage = artifacts.run_date_of(unit.folder), unit.name.rpartition("/")[0]
        offsets = sorted(range(-artifacts.MEMO_NIGHTS, artifacts.MEMO_NIGHTS + 1), key=abs)
        names = (f"{stage}/{artifacts.PARTITION}{night + timedelta(days=n)}" for n in offsets)
        near = [named(records.home, name) for name in names]
    return [(one, record) for one in near if (record := records.read(one)) is not None]


def here(near: Iterable[tuple[Unit, Record]]) -> dict[str, Path]:
    """Where the copy has files of some nights, by sha256; of a folder that is not as it was fetched, none."""
    found: dict[str, Path] = {}
    for unit, record in near:
        if unit.is_night and unit.described(None) == without_objects(record.content):
            found |= {said["sha256"]: unit.folder / name for name, said in record.content["files"].items()}
    return found


def place(files: Mapping[str, Path], about: Mapping[str, Any], target: Path) -> bool:
    """Give a file a second name from one that is here with the same content; whether there is one."""
    source = files.get(about["sha256"])
    if source is None or not is_there(source, dict(about)):
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        artifacts.link(source, target)
    except OSError:  # it was removed meanwhile
        return False
    return True
