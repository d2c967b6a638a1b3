"""A person is removed from everything under the home folder, and nobody else is."""

import fcntl
import io
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.__main__ import main
from pipeline.ground import artifacts
from pipeline.ground.errors import InputError, UnavailableError
from pipeline.operations import export, forget, load_history
from pipeline.privacy import redaction, suppression
from pipeline.publication import publish
from pipeline.sources.configuration import FullConfig
from tests import small_shop, tiny_log
from tests.on_disk import everything_under
from tests.published.targets import runs
from tests.small_shop import NIGHT

GONE = "person-77"
ASKED = date(2011, 11, 1)
EARLIER = NIGHT - timedelta(days=1)
LOG = [
    tiny_log.row(GONE, "a", f"{EARLIER} 10:00:00"),
    tiny_log.row("person-7", "b", f"{EARLIER} 09:00:00"),
    tiny_log.row(GONE, None, f"{EARLIER} 11:00:00"),
    tiny_log.row("person-7", None, f"{EARLIER} 12:00:00"),
    tiny_log.row("person-7", "a", f"{NIGHT} 10:00:00"),
    tiny_log.row(GONE, "c", f"{NIGHT} 11:00:00"),
    tiny_log.row("person-778", GONE, f"{NIGHT} 12:00:00", "poke"),
    tiny_log.row("person-778", "c", f"{NIGHT} 12:00:00", "poke"),
]
PEOPLE = [GONE, "person-7", "person-778"]


def a_home(tmp_path: Path, **settings: Any) -> FullConfig:
    """Two nights' partitions, one night's stages, its publication; and what killed processes left behind."""
    tiny_log.write(tmp_path / "shop" / "log.csv", LOG)
    config = tiny_log.shop(
        tmp_path / "shop", "log.csv", ingest={"max_reject_share": 1} | settings, home=tmp_path / "home"
    )
    for night in (EARLIER, NIGHT):
        tiny_log.ingest(config, night)
    shop = small_shop.shop(tmp_path / "home", user_ids=PEOPLE).write()
    report = small_shop.go(shop)
    out = artifacts.stage_dir(config.lake, "publish", NIGHT)
    partial = out.with_name(f".{out.name}.partial")
    artifacts.write_manifest(partial, {"stage": "publish", "files": artifacts.describe(partial), "report": report})
    partial.rename(out)
    judged = pa.table({"user_id": PEOPLE, "item_id": ["i1", "i2", "i3"], "rank": [1, 1, 1]})
    evaluate = artifacts.stage_dir(config.lake, "evaluate", NIGHT)
    pq.write_table(judged, evaluate / "judged.all.parquet")
    artifacts.write_manifest(evaluate, artifacts.read_manifest(evaluate) | {"files": artifacts.describe(evaluate)})
    export.run(shop.config, "for_you", config.home / "exports" / f"run_date={NIGHT}" / "for_you.jsonl")
    blocked = config.home / "blocked" / f"run_date={EARLIER}"
    blocked.mkdir(parents=True)
    pq.write_table(judged, blocked / "per_user.parquet")
    for left in (config.lake / "als" / f".run_date={EARLIER}.partial", config.lake / ".spillx"):
        left.mkdir(parents=True)
        (left / "scratch").write_text(GONE)
    return config.model_copy(update={"surfaces": shop.config.surfaces, "publish": shop.config.publish})


def names_them(home: Path) -> list[bytes]:
    """Where the id stands by itself on disk, with what surrounds it."""
    return re.findall(rb".{0,40}person-77(?!8).{0,40}", everything_under(home))


def finished(config: FullConfig) -> dict[str, str]:
    """Digests of what is finished in the lake."""
    return {name: digest for name, digest in tiny_log.digests(config.lake).items() if "/run_date" in name}


def published(config: FullConfig) -> dict[str, Any]:
    """Every row that applications can read, of every run, and of the Parquet files beside."""
    found: dict[str, Any] = {}
    for run in publish.published_runs(config):
        with duckdb.connect(str(config.tables / "runs" / f"{run.run_id}.duckdb"), read_only=True) as connection:
            for table in ("recommendations", "user_profiles", "similar_items", "popular_items", "runs"):
                found[f"{run.run_id} {table}"] = sorted(connection.table(table).to_arrow_table().to_pylist(), key=str)
                rows = pq.ParquetFile(run.folder / f"{table}.parquet").read().to_pylist()
                found[f"{run.run_id} {table} parquet"] = sorted(rows, key=str)
    return found


