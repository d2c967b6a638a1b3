"""The copy in Redis, read by an application's own client on a real server."""

import itertools
import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from pipeline.ground.errors import InputError, PublishError, UnavailableError
from pipeline.publication import following, publish, stores
from pipeline.publication.tables import published
from pipeline.published.copies import following as copies
from pipeline.published.copies.redis import RedisCopy
from tests.published.copies.shops import HOSTILE, NIGHTS, A, B, C, CopiedShop, K, lists, shop
from tests.published.targets.runs import USERS
from tests.redis_server import PASSWORD, Server

_numbers = itertools.count()


@pytest.fixture
def prefix() -> str:
    return f"shop_{next(_numbers)}x"


@pytest.fixture
def made(tmp_path: Path, redis_server: Server, prefix: str, monkeypatch: pytest.MonkeyPatch) -> CopiedShop:
    """A shop without runs, and a server without keys of it."""
    monkeypatch.setenv("NIGHTJAR_CONNECTION_SERVING", redis_server.url)
    return shop(tmp_path, serving={"kind": "redis", "connection": "serving", "prefix": prefix})


def read(client: Any, prefix: str, table: str, field: str) -> Any:
    """What an application does."""
    load = client.get(f"{prefix}:active")
    found = client.hget(f"{prefix}:{load}:{table}", field)
    return None if found is None else json.loads(found)


def keys(client: Any, prefix: str) -> set[str]:
    return set(client.scan_iter(f"{prefix}:*"))


def test_every_list_is_that_of_the_files(made: CopiedShop, redis_server: Server, prefix: str) -> None:
    made.publish(A, users=sorted(HOSTILE), reason="<b>'\"\n:")
    client = redis_server.client()
    for table, keyed in {
        "recommendations": ("user_id", "surface"),
        "similar_items": ("item_id",),
        "popular_items": ("segment",),
        "search_results": ("query",),
        "audiences": ("about", "audience"),
        "explanations": ("user_id", "surface"),
        "user_profiles": ("user_id",),
        "runs": ("run_id",),
    }.items():
        wanted = lists(made.rows(A, table), *keyed)
        assert wanted
        for (field, *within), rows in wanted.items():
            found = read(client, prefix, ":".join([table, *within]), field)
            plain = [found] if isinstance(found, dict) else found
            times = ("last_event_time", "published_at")
            assert [{n: v for n, v in row.items() if n not in times} for row in plain] == [
                {n: v for n, v in row.items() if n not in times} for row in rows
            ]
    assert read(client, prefix, "recommendations:s", "somebody new") is None
    assert read(client, prefix, "recommendations:s", HOSTILE[2])[0]["reason"] == "<b>'\"\n:"


