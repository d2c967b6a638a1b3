"""What an OpenSearch client talks to in tests: the server of NIGHTJAR_SEARCH_URL, where there is one, else a small one.

The small one speaks what is sent to it as OpenSearch documents it, and refuses everything else: indices with mappings,
bulk requests, refreshes that make documents visible, counts, aliases that are changed all at once, and searches by a
term. It holds everything under one lock, so that a request sees whole ones before it.
"""

import contextlib
import fnmatch
import http.server
import json
import os
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

URL = "NIGHTJAR_SEARCH_URL"
USER, PASSWORD = "shop", "known-to-the-tests"
Answer = tuple[int, dict[str, Any]]


class RefusedError(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.answer = (status, {"error": {"type": kind, "reason": reason, "root_cause": []}, "status": status})


@dataclass
class Index:
    """An index: its mapping, its documents by id, and those that a search finds."""

    mappings: dict[str, Any]
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    visible: dict[str, dict[str, Any]] = field(default_factory=dict)
    aliases: set[str] = field(default_factory=set)


class Cluster:
    """All indices of a server.

    Attributes:
        indices: by name.
        requests: method and path of every request so far.
        down: whether it answers 503 to everything.
    """

    def __init__(self) -> None:
        self.indices: dict[str, Index] = {}
        self.requests: list[tuple[str, str]] = []
        self.down = False
        self._lock = threading.Lock()

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """Answer one request, alone."""
        with self._lock:
            self.requests.append((method, path))
            if self.down:
                return 503, {"error": {"type": "unavailable", "reason": "down"}, "status": 503}
            try:
                return self._answer(method, [unquote(part) for part in path.strip("/").split("/")], body)
            except RefusedError as refused:
                return refused.answer

    def _answer(self, method: str, parts: list[str], body: bytes) -> Answer:  # noqa: PLR0911
        match (method, *parts):
            case ("POST", "_aliases"):
                return self._switch(json.loads(body)["actions"])
            case ("PUT", name):
                return self._create(name, json.loads(body))
            case ("DELETE", name):
                self._index(name)
                del self.indices[name]
                return 200, {"acknowledged": True}
            case ("GET", names, "_mapping"):
                return 200, {name: {"mappings": self.indices[name].mappings} for name in self._matching(names)}
            case ("GET", names, "_alias"):
                found = {name: {alias: {} for alias in self.indices[name].aliases} for name in self._matching(names)}
                return 200, {name: {"aliases": aliases} for name, aliases in found.items()}
            case ("PUT", name, "_mapping"):
                self._index(name).mappings |= json.loads(body)
                return 200, {"acknowledged": True}
            case ("POST" | "PUT", name, "_bulk"):
                return self._bulk(name, body)
            case ("POST", name, "_refresh"):
                self._index(name).visible = dict(self._index(name).documents)
                return 200, {}
            case ("GET" | "POST", name, "_count"):
                return 200, {"count": len(self._index(name).visible)}
            case ("GET" | "POST", name, "_search"):
                return self._search(name, json.loads(body))
        raise RefusedError(400, "illegal_argument_exception", f"{method} {parts} is not known here")

    def _create(self, name: str, body: dict[str, Any]) -> Answer:
        if name in self.indices:
            raise RefusedError(400, "resource_already_exists_exception", name)
        if name != name.lower() or re.search(r'[\\/*?"<>| ,#:]|^[-_+]', name) or len(name.encode()) > 255:
            raise RefusedError(400, "invalid_index_name_exception", name)
        self.indices[name] = Index(body.get("mappings", {}))
        return 200, {"acknowledged": True, "index": name}

    def _bulk(self, name: str, body: bytes) -> Answer:
        if not body.endswith(b"\n"):
            raise RefusedError(
                400, "illegal_argument_exception", "The bulk request must be terminated by a newline [\\n]"
            )
        lines = body.split(b"\n")[:-1]
        done: list[dict[str, Any]] = []
        for action, document in zip(lines[::2], lines[1::2], strict=True):
            ((kind, about),) = json.loads(action).items()
            index, key = self._index(about.get("_index", name)), about["_id"]
            if kind != "index" or len(key.encode()) > 512:
                raise RefusedError(400, "illegal_argument_exception", kind)
            status = 200 if key in index.documents else 201
            index.documents[key] = json.loads(document, object_pairs_hook=_no_key_twice)
            done.append({"index": {"_id": key, "status": status}})
        return 200, {"errors": False, "items": done}

    def _switch(self, actions: list[dict[str, dict[str, Any]]]) -> Answer:
        before = {name: set(index.aliases) for name, index in self.indices.items()}
        try:
            for action in actions:
                ((kind, about),) = action.items()
                names = [n for n in self._matching(about["index"]) if kind == "add" or about["alias"] in before[n]]
                if not names and about.get("must_exist", True):
                    raise RefusedError(404, "aliases_not_found_exception", about["alias"])
                for name in names:
                    (set.add if kind == "add" else set.discard)(self.indices[name].aliases, about["alias"])
        except RefusedError:
            for name, aliases in before.items():
                self.indices[name].aliases = aliases
            raise
        return 200, {"acknowledged": True}

    def _search(self, name: str, body: dict[str, Any]) -> Answer:
        found = [(one, key, said) for one in self._matching(name) for key, said in self.indices[one].visible.items()]
        terms = _terms(body.get("query", {"match_all": {}}))
        hits = [
            {"_index": one, "_id": key, "_source": said}
            for one, key, said in found
            if all(value in _values(said, path.split(".")) for path, value in terms.items())
        ]
        total = {"value": len(hits), "relation": "eq"}
        return 200, {"hits": {"total": total, "hits": hits[: body.get("size", 10)]}}

    def _index(self, name: str) -> Index:
        (found,) = self._matching(name)
        return self.indices[found]

    def _matching(self, pattern: str) -> list[str]:
        named = {n for n, index in self.indices.items() if fnmatch.fnmatchcase(n, pattern) or pattern in index.aliases}
        if not named and "*" not in pattern:
            raise RefusedError(404, "index_not_found_exception", pattern)
        return sorted(named)


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise RefusedError(400, "mapper_parsing_exception", f"Duplicate field in {[key for key, _ in pairs]}")
    return dict(pairs)


def _terms(query: dict[str, Any]) -> dict[str, Any]:
    if "bool" in query:
        return {name: value for one in query["bool"]["filter"] for name, value in _terms(one).items()}
    found: dict[str, Any] = query.get("term", {})
    return found


def _values(document: Any, path: list[str]) -> list[Any]:
    if isinstance(document, list):
        return [value for one in document for value in _values(one, path)]
    if not path:
        return [document]
    return _values(document[path[0]], path[1:]) if isinstance(document, dict) and path[0] in document else []


@dataclass
class SearchServer:
    """Where it is.

    Attributes:
        url: for clients, with a password where it asks for one.
        cluster: what it holds; None: a server that somebody has.
    """

    url: str
    cluster: Cluster | None = None

    def client(self) -> Any:
        """An application's client."""
        import opensearchpy

        return opensearchpy.OpenSearch(hosts=[self.url])


def _handler(cluster: Cluster) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, said = cluster.answer(self.command, urlsplit(self.path).path, body)
            if not self.headers.get("Authorization", "").startswith("Basic "):
                status, said = 401, {"error": {"type": "security_exception", "reason": "who are you?"}, "status": 401}
            content = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_DELETE = answer

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@contextlib.contextmanager
def running() -> Iterator[SearchServer]:
    """A server without indices, for as long as it is used."""
    if given := os.environ.get(URL):
        yield SearchServer(given)
        return
    cluster = Cluster()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(cluster))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield SearchServer(f"http://{USER}:{PASSWORD}@127.0.0.1:{server.server_address[1]}", cluster)
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def search_server() -> Iterator[SearchServer]:
    """A server without indices."""
    with running() as server:
        yield server
