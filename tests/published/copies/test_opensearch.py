"""The copy in OpenSearch, filled by its own client's bulk helper and read by its own client."""

import itertools
import json
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from pipeline.ground.errors import PublishError, UnavailableError
from pipeline.publication import following, publish, stores
from pipeline.published.copies import following as copies
from pipeline.published.copies import opensearch
from pipeline.published.copies.opensearch import SearchFiles, SearchServer
from tests import search_server as servers
from tests.published.copies.shops import HOSTILE, NIGHTS, A, B, C, CopiedShop, K, lists, shop
from tests.published.targets.runs import USERS

TABLES = {
    "recommendations": ("user_id", "surface"),
    "similar_items": ("item_id",),
    "popular_items": ("segment",),
    "search_results": ("query",),
    "search_terms": ("term",),
    "audiences": ("about", "audience"),
    "labels_wanted": ("label_set",),
    "topics": ("topic_id",),
    "question_clusters": ("cluster_id",),
    "answers": ("cluster_id",),
    "unanswered": ("cluster_id",),
    "explanations": ("user_id", "surface"),
    "user_profiles": ("user_id",),
    "runs": ("run_id",),
}
_numbers = itertools.count()


@pytest.fixture
def prefix() -> str:
    return f"shop{next(_numbers)}x"


