"""Killed while it brings copies up: readers have the old run or the new one, and the next call does the rest."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from deltalake import DeltaTable

from pipeline.publication import following
from tests.published.copies.shops import A, B, CopiedShop, K, shop
from tests.published.targets.runs import USERS
from tests.redis_server import Server
from tests.search_server import SearchServer

pytestmark = pytest.mark.slow

KILLED = """
import os, sys
from pipeline.publication import following
from pipeline.published.copies import delta, opensearch, places, redis
from pipeline.sources.configuration import FullConfig
steps, at = 0, int(sys.argv[2])
def counted(function):
    def step(*a, **k):
        global steps
        steps += 1
        if steps == at:
            os.kill(os.getpid(), 9)
        return function(*a, **k)
    return step
places.Folder.put = counted(places.Folder.put)
delta.DeltaCopy._flip = counted(delta.DeltaCopy._flip)
for name in ("_sent", "activate", "_drop"):
    setattr(redis.RedisCopy, name, counted(getattr(redis.RedisCopy, name)))
for name in ("_fill", "activate", "_delete"):
    setattr(opensearch.SearchServer, name, counted(getattr(opensearch.SearchServer, name)))
following.follow(FullConfig.model_validate_json(sys.argv[1]))
print(steps)
"""
INSTANTS = [3, 9, 14, 20, 24, 29, 37]
"""Of 44 steps: a file of Delta, its first flip, one in the middle, a hash of Redis, its flip, an index, the aliases."""


@pytest.fixture
def made(
    tmp_path: Path, redis_server: Server, search_server: SearchServer, monkeypatch: pytest.MonkeyPatch
) -> CopiedShop:
    """A shop with a copy of each kind, which have run A; the target has B."""
    monkeypatch.setenv("NIGHTJAR_CONNECTION_SERVING", redis_server.url)
    monkeypatch.setenv("NIGHTJAR_CONNECTION_SEARCH", search_server.url)
    prefix = f"killed{abs(hash(tmp_path))}"
    made = shop(
        tmp_path,
        lake={"kind": "delta", "place": "lakehouse"},
        serving={"kind": "redis", "connection": "serving", "prefix": prefix},
        search={"kind": "opensearch", "connection": "search", "prefix": prefix},
    )
    made.publish(A, reason=A)
    made.activate(B, reason=B)
    return made


def killed(made: CopiedShop, at: int) -> int:
    """Follow in a process that dies before its n-th step; returns its steps if it lived."""
    arguments = [sys.executable, "-c", KILLED, made.config.model_dump_json(), str(at)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode in {0, -9}, done.stderr
    return int(done.stdout) if done.returncode == 0 else 0


def seen(made: CopiedShop, redis_server: Server, search_server: SearchServer) -> dict[str, set[str]]:
    """The runs that an application finds in each copy; that a list is not whole is an error."""
    prefix, client = made.config.publish.copies["serving"].prefix, redis_server.client()
    load = client.get(f"{prefix}:active")
    served = [json.loads(client.hget(f"{prefix}:{load}:recommendations:s", user)) for user in USERS]
    assert [len(rows) for rows in served] == [K] * len(USERS)
    lake = DeltaTable(str(made.config.home / "lakehouse" / "recommendations")).to_pyarrow_table().to_pylist()
    assert len(lake) == K * len(USERS)
    hits = search_server.client().search(index=f"{prefix}-recommendations", body={"query": {"match_all": {}}})
    documents = [hit["_source"] for hit in hits["hits"]["hits"]]
    assert len(documents) == len(USERS)
    return {
        "serving": {row["reason"] for rows in served for row in rows},
        "lake": {row["run_id"] for row in lake},
        "search": {document["run_id"] for document in documents},
    }


@pytest.mark.parametrize("at", INSTANTS)
def test_readers_have_one_run_and_the_next_call_ends_it(
    made: CopiedShop, redis_server: Server, search_server: SearchServer, at: int
) -> None:
    assert killed(made, at) == 0
    for run_ids in seen(made, redis_server, search_server).values():
        assert run_ids in ({A}, {B})
    following.follow(made.config)
    assert set(map(str, seen(made, redis_server, search_server).values())) == {str({B})}
    client, prefix = redis_server.client(), made.config.publish.copies["serving"].prefix
    assert set(client.hvals(f"{prefix}:loads")) == {"whole"}
    there = {key.split(":")[1] for key in client.scan_iter(f"{prefix}:*")} - {"active", "loads"}
    assert there == set(client.hkeys(f"{prefix}:loads"))


def test_the_instants_are_spread_over_all_copies(made: CopiedShop) -> None:
    assert killed(made, 1000) >= max(INSTANTS)
