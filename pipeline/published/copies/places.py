"""Where a copy that consists of files lies: a folder of this machine, or one in an object store.

A file is there whole or not at all, and none is ever changed: what changes has another name.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from pipeline.ground import artifacts
from pipeline.ground.errors import PublishError, StoreError, UnavailableError
from pipeline.settings.config import Config
from pipeline.store import homes, urls
from pipeline.store.contract import Store
from pipeline.store.objects import ENDPOINTS

PARTIAL = ".partial"
PATIENCE = {"timeout": "60s", "connect_timeout": "10s", "max_retries": "6", "retry_timeout": "90s"}
"""Of a library that has a client of its own: as pipeline.store.objects has it."""


class Place(Protocol):
    """A folder that a copy has for itself.

    Every method may raise PublishError, and UnavailableError where trying again later may help.
    """

    uri: str

    def put(self, source: Path, name: str) -> None:
        """Bring a file, which may share its bytes with the source."""

    def sizes(self, folder: str) -> dict[str, int]:
        """The files below a folder of it and their bytes, by their names in that folder; what is being written is
        none."""

    def read(self, name: str) -> bytes | None:
        """A small file; None where it is not there."""

    def write(self, name: str, content: bytes) -> None:
        """Write a small file, also one that is there: readers find the old or the new one."""

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; one that is not there is no error."""

    def options(self) -> dict[str, str]:
        """What a library has to be told to reach it, beside what is in the environment."""


class Folder:
    """A folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.uri = str(folder)

    def put(self, source: Path, name: str) -> None:
        """See Place.put: a second name for the source's bytes where the file system has those."""
        path = self.folder / name
        beside = path.with_name(f".{path.name}{PARTIAL}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside.unlink(missing_ok=True)
            artifacts.link(source, beside)
            artifacts.sync(beside)
            beside.replace(path)
            artifacts.sync(path.parent)
        except OSError as error:
            raise PublishError(f"{path} could not be written ({error})") from error

    def sizes(self, folder: str) -> dict[str, int]:
        """See Place.sizes."""
        root = self.folder / folder
        files = (path for path in root.rglob("*") if path.is_file() and not path.name.endswith(PARTIAL))
        return {path.relative_to(root).as_posix(): path.stat().st_size for path in files}

    def read(self, name: str) -> bytes | None:
        """See Place.read."""
        path = self.folder / name
        return path.read_bytes() if path.is_file() else None

    def write(self, name: str, content: bytes) -> None:
        """See Place.write."""
        with tempfile.TemporaryDirectory() as scratch:
            Path(scratch, "file").write_bytes(content)
            self.put(Path(scratch, "file"), name)

    def remove(self, names: Iterable[str]) -> None:
        """See Place.remove; a folder that is empty then goes, too."""
        for name in names:
            (self.folder / name).unlink(missing_ok=True)
            parent = (self.folder / name).parent
            if parent.is_dir() and not any(parent.iterdir()):
                parent.rmdir()

    def options(self) -> dict[str, str]:
        """See Place.options."""
        return {}


class Bucket:
    """A folder in an object store, whose credentials are in the environment."""

    def __init__(self, uri: str, store: Store) -> None:
        self.uri, self._store = uri, store

    def put(self, source: Path, name: str) -> None:
        """See Place.put."""
        with _asking():
            self._store.upload(name, source)

    def sizes(self, folder: str) -> dict[str, int]:
        """See Place.sizes."""
        with _asking():
            return {entry.key.removeprefix(f"{folder}/"): entry.size for entry in self._store.list(folder)}

    def read(self, name: str) -> bytes | None:
        """See Place.read."""
        with _asking():
            found = self._store.get(name)
        return None if found is None else found[0]

    def write(self, name: str, content: bytes) -> None:
        """See Place.write."""
        with _asking():
            self._store.put(name, content)

    def remove(self, names: Iterable[str]) -> None:
        """See Place.remove."""
        with _asking():
            self._store.delete(names)

    def options(self) -> dict[str, str]:
        """See Place.options."""
        endpoint = next(filter(None, (os.environ.get(name) for name in ENDPOINTS)), "")
        told = {"endpoint": endpoint} if endpoint and self.uri.startswith("s3://") else {}
        return PATIENCE | told | ({"allow_http": "true"} if endpoint.startswith("http://") else {})


@contextlib.contextmanager
def _asking() -> Iterator[None]:
    try:
        yield
    except StoreError as error:
        raise UnavailableError(str(error)) from None


def of(place: str, config: Config) -> Place:
    """The place that a configuration names: relative to the home, also where that is in an object store.

    Raises:
        InputError: what its store needs is not installed.
    """
    mirror = homes.mirror_of(config.home)
    if not urls.is_url(place) and mirror is not None and not Path(place).is_absolute():
        place = f"{mirror.url}/{place}"
    if not urls.is_url(place):
        return Folder((config.home / place).absolute())
    location = urls.parse(place)
    if location.bucket == "file://":
        return Folder(Path("/", location.prefix))
    return Bucket(location.url, location.open())
