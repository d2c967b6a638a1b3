"""What operations do with a home in a store, on two machines that share nothing else."""

import json
import threading
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground import artifacts, keeping
from pipeline.ground.errors import PipelineError, StoreError
from pipeline.intake import ingest, staging
from pipeline.operations import day_so_far, forget, load_history, prune, stages
from pipeline.sources import configuration
from pipeline.sources.configuration import FullConfig
from pipeline.store import homes, urls
from pipeline.store.mirror import Mirror
from tests import tiny_log
from tests.store.machines import machine
from tests.tiny_log import row

DAY = date(2024, 1, 4)
DAYS = [DAY - timedelta(days=n) for n in (3, 2, 1)]
LOG = [
    row(user, item, f"{day} 1{n}:00:00") for day in [*DAYS, DAY] for n, (user, item) in enumerate(["ax", "by", "cx"])
]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    tiny_log.write(tmp_path / "shop" / "log.csv", LOG)
    return tmp_path / "shop"


def on(machine_home: Path, log: Path) -> FullConfig:
    return tiny_log.shop(log, "log.csv", home=machine_home)


def two(url: str, tmp_path: Path, log: Path) -> tuple[FullConfig, FullConfig]:
    """The shop as two machines have it."""
    homes_of = [tmp_path / name for name in ("one", "other")]
    for home in homes_of:
        machine(url, home)
    return on(homes_of[0], log), on(homes_of[1], log)


def mirror_of(config: FullConfig) -> Mirror:
    found = homes.mirror_of(config.home)
    assert found is not None
    return found


def lake(config: FullConfig) -> dict[str, dict[str, str]]:
    """The hashes of every night's files, as they are in the store or in a plain folder."""
    if (mirror := homes.mirror_of(config.home)) is not None:
        mirror.refresh("lake")
        for stage in stages.STAGES:
            mirror.fetch_all(f"lake/{stage}")
    nights = sorted(config.lake.glob("*/run_date=*"))
    return {night.relative_to(config.lake).as_posix(): tiny_log.digests(night) for night in nights}


@pytest.mark.slow
def test_history_that_one_machine_loaded_another_one_continues(url: str, tmp_path: Path, log: Path) -> None:
    one, other = two(url, tmp_path, log)
    plain = on(tmp_path / "plain", log)
    assert not load_history.is_loaded(other, DAYS[-1])
    for config in (one, plain):
        load_history.load_history(config, DAYS[-1])
    assert load_history.is_loaded(other, DAYS[-1])
    for config in (other, plain):
        stages.run(DAY, config, ["ingest", "features"])
    assert lake(one) == lake(plain)
    assert len(lake(one)) == 5


