"""Files to a store and back, several at a time, each proven by its size and hash."""

import logging
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from pipeline.ground import artifacts
from pipeline.ground.errors import StoreError
from pipeline.store import copies
from pipeline.store.contract import Store
from pipeline.store.records import Records
from pipeline.store.units import Content, Unit

log = logging.getLogger(__name__)

AT_ONCE = 8
TRIES = 2
OBJECTS = "objects"

Found = TypeVar("Found")
Given = TypeVar("Given")


def side_by_side(does: Callable[[Given], Found], of: Iterable[Given]) -> list[Found]:
    """What a function gives of each, several at a time, in their order."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(does, of))


def fetch(store: Store, key: str, about: Mapping[str, Any], target: Path, scratch: Path) -> None:
    """Fetch a file whole, or not at all.

    Args:
        store: where it is.
        key: its object.
        about: its `bytes` and `sha256`.
        target: where it goes; what is there is replaced.
        scratch: a path on the same disk.
    Raises:
        StoreError: it is not what its manifest says, also when fetched again.
    """
    try:
        for _ in range(TRIES):
            store.download(key, scratch)
            found = {"bytes": scratch.stat().st_size, "sha256": artifacts.file_sha256(scratch)}
            if found == {name: about[name] for name in found}:
                target.parent.mkdir(parents=True, exist_ok=True)
                scratch.replace(target)
                return
    finally:
        scratch.unlink(missing_ok=True)
    raise StoreError(
        f"{store.url}/{key} is damaged: it has {found['bytes']:,} bytes and another hash than its manifest says, which "
        f"names {about['bytes']:,} bytes. Put it back from a copy, or run its stage again with --force"
    )


def send(store: Store, unit: Unit, content: Content, known: Mapping[str, str]) -> dict[str, str]:
    """Send the files of a part that the store has not.

    Args:
        store: where they go.
        unit: the part.
        content: what is there, by Unit.described.
        known: the keys of objects that the store has, by sha256.
    Returns:
        The key of each file.
    Raises:
        StoreError: one did not arrive as it is.
    """
    version = f"{OBJECTS}/{unit.name}/v={uuid.uuid4().hex[:16]}"
    files: dict[str, dict[str, Any]] = content["files"]
    keys = {name: known.get(said["sha256"], f"{version}/{name}") for name, said in files.items()}
    sent = [name for name, key in keys.items() if key.startswith(version)]
    side_by_side(lambda name: store.upload(keys[name], unit.folder / name), sent)
    arrived = {entry.key: entry.size for entry in store.list(version)} if sent else {}
    for name in sent:
        if arrived.get(keys[name]) != files[name]["bytes"]:
            raise StoreError(f"{store.url}/{keys[name]} did not arrive whole: run it again")
    log.debug("%s: %d of %d files sent", unit.name, len(sent), len(files))
    return keys


def known_objects(store: Store, records: Records, unit: Unit, before: Content | None, now: Content) -> dict[str, str]:
    """The objects of a part as it was, and of its neighbours as the store has them now, by sha256."""
    found: dict[str, str] = {}
    if now.get("parts"):
        listed = {entry.key: entry.version for entry in store.list(unit.name.rpartition("/")[0])}
        for other, record in copies.neighbours(records, unit, now):
            if listed.get(other.key) == record.version:
                found |= copies.objects_by_hash(record.content)
    return found | (copies.objects_by_hash(before) if before else {})


def gone(store: Store, unit: Unit, content: Content) -> set[str]:
    """The objects of other parts that a manifest names, and that are not there."""
    own = f"{OBJECTS}/{unit.name}/"
    named = {key for key in content["objects"].values() if not key.startswith(own)}
    versions = {re.sub(r"(/v=[^/]+)/.*", r"\1", key) for key in named}
    return named - {entry.key for version in versions for entry in store.list(version)}
