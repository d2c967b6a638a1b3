"""What a store of objects must be able to do; it is tested on every implementation (tests/store/test_contract.py)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipeline.ground.errors import StoreError

Version = Mapping[str, str]
"""What tells one content of an object from another, as the store says it (an ETag, a generation)."""
ABSENT: Version = {}
"""The version of an object that is not there."""


class ConflictError(StoreError):
    """The object is not of the version that a conditional write expected: somebody else wrote it."""


@dataclass(frozen=True)
class Entry:
    """An object in a listing.

    Attributes:
        key: its name below the store's URL.
        size: bytes.
        written: seconds since 1970, by the store's clock.
        version: what tells its content.
    """

    key: str
    size: int
    written: float
    version: Version


class Store(Protocol):
    """Objects below one URL. Every request ends: it has a timeout, and is tried again a few times at most.

    Every method raises a StoreError that names the object's URL where the store does not answer or refuses, and one
    never sees half an object: what is put is there whole, or not at all.
    """

    url: str

    def get(self, key: str) -> tuple[bytes, Version] | None:
        """A small object and its version; None where it is not there."""

    def put(self, key: str, content: bytes, expected: Version | None = None) -> Version:
        """Write a small object.

        Args:
            key: its name.
            content: its bytes.
            expected: the version that is to be replaced, ABSENT for a first one; None: whatever is there.
        Raises:
            ConflictError: another version is there. It holds for two writers at once: one of them gets it.
        """

    def upload(self, key: str, source: Path) -> None:
        """Write a file of any size, in parts."""

    def download(self, key: str, target: Path) -> Version:
        """Read an object of any size into a file, in parts, all of them of one version, which is returned.

        Raises:
            StoreError: it is not there, too.
            ConflictError: another one took its place meanwhile.
        """

    def list(self, folder: str) -> Iterator[Entry]:
        """All objects below a folder ("a" has "a/b" and "a/b/c", not "ab"), in no order; "": all."""

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; one that is not there is no error."""
