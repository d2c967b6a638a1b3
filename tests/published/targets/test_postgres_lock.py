"""The publishers' lock of a schema: no reader can take it, whoever waits learns who has it."""

import itertools
import os
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest

from pipeline.ground.errors import PublishError, UnavailableError
from pipeline.published.targets import locks, schema_lock
from pipeline.published.targets.postgres import PostgresTarget
from tests.postgres import PASSWORD, Server
from tests.published.targets.runs import USERS, A, B, K, Shop, filled, history, make, one_run

WHOLE = K * len(USERS)
numbers = itertools.count()
MODES = [
    "row share",
    "row exclusive",
    "share update exclusive",
    "share",
    "share row exclusive",
    "exclusive",
    "access exclusive",
]


@pytest.fixture
def shop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """PostgreSQL with run A active, whose publishers wait a second for each other."""
    made = filled("postgres", one_run, tmp_path, request, monkeypatch)
    section = made.config.publish.model_copy(update={"lock_minutes": 1 / 60})
    made.config = made.config.model_copy(update={"publish": section})
    return made


def elsewhere(shop: Shop) -> Shop:
    """A publisher of another machine: the same database, a folder of its own."""
    home = shop.home / "elsewhere"
    return Shop("postgres", shop.config.model_copy(update={"home": home}), home)


@pytest.fixture
def reader(shop: Shop, postgres: Server) -> str:
    """The DSN of a role that may do what roles.sql lets a reader do."""
    role = f"reader_{next(numbers)}"
    with psycopg.connect(os.environ["NIGHTJAR_DSN"], autocommit=True) as administrator:
        name = psycopg.sql.Identifier(role)
        made = psycopg.sql.SQL("create role {} login password {}").format(name, psycopg.sql.Literal(PASSWORD))
        administrator.execute(made)
        administrator.execute(psycopg.sql.SQL("grant usage on schema nightjar to {}").format(name))
    shop.publish(A)  # grants the views
    return postgres.dsn(str(psycopg.conninfo.conninfo_to_dict(os.environ["NIGHTJAR_DSN"])["dbname"]), role)


def test_a_reader_cannot_take_the_lock(shop: Shop, reader: str) -> None:
    with psycopg.connect(reader) as connection:
        assert connection.execute("select count(*) from nightjar.current_recommendations").fetchone() == (WHOLE,)
        tried = [f"lock table nightjar.schema_version in {mode} mode" for mode in [*MODES, "access share"]]
        for statement in [*tried, "select from nightjar.schema_version for update"]:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())
            connection.rollback()


