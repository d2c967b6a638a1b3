"""A copy in OpenSearch or Elasticsearch, sent to a server, or as files of what would be sent.

<place>/<load>/<index>.json            the body that an index is made with: PUT /<index>
<place>/<load>/<index>.<n>.ndjson      the documents, part by part: POST /<index>/_bulk
<place>/<load>/aliases.json            the switch: POST /_aliases; written last, so that who finds it finds all
<place>/active                         the load that is to be read
"""

import itertools
import json
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from pipeline.ground import sql
from pipeline.ground.errors import PublishError
from pipeline.published.contract import PublishedTable
from pipeline.published.copies import connections, documents, places
from pipeline.published.copies.contract import Copy, needs
from pipeline.published.copies.documents import Document, Index
from pipeline.settings.config import Config
from pipeline.settings.sections.copies import PublishedCopy

SCHEMES = ("http", "https")
CHUNK, BYTES = 1000, 8 * 2**20
"""Documents and bytes of a request."""
PART = 32 * 2**20
"""Bytes of a file, at least, before the next one begins."""
PASSING = {429, 502, 503, 504}
SWITCH, ACTIVE = "aliases.json", "active"


def of(section: PublishedCopy, config: Config, tables: Sequence[PublishedTable]) -> Copy:
    """The copy on a server, or in files where a place is given.

    Raises:
        InputError: what it needs is not installed, or not in the environment.
    """
    return (SearchFiles if section.place else SearchServer)(section, config, tables)


class _Search:
    """What both have in common."""

    def __init__(self, section: PublishedCopy, config: Config, tables: Sequence[PublishedTable]) -> None:
        self.prefix, self.config, self.tables = section.prefix, config, tables

    def _indices(self, load: str) -> list[Index]:
        return documents.indices(self.prefix, load, self.tables)

    def _each(self, load: str, folder: Path, write: Callable[[Index, Iterator[Document]], None]) -> None:
        """Let the documents of every index be written."""
        run_id = load.rpartition("-")[0]
        with sql.connect(self.config.threads, self.config.memory_limit_mb) as connection:
            for index in self._indices(load):
                path = folder / index.lists.table.file
                write(index, index.documents(path, run_id, connection) if path.is_file() else iter(()))


class SearchServer(_Search):
    """The contract of contract.Copy on a server."""

    def __init__(self, section: PublishedCopy, config: Config, tables: Sequence[PublishedTable]) -> None:
        """A copy; nothing is asked of the server yet.

        Raises:
            InputError: the client is not installed, or the environment does not have the connection.
        """
        super().__init__(section, config, tables)
        try:
            import opensearchpy
        except ImportError:
            raise needs("a copy of kind 'opensearch' with a connection", "opensearch-py") from None
        self._library = opensearchpy
        self._server = connections.from_environment(section.connection, SCHEMES)
        with self._asking():
            self._client: Any = opensearchpy.OpenSearch(
                hosts=[self._server.url], timeout=60, max_retries=3, retry_on_timeout=True, retry_on_status=PASSING
            )

    def _asking(self) -> AbstractContextManager[None]:
        errors = (self._library.exceptions.OpenSearchException, ValueError)
        return self._server.translated(errors, self._passes, self._said)

    def _passes(self, error: Exception) -> bool:
        return isinstance(error, self._library.exceptions.ConnectionError) or (
            isinstance(error, self._library.TransportError) and error.status_code in PASSING
        )

    def _said(self, error: Exception) -> str:
        """The kind of an error, not what the server says of it: that may quote a document."""
        if isinstance(error, self._library.helpers.BulkIndexError):
            kinds = {str(done.get("error", {}).get("type")) for one in error.errors for done in one.values()}
            return f"{len(error.errors)} documents, {', '.join(sorted(kinds))}"
        if isinstance(error, self._library.TransportError):
            return f"{error.status_code} {error.error}"
        return ""

    def _known(self) -> dict[str, dict[str, Any]]:
        """What mappings say of the copy's indices, by name."""
        with self._asking():
            found = self._client.indices.get_mapping(index=f"{self.prefix}-*")
        said = {name: about["mappings"].get("_meta", {}).get(documents.META) for name, about in found.items()}
        return {name: about for name, about in said.items() if about}

    def _aliases(self) -> dict[str, list[str]]:
        """The indices that each alias leads to."""
        with self._asking():
            found = self._client.indices.get_alias(index=f"{self.prefix}-*")
        held: dict[str, list[str]] = {}
        for name, about in found.items():
            for alias in about["aliases"]:
                held.setdefault(alias, []).append(name)
        return held

    def active(self) -> str | None:
        """See Copy.active."""
        known, aliases = self._known(), self._aliases()
        held = [aliases.get(index.alias, []) for index in self._indices("")]
        loads = {known[names[0]]["load"] if len(names) == 1 and names[0] in known else None for names in held}
        load = loads.pop() if len(loads) == 1 else None
        return load if load is not None and self._is_whole(load, known) else None

    def holds(self, load: str) -> bool:
        """See Copy.holds."""
        return self._is_whole(load, self._known())

    def _is_whole(self, load: str, known: dict[str, dict[str, Any]]) -> bool:
        wanted = {"load": load, "whole": True}
        return all(known.get(index.name) == wanted for index in self._indices(load))

    def load(self, load: str, folder: Path) -> None:
        """See Copy.load."""
        self._delete([name for name, about in self._known().items() if about["load"] == load])
        self._each(load, folder, self._fill)
        with self._asking():
            for index in self._indices(load):
                self._client.indices.put_mapping(index=index.name, body=index.meta(whole=True))

    def _fill(self, index: Index, made: Iterator[Document]) -> None:
        sent = 0
        with self._asking():
            self._client.indices.create(index=index.name, body=index.body())
            for _ in self._library.helpers.streaming_bulk(
                self._client,
                made,
                index=index.name,
                chunk_size=CHUNK,
                max_chunk_bytes=BYTES,
                max_retries=3,
                expand_action_callback=lambda document: document,  # both lines are JSON already
            ):
                sent += 1
            self._client.indices.refresh(index=index.name)
            found = self._client.count(index=index.name)["count"]
        if found != sent:
            raise PublishError(f"index {index.name} has {found} documents of {sent} that were sent")

    def activate(self, load: str) -> None:
        """See Copy.activate: all aliases in one request."""
        body = documents.switch(self._indices(load), self._aliases())
        with self._asking():
            self._client.indices.update_aliases(body=body)

    def keep(self, loads: Collection[str], alone: bool = False) -> None:
        """See Copy.keep."""
        self._delete([name for name, about in self._known().items() if about["load"] not in loads])

    def _delete(self, names: list[str]) -> None:
        for name in names:  # one by one: their names together can be longer than a URL may be
            with self._asking():
                self._client.indices.delete(index=name)

    def close(self) -> None:
        """See Copy.close."""
        self._client.close()


