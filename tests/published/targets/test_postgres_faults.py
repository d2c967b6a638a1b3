"""PostgreSQL killed at every step of a publication, publishers killed, two at once: readers always have a whole run."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pipeline.__main__ import main
from pipeline.ground import artifacts
from pipeline.ground.errors import PublishError, UnavailableError
from pipeline.publication import publish
from pipeline.publication.tables import NAMES
from pipeline.published.targets import binary_copy, statements
from pipeline.published.targets.partitions import Partitions
from tests.postgres import PASSWORD, Server
from tests.published.targets.runs import USERS, A, B, K, Shop, filled, one_run
from tests.small_shop import NIGHT, go
from tests.small_shop import Shop as Night
from tests.small_shop import shop as small_shop

WHOLE = K * len(USERS)
PARTITIONED = set(NAMES) - {"runs"}


@pytest.fixture
def shop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """PostgreSQL with run A active; the server runs again afterwards."""
    made = filled("postgres", one_run, tmp_path, request, monkeypatch)
    yield made
    server: Server = request.getfixturevalue("postgres")
    if not server.is_running:
        server.start()


def tables_of_loads() -> set[str]:
    with psycopg.connect(os.environ["NIGHTJAR_DSN"]) as connection:
        found = connection.execute("select relname from pg_class where relname ~ '^[a-z_]+_[0-9]+$' and relkind = 'r'")
        return {str(row[0]) for row in found}


def before(monkeypatch: pytest.MonkeyPatch, file: str, action: Callable[[], None]) -> None:
    """Do something once, just before a statement runs."""
    plain, done = statements.execute, []

    def execute(connection: Any, name: str, *args: Any, **params: Any) -> Any:
        if name == file and not done:
            done.append(name)
            action()
        return plain(connection, name, *args, **params)

    monkeypatch.setattr(statements, "execute", execute)


def in_the_copy(monkeypatch: pytest.MonkeyPatch, action: Callable[[], None]) -> None:
    """Do something when rows have been sent and more are to come."""
    plain, sent = binary_copy.rows, []

    def rows(batch: Any) -> memoryview:
        sent.append(batch)
        if len(sent) == 2:
            action()
        return plain(batch)

    monkeypatch.setattr(binary_copy, "rows", rows)


STEPS = {
    "in the copy": in_the_copy,
    "at the index": lambda patch, action: before(patch, "index_partition", action),
    "at the attachment": lambda patch, action: before(patch, "attach", action),
    "between load and flip": lambda patch, action: before(patch, "latest_load", action),
    "at the flip": lambda patch, action: before(patch, "insert_activation", action),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.few(2)
def test_a_killed_server_leaves_the_active_run_whole_and_the_rerun_right(
    shop: Shop, postgres: Server, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        STEPS[step](patched, postgres.kill)
        with pytest.raises(UnavailableError, match="readers see a whole run, and publishing again is safe") as raised:
            shop.publish(B)
    assert PASSWORD not in str(raised.value)
    with pytest.raises(UnavailableError, match=rf"database target_\d+ at 127.0.0.1:{postgres.port}"):
        shop.target.active()
    postgres.start()
    assert (shop.target.active(), shop.run_ids()) == (A, {A: WHOLE})
    shop.target.clean()
    loads = {name.rpartition("_")[2] for name in tables_of_loads()}  # a sequence skips numbers when its server dies
    assert len(loads) == (1 if B not in shop.target.loaded() else 2)
    assert tables_of_loads() == {f"{table}_{load}" for table in PARTITIONED for load in loads}
    shop.publish(B)
    assert (shop.run_ids(), shop.target.previous(B)) == ({B: WHOLE}, A)
    assert len(tables_of_loads()) == 2 * len(PARTITIONED)


def test_a_server_killed_after_the_flip_has_flipped(
    shop: Shop, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.load(B)
    with monkeypatch.context() as patched:
        patched.setattr(Partitions, "sweep", lambda self: (postgres.kill(), self.existing()))
        with pytest.raises(UnavailableError):
            shop.target.activate(B, published=True)
    postgres.start()
    assert (shop.target.active(), shop.run_ids(), shop.target.previous(B)) == (B, {B: WHOLE}, A)


def test_an_absent_server_is_said_without_the_password(
    shop: Shop,
    postgres: Server,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NIGHTJAR_HOME", str(shop.home))
    postgres.stop()
    assert main(["--set", "publish.target=postgres", "status"]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("UnavailableError: PostgreSQL: ")
    assert "Connection refused" in said.err
    assert "Traceback" not in said.err
    assert PASSWORD not in said.err + said.out + caplog.text


def test_a_wrong_password_is_said_without_it(
    shop: Shop,
    postgres: Server,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    secret = "s3cret/with@signs:and%"
    monkeypatch.setenv("NIGHTJAR_HOME", str(shop.home))
    for dsn in (
        postgres.dsn("postgres", password=secret),
        f"host=127.0.0.1 port={postgres.port} user=postgres password='{secret}'",
        f"postgresql://postgres:{secret}@127.0.0.1:{postgres.port}/postgres",
    ):
        monkeypatch.setenv("NIGHTJAR_DSN", dsn)
        assert main(["--set", "publish.target=postgres", "status"]) == 1
        said = capsys.readouterr()
        assert "password authentication failed" in said.err or "is not a connection to PostgreSQL" in said.err
        for part in (secret, "s3cret", "signs", "and%"):
            assert part not in said.err + said.out + caplog.text


# --- publishers -------------------------------------------------------------------------------------------------------


def night(home: Path, days: int) -> Night:
    """The small shop some days later, published to PostgreSQL."""
    made = small_shop(home, night=NIGHT + timedelta(days=days))
    section = made.config.publish.model_copy(update={"target": "postgres", "settle_seconds": 20})
    made.config = made.config.model_copy(update={"publish": section})
    return made


def publish_night(home: Path, days: int, step: str | None, gate: Any, environment: tuple[str, str]) -> None:
    """In a process of its own: publish a night, and be killed at a step."""
    os.environ["NIGHTJAR_DSN"], code_version = (
        environment  # the fork server has the environment of the test that started it
    )
    artifacts.code_version = lambda: code_version  # type: ignore[assignment]
    made = night(home, days).write()
    if step is not None:
        STEPS[step](pytest.MonkeyPatch(), lambda: os.kill(os.getpid(), signal.SIGKILL))
    gate.wait()
    go(made)


def start(home: Path, days: int, step: str | None, gate: Any) -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.published.targets.test_postgres_faults", "pandas"])
    environment = (os.environ["NIGHTJAR_DSN"], artifacts.code_version())
    process = context.Process(target=publish_night, args=(home, days, step, gate, environment))
    process.start()
    return process


def test_a_killed_publisher_holds_nobody_up(shop: Shop, tmp_path: Path) -> None:
    home = tmp_path / "nights"
    first = go(night(home, 0).write())
    gate = multiprocessing.get_context("forkserver").Event()
    gate.set()
    for step in STEPS:
        process = start(home, 1, step, gate)
        process.join()
        assert process.exitcode == -signal.SIGKILL, step
        assert publish.active_run(night(home, 0).config).run_id == first["run_id"], step  # type: ignore[union-attr]
        assert shop.run_ids() == {first["run_id"]: 24}, step
    assert go(night(home, 1).write())["activated"]
    active, before_it = (run.run_id for run in publish.published_runs(night(home, 1).config)[:2])
    assert shop.run_ids() == {active: 24}
    assert before_it == first["run_id"]
    loads = {name.rpartition("_")[2] for name in tables_of_loads()}
    assert len(loads) == 3  # run A of the fixture, the first night, the second


def test_publishers_at_once_end_with_the_newest_night_active(shop: Shop, tmp_path: Path) -> None:
    home, stop, seen = tmp_path / "nights", threading.Event(), []
    gate = multiprocessing.get_context("forkserver").Event()
    processes = [start(home, days, None, gate) for days in (2, 0, 1)]

    def poll() -> None:
        with shop.reader() as query:
            while not stop.is_set():
                seen.append(query("select run_id, count(*) from current_recommendations group by run_id"))
                time.sleep(0.005)

    reader = threading.Thread(target=poll)
    reader.start()
    gate.set()
    for process in processes:
        process.join()
    stop.set()
    reader.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    config = night(home, 0).config
    assert publish.active_run(config).run_date == NIGHT + timedelta(days=2)  # type: ignore[union-attr]
    nights = {run.run_date for run in publish.published_runs(config)}
    assert nights == {NIGHT + timedelta(days=days) for days in range(3)} | {publish.run_date_of(A)}
    assert [rows for rows in seen if len(rows) != 1 or rows[0][1] not in (24, WHOLE)] == []
    with pytest.raises(PublishError, match="is not kept"):
        publish.rollback(config, to="nonsense")