def test_a_load_that_dies_is_no_loaded_history(
    url: str, tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = two(url, tmp_path, log)
    load_history.load_history(one, DAYS[-1])
    with monkeypatch.context() as patch:
        patch.setattr(load_history, "_remember", lambda *_: (_ for _ in ()).throw(StoreError("gone")))
        with pytest.raises(StoreError, match="gone"):
            load_history.load_history(one, DAYS[-1])
    assert not load_history.is_loaded(other, DAYS[-1])
    load_history.load_history(other, DAYS[-1])
    assert load_history.is_loaded(one, DAYS[-1])


def test_of_two_machines_that_run_a_stage_at_once_one_makes_it(url: str, tmp_path: Path, log: Path) -> None:
    shops = two(url, tmp_path, log)
    load_history.load_history(shops[0], DAYS[-1])
    skipped = list[bool]()

    def work(config: FullConfig) -> None:
        skipped.append(bool(stages.run_stage("ingest", DAY, config).get("skipped")))

    threads = [threading.Thread(target=work, args=(config,)) for config in shops]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(skipped) == [False, True]


def test_a_stage_whose_store_stops_answering_leaves_the_night_unfinished(
    url: str, tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = two(url, tmp_path, log)
    load_history.load_history(one, DAYS[-1])
    store = mirror_of(one).store
    with monkeypatch.context() as patch:
        patch.setattr(store, "upload", lambda *_: (_ for _ in ()).throw(StoreError("no answer")))
        with pytest.raises(StoreError, match="no answer"):
            stages.run_stage("ingest", DAY, one)
    assert "ingest/run_date=2024-01-04" not in lake(other)
    assert "skipped" not in stages.run_stage("ingest", DAY, one)
    assert "ingest/run_date=2024-01-04" in lake(other)


def test_forgetting_and_an_ingest_that_has_not_read_the_list_yet_end(
    url: str, tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both want the history and the list, and take them in one order."""
    one, _ = two(url, tmp_path, log)
    begun, read = threading.Event(), staging.staged

    def late(*given: Any, **more: Any) -> Any:
        begun.set()
        time.sleep(1.5)
        return read(*given, **more)

    monkeypatch.setattr(staging, "staged", late)
    threads = [threading.Thread(target=stages.run_stage, args=("ingest", DAYS[0], one), daemon=True)]
    threads[0].start()
    assert begun.wait(60)
    threads.append(threading.Thread(target=forget.forget, args=(one, ["a"], DAY), daemon=True))
    threads[1].start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    users = {r["user_id"] for r in tiny_log.rows_of(artifacts.stage_dir(one.lake, "ingest", DAYS[0]))}
    assert users == {"b", "c"}


def test_authors_are_forgotten_whose_texts_another_machine_read(url: str, tmp_path: Path, log: Path) -> None:
    one, other = two(url, tmp_path, log)
    files = {
        "features": ("users", pa.table({"user_index": pa.array([0], pa.int32()), "user_id": ["b"]})),
        "topics": ("authors", pa.table({"user_id": ["writer"]})),
    }
    for stage, (name, table) in files.items():
        folder = artifacts.stage_dir(one.lake, stage, DAY)
        with artifacts.lock(folder), artifacts.writing(folder) as out:
            pq.write_table(table, out / f"{name}.parquet")
            made = {"stage": stage, "run_date": DAY.isoformat(), "files": artifacts.describe(out), "report": {}}
            artifacts.write_manifest(out, made)
    (receipt,) = forget.forget(other, ["writer"], DAY)
    assert json.loads(receipt.read_text())["nights_dropped"] == [DAY.isoformat()]
    assert [entry.key for entry in mirror_of(one).store.list("lake") if "topics" in entry.key] == []


@pytest.mark.slow
def test_a_day_so_far_goes_from_machine_to_machine(url: str, tmp_path: Path, log: Path) -> None:
    one, other = two(url, tmp_path, log)
    plain = on(tmp_path / "plain", log)
    until = datetime(2024, 1, 4, 12, tzinfo=UTC)
    found = []
    for config in (one, plain):
        load_history.load_history(config, DAYS[-1])
    for first, second in ((one, other), (plain, plain)):
        day_so_far.run_stage("ingest", until, first)
        day_so_far.run_stage("features", until, second)
        found.append(tiny_log.digests(artifacts.stage_dir(second.so_far(until).lake, "features", DAY)))
    assert found[0] == found[1]
    read = artifacts.read_manifest(artifacts.stage_dir(other.so_far(until).lake, "ingest", DAY))["report"]
    assert read[ingest.UNTIL] == until.isoformat()
    day_so_far.run_stage("ingest", until + timedelta(hours=1), other)
    with pytest.raises(PipelineError, match="moments go one after the other"):
        day_so_far.run_stage("features", until, one)
    stages.run_stage("ingest", DAY, one)
    prune.prune(one)
    assert list(mirror_of(one).store.list("day_so_far")) == []


def test_forgetting_waits_for_a_stage_that_another_machine_runs(url: str, tmp_path: Path, log: Path) -> None:
    one, other = two(url, tmp_path, log)
    load_history.load_history(one, DAY)
    folder = artifacts.stage_dir(one.lake, "features", DAY)
    ended = list[str]()

    def forgets() -> None:
        forget.forget(other, ["a"], DAY)
        ended.append("forget")

    with artifacts.lock(folder):
        thread = threading.Thread(target=forgets)
        thread.start()
        time.sleep(4)
        ended.append("features")
    thread.join()
    assert ended == ["features", "forget"]
    for night in [*DAYS, DAY]:
        keeping.bring(artifacts.stage_dir(one.lake, "ingest", night))
        users = {r["user_id"] for r in tiny_log.rows_of(artifacts.stage_dir(one.lake, "ingest", night))}
        assert users == {"b", "c"}
    later = DAY + timedelta(days=1)
    tiny_log.write(log / "log.csv", [*LOG, *(row(user, "x", f"{later} 10:00:00") for user in "ab")])
    until = datetime(later.year, later.month, later.day, 12, tzinfo=UTC)
    day_so_far.run_stage("ingest", until, one)  # this machine knows who asked
    stages.run_stage("ingest", later, one)
    for place in (one.so_far(until), one):
        rows = tiny_log.rows_of(artifacts.stage_dir(place.lake, "ingest", later))
        assert {r["user_id"] for r in rows} == {"b"}


def test_a_home_that_is_a_url_is_a_copy_with_a_keeper(
    tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTJAR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NIGHTJAR_HOME", f"file://{tmp_path}/bucket/shop")
    (log / "pipeline.toml").write_text("")
    loaded = configuration.load(log / "pipeline.toml")
    assert loaded.home == urls.parse(f"file://{tmp_path}/bucket/shop").folder
    assert mirror_of(loaded).url == f"file://{tmp_path}/bucket/shop"
    assert not loaded.home.exists()
    assert homes.mirror_of(loaded.model_copy(update={"home": tmp_path}).home) is None
    assert keeping.shown(f"{loaded.lake}/als") == f"file://{tmp_path}/bucket/shop/lake/als"
