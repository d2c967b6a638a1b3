"""PostgreSQL's readers while runs come and go: plans that outlive a flip, transactions that do not end, drops."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from pipeline.ground.errors import UnavailableError
from pipeline.publication.tables import NAMES
from pipeline.published.targets import postgres as postgres_target
from pipeline.published.targets import session
from tests.published.targets.runs import USERS, A, B, C, K, Shop, make

WHOLE = K * len(USERS)
PARTITIONED = set(NAMES) - {"runs"}


@pytest.fixture
def shop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """PostgreSQL with run A active."""
    monkeypatch.setattr(session, "LOCK_TIMEOUT", "1200ms")
    made = make("postgres", tmp_path, request, monkeypatch)
    made.publish(A)
    return made


@pytest.fixture
def dsn(shop: Shop, request: pytest.FixtureRequest) -> str:
    """Where the shop's tables are."""
    return os.environ["NIGHTJAR_DSN"]


@pytest.fixture
def reader(dsn: str) -> Iterator[psycopg.Connection]:
    """An application's connection; every statement begins or continues a transaction."""
    with psycopg.connect(dsn) as connection:
        connection.execute("set search_path = nightjar")
        connection.commit()
        yield connection


def names(dsn: str) -> set[str]:
    """The tables of loads."""
    with psycopg.connect(dsn) as connection:
        found = connection.execute("select relname from pg_class where relname ~ '^[a-z_]+_[0-9]+$' and relkind = 'r'")
        return {str(row[0]) for row in found}


SLOW_TO_PLAN = """
create function public.slow_to_plan(value text) returns text stable language plpgsql as $$
begin
    if clock_timestamp() < current_setting('test.until')::timestamptz then
        perform pg_sleep(0.8);
    end if;
    return value;
end $$
"""


