"""What is PostgreSQL's own: plans that outlive a flip, readers that do not end, names, text, the lock."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pyarrow as pa
import pytest

from pipeline.ground import schemas
from pipeline.ground.errors import InputError, PublishError, UnavailableError
from pipeline.published import contract, targets
from pipeline.published.targets import binary_copy, session
from pipeline.published.targets import postgres as postgres_target
from pipeline.published.targets.partitions import KEYS
from pipeline.published.targets.postgres import PostgresTarget
from pipeline.settings.sections.publication import Publish
from pipeline.sources.configuration import FullConfig
from tests.published.targets.runs import USERS, A, B, C, K, Shop, history, make, tables

WHOLE = K * len(USERS)


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


def test_it_is_a_target_and_connects_only_when_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NIGHTJAR_DSN", raising=False)
    monkeypatch.delenv("AIRFLOW_CONN_NIGHTJAR", raising=False)
    made: contract.Target = targets.of(FullConfig(home=tmp_path, publish=Publish(target="postgres")))
    assert isinstance(made, PostgresTarget)
    with pytest.raises(PublishError, match="neither NIGHTJAR_DSN nor AIRFLOW_CONN_NIGHTJAR is set"):
        made.active()


def test_the_tables_have_the_columns_and_the_order_of_the_schemas(shop: Shop, dsn: str) -> None:
    kinds = {
        "text": pa.string(),
        "boolean": pa.bool_(),
        "integer": pa.int32(),
        "real": pa.float32(),
        "date": pa.date32(),
    }
    kinds |= {"timestamp with time zone": pa.timestamp("us", tz="UTC"), "ARRAY": pa.list_(pa.string())}
    with psycopg.connect(dsn) as connection:
        for name, schema in schemas.PUBLISHED.items():
            found = connection.execute(
                "select column_name, data_type from information_schema.columns "
                "where table_schema = 'nightjar' and table_name = %s order by ordinal_position",
                [f"current_{name}"],
            ).fetchall()
            assert [(column, kinds[kind]) for column, kind in found] == [(f.name, f.type) for f in schema]


def test_what_is_looked_up_has_an_index_and_is_unique(shop: Shop, dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        found = connection.execute("select tablename, indexdef from pg_indexes where tablename ~ '_1$'").fetchall()
    for table, columns in KEYS.items():
        (definition,) = [text for name, text in found if name == f"{table}_1"]
        assert definition.startswith("CREATE UNIQUE INDEX")
        assert definition.endswith(f"({', '.join(columns)})")


# --- plans older than a run -------------------------------------------------------------------------------------------

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
    took: list[float] = []
    stop = threading.Event()

    def poll() -> None:
        with psycopg.connect(dsn, autocommit=True) as other:
            while not stop.is_set():
                began = time.monotonic()
                found = other.execute("select count(*) from nightjar.current_recommendations").fetchone()
                took.append(time.monotonic() - began if found == (WHOLE,) else 99)
                time.sleep(0.005)

    thread = threading.Thread(target=poll)
    thread.start()
    shop.target.drop(A)
    stop.set()
    thread.join()
    assert max(took) < 1  # the drop itself waited for longer
    assert "is still being read; the next publication drops it" in caplog.text
    assert shop.target.loaded() == [C, B]
    assert "recommendations_1" in names(dsn) or "popular_items_1" in names(dsn)
    assert reader.execute("select count(*) from current_recommendations").fetchone() == (WHOLE,)
    reader.commit()
    shop.target.clean()
    assert names(dsn) == {f"{table}_{load}" for table in KEYS for load in (2, 3)}


def test_what_a_publication_left_behind_is_dropped(shop: Shop, dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("create table nightjar.recommendations_77 (like nightjar.recommendations)")
        connection.execute(
            "create table nightjar.user_profiles_8 partition of nightjar.user_profiles for values in (8)"
        )
        connection.execute("create table nightjar.notes_9 (mine text)")
    shop.target.clean()
    assert names(dsn) == {"notes_9", *(f"{table}_1" for table in KEYS)}


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


# --- text, names, the environment -------------------------------------------------------------------------------------


def test_a_nul_is_replaced_counted_and_found_again(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    shop.load(B, users=("a\x00b", "v"), reason="x\x00\x00y")
    shop.target.activate(B, published=True)
    assert f"run {B}: U+0000 is U+FFFD in {K * 2 + K + 1} texts" in caplog.text
    rows = shop.query("select distinct user_id, reason from current_recommendations where user_id <> 'v'")
    assert rows == [("a\ufffdb", "x\ufffd\ufffdy")]
    found = shop.target.read(B, "show_lists", schemas.RECOMMENDATIONS, user_id="a\x00b", k=9)
    assert found.num_rows == K
    assert shop.target.forget("a\x00b") == K + 1
    assert shop.target.read(B, "show_lists", schemas.RECOMMENDATIONS, user_id="\udcff", k=9).num_rows == 0


def test_two_ranks_of_one_list_are_refused(shop: Shop, tmp_path: Path) -> None:
    with pytest.raises(PublishError, match=r"could not create unique index.*readers see a whole run"):
        shop.load(B, users=("u", "u"))
    assert (shop.target.active(), shop.target.loaded()) == (A, [A])


def test_rows_that_do_not_arrive_are_missed(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binary_copy, "rows", lambda batch: b"")
    with pytest.raises(PublishError, match=r"0 of 12 rows of .*recommendations.parquet arrived.*is unchanged"):
        shop.load(B)


def test_a_statement_nobody_wrote_is_named(shop: Shop) -> None:
    with pytest.raises(InputError, match=r"nonsense\.sql does not exist"):
        shop.target.read(A, "nonsense", schemas.RUNS)


def test_schemas_are_apart(shop: Shop) -> None:
    section = shop.config.publish.model_copy(update={"schema_name": "other"})
    other = targets.of(shop.config.model_copy(update={"publish": section}))
    assert (other.active(), other.loaded()) == (None, [])
    folder = tables(shop.home / "other", C)
    other.load(C, folder, history(C))
    other.activate(C, published=True)
    assert (other.active(), shop.target.active()) == (C, A)
    with pytest.raises(ValueError, match="schema_name"):
        Publish(schema_name='a"; drop schema nightjar')


def test_an_alteration_that_does_not_end_is_named(shop: Shop, dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "LOCK_TRIES", 1)
    with psycopg.connect(dsn) as connection:
        connection.execute("lock table nightjar.recommendations in share update exclusive mode")
        with pytest.raises(UnavailableError, match="somebody alters the published tables"):
            shop.load(B)
    assert shop.run_ids() == {A: WHOLE}
    shop.publish(B)
    assert shop.run_ids() == {B: WHOLE}


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


def test_a_schema_of_an_older_version_gets_the_table_that_came_since(shop: Shop, dsn: str) -> None:
    shop.publish(A)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("drop view nightjar.current_recommendation_outcomes")
        connection.execute("drop table nightjar.recommendation_outcomes")
        connection.execute("drop view nightjar.current_search_results")
        connection.execute("drop table nightjar.search_results")
    assert (shop.target.active(), shop.target.loaded(), shop.target.ever_active()) == (A, [A], {A})
    assert shop.target.forget("nobody") == 0
    shop.publish(B)
    assert shop.query("select run_id from current_recommendation_outcomes") == [(B,), (B,)]
    shop.target.activate(A, published=False)
    assert shop.query("select * from current_recommendation_outcomes") == []
    assert shop.run_ids() == {A: 12}
    assert shop.target.ever_active() == {A, B}