class SearchFiles(_Search):
    """The contract of contract.Copy on a folder of files, for who sends them."""

    def __init__(self, section: PublishedCopy, config: Config, tables: Sequence[PublishedTable]) -> None:
        """A copy; nothing is read or made yet.

        Raises:
            InputError: what an object store needs is not installed.
        """
        super().__init__(section, config, tables)
        self.place = places.of(section.place, config)

    def active(self) -> str | None:
        """See Copy.active."""
        said = self.place.read(ACTIVE)
        load = None if said is None else said.decode().strip()
        return load if load and self.holds(load) else None

    def holds(self, load: str) -> bool:
        """See Copy.holds."""
        return SWITCH in self.place.sizes(load)

    def load(self, load: str, folder: Path) -> None:
        """See Copy.load."""
        self._drop(load)
        self._each(load, folder, self._write)
        self.place.write(f"{load}/{SWITCH}", _line(documents.switch(self._indices(load))))

    def _write(self, index: Index, made: Iterator[Document]) -> None:
        self.place.write(f"{index.load}/{index.name}.json", _line(index.body() | {"mappings": index.mapping()}))
        for number in itertools.count(1):
            with tempfile.TemporaryDirectory() as scratch:
                path, size = Path(scratch, "part"), 0
                with path.open("w", encoding="utf-8", newline="\n") as file:
                    while size < PART and (document := next(made, None)) is not None:
                        size += file.write("\n".join([*document, ""]))
                if not size:
                    return
                self.place.put(path, f"{index.load}/{index.name}.{number:04}.ndjson")

    def activate(self, load: str) -> None:
        """See Copy.activate."""
        self.place.write(ACTIVE, f"{load}\n".encode())

    def keep(self, loads: Collection[str], alone: bool = False) -> None:
        """See Copy.keep."""
        there = {name.partition("/")[0] for name in self.place.sizes("") if "/" in name}
        for load in there - set(loads):
            self._drop(load)
        if not loads:
            self.place.remove([ACTIVE])

    def _drop(self, load: str) -> None:
        names = sorted(self.place.sizes(load), key=lambda name: name != SWITCH)
        self.place.remove([f"{load}/{name}" for name in names])

    def close(self) -> None:
        """See Copy.close."""


def _line(body: dict[str, Any]) -> bytes:
    return (json.dumps(body, sort_keys=True) + "\n").encode()