@pytest.fixture
def made(
    tmp_path: Path, search_server: servers.SearchServer, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> CopiedShop:
    monkeypatch.setenv("NIGHTJAR_CONNECTION_SEARCH", search_server.url)
    return shop(tmp_path, search={"kind": "opensearch", "connection": "search", "prefix": prefix})


def find(client: Any, alias: str, **terms: str) -> list[dict[str, Any]]:
    """What an application does."""
    query = {"bool": {"filter": [{"term": {name: value}} for name, value in terms.items()]}}
    found = client.search(index=alias, body={"query": query, "size": 100})
    return [hit["_source"] for hit in found["hits"]["hits"]]


def names(client: Any, prefix: str) -> set[str]:
    return set(client.indices.get_mapping(index=f"{prefix}-*"))


def times_apart(row: dict[str, Any]) -> dict[str, Any]:
    apart = {"last_event_time", "published_at", "first_asked", "first_seen", "asked_at", "run_id"}
    return {name: value for name, value in row.items() if name not in apart}


def test_every_list_is_that_of_the_files(made: CopiedShop, search_server: servers.SearchServer, prefix: str) -> None:
    people = sorted(set(HOSTILE) - {""})
    made.publish(A, users=people, reason="<b>'\"\n:")
    client = search_server.client()
    for table, keyed in TABLES.items():
        wanted = lists(made.rows(A, table), *keyed)
        assert client.count(index=f"{prefix}-{table}")["count"] == len(wanted)
        for values, rows in wanted.items():
            (found,) = find(client, f"{prefix}-{table}", **dict(zip(keyed, values, strict=True)))
            assert found["run_id"] == A
            held = found.get("items", [{name: value for name, value in found.items() if name not in keyed}])
            assert [times_apart(row) for row in held] == [times_apart(row) for row in rows], table
    assert len(find(client, f"{prefix}-recommendations", **{"items.item_id": "i1"})) == len(people)


def test_a_run_of_two_turns_ago_is_gone(made: CopiedShop, search_server: servers.SearchServer, prefix: str) -> None:
    for run_id in NIGHTS:
        made.publish(run_id)
    client = search_server.client()
    assert {name.split("-", 2)[2][: len(A)] for name in names(client, prefix)} == {B, C}
    assert len(names(client, prefix)) == 2 * len(TABLES)
    led = {name for name, about in client.indices.get_alias(index=f"{prefix}-*").items() if about["aliases"]}
    assert {name.split("-", 2)[2][: len(A)] for name in led} == {C}


def test_rollback_moves_all_aliases_in_one_request(
    made: CopiedShop, search_server: servers.SearchServer, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for run_id in (A, B):
        made.publish(run_id)
    monkeypatch.setattr(SearchServer, "load", lambda *_: pytest.fail("it is there"))
    if search_server.cluster is not None:
        search_server.cluster.requests.clear()
    publish.rollback(made.config)
    client = search_server.client()
    for table in TABLES:
        assert {document["run_id"] for document in find(client, f"{prefix}-{table}")} == {A}
    if search_server.cluster is not None:
        assert [r for r in search_server.cluster.requests if r[0] != "GET" and "_search" not in r[1]] == [
            ("POST", "/_aliases")
        ]


def test_what_is_as_it_should_be_is_left_alone(made: CopiedShop, monkeypatch: pytest.MonkeyPatch) -> None:
    made.publish(A)
    for name in ("load", "activate", "keep"):
        monkeypatch.setattr(SearchServer, name, lambda *_: pytest.fail("it is there"))
    following.follow(made.config)


def test_an_index_that_was_lost_is_made_again(
    made: CopiedShop, search_server: servers.SearchServer, prefix: str
) -> None:
    made.publish(A)
    client = search_server.client()
    before = names(client, prefix)
    client.indices.delete(index=next(name for name in before if "similar_items" in name))
    following.follow(made.config)
    assert names(client, prefix) == before
    assert find(client, f"{prefix}-similar_items")


@pytest.mark.slow
def test_a_reader_every_5_ms_sees_only_whole_runs(
    made: CopiedShop, search_server: servers.SearchServer, prefix: str
) -> None:
    made.publish(A)
    stop, seen, errors = threading.Event(), list[tuple[set[str], int]](), []

    def poll() -> None:
        client = search_server.client()
        while not stop.is_set():
            try:
                found = find(client, f"{prefix}-recommendations", surface="s")
                seen.append(({one["run_id"] for one in found}, sum(len(one["items"]) for one in found)))
                time.sleep(0.005)
            except Exception as error:
                errors.append(error)

    thread = threading.Thread(target=poll)
    thread.start()
    try:
        for _ in range(3):
            for run_id in (B, C):
                made.publish(run_id)
                publish.rollback(made.config)
    finally:
        stop.set()
        thread.join()
    assert errors == []
    assert [one for one in seen if len(one[0]) != 1 or one[1] != K * len(USERS)] == []
    assert len({next(iter(one[0])) for one in seen}) >= 2


def test_a_forgotten_person_is_in_no_index(
    made: CopiedShop, search_server: servers.SearchServer, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "SETTLE_SECONDS", 0.0)
    for run_id in (A, B):
        made.publish(run_id)
    made.activate(B, users=("u", "w"))
    following.follow(made.config, alone=True)
    client = search_server.client()
    assert len(names(client, prefix)) == len(TABLES)
    found = find(client, f"{prefix}-recommendations") + find(client, f"{prefix}-user_profiles")
    assert {one["user_id"] for one in found} == {"u", "w"}
    assert find(client, f"{prefix}-recommendations", user_id="v") == []


def test_a_server_that_is_gone_or_busy_leaves_the_target_as_it_is(
    made: CopiedShop, search_server: servers.SearchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTJAR_CONNECTION_SEARCH", "http://me:a-secret@127.0.0.1:1")
    made.activate(A)
    with pytest.raises(UnavailableError, match=rf"copy 'search' \(opensearch\).*run {A} active") as raised:
        following.follow(made.config)
    assert "a-secret" not in str(raised.value)
    assert stores.target(made.config).active() == A
    monkeypatch.setenv("NIGHTJAR_CONNECTION_SEARCH", search_server.url)
    if search_server.cluster is not None:
        search_server.cluster.down = True
        with pytest.raises(UnavailableError, match="503"):
            following.follow(made.config)
        search_server.cluster.down = False
    following.follow(made.config)


def test_a_wrong_password_is_not_shown(
    made: CopiedShop, search_server: servers.SearchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    if search_server.cluster is None:
        pytest.skip("somebody's server may ask for none")
    where = urlsplit(search_server.url)
    monkeypatch.setenv("NIGHTJAR_CONNECTION_SEARCH", f"http://{where.hostname}:{where.port}")
    made.activate(A)
    with pytest.raises(PublishError, match=r"connection 'search' refuses \(AuthenticationException: 401"):
        following.follow(made.config)


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def filed(tmp_path: Path) -> CopiedShop:
    return shop(tmp_path, search={"kind": "opensearch", "place": "search_files", "prefix": "shop"})


def send(server: servers.SearchServer, method: str, path: str, body: bytes) -> None:
    """What somebody does with the files: any HTTP client."""
    where = urlsplit(server.url)
    kind = "application/x-ndjson" if path.endswith("_bulk") else "application/json"
    headers = {"Content-Type": kind, "Authorization": "Basic c2hvcDo="}
    asked = urllib.request.Request(f"http://{where.netloc.rpartition('@')[2]}/{path}", body, headers, method=method)
    with urllib.request.urlopen(asked, timeout=20) as answer:
        said = json.load(answer)
    assert not said.get("errors"), said


def send_all(server: servers.SearchServer, folder: Path) -> None:
    load = (folder / "active").read_text().strip()
    for path in sorted((folder / load).glob("shop-*.json")):
        send(server, "PUT", path.stem, path.read_bytes())
    for path in sorted((folder / load).glob("*.ndjson")):
        index = path.name.partition(".")[0]
        send(server, "POST", f"{index}/_bulk", path.read_bytes())
        send(server, "POST", f"{index}/_refresh", b"")
    send(server, "POST", "_aliases", (folder / load / "aliases.json").read_bytes())


def test_the_files_say_what_would_be_sent(
    filed: CopiedShop, search_server: servers.SearchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opensearch, "PART", 500)
    client = search_server.client()
    for run_id in (A, B):
        filed.publish(run_id, users=sorted(set(HOSTILE) - {""}))
        send_all(search_server, filed.config.home / "search_files")
        for table, keyed in TABLES.items():
            found = find(client, f"shop-{table}")
            assert {one["run_id"] for one in found} == {run_id}
            assert {tuple(one[key] for key in keyed) for one in found} == set(lists(filed.rows(run_id, table), *keyed))


def test_files_follow_as_a_server_does(filed: CopiedShop, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = filed.config.home / "search_files"
    for run_id in NIGHTS:
        filed.publish(run_id)
    assert sorted(path.name[: len(A)] for path in folder.iterdir() if path.is_dir()) == [B, C]
    with monkeypatch.context() as patch:
        patch.setattr(SearchFiles, "load", lambda *_: pytest.fail("it is there"))
        publish.rollback(filed.config)
    assert (folder / "active").read_text().startswith(B)
    monkeypatch.setattr(copies, "SETTLE_SECONDS", 0.0)
    filed.activate(C, users=("u",))
    following.follow(filed.config, alone=True)
    text = "".join(path.read_text() for path in folder.rglob("*") if path.is_file())
    assert '"user_id":"u"' in text
    assert '"user_id":"v"' not in text
    assert [path.name[: len(A)] for path in folder.iterdir() if path.is_dir()] == [C]