def test_a_query_planned_before_a_run_and_run_after_the_flip_sees_a_whole_run(shop: Shop, dsn: str) -> None:
    """The planner calls a stable function for its estimates after it has read the partitions, and takes its time."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(SLOW_TO_PLAN)
    seen: list[int] = []

    def read() -> None:
        with psycopg.connect(dsn, autocommit=True) as slow:
            slow.execute("select set_config('test.until', (clock_timestamp() + interval '0.4 s')::text, false)")
            statement = "select * from nightjar.current_recommendations where surface = public.slow_to_plan('s')"
            seen.append(len(slow.execute(statement).fetchall()))

    shop.target.clean()
    thread = threading.Thread(target=read)
    thread.start()
    time.sleep(0.1)
    shop.publish(B)
    thread.join()
    assert (seen, shop.target.active()) == ([WHOLE], B)


def test_a_flip_waits_for_transactions_with_plans_that_do_not_know_the_run(
    shop: Shop, reader: psycopg.Connection
) -> None:
    """In one transaction a prepared statement keeps its plan, and the partitions it knew."""
    statement = "select count(*) from current_recommendations where surface = %s"
    for _ in range(8):
        reader.execute(statement, ["s"], prepare=True)
    with pytest.raises(UnavailableError, match=rf"run {B} is loaded and not yet active.*server processes \[\d+\]"):
        shop.publish(B)
    assert shop.target.active() == A
    assert reader.execute(statement, ["s"], prepare=True).fetchone() == (WHOLE,)
    assert shop.target.loaded() == [B, A]
    reader.commit()
    shop.target.activate(B, published=True)
    assert reader.execute(statement, ["s"], prepare=True).fetchone() == (WHOLE,)
    assert shop.run_ids() == {B: WHOLE}


def test_a_transaction_that_began_after_the_run_does_not_hold_a_rollback_up(
    shop: Shop, reader: psycopg.Connection
) -> None:
    shop.publish(B)
    statement = "select run_id, count(*) from current_recommendations where surface = %s group by 1"
    for _ in range(8):
        reader.execute(statement, ["s"], prepare=True)
    shop.target.activate(A, published=False)
    assert reader.execute(statement, ["s"], prepare=True).fetchall() == [(A, WHOLE)]


def test_one_transaction_can_read_one_run_throughout(shop: Shop, dsn: str) -> None:
    shop.load(B)
    with psycopg.connect(dsn) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        first = connection.execute("select distinct run_id from nightjar.current_recommendations").fetchall()
        shop.target.activate(B, published=True)
        again = connection.execute("select distinct run_id from nightjar.current_recommendations").fetchall()
    assert first == again == [(A,)]
    assert shop.run_ids() == {B: WHOLE}


# --- dropping ---------------------------------------------------------------------------------------------------------


def test_dropping_waits_for_readers_lets_new_ones_pass_and_is_finished_later(
    shop: Shop, reader: psycopg.Connection, dsn: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shop.publish(B)
    shop.load(C)
    reader.execute("select count(*) from current_recommendations")  # holds the partitions until it ends
    passed: list[bool] = []
    seen = set[object]()
    stop = threading.Event()
    waiting = "select pid, waitstart from pg_locks where not granted order by waitstart limit 1"

    def poll() -> None:
        with psycopg.connect(dsn, autocommit=True) as other:
            while not stop.is_set():
                before = other.execute(waiting).fetchone()
                found = other.execute("select count(*) from nightjar.current_recommendations").fetchone()
                seen.add(found)
                # whoever reads behind the drop, and not past it, finds that its wait is over
                passed.append(before is not None and before == other.execute(waiting).fetchone())
                time.sleep(0.005)

    thread = threading.Thread(target=poll)
    thread.start()
    shop.target.drop(A)
    stop.set()
    thread.join()
    assert seen == {(WHOLE,)}
    assert any(passed), "a reader came while the drop waited, and was done while it waited on"
    assert "is still being read; the next publication drops it" in caplog.text
    assert shop.target.loaded() == [C, B]
    assert "recommendations_1" in names(dsn) or "popular_items_1" in names(dsn)
    assert reader.execute("select count(*) from current_recommendations").fetchone() == (WHOLE,)
    reader.commit()
    shop.target.clean()
    assert names(dsn) == {f"{table}_{load}" for table in PARTITIONED for load in (2, 3)}


def test_what_a_publication_left_behind_is_dropped(shop: Shop, dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("create table nightjar.recommendations_77 (like nightjar.recommendations)")
        connection.execute(
            "create table nightjar.user_profiles_8 partition of nightjar.user_profiles for values in (8)"
        )
        connection.execute("create table nightjar.notes_9 (mine text)")
    shop.target.clean()
    assert names(dsn) == {"notes_9", *(f"{table}_1" for table in PARTITIONED)}


def test_a_forgotten_user_is_in_no_table_either_that_is_being_detached(
    shop: Shop, reader: psycopg.Connection, dsn: str
) -> None:
    shop.publish(B)
    reader.execute("select count(*) from current_recommendations")
    shop.target.drop(A)
    with psycopg.connect(dsn, autocommit=True) as connection:
        left = sorted(name for name in names(dsn) if name.startswith(("recommendations", "user_profiles")))
        assert len(left) > 2
        reader.rollback()
        assert shop.target.forget("u") >= K + 1
        for name in names(dsn) & set(left):
            query = psycopg.sql.SQL("select count(*) from nightjar.{} where user_id = 'u'")
            assert connection.execute(query.format(psycopg.sql.Identifier(name))).fetchone() == (0,)


def test_a_publisher_that_died_before_it_noted_the_readers_leaves_a_run_that_waits_for_all(
    shop: Shop, reader: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader.execute("select count(*) from current_recommendations")

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(postgres_target.Partitions, "beside", die)
        with pytest.raises(KeyboardInterrupt):
            shop.load(B)
    with pytest.raises(UnavailableError):
        shop.target.activate(B, published=True)
    reader.commit()
    shop.target.activate(B, published=True)
    assert shop.run_ids() == {B: WHOLE}