def test_nothing_of_the_person_stays_and_everything_of_others_does(tmp_path: Path) -> None:
    config = a_home(tmp_path)
    before = published(config)
    assert len(names_them(config.home)) > 20
    (receipt,) = forget.forget(config, [GONE], ASKED)
    assert not names_them(config.home)
    assert b"person-778" in everything_under(config.home)
    others = {name: [row for row in rows if row.get("user_id") != GONE] for name, rows in before.items()}
    assert published(config) == others
    assert others != before
    exported = (config.home / "exports" / f"run_date={NIGHT}" / "for_you.jsonl").read_text().splitlines()
    assert [json.loads(line)["user_id"] for line in exported] == ["person-7", "person-778"]
    said = json.loads(receipt.read_text())
    assert said["rows"]["events"] == 2
    assert said["rows"]["rejects"] == 2
    mine = sum(len(rows) for name, rows in before.items()) - sum(len(rows) for rows in others.values())
    assert said["rows"]["published"] + said["rows"]["database"] == mine
    assert said["rows"]["exports"] > 0
    assert said["nights_dropped"] == [NIGHT.isoformat()]
    assert (receipt.stat().st_mode & 0o777) == 0o600


def test_a_partition_is_what_ingest_writes_now(tmp_path: Path) -> None:
    config = a_home(tmp_path)
    forget.forget(config, [GONE], ASKED)
    for night in (EARLIER, NIGHT):
        folder = artifacts.stage_dir(config.lake, "ingest", night)
        manifest = artifacts.read_manifest(folder)
        assert manifest["files"] == artifacts.describe(folder)
        assert manifest["report"]["events"] == len(tiny_log.rows_of(folder)) == 1
    again = config.model_copy(update={"home": tmp_path / "again"})
    with suppression.lock(again, alone=True):
        suppression.add(again, [GONE])
    load_history.load_history(again, NIGHT)
    for night in (EARLIER, NIGHT):
        ours, theirs = (tiny_log.digests(artifacts.stage_dir(c.lake, "ingest", night)) for c in (config, again))
        assert ours["events.parquet"] == theirs["events.parquet"]
    evaluate = artifacts.stage_dir(config.lake, "evaluate", NIGHT)
    assert artifacts.read_manifest(evaluate)["files"] == artifacts.describe(evaluate)


def test_somebody_nobody_knows_gets_zeros(tmp_path: Path) -> None:
    config = a_home(tmp_path)
    before = finished(config)
    (receipt,) = forget.forget(config, ["person-nobody"], ASKED)
    assert not any(json.loads(receipt.read_text())["rows"].values())
    assert finished(config) == before


def test_asked_twice_there_are_two_receipts(tmp_path: Path) -> None:
    config = a_home(tmp_path)
    one, two = (forget.forget(config, [GONE], ASKED)[0] for _ in range(2))
    assert one != two
    assert json.loads(one.read_text())["rows"]["events"] == 2
    assert json.loads(two.read_text())["rows"]["events"] == 0


def test_several_people_and_an_item_of_the_same_name(tmp_path: Path) -> None:
    config = a_home(tmp_path)
    receipts = forget.forget(config, [GONE, "i1", "person-7"], ASKED)
    assert [json.loads(r.read_text())["rows"]["events"] for r in receipts] == [2, 0, 2]
    rows = publish.published_lists(config, publish.published_runs(config)[0].run_id).to_pylist()
    assert {row["user_id"] for row in rows} == {"person-778"}
    assert "i1" in {
        row["item_id"]
        for row in pq.ParquetFile(next(config.tables.glob("parquet/*/similar_items.parquet"))).read().to_pylist()
    }


@pytest.mark.parametrize("ids", [[], [""], ["a", ""]])
def test_an_empty_id_is_refused(tmp_path: Path, ids: list[str]) -> None:
    with pytest.raises(InputError, match="needs the id"):
        forget.forget(FullConfig(home=tmp_path), ids, ASKED)


def test_with_pseudonyms_the_plain_id_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_PSEUDONYM_KEY", "a-key-of-the-test-0123456789")
    config = a_home(tmp_path, pseudonyms=True)
    (receipt,) = forget.forget(config, [GONE], ASKED)
    assert json.loads(receipt.read_text())["rows"]["events"] == 2
    assert not names_them(config.home)


