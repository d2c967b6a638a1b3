"""Locks between machines: an object that its owner writes again and again while the work goes on.

    leases/<name>.json     who has it, since when; gone when given back

A lease is taken and taken over by conditional writes alone, so that of two only one gets it. A dead owner's is taken
over when it has stood still for SECONDS on the clock of whoever wants it: no two machines' clocks are compared. One
whose owner worked in the same folder of the same machine is taken over at once, as it is only asked for by whoever has
that folder's own lock, so that its owner is dead.
"""

import contextlib
import json
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pipeline.ground.errors import StoreError
from pipeline.ground.keeping import Waiter
from pipeline.store.contract import ABSENT, ConflictError, Store, Version

log = logging.getLogger(__name__)

SECONDS = 60.0
"""A lease that nobody renewed for so long is a dead owner's."""
RENEWALS = 4
"""So many times in that time it is renewed."""
POLL_SECONDS = 1.0
FOLDER = "leases"


@dataclass
class _Lease:
    name: str
    version: Version = field(default_factory=dict)
    renewals: int = 0
    written: float = 0.0
    is_lost: bool = False
    is_over: bool = False
    writing: threading.Lock = field(default_factory=threading.Lock)


class Leases:
    """The leases of one store that this process wants or has."""

    def __init__(self, store: Store, owner: str) -> None:
        """Nothing is held yet.

        Args:
            store: where they are.
            owner: the folder of this machine; processes that share it exclude one another by its own locks.
        """
        self.store, self.owner = store, owner
        self._process = uuid.uuid4().hex
        self._held: dict[str, _Lease] = {}
        self._lock = threading.Lock()
        self._renewing: threading.Thread | None = None

    @contextlib.contextmanager
    def held(self, name: str, waiter: Waiter | None = None) -> Iterator[Callable[[], None]]:
        """Hold a lease; yields what raises a StoreError once it is lost.

        Args:
            name: of what is locked.
            waiter: how to wait for another owner; default: as long as it takes.
        """
        lease, seen = _Lease(name), dict[str, float]()
        (waiter or _patiently)(lambda: self._take(lease, seen), lambda: self._holder(name))
        with self._lock:
            self._held[name] = lease
            self._keep_renewing()
        try:
            yield lambda: self._require(lease)
        finally:
            with self._lock:
                del self._held[name]
            with lease.writing:
                lease.is_over = True
                self._give_back(lease)

    def _require(self, lease: _Lease) -> None:
        if lease.is_lost:
            raise StoreError(
                f"{self.store.url}: the lease of {lease.name} was not renewed for {SECONDS:g} s, and another machine "
                "has taken it over: nothing of this run is kept there; run it again"
            )

    def _key(self, name: str) -> str:
        return f"{FOLDER}/{name}.json"

    def _content(self, lease: _Lease) -> bytes:
        said = {
            "owner": self.owner,
            "host": socket.gethostname(),
            "process": os.getpid(),
            "by": self._process,
            "renewals": lease.renewals,
        }
        return json.dumps(said).encode()

    def _take(self, lease: _Lease, seen: dict[str, float]) -> bool:
        """Try once; `seen` has when each content of it was first seen, on this machine's clock."""
        if self._put(lease, ABSENT):
            return True
        found = self.store.get(self._key(lease.name))
        expected = ABSENT
        if found is not None:
            content, expected = found
            known = _read(content)
            since = seen.setdefault(content.decode(errors="replace"), time.monotonic())
            if known.get("owner") != self.owner and time.monotonic() - since < SECONDS:
                return False
            log.warning("%s: the lease of %s was left by a process that died: taken over", self.store.url, lease.name)
        return self._put(lease, expected)

    def _put(self, lease: _Lease, expected: Version) -> bool:
        """Write it where it is as expected; whether it was."""
        asked = time.monotonic()
        try:
            lease.version = self.store.put(self._key(lease.name), self._content(lease), expected)
        except ConflictError:
            return False
        lease.written = asked
        return True

    def _holder(self, name: str) -> str:
        found = self.store.get(self._key(name))
        known = _read(found[0]) if found else {}
        return f"process {known.get('process', '?')} of machine {known.get('host', '?')} has it"

    def _give_back(self, lease: _Lease) -> None:
        """Remove it if it is still ours; where the store does not answer, it ends by itself."""
        with contextlib.suppress(StoreError):
            if (
                not lease.is_lost and time.monotonic() - lease.written < SECONDS / 2
            ):  # nobody can have taken it over yet
                return self.store.delete([self._key(lease.name)])
            found = self.store.get(self._key(lease.name))
            if found is not None and found[1] == lease.version:
                self.store.delete([self._key(lease.name)])

    def _keep_renewing(self) -> None:
        if self._renewing is None or not self._renewing.is_alive():
            self._renewing = threading.Thread(target=self._renew_all, name="leases", daemon=True)
            self._renewing.start()

    def _renew_all(self) -> None:
        while True:
            time.sleep(SECONDS / RENEWALS)
            with self._lock:
                if not self._held:
                    self._renewing = None
                    return
                held = list(self._held.values())
            for lease in held:
                with lease.writing:
                    if not lease.is_over and not lease.is_lost:
                        self._renew(lease)

    def _renew(self, lease: _Lease) -> None:
        lease.renewals += 1
        try:
            lease.is_lost = not self._put(lease, lease.version)
            if lease.is_lost:
                log.warning("%s: the lease of %s is another machine's now", self.store.url, lease.name)
        except StoreError as error:
            log.warning("the lease of %s could not be renewed, it is tried again: %s", lease.name, error)


def _patiently(take: Callable[[], bool], holder: Callable[[], str]) -> None:
    told = False
    while not take():
        if not told:
            log.info("waiting, as %s", holder())
        told = True
        time.sleep(POLL_SECONDS)


def _read(content: bytes) -> dict[str, object]:
    try:
        known = json.loads(content)
    except ValueError:
        return {}
    return known if isinstance(known, dict) else {}
