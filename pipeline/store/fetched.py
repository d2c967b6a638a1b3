"""Files of others in an object store, which are only read: a copy of those that match, by their ETags.

<cache>/logs/<place>/<key below it>          the copy
<cache>/logs/<place>/.store/seen/<key>.json  which version of the object it is
"""

import contextlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from pipeline.ground import keeping
from pipeline.ground.errors import StoreError
from pipeline.ground.keeping import Waiter
from pipeline.store import transfer, urls
from pipeline.store.contract import ConflictError, Entry, Store
from pipeline.store.records import HIDDEN, Records

TRIES = 3


class Shelf:
    """The copy of what lies below one URL; as a keeper it does nothing but say the URL of a path."""

    def __init__(self, location: urls.Location) -> None:
        """A copy of which nothing is fetched yet."""
        self.url = location.url
        self.folder = urls.cache().resolve() / "logs" / location.folder.name
        self._location = location
        self._store: Store | None = None

    def bring(self, path: Path) -> None:
        """Nothing: `fetch_matching` does it."""

    def fetch(self, folder: Path, names: Iterable[str]) -> None:
        """Nothing."""

    @contextlib.contextmanager
    def held(self, path: Path, waiter: Waiter | None) -> Iterator[None]:
        """Nothing is ever held."""
        yield

    def tell(self, path: Path) -> None:
        """Nothing is ever sent."""

    def fetch_matching(self, wanted: re.Pattern[str]) -> None:
        """Let the copy have the objects that match by their keys below the URL, as they are now, and no others of them.

        Raises:
            StoreError: the store does not answer or refuses, or an object changes again and again while it is fetched.
        """
        if self._store is None:
            self._store = self._location.open()
        entries = {e.key: e for e in self._store.list("") if wanted.fullmatch(e.key) and not e.key.startswith(HIDDEN)}
        transfer.side_by_side(self._fetch, entries.values())
        for path in self.folder.rglob("*"):
            key = path.relative_to(self.folder).as_posix()
            if key.partition("/")[0] != HIDDEN and key not in entries and wanted.fullmatch(key) and path.is_file():
                path.unlink()

    def _fetch(self, entry: Entry) -> None:
        target, seen = self.folder / entry.key, self.folder / HIDDEN / "seen" / f"{entry.key}.json"
        if _is_seen(target, seen, entry):
            return
        assert self._store is not None
        scratch = Records(self.folder).new_file()
        try:
            for _ in range(TRIES):
                with contextlib.suppress(ConflictError):
                    if self._store.download(entry.key, scratch).get("e_tag") == entry.version.get("e_tag"):
                        break
                entry = next((e for e in self._store.list(entry.key.rpartition("/")[0]) if e.key == entry.key), entry)
            else:
                raise StoreError(f"{self.url}/{entry.key} changes while it is read: run the night when it is whole")
            os.utime(scratch, (entry.written, entry.written))
            target.parent.mkdir(parents=True, exist_ok=True)
            scratch.replace(target)
        finally:
            scratch.unlink(missing_ok=True)
        seen.parent.mkdir(parents=True, exist_ok=True)
        seen.write_text(json.dumps(dict(entry.version)), encoding="utf-8")


def _is_seen(target: Path, seen: Path, entry: Entry) -> bool:
    try:
        return target.stat().st_size == entry.size and json.loads(seen.read_text(encoding="utf-8")) == entry.version
    except (OSError, ValueError):
        return False


def shelf(url: str) -> Shelf:
    """The copy of what lies below a URL.

    Raises:
        InputError: it names no place in a store.
    """
    one = Shelf(urls.parse(url))
    known = keeping.keeper_of(one.folder)
    if isinstance(known, Shelf):
        return known
    keeping.register(one.folder, one)
    return one
