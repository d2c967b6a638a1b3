"""Object stores through obstore (the Rust crate object_store): S3 and its like, Google Cloud Storage, Azure.

Credentials come from the environment alone (AWS_*, GOOGLE_*, AZURE_*). What a store answers may quote them, so of an
answer only the code and the status are ever said, and errors are not chained to the library's own.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from pipeline.ground import shipped
from pipeline.ground.errors import InputError, StoreError
from pipeline.store.contract import ABSENT, ConflictError, Entry, Version

TIMEOUT = timedelta(seconds=60)
"""Of one request with its body, which is a part at most."""
CONNECT = timedelta(seconds=10)
RETRIES: Any = {"max_retries": 6, "retry_timeout": timedelta(seconds=90)}
"""With waits of 0.1 s, doubled up to 15 s: what is not there after that is not there."""
PART = 16 * 2**20
"""Bytes of a request's body: a part that fails is tried again by itself."""
ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")

FORBIDDEN = "the credentials in the environment may not do that: give them the right to list, read, write and delete"
UNKNOWN = "the store does not know the credentials in the environment, or there are none: set them"
NOT_THERE = "there is no such bucket or object: make the bucket, or correct the URL"
SILENT = (
    "the store did not answer, also when asked again: see to the network, the endpoint and the store, then run again"
)


class ObjectStore:
    """The contract of pipeline.store.contract.Store on a bucket."""

    def __init__(self, url: str, bucket: str, prefix: str) -> None:
        """A store below a URL; nothing is asked of it yet.

        Args:
            url: how messages name it.
            bucket: scheme and authority, e.g. s3://logs.
            prefix: keys begin with it and a slash, unless it is empty.
        Raises:
            InputError: obstore is not installed, or the environment lacks what it needs to find the store.
        """
        self.url, self.prefix = url, f"{prefix}/" if prefix else ""
        try:
            import obstore
            import obstore.exceptions
            import obstore.store
        except ImportError:
            raise InputError(f"{url} needs what is not installed: {shipped.installed_by('store')}") from None
        self._library = obstore
        plain = any(os.environ.get(name, "").startswith("http://") for name in ENDPOINTS)
        client: Any = {"timeout": TIMEOUT, "connect_timeout": CONNECT, "allow_http": plain}
        try:
            self._store = obstore.store.from_url(bucket, client_options=client, retry_config=RETRIES)
        except Exception as error:
            raise InputError(f"{url} cannot be opened ({_said(error)}): see docs/object-store.md") from None

    def get(self, key: str) -> tuple[bytes, Version] | None:
        """See Store.get."""
        try:
            got = self._library.get(self._store, self.prefix + key)
            return bytes(got.bytes()), _version(got.meta)
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise self._error(key, error) from None
            return None
        except Exception as error:
            raise self._error(key, error) from None

    def put(self, key: str, content: bytes, expected: Version | None = None) -> Version:
        """See Store.put. A write whose answer was lost is tried again, and then finds its own content."""
        mode: Any = None if expected is None else "create" if expected == ABSENT else dict(expected)
        exceptions = self._library.exceptions
        try:
            return _version(self._library.put(self._store, self.prefix + key, content, mode=mode, use_multipart=False))
        except (exceptions.AlreadyExistsError, exceptions.PreconditionError):
            found = self.get(key)
            if found is not None and found[0] == content:
                return found[1]
            raise ConflictError(f"{self.url}/{key} was written by somebody else meanwhile") from None
        except Exception as error:
            raise self._error(key, error) from None

    def upload(self, key: str, source: Path) -> None:
        """See Store.upload."""
        self._do(key, lambda at: self._library.put(self._store, at, source, chunk_size=PART, max_concurrency=4))

    def download(self, key: str, target: Path) -> Version:
        """See Store.download. Each part is a request of its own, so that a timeout is one of a part."""
        version: dict[str, str] = {}

        def parts(at: str) -> None:
            about = self._library.head(self._store, at)
            version.update(_version(about))
            with target.open("wb") as file:
                for start in range(0, about["size"], PART):
                    part: Any = {"range": (start, min(start + PART, about["size"])), "if_match": about["e_tag"]}
                    file.write(self._library.get(self._store, at, options=part).bytes())

        try:
            self._do(key, parts)
        except self._library.exceptions.PreconditionError:
            raise ConflictError(f"{self.url}/{key} was written by somebody else while it was read") from None
        return version

    def list(self, folder: str) -> Iterator[Entry]:
        """See Store.list."""
        try:
            for chunk in self._library.list(self._store, (self.prefix + folder) or None):
                for one in chunk:
                    key = one["path"].removeprefix(self.prefix)
                    yield Entry(key, one["size"], one["last_modified"].timestamp(), _version(one))
        except Exception as error:
            raise self._error(folder, error) from None

    def delete(self, keys: Iterable[str]) -> None:
        """See Store.delete."""
        wanted = [self.prefix + key for key in keys]
        if wanted:
            self._do(wanted[0], lambda _: self._library.delete(self._store, wanted))

    def _do(self, key: str, ask: Callable[[str], Any]) -> None:
        try:
            ask(self.prefix + key)
        except OSError as error:
            if not isinstance(error, FileNotFoundError) or error.filename is not None:  # the local disk's
                raise
            raise self._error(key, error) from None
        except self._library.exceptions.PreconditionError:
            raise
        except Exception as error:
            raise self._error(key, error) from None

    def _error(self, key: str, error: Exception) -> StoreError:
        """What happened, without what the store answered: it may quote a key or a signature."""
        text, known = str(error), self._library.exceptions
        if isinstance(error, FileNotFoundError) or "NoSuchBucket" in text:
            remedy = NOT_THERE
        elif isinstance(error, known.PermissionDeniedError) or "403" in _said(error):
            remedy = FORBIDDEN
        elif isinstance(error, known.UnauthenticatedError):
            remedy = UNKNOWN
        else:
            remedy = SILENT
        return StoreError(f"{self.url}/{key}: {remedy} ({_said(error)})")


def _version(about: Any) -> Version:
    return {name: about[name] for name in ("e_tag", "version") if about.get(name)}


def _said(error: Exception) -> str:
    """The kind of an error, the status and the code of the answer; nothing else of it."""
    text = str(error)
    status = re.search(r"status code: (\d{3})", text)
    code = re.search(r"<Code>([A-Za-z]{1,60})</Code>", text)
    kind = "timeout" if "timed out" in text else type(error).__name__
    return " ".join(filter(None, [kind, status and status[1], code and code[1]]))
