"""The copy of a home that a machine works on, and how it and the store come to be the same.

The store has the truth. What a lock guards is fetched when the lock is taken and sent when it is given back; what here
differs from the store without being locked is left over from a process that died, and goes. A night's folder may lack
files that nobody asked for yet: its manifest is here, so that whoever looks what there is need not fetch it all.
"""

import contextlib
import json
import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from pipeline.ground import artifacts
from pipeline.ground.errors import StoreError
from pipeline.ground.keeping import Waiter
from pipeline.store import copies, transfer, units
from pipeline.store.contract import ABSENT, ConflictError, Store, Version
from pipeline.store.leases import FOLDER as LEASES
from pipeline.store.leases import Leases
from pipeline.store.records import Record, Records
from pipeline.store.units import Content, Unit

log = logging.getLogger(__name__)

FETCHES = 3
"""So many times a part is fetched that somebody else replaces meanwhile."""


class Mirror:
    """The keeper of a home whose truth is in a store; see pipeline.ground.keeping.Keeper."""

    def __init__(self, url: str, home: Path, opened: Callable[[], Store]) -> None:
        """A mirror of a store that is opened when it is first needed."""
        self.url, self.home = url, home
        self._opened = opened
        self._store: Store | None = None
        self._leases: Leases | None = None
        self.records = Records(home)
        self._mine: dict[str, int] = {}

    @property
    def store(self) -> Store:
        """The store."""
        if self._store is None:
            self._store = self._opened()
        return self._store

    @property
    def leases(self) -> Leases:
        """Its leases."""
        if self._leases is None:
            self._leases = Leases(self.store, self.records.owner())
        return self._leases

    # --- what a keeper does -------------------------------------------------------------------------------------------

    def bring(self, path: Path) -> None:
        """See Keeper.bring."""
        if (bound := units.of_path(self.home, path)) is None:
            return
        for unit in bound[1]:
            record = self._copied(unit)
            if record is None or self._version(unit) != record.version or not self._is_whole(unit, record.content):
                with self.records.alone(unit):
                    self.pull(unit, whole=True)

    def fetch(self, folder: Path, names: Iterable[str]) -> None:
        """See Keeper.fetch."""
        if (bound := units.of_path(self.home, folder)) is None:
            return
        unit = bound[1][0]
        with contextlib.suppress(BlockingIOError), self.records.alone(unit, wait=False):
            if (record := self._copied(unit)) is not None:
                self._complete(unit, record.content, [name for name in names if name in record.content["files"]])

    @contextlib.contextmanager
    def held(self, path: Path, waiter: Waiter | None = None) -> Iterator[None]:
        """See Keeper.held. The caller has the part's own lock on this machine, where it has one."""
        if (bound := units.of_path(self.home, path)) is None:
            yield
            return
        name, parts = bound
        if self._mine.get(name) == threading.get_ident():  # as where two databases are locked, of the same tables
            yield
            return
        with contextlib.ExitStack() as stack:
            for unit in parts:
                if not unit.is_night:
                    stack.enter_context(self.records.alone(unit))
            still = stack.enter_context(self.leases.held(name, waiter))
            for unit in parts:
                self.pull(unit, whole=not unit.is_night or self._is_here(unit))
            self._mine[name] = threading.get_ident()
            try:
                yield
            finally:
                del self._mine[name]
                still()
                for unit in parts:
                    self.push(unit)

    def tell(self, path: Path) -> None:
        """See Keeper.tell."""
        for unit in (units.of_path(self.home, path) or ("", []))[1]:
            self.push(unit)

    # --- from the store -----------------------------------------------------------------------------------------------

    def refresh(self, folder: str) -> None:
        """Let this machine know what there is below a folder of the home: manifests, and no files yet.

        What a process of this machine has locked stays as it is.
        """
        listed = {
            entry.key.removesuffix(f"/{artifacts.MANIFEST}"): entry.version
            for entry in self.store.list(folder)
            if entry.key.endswith(f"/{artifacts.MANIFEST}")
        }
        known = {unit.name: unit for unit in self.records.below(folder)} | self._left_over(folder)
        stale = [units.named(self.home, name) for name, version in listed.items() if self._known(name) != version]
        gone = [unit for name, unit in known.items() if name not in listed]
        transfer.side_by_side(self._pull_at_once, [*gone, *stale])
        for entry in self.store.list(f"{LEASES}/{folder}"):  # whoever looks for nights finds those being made, too
            path = self.home / entry.key.removeprefix(f"{LEASES}/").removesuffix(".json")
            if path.name.startswith(artifacts.PARTITION):
                path.parent.mkdir(parents=True, exist_ok=True)
                (path.parent / f".{path.name}.lock").touch()

    def fetch_all(self, folder: str, wanted: Callable[[Path], bool] = lambda _: True) -> None:
        """Bring every part below a folder here whole, of those that are wanted by their folders."""

        def whole(unit: Unit) -> None:
            if (record := self.records.read(unit)) and not self._is_whole(unit, record.content):
                with self.records.alone(unit):
                    self.pull(unit, whole=True)

        transfer.side_by_side(whole, [unit for unit in self.records.below(folder) if wanted(unit.folder)])

    def pull(self, unit: Unit, whole: bool) -> None:
        """Make the copy of a part what the store has; the caller has its lock on this machine.

        Raises:
            StoreError: a file of it is damaged, or gone.
        """
        for attempt in range(FETCHES):
            got = self.store.get(unit.key)
            if got is None:
                self._remove(unit)
                return
            content, version = units.parsed(self.url, unit.key, got[0]), got[1]
            try:
                self._take(unit, content, whole)
            except StoreError:
                if attempt + 1 == FETCHES or self._version(unit) == version:
                    raise
                continue  # it was replaced meanwhile
            self.records.write(unit, version, content)
            return

    def _pull_at_once(self, unit: Unit) -> None:
        with contextlib.suppress(BlockingIOError), self.records.alone(unit, wait=False):
            self.pull(unit, whole=not unit.is_night or self._is_here(unit))

    def _take(self, unit: Unit, content: Content, whole: bool) -> None:
        if not unit.is_night:
            self._complete(unit, content, content["files"])
            copies.tidy(unit, content)
            return
        if unit.folder.is_symlink():  # a day so far that is over, where a later one has a link to the night
            return
        if unit.described(None) != copies.without_objects(content):
            self._replace_night(unit, content)
        if whole:
            self._complete(unit, content, content["files"])

    def _replace_night(self, unit: Unit, content: Content) -> None:
        """Let a night's folder be another one, with what of its files the copy has already."""
        files = copies.here(copies.neighbours(self.records, unit, content))
        with artifacts.writing(unit.folder, durable=False) as out:
            for name, about in content["files"].items():
                copies.place(files, about, out / name)
            (out / artifacts.MANIFEST).write_text(units.manifest_text(content), encoding="utf-8")
            copies.set_written(out, content)
        copies.set_written(unit.folder, content)

    def _complete(self, unit: Unit, content: Content, names: Iterable[str]) -> None:
        """Fetch those of some files that the copy has not."""
        missing = copies.missing(unit, content, names, self.records.read(unit))
        if not missing:
            return
        files = copies.here(copies.neighbours(self.records, unit, content))

        def one(name: str) -> None:
            about, target = content["files"][name], unit.folder / name
            if unit.is_night:
                target.unlink(missing_ok=True)
            if not (unit.is_night and copies.place(files, about, target)):
                transfer.fetch(self.store, content["objects"][name], about, target, self.records.new_file())
            if name in content["written"]:
                os.utime(target, ns=(content["written"][name],) * 2)
            if unit.name.startswith(units.PRIVATE):
                target.chmod(0o600)

        transfer.side_by_side(one, missing)
        if unit.is_night:
            copies.set_written(unit.folder, content)

    def _remove(self, unit: Unit) -> None:
        """Let the copy lack what the store has not."""
        self.records.forget(unit)
        if not unit.is_night:
            for path in unit.own_files():
                path.unlink()
        elif unit.folder.is_dir() and not unit.folder.is_symlink():
            artifacts.remove(unit.folder)

    # --- to the store -------------------------------------------------------------------------------------------------

    def push(self, unit: Unit) -> None:
        """Make the store have what the copy of a part is; the caller has its lease.

        Raises:
            StoreError: another machine wrote it meanwhile, otherwise; the store refused.
        """
        record = self.records.read(unit)
        before = record.content if record else None
        now = unit.described(before)
        if now is None:
            if record is not None:
                self.store.delete([unit.key])
                self.records.forget(unit)
            return
        if before is not None and now == copies.without_objects(before):
            return
        known = transfer.known_objects(self.store, self.records, unit, before, now)
        sent = self._write(unit, now | {"objects": transfer.send(self.store, unit, now, known)}, record)
        if gone := transfer.gone(self.store, unit, sent.content):  # a neighbour was removed while this was on its way
            known = {sha256: key for sha256, key in known.items() if key not in gone}
            self._write(unit, now | {"objects": transfer.send(self.store, unit, now, known)}, sent)

    def _write(self, unit: Unit, content: Content, before: Record | None) -> Record:
        """Let a part's manifest be this one, if it is the one before; its files are there."""
        text = (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
        try:
            written = Record(self.store.put(unit.key, text, before.version if before else ABSENT), content)
        except ConflictError:
            written = self._theirs(unit, content)
            self._take(unit, written.content, whole=True)
        self.records.write(unit, *written)
        return written

    def _theirs(self, unit: Unit, ours: Content) -> Record:
        """What another machine wrote instead, where it is the same."""
        got = self.store.get(unit.key)
        theirs = units.parsed(self.url, unit.key, got[0]) if got else None
        if got is None or theirs is None or copies.hashes(theirs) != copies.hashes(ours):
            raise StoreError(
                f"{self.url}/{unit.key} was written by another machine meanwhile, with other content: what was made "
                "here is not kept; run it again"
            )
        return Record(got[1], theirs)

    # --- which is which -----------------------------------------------------------------------------------------------

    def _version(self, unit: Unit) -> Version | None:
        got = self.store.get(unit.key)
        return got[1] if got else None

    def _known(self, name: str) -> Version | None:
        """The version of which a part is a copy, as far as it costs little to say."""
        unit = units.named(self.home, name)
        record = self.records.read(unit)
        return record.version if record and copies.is_as_noted(unit, record.content) else None

    def _copied(self, unit: Unit) -> Record | None:
        """What a part was when it was last sent or fetched, if it still is that."""
        record = self.records.read(unit)
        same = record is not None and unit.described(record.content) == copies.without_objects(record.content)
        return record if same else None

    def _is_whole(self, unit: Unit, content: Content) -> bool:
        return not copies.missing(unit, content, content["files"], self.records.read(unit))

    def _is_here(self, unit: Unit) -> bool:
        """Whether the copy of a night has all its files, so that it is to have all of the next version's."""
        record = self.records.read(unit)
        return record is not None and bool(record.content["files"]) and self._is_whole(unit, record.content)

    def _left_over(self, folder: str) -> dict[str, Unit]:
        """Nights whose folders are here, and may never have been sent."""
        stages = [p for lake in units.LAKES if lake == folder.partition("/")[0] for p in (self.home / lake).glob("*")]
        paths = [path for stage in stages for path in stage.glob(f"{artifacts.PARTITION}*") if not path.is_symlink()]
        names = [path.relative_to(self.home).as_posix() for path in paths]
        return {name: units.named(self.home, name) for name in names if name.startswith(folder)}
