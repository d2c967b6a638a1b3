"""A person is removed from the copies of the published tables."""

import json
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from pipeline.ground.errors import UnavailableError
from pipeline.operations import forget
from pipeline.publication import following
from pipeline.settings.sections.copies import PublishedCopy
from pipeline.sources.configuration import FullConfig
from tests.operations.a_home import ASKED, GONE, a_home, names_them
from tests.redis_server import Server
from tests.search_server import SearchServer

PREFIX = "forgetting"


@pytest.fixture
def config(
    tmp_path: Path, redis_server: Server, search_server: SearchServer, monkeypatch: pytest.MonkeyPatch
) -> FullConfig:
    """A home whose active run is in a copy of every kind."""
    monkeypatch.setenv("NIGHTJAR_CONNECTION_SERVING", redis_server.url)
    monkeypatch.setenv("NIGHTJAR_CONNECTION_SEARCH", search_server.url)
    copies = {
        "lake": PublishedCopy(kind="delta", place="lakehouse"),
        "files": PublishedCopy(kind="opensearch", place="search_files"),
        "serving": PublishedCopy(kind="redis", connection="serving", prefix=PREFIX),
        "search": PublishedCopy(kind="opensearch", connection="search", prefix=PREFIX),
    }
    made = a_home(tmp_path)
    made = made.model_copy(update={"publish": made.publish.model_copy(update={"copies": copies})})
    following.follow(made)
    return made


def everything(redis_server: Server, search_server: SearchServer) -> list[str]:
    """All fields and values of Redis, all documents of the search."""
    client: Any = redis_server.client()
    hashes = [key for key in client.scan_iter(f"{PREFIX}:*") if client.type(key) == "hash"]
    found = search_server.client().search(index=f"{PREFIX}-*", body={"query": {"match_all": {}}, "size": 1000})
    return [str(client.hgetall(key)) for key in hashes] + [json.dumps(hit) for hit in found["hits"]["hits"]]


def named(said: list[str]) -> int:
    return sum(text.count(f"{GONE}'") + text.count(f'{GONE}"') for text in said)


def test_every_copy_loses_the_person_and_keeps_the_others(
    config: FullConfig, redis_server: Server, search_server: SearchServer
) -> None:
    assert named(everything(redis_server, search_server)) >= 2
    assert [found for name in ("lakehouse", "search_files") if (found := names_them(config.home / name)) == []] == []
    forget.forget(config, [GONE], ASKED)
    assert named(everything(redis_server, search_server)) == 0
    assert not names_them(config.home)
    rows = DeltaTable(str(config.home / "lakehouse" / "recommendations")).to_pyarrow_table()
    assert set(rows.column("user_id").to_pylist()) == {"person-7", "person-778"}
    assert "person-7" in str(everything(redis_server, search_server))


def test_without_a_copy_that_may_know_somebody_nothing_is_called_done(
    config: FullConfig, redis_server: Server, search_server: SearchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("NIGHTJAR_CONNECTION_SERVING", "redis://127.0.0.1:1")
        with pytest.raises(UnavailableError, match="copy 'serving'"):
            forget.forget(config, [GONE], ASKED)
    assert not list(config.home.glob("receipts/forget-*"))
    following.follow(config)  # a night's publication comes between, whose run before has the person
    (receipt,) = forget.forget(config, [GONE], ASKED)
    assert json.loads(receipt.read_text())["copies"] == ["lake", "files", "serving", "search"]
    assert named(everything(redis_server, search_server)) == 0
