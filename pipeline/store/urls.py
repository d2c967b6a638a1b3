"""URLs of object stores: what they name, and the local folder that goes with each."""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.ground.errors import InputError
from pipeline.store.contract import Store

SCHEMES = ("s3", "gs", "az", "abfs", "abfss", "file")
CACHE = "NIGHTJAR_CACHE"
_URL = re.compile(rf"({'|'.join(SCHEMES)})://", re.IGNORECASE)


def is_url(text: object) -> bool:
    """Whether a text names a place in an object store."""
    return isinstance(text, str) and _URL.match(text) is not None


@dataclass(frozen=True)
class Location:
    """A place in a store.

    Attributes:
        bucket: scheme and authority, e.g. s3://logs; file:// has none.
        prefix: the path in it, without slashes around it.
    """

    bucket: str
    prefix: str

    @property
    def url(self) -> str:
        """The whole URL, without a slash at its end."""
        return f"{self.bucket}/{self.prefix}".rstrip("/")

    @property
    def folder(self) -> Path:
        """Its folder in the cache: readable, and another for every URL."""
        name = re.sub(r"[^A-Za-z0-9.-]+", "-", self.url.partition("://")[2]).strip("-.")[-60:]
        return cache() / f"{name}-{hashlib.sha256(self.url.encode()).hexdigest()[:12]}"

    def open(self) -> Store:
        """The store at the place.

        Raises:
            InputError: what it needs is not installed, or not in the environment.
        """
        if self.bucket == "file://":
            from pipeline.store.local import LocalStore

            return LocalStore(self.url, Path("/", self.prefix))
        from pipeline.store.objects import ObjectStore

        return ObjectStore(self.url, self.bucket, self.prefix)


def parse(text: str) -> Location:
    """The place a URL names.

    Raises:
        InputError: it names no bucket, or holds what must come from the environment. The message does not quote it.
    """
    scheme, _, rest = text.partition("://")
    scheme = scheme.lower()
    authority, _, path = rest.partition("/")
    if "?" in rest or "#" in rest or ("@" in authority and not (scheme.startswith("abfs") and ":" not in authority)):
        raise InputError(
            f"a {scheme}:// URL with '?', '#' or a user's name in it is not taken: credentials come from the "
            "environment (AWS_*, GOOGLE_*, AZURE_*), where no log and no manifest shows them"
        )
    parts = path.strip("/").split("/")
    if (not authority) != (scheme == "file") or (scheme == "file" and not path) or {"..", "."} & set(parts):
        raise InputError(f"'{text}' names no place in a store: write it as {scheme}://bucket/path")
    return Location(f"{scheme}://{authority}", "/".join(filter(None, parts)))


def cache() -> Path:
    """Where copies of what stores hold are kept: NIGHTJAR_CACHE, else below the user's cache directory."""
    if named := os.environ.get(CACHE):
        return Path(named).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "nightjar").absolute()