def test_lists_that_end_in_the_middle_of_a_piece_are_whole(
    made: CopiedShop, redis_server: Server, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.published.copies.lists.ROWS", 3)
    monkeypatch.setattr("pipeline.published.copies.redis.FIELDS", 2)
    monkeypatch.setattr("pipeline.published.copies.redis.COMMANDS", 1)
    users = [f"u{n:02}" for n in range(11)]
    made.publish(A, users=users)
    client = redis_server.client()
    assert {user: [row["rank"] for row in read(client, prefix, "recommendations:s", user)] for user in users} == {
        user: list(range(1, K + 1)) for user in users
    }


def test_a_run_of_two_turns_ago_is_gone_and_the_one_before_stays(
    made: CopiedShop, redis_server: Server, prefix: str
) -> None:
    client = redis_server.client()
    loads = []
    for run_id in NIGHTS:
        made.publish(run_id)
        loads.append(client.get(f"{prefix}:active"))
    assert [load[: len(A)] for load in loads] == list(NIGHTS)
    found = {key.split(":")[1] for key in keys(client, prefix)}
    assert found == {"active", "loads", loads[1], loads[2]}
    assert client.hgetall(f"{prefix}:loads") == {loads[1]: "whole", loads[2]: "whole"}


def test_rollback_takes_the_copy_along_without_loading_what_is_there(
    made: CopiedShop, redis_server: Server, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for run_id in (A, B):
        made.publish(run_id)
    monkeypatch.setattr(RedisCopy, "load", lambda *_: pytest.fail("it is there"))
    publish.rollback(made.config)
    assert redis_server.client().get(f"{prefix}:active").startswith(A)
    publish.rollback(made.config, to=B)
    assert redis_server.client().get(f"{prefix}:active").startswith(B)


def test_a_copy_that_is_as_it_should_be_is_left_alone(
    made: CopiedShop, redis_server: Server, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.publish(A)
    for name in ("load", "activate", "keep"):
        monkeypatch.setattr(RedisCopy, name, lambda *_: pytest.fail("it is there"))
    following.follow(made.config)


def test_what_the_server_lost_is_brought_again(made: CopiedShop, redis_server: Server, prefix: str) -> None:
    made.publish(A)
    client = redis_server.client()
    before = keys(client, prefix)
    client.delete(f"{prefix}:{client.get(f'{prefix}:active')}:similar_items")
    following.follow(made.config)
    assert keys(client, prefix) == before
    client.delete(*before)
    following.follow(made.config)
    assert keys(client, prefix) == before


def test_lists_whose_register_the_server_lost_are_brought_again_and_go_with_their_load(
    made: CopiedShop, redis_server: Server, prefix: str
) -> None:
    made.publish(A)
    client = redis_server.client()
    before, register = keys(client, prefix), f"{prefix}:{client.get(f'{prefix}:active')}:keys"
    client.delete(register)
    following.follow(made.config)
    assert keys(client, prefix) == before
    client.delete(register)
    RedisCopy(made.config.publish.copies["serving"], made.config, published()).keep([])
    assert keys(client, prefix) == set()


def test_a_run_whose_files_changed_is_loaded_beside_itself(made: CopiedShop, redis_server: Server, prefix: str) -> None:
    client = redis_server.client()
    made.publish(A)
    old = client.get(f"{prefix}:active")
    made.publish(A, users=("u",))
    new = client.get(f"{prefix}:active")
    assert old != new
    assert (old[: len(A)], new[: len(A)]) == (A, A)
    assert read(client, prefix, "recommendations:s", "v") is None
    assert client.hexists(f"{prefix}:{old}:recommendations:s", "v"), "who asked for the name before still finds it"


@pytest.mark.slow
def test_a_reader_every_5_ms_sees_only_whole_runs(made: CopiedShop, redis_server: Server, prefix: str) -> None:
    """Of each user and surface a reader finds K rows, all of one reason, which is the run that the pointer names."""
    made.publish(A, reason=A)
    stop, seen, errors = threading.Event(), set[str](), []

    def poll() -> None:
        client = redis_server.client()
        while not stop.is_set():
            try:
                load = client.get(f"{prefix}:active")
                time.sleep(0.005)
                for user in USERS:
                    rows = json.loads(client.hget(f"{prefix}:{load}:recommendations:s", user))
                    assert [row["rank"] for row in rows] == list(range(1, K + 1))
                    assert {row["reason"] for row in rows} == {load[: len(A)]}
                    seen.add(rows[0]["reason"])
            except Exception as error:
                errors.append(error)

    thread = threading.Thread(target=poll)
    thread.start()
    try:
        for turn in range(4):
            for run_id in (B, C, f"2011-10-0{turn + 4}-eeeeeeee"):
                made.publish(run_id, reason=run_id)
                time.sleep(0.03)
    finally:
        stop.set()
        thread.join()
    assert errors == []
    assert len(seen) >= 2


def test_a_forgotten_person_is_in_no_load(
    made: CopiedShop, redis_server: Server, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files have lost the person already; the run before, which still has them, goes."""
    monkeypatch.setattr(copies, "SETTLE_SECONDS", 0.0)
    for run_id in (A, B):
        made.publish(run_id)
    made.activate(B, users=("u", "w"))
    following.follow(made.config, alone=True)
    client = redis_server.client()
    everything = str([client.hgetall(key) for key in keys(client, prefix) if client.type(key) == "hash"])
    assert '"u"' in str([client.hkeys(key) for key in keys(client, prefix) if client.type(key) == "hash"]).replace(
        "'", '"'
    )
    assert "'v'" not in everything
    assert {key.split(":")[1] for key in keys(client, prefix)} == {"active", "loads", client.get(f"{prefix}:active")}


def test_a_server_that_is_gone_leaves_the_target_as_it_is(
    made: CopiedShop, redis_server: Server, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTJAR_CONNECTION_SERVING", f"redis://:{PASSWORD[:5]}@127.0.0.1:1/0")
    made.activate(A)
    with pytest.raises(UnavailableError, match=rf"copy 'serving' \(redis\).*does not answer.*run {A} active") as raised:
        following.follow(made.config)
    assert PASSWORD[:5] not in str(raised.value)
    assert stores.target(made.config).active() == A
    with pytest.raises(UnavailableError, match="Run publish for the night again"):
        publish.rollback(made.config, to=A)
    monkeypatch.setenv("NIGHTJAR_CONNECTION_SERVING", redis_server.url)
    following.follow(made.config)
    assert redis_server.client().get(f"{prefix}:active").startswith(A)


def test_a_wrong_password_is_not_worth_another_try_and_is_not_shown(
    made: CopiedShop, redis_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTJAR_CONNECTION_SERVING", f"redis://:a-secret@127.0.0.1:{redis_server.port}/0")
    made.activate(A)
    with pytest.raises(PublishError, match=r"connection 'serving' refuses \(AuthenticationError") as raised:
        following.follow(made.config)
    assert not isinstance(raised.value, UnavailableError)
    assert "a-secret" not in str(raised.value)


def test_a_connection_that_is_not_there_is_said_before_anything_is_published(
    made: CopiedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NIGHTJAR_CONNECTION_SERVING")
    with pytest.raises(InputError, match="set NIGHTJAR_CONNECTION_SERVING to its URL, redis://"):
        following.require(made.config)
    monkeypatch.setenv("NIGHTJAR_CONNECTION_SERVING", "https://me:a-secret@here")
    with pytest.raises(InputError, match="is not shown") as raised:
        following.require(made.config)
    assert "a-secret" not in str(raised.value)