def test_postgres_loses_the_person_and_so_do_files_from_before(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = a_home(tmp_path)  # its tables went to DuckDB until now
    shop = runs.make("postgres", config.home, request, monkeypatch)
    for run_id in (runs.A, runs.B):
        shop.publish(run_id, users=PEOPLE)
    moved = config.model_copy(update={"publish": shop.config.publish})
    (receipt,) = forget.forget(moved, [GONE], ASKED)
    assert not names_them(config.home / "tables")
    left = shop.query("select distinct user_id from recommendations union select user_id from user_profiles order by 1")
    assert left == [("person-7",), ("person-778",)]
    entries = json.loads(receipt.read_text())["removed"]
    assert {e["database"] for e in entries if e.get("table") == "database"} == {"postgres", "duckdb"}


@pytest.mark.parametrize("variable", ["NIGHTJAR_DSN", "AIRFLOW_CONN_NIGHTJAR"])
def test_postgres_loses_the_person_also_when_the_tables_have_moved_to_duckdb(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    shop = runs.make("postgres", tmp_path / "before", request, monkeypatch)
    connection = os.environ["NIGHTJAR_DSN"]
    monkeypatch.delenv("NIGHTJAR_DSN")
    config = a_home(tmp_path)
    (unseen,) = forget.forget(config, ["person-nobody"], ASKED)  # no connection: no error, and the receipt says so
    assert json.loads(unseen.read_text())["databases"] == ["duckdb"]
    monkeypatch.setenv(variable, connection)
    (empty,) = forget.forget(config, ["person-7"], ASKED)  # a database in which nothing was published
    assert json.loads(empty.read_text())["databases"] == ["duckdb", "postgres"]
    monkeypatch.setenv("NIGHTJAR_DSN", connection)
    for run_id in (runs.A, runs.B):
        shop.publish(run_id, users=PEOPLE)
    if variable != "NIGHTJAR_DSN":
        monkeypatch.delenv("NIGHTJAR_DSN")
    (receipt,) = forget.forget(config, [GONE], ASKED)
    monkeypatch.setenv("NIGHTJAR_DSN", connection)
    left = shop.query("select distinct user_id from recommendations union select user_id from user_profiles order by 1")
    assert left == [("person-7",), ("person-778",)]
    entries = json.loads(receipt.read_text())["removed"]
    rows = {e["database"]: e["rows"] for e in entries if e.get("table") == "database"}
    assert rows["postgres"] == 2 * (runs.K + 1)  # per run K recommendations and a profile
    assert not names_them(config.home)


def test_without_the_database_that_may_know_somebody_nothing_is_called_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = a_home(tmp_path)
    monkeypatch.setenv("NIGHTJAR_DSN", "postgresql://nightjar@127.0.0.1:1/shop")
    with pytest.raises(UnavailableError):
        forget.forget(config, [GONE], ASKED)
    assert not list(config.home.glob("receipts/forget-*"))


def test_the_command_reads_ids_from_a_file_and_never_says_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = a_home(tmp_path)
    monkeypatch.setenv("NIGHTJAR_HOME", str(config.home))
    monkeypatch.delenv("NIGHTJAR_CONFIG", raising=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{GONE}\nperson-7\nperson-nobody\n"))
    assert main(["forget", "--file", "-", "--asked", str(ASKED)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert ["2 events" in said[0], "2 events" in said[1], "not known" in said[2]] == [True] * 3
    assert not re.search("person-7|person-nobody", "".join(said).replace(str(tmp_path), ""))
    assert main(["forget", "--file", str(tmp_path / "none")]) == 1
    assert "cannot be read" in capsys.readouterr().err


# --- killed at any instant --------------------------------------------------------------------------------------------

KILLED = """
import os, sys, pathlib, shutil
from datetime import date
steps, at = 0, int(sys.argv[2])
def counted(function):
    def step(*a, **k):
        global steps
        steps += 1
        if steps == at:
            os.kill(os.getpid(), 9)
        return function(*a, **k)
    return step
for name in ("replace", "rename", "rmdir", "mkdir", "unlink"):
    setattr(pathlib.Path, name, counted(getattr(pathlib.Path, name)))
shutil.rmtree = counted(shutil.rmtree)
from pipeline.operations import forget
from pipeline.sources.configuration import FullConfig

loaded = FullConfig.model_validate_json(sys.argv[1])
forget.forget(loaded, [sys.argv[3]], date(2011, 11, 1))
print(steps)
"""


def killed(config: FullConfig, at: int) -> int:
    """Run forget in a process that dies at its n-th change of the file system; returns its changes if it lived."""
    arguments = [sys.executable, "-c", KILLED, config.model_dump_json(), str(at), GONE]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode in {0, -9}, done.stderr
    return int(done.stdout) if done.returncode == 0 else 0


def instants() -> Iterator[int]:
    """The changes at which the process dies; all of them where somebody has the time."""
    yield from range(1, 200, 1 if os.environ.get("NIGHTJAR_EVERY_INSTANT") else 25)


@pytest.mark.slow
def test_killed_anywhere_and_run_again_it_completes(tmp_path: Path) -> None:
    whole = a_home(tmp_path / "whole")
    expected = json.loads(forget.forget(whole, [GONE], ASKED)[0].read_text())["rows"]
    for at in instants():
        config = a_home(tmp_path / str(at))
        lived = killed(config, at)
        for night in (EARLIER, NIGHT):  # whatever happened, the history is whole
            assert artifacts.is_finished(artifacts.stage_dir(config.lake, "ingest", night))
        (receipt,) = forget.forget(config, [GONE], ASKED)
        assert not names_them(config.home)
        assert published(config).keys() == published(whole).keys()
        folder = artifacts.stage_dir(config.lake, "ingest", NIGHT)
        assert artifacts.read_manifest(folder)["files"] == artifacts.describe(folder)
        assert not redaction.is_pending(folder)
        if lived:
            break
        said = json.loads(receipt.read_text())["rows"]
        assert {k: said[k] for k in ("events", "rejects")} == {k: expected[k] for k in ("events", "rejects")}


# --- beside a nightly run ---------------------------------------------------------------------------------------------


def test_it_waits_for_a_running_stage_and_never_in_a_circle(tmp_path: Path) -> None:
    config = a_home(tmp_path)
    als, features = (artifacts.stage_dir(config.lake, stage, NIGHT) for stage in ("als", "features"))
    receipts: list[Path] = []
    removal = threading.Thread(target=lambda: receipts.extend(forget.forget(config, [GONE], ASKED)))
    with artifacts.lock(als):  # a stage that has begun, and is about to read features
        removal.start()
        while not is_locked(artifacts.stage_dir(config.lake, "user_knn", NIGHT)):
            assert removal.is_alive()
            time.sleep(0.01)
        with artifacts.lock(features, shared=True):
            assert artifacts.is_finished(features)
            (als / "tonight.json").write_text(GONE)
    removal.join()
    assert len(receipts) == 1
    assert not names_them(config.home)
    assert not features.exists()


def is_locked(folder: Path) -> bool:
    """Whether somebody holds the lock of a stage and night."""
    path = folder.parent / f".{folder.name}.lock"
    if not path.exists():
        return False
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_a_publication_that_had_read_the_person_loses_the_rows(tmp_path: Path) -> None:
    config = a_home(tmp_path)
    shop = small_shop.shop(tmp_path / "home", user_ids=PEOPLE, titles=["NEW"] * 8).write()
    out = artifacts.stage_dir(config.lake, "publish", NIGHT)
    with artifacts.lock(out):
        removal = threading.Thread(target=lambda: forget.forget(config, [GONE], ASKED))
        removal.start()
        run_id = small_shop.go(shop)["run_id"]  # read and loaded while the person is being removed
    removal.join()
    assert not names_them(config.home)
    assert run_id in {run.run_id for run in publish.published_runs(config)}


def test_an_ingest_that_runs_meanwhile_takes_nothing_of_the_person(tmp_path: Path) -> None:
    config = a_home(tmp_path)
    with suppression.lock(config, alone=False):  # it has read the list, and the log
        removal = threading.Thread(target=lambda: forget.forget(config, [GONE], ASKED))
        removal.start()
        time.sleep(0.2)
        assert not suppression.path(config).exists()
    removal.join()
    load_history.load_history(config, NIGHT)
    assert not names_them(config.home)
