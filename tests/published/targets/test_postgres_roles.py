"""The roles of sql/publish/postgres/roles.sql, tried: what they need works, everything else is forbidden."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from pipeline.ground import sql
from pipeline.publication.tables import NAMES
from tests.postgres import PASSWORD, Server
from tests.published.targets.runs import USERS, A, B, K, Shop, make

ROLES = sql.FOLDER / "publish" / "postgres" / "roles.sql"
WRITER, READER = "nightjar_writer", "nightjar_reader"
DENIED = psycopg.errors.InsufficientPrivilege


@pytest.fixture
def shop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A database with somebody else's table and the two roles; nothing is published."""
    made = make("postgres", tmp_path, request, monkeypatch)
    server: Server = request.getfixturevalue("postgres")
    database = psycopg.conninfo.conninfo_to_dict(server_dsn())["dbname"]
    with psycopg.connect(server_dsn(), autocommit=True) as administrator:
        administrator.execute("create table public.orders as select 1 as secret")
        administrator.execute("create schema airflow; create table airflow.connection as select 'x'::text as password")
    apply(server)
    with psycopg.connect(server_dsn(), autocommit=True) as administrator:
        for role in (WRITER, READER):
            administrator.execute(
                psycopg.sql.SQL("alter role {} password {}").format(
                    psycopg.sql.Identifier(role), psycopg.sql.Literal(PASSWORD)
                )
            )
    monkeypatch.setenv("ADMINISTRATOR_DSN", server_dsn())
    monkeypatch.setenv("NIGHTJAR_DSN", server.dsn(str(database), WRITER))
    return made


def server_dsn() -> str:
    return os.environ.get("ADMINISTRATOR_DSN") or os.environ["NIGHTJAR_DSN"]


def apply(server: Server) -> None:
    """The command that the file's head documents."""
    command = [str(server.bin / "psql"), server_dsn(), "-v", "ON_ERROR_STOP=1", "-q", "-f", str(ROLES)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def as_role(shop: Shop, postgres: Server) -> Callable[[str], Callable[[str], list[tuple[object, ...]]]]:
    """A function that gives a function that runs a statement as a role, in a connection of its own."""
    database = str(psycopg.conninfo.conninfo_to_dict(server_dsn())["dbname"])

    def of(role: str) -> Callable[[str], list[tuple[object, ...]]]:
        def run(statement: str) -> list[tuple[object, ...]]:
            with psycopg.connect(postgres.dsn(database, role)) as connection:
                cursor = connection.execute(statement)
                while cursor.nextset():
                    pass
                return cursor.fetchall() if cursor.description else []

        return run

    return of


def test_the_writer_publishes_and_the_reader_reads(shop: Shop, postgres: Server, as_role) -> None:  # type: ignore[no-untyped-def]
    read = as_role(READER)
    shop.publish(A)
    assert read("select run_id, count(*) from current_recommendations group by 1") == [(A, K * len(USERS))]
    shop.publish(B)
    shop.target.activate(A, published=False)
    shop.target.drop(B)
    for view in NAMES:
        assert read(f"select run_id from current_{view} limit 1") == [(A,)]
    assert read("select distinct run_id from nightjar.metric_history order by 1") == [(A,), (B,)]
    assert read("select count(*) from nightjar.stage_runs") == [(0,)]
    apply(postgres)  # once more, now that there are views
    assert read("select count(*) from nightjar.current_runs") == [(1,)]
    assert shop.target.forget("u") == K + 1


READERS_MUST_NOT = [
    "select * from nightjar.recommendations",
    "select * from nightjar.recommendations_1",
    "select * from nightjar.runs",
    "select * from nightjar.loads",
    "select * from nightjar.active_run",
    "select * from public.orders",
    "select * from airflow.connection",
    "set transaction read write; delete from nightjar.current_recommendations",
    "set transaction read write; update nightjar.current_runs set metrics = ''",
    "set transaction read write; delete from nightjar.stage_runs",
    "set transaction read write; insert into nightjar.active_run (load, run_id) values (1, 'x')",
    "set transaction read write; create table nightjar.mine (a int)",
    "set transaction read write; create table public.mine (a int)",
    "set transaction read write; create schema mine",
    "set transaction read write; drop view nightjar.current_runs",
    "set transaction read write; select nextval('nightjar.load_numbers')",
    "select pg_read_file('/etc/passwd')",
    "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'postgres' and pid <> pg_backend_pid()",
    "copy (select 1) to program 'true'",
    "set role nightjar_writer",
]

WRITERS_MUST_NOT = [
    "select * from public.orders",
    "insert into public.orders values (2)",
    "create table public.mine (a int)",
    "create table airflow.mine (a int)",
    "select * from airflow.connection",
    "create schema mine",
    "create role mine",
    "drop table public.orders",
    "alter schema airflow rename to mine",
    "copy nightjar.runs to '/tmp/mine'",
    "copy (select 1) to program 'true'",
    "set role postgres",
]


def test_the_reader_can_do_nothing_else(shop: Shop, as_role) -> None:  # type: ignore[no-untyped-def]
    shop.publish(A)
    run = as_role(READER)
    for statement in READERS_MUST_NOT:
        with pytest.raises(DENIED):
            run(statement)
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        run("create table nightjar.mine (a int)")


def test_the_writer_can_write_nowhere_else(shop: Shop, as_role) -> None:  # type: ignore[no-untyped-def]
    shop.publish(A)
    run = as_role(WRITER)
    for statement in WRITERS_MUST_NOT:
        with pytest.raises(DENIED):
            run(statement)


def test_a_readers_objects_cannot_stand_in_for_the_views_own(shop: Shop, as_role) -> None:  # type: ignore[no-untyped-def]
    shop.publish(A)
    fake = "set transaction read write; create temporary table active_run (load int, run_id text); "
    fake += "set search_path = pg_temp, nightjar; select distinct run_id from current_recommendations"
    assert as_role(READER)(fake) == [(A,)]