def test_a_reader_that_holds_all_it_can_holds_no_publication_up(shop: Shop, reader: str) -> None:
    """The first of these keys was the publishers' lock once."""
    with psycopg.connect(reader, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(hashtextextended('nightjar publishes nightjar', 0))")
        connection.execute("select pg_advisory_lock_shared(hashtextextended('nightjar publishes nightjar', 1))")
        shop.publish(B)
    assert shop.run_ids() == {B: WHOLE}


def test_a_second_publisher_waits_and_then_says_who_holds_the_lock(shop: Shop) -> None:
    other = elsewhere(shop)
    with shop.target.lock(), pytest.raises(UnavailableError) as raised:
        other.publish(B)
    said = str(raised.value)
    assert "not free for 0.0166667 minutes (publish.lock_minutes)" in said
    assert f"process {os.getpid()}', user postgres, from 127.0.0.1, since 20" in said
    assert "(application 'nightjar publishes: " in said
    assert "select pg_terminate_backend(" in said
    assert PASSWORD not in said
    assert shop.run_ids() == {A: WHOLE}
    other.publish(B)
    assert shop.run_ids() == {B: WHOLE}


def test_it_goes_on_as_soon_as_the_other_one_ends(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    other, waits = elsewhere(shop), threading.Event()
    section = other.config.publish.model_copy(update={"lock_minutes": 5})
    other.config = other.config.model_copy(update={"publish": section})
    thread = threading.Thread(target=other.publish, args=[B])
    with caplog.at_level("INFO", logger=locks.__name__), shop.target.lock():
        thread.start()
        while "is not free, waiting for up to 5 minutes: server process" not in caplog.text:
            waits.wait(0.05)
        assert shop.target.active() == A
    thread.join()
    assert shop.run_ids() == {B: WHOLE}


def test_the_lock_is_entered_again_and_holds_up_neither_readers_nor_vacuums(shop: Shop) -> None:
    name = psycopg.conninfo.conninfo_to_dict(os.environ["NIGHTJAR_DSN"])["dbname"]
    with psycopg.connect(os.environ["NIGHTJAR_DSN"]) as connection:
        connection.execute(f"alter database {name} set default_transaction_isolation = serializable".encode())
    target = shop.target
    with target.lock(), target.lock():
        target.load(A, shop.home / "files" / A, history(A))
        with psycopg.connect(os.environ["NIGHTJAR_DSN"], autocommit=True) as connection:
            held = (
                "select state, backend_xid, backend_xmin from pg_stat_activity where application_name ~ '^nightjar pub'"
            )
            assert connection.execute(held).fetchall() == [("idle in transaction", None, None)]
            assert connection.execute("select count(*) from nightjar.schema_version").fetchone() == (1,)
        assert shop.run_ids() == {A: WHOLE}
    with psycopg.connect(os.environ["NIGHTJAR_DSN"]) as connection:
        assert connection.execute("select from pg_stat_activity where application_name ~ '^nightjar'").fetchall() == []


def test_without_its_lock_a_publication_does_not_go_on(shop: Shop) -> None:
    target, folder = shop.target, shop.home / "files" / A
    assert isinstance(target, PostgresTarget)
    ended = "select pg_terminate_backend(pid) from pg_stat_activity where application_name ~ '^nightjar pub'"
    with target.lock():
        assert shop.query(ended) == [(True,)]
        with pytest.raises(UnavailableError, match=r"terminating connection.*publishing again is safe"):
            target.load(A, folder, history(A))
    assert shop.run_ids() == {A: WHOLE}
    shop.publish(B)
    assert shop.run_ids() == {B: WHOLE}


def test_a_writer_that_may_not_make_the_schema_is_told_who_may(
    shop: Shop, reader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTJAR_DSN", reader)
    section = shop.config.publish.model_copy(update={"schema_name": "other"})
    shop.config = shop.config.model_copy(update={"publish": section})
    with pytest.raises(PublishError, match=r"schema other is not ready.*permission denied.*run .*roles\.sql"):
        shop.load(B)
    assert shop.target.forget("u") == 0  # nothing was ever published there


def test_who_is_first_at_an_empty_database_does_not_matter(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shops = [make("postgres", tmp_path / "0", request, monkeypatch)]
    shops += [
        Shop("postgres", shops[0].config.model_copy(update={"home": tmp_path / str(n)}), tmp_path / str(n))
        for n in (1, 2)
    ]
    threads = [threading.Thread(target=shop.publish, args=[run]) for shop, run in zip(shops, (A, B, B), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(shops[0].run_ids().values()) == WHOLE
    assert set(shops[0].target.loaded()) == {A, B}


HOLD = """
import sys
from pathlib import Path
from pipeline.published.targets import locks
with locks.folder(Path(sys.argv[1]), 1):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("kind", ["duckdb", "postgres"])
def test_another_process_on_the_folder_is_waited_for_and_named(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = make(kind, tmp_path, request, monkeypatch)
    section = shop.config.publish.model_copy(update={"lock_minutes": 1 / 600})
    shop.config = shop.config.model_copy(update={"publish": section})
    locked = shop.config.tables / ("current.duckdb" if kind == "duckdb" else "current")
    command = [sys.executable, "-c", HOLD, str(locked)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        said = rf"{locked.name}\.lock was not free.*process {other.pid} holds it"
        with pytest.raises(UnavailableError, match=said), shop.target.lock():
            pass
        other.communicate("")
    with shop.target.lock():
        pass


def test_a_lock_that_the_kernel_does_not_list_is_another_machines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "KERNELS_LOCKS", tmp_path / "nothing")
    waiting = pytest.raises(UnavailableError, match="of another machine or container")
    with locks.folder(tmp_path / "a", 1), waiting, locks.folder(tmp_path / "a", 1e-6):
        pass


def test_a_name_that_is_long_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "h" * 200)
    assert len(schema_lock._application()) <= 63
