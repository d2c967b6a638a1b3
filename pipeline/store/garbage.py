"""Objects that no manifest names any more: those of superseded versions, of removed nights, of writers that died.

    garbage.json     when each of them was first seen to be one

They go when they have been garbage for GRACE_SECONDS, so that who reads a version that was superseded meanwhile reads
on, and who is about to send a manifest finds the objects that it will name.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.ground import artifacts
from pipeline.store import transfer, units
from pipeline.store.leases import FOLDER as LEASES
from pipeline.store.mirror import Mirror
from pipeline.store.transfer import OBJECTS
from pipeline.store.units import Content, named, parsed

GRACE_SECONDS = 24 * 3600.0
NOTED = "garbage.json"
ROOTS = ("lake", "day_so_far", "tables", "asked", "starts", "state", "blocked", "exports")


@dataclass(frozen=True)
class Garbage:
    """What was found.

    Attributes:
        removed: bytes of the objects that are removed, or would be.
        waiting: bytes of those that stay for a while.
    """

    removed: int
    waiting: int


def collect(mirror: Mirror, at_once: bool = False, dry_run: bool = False) -> Garbage:
    """Remove objects that have been garbage for long enough.

    Args:
        mirror: of the store.
        at_once: not waiting, as where people are to be forgotten; objects below a part that is leased stay, as they may
            be on their way, and below any night of a stage of which one is, as it may link its neighbours'.
        dry_run: only say what would go.
    """
    store, now = mirror.store, time.time()
    # In this order: a writer's lease ends when its manifest names its objects, so of whom no lease is seen any more a
    # manifest is.
    objects = {entry.key: entry.size for entry in store.list(OBJECTS)}
    busy = set(_busy(mirror))
    used = {key for content in _manifests(mirror) for key in content["objects"].values()}
    found = store.get(NOTED)
    noted: dict[str, float] = json.loads(found[0]) if found else {}
    since = {key: noted.get(key, now) for key in objects.keys() - used}
    doomed = {key for key, at in since.items() if (at_once and _place_of(key) not in busy) or now - at >= GRACE_SECONDS}
    if not dry_run:
        store.delete(sorted(doomed))
        kept = {key: at for key, at in since.items() if key not in doomed}
        if kept or noted:
            store.put(NOTED, json.dumps(kept, indent=1, sort_keys=True).encode())
    sizes = (sum(objects[key] for key in keys) for keys in (doomed, since.keys() - doomed))
    return Garbage(*sizes)


def _busy(mirror: Mirror) -> Iterator[str]:
    """The places of which somebody holds a lease."""
    for entry in mirror.store.list(LEASES):
        lease = entry.key.removeprefix(f"{LEASES}/").removesuffix(".json")
        _, parts = units.of_path(mirror.home, mirror.home / lease) or (lease, [])
        yield from (_place(part.name) for part in parts)
        yield _place(lease)


def _place_of(key: str) -> str:
    """The place of an object."""
    return _place(key.removeprefix(f"{OBJECTS}/").partition("/v=")[0])


def _place(part: str) -> str:
    """The part of a name; of a night its stage."""
    folder, _, name = part.rpartition("/")
    return folder if name.startswith(artifacts.PARTITION) else part


def _manifests(mirror: Mirror) -> Iterator[Content]:
    """Every manifest that the store has now."""
    entries = [entry for root in ROOTS for entry in mirror.store.list(root)]

    def read(key: str) -> Content | None:
        got = mirror.store.get(key)
        return None if got is None else parsed(mirror.url, key, got[0])

    unknown = []
    for entry in entries:
        name = entry.key.removesuffix(f"/{artifacts.MANIFEST}")
        record = mirror.records.read(named(mirror.home, name))
        if record is not None and record.version == entry.version:
            yield record.content
        else:
            unknown.append(entry.key)
    yield from filter(None, transfer.side_by_side(read, unknown))
