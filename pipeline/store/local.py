"""A store that is a folder (file:///...): for trying out, for tests, and for a disk that several machines mount."""

import contextlib
import fcntl
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

from pipeline.ground.errors import StoreError
from pipeline.store.contract import ABSENT, ConflictError, Entry, Version

HIDDEN = ".store"
"""Below the folder: what is being written, and the lock of conditional writes."""


class LocalStore:
    """The contract of pipeline.store.contract.Store on a folder."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder

    def _path(self, key: str) -> Path:
        return self.folder / key

    def get(self, key: str) -> tuple[bytes, Version] | None:
        """See Store.get."""
        try:
            with self._path(key).open("rb") as file:
                return file.read(), _version(os.fstat(file.fileno()))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self._refused(key, error) from None

    def put(self, key: str, content: bytes, expected: Version | None = None) -> Version:
        """See Store.put."""
        with self._beside(key) as beside, self._one_at_a_time():
            beside.write_bytes(content)
            if expected is not None and self._known(key) != expected:
                raise ConflictError(f"{self.url}/{key} was written by somebody else meanwhile")
            version = _version(beside.stat())
            beside.replace(self._path(key))
        return version

    def upload(self, key: str, source: Path) -> None:
        """See Store.upload."""
        with self._beside(key) as beside:
            shutil.copyfile(source, beside)
            beside.replace(self._path(key))

    def download(self, key: str, target: Path) -> Version:
        """See Store.download. A file that is written to in place is of another version afterwards."""
        try:
            with self._path(key).open("rb") as source, target.open("wb") as copy:
                version = _version(os.fstat(source.fileno()))
                shutil.copyfileobj(source, copy)
                written_to = _version(os.fstat(source.fileno())) != version
        except OSError as error:
            raise self._refused(key, error) from None
        if written_to:
            raise ConflictError(f"{self.url}/{key} was written to while it was read")
        return version

    def list(self, folder: str) -> Iterator[Entry]:
        """See Store.list."""
        for path in self._path(folder).rglob("*"):
            key = path.relative_to(self.folder).as_posix()
            if key.partition("/")[0] == HIDDEN:
                continue
            with contextlib.suppress(FileNotFoundError):
                if path.is_file():
                    about = path.stat()
                    yield Entry(key, about.st_size, about.st_mtime, _version(about))

    def delete(self, keys: Iterable[str]) -> None:
        """See Store.delete."""
        for key in keys:
            try:
                self._path(key).unlink(missing_ok=True)
            except OSError as error:
                raise self._refused(key, error) from None

    def _known(self, key: str) -> Version:
        try:
            return _version(self._path(key).stat())
        except FileNotFoundError:
            return ABSENT

    @contextlib.contextmanager
    def _beside(self, key: str) -> Iterator[Path]:
        beside = self.folder / HIDDEN / uuid.uuid4().hex
        try:
            beside.parent.mkdir(parents=True, exist_ok=True)
            self._path(key).parent.mkdir(parents=True, exist_ok=True)
            yield beside
        except OSError as error:
            raise self._refused(key, error) from None
        finally:
            beside.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        with (self.folder / HIDDEN / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _refused(self, key: str, error: OSError) -> StoreError:
        return StoreError(f"{self.url}/{key} cannot be read or written ({error.strerror}): see to the folder's disk")


def _version(about: os.stat_result) -> Version:
    return {"e_tag": f"{about.st_ino}-{about.st_mtime_ns}-{about.st_size}"}
