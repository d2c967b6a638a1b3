"""Old nights go, what is published or running stays, and features made after a prune are the same bytes."""

import os
import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest

from pipeline.encoder import starts
from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.operations import load_history, prune, stages
from pipeline.publication import publish
from pipeline.sources.configuration import FullConfig
from tests import small_shop, tiny_log

NIGHT = date(2011, 10, 2)
DAY = timedelta(days=1)
START = date(2024, 1, 1)
LAST = START + 259 * DAY


def published_night(home: Path, night: date) -> FullConfig:
    """A night of the small shop, with its publication."""
    shop = small_shop.shop(home, night=night).write()
    report = small_shop.go(shop)
    out = artifacts.stage_dir(shop.config.lake, "publish", night)
    partial = out.with_name(f".{out.name}.partial")
    artifacts.write_manifest(partial, {"stage": "publish", "files": artifacts.describe(partial), "report": report})
    partial.rename(out)
    return shop.config


AGES = (50, 40, 36, 35, 2, 1, 0)
"""How many days before NIGHT the nights of `nights` are."""


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> FullConfig:
    """A home in which the nights of AGES are published; nobody writes to it."""
    home = tmp_path_factory.mktemp("published")
    for age in AGES:
        config = published_night(home, NIGHT - age * DAY)
    return config


@pytest.fixture
def nights(published: FullConfig, tmp_path: Path) -> FullConfig:
    """The nights of AGES in a home of a test's own."""
    return copied(published, tmp_path)


@pytest.fixture(scope="module")
def long_history(tmp_path_factory: pytest.TempPathFactory) -> FullConfig:
    """A home with 260 nights of events; nobody writes to it."""
    folder = tmp_path_factory.mktemp("long")
    log = [tiny_log.row("u", "a", f"{START + n * DAY} 10:00:00") for n in range(260)]
    tiny_log.write(folder / "log.csv", log)
    config = tiny_log.shop(folder, "log.csv", label_windows=5, ingest={"allow_empty": True})
    load_history.load_history(config, LAST)
    return config


@pytest.fixture
def history(long_history: FullConfig, tmp_path: Path) -> FullConfig:
    """The 260 nights in a home of a test's own."""
    return copied(long_history, tmp_path)


def copied(config: FullConfig, folder: Path) -> FullConfig:
    """The same home in a folder."""
    shutil.copytree(config.home, folder / "home", symlinks=True)
    return config.model_copy(update={"home": folder / "home"})


def present(config: FullConfig) -> dict[str, list[str]]:
    """The stages of each night in the lake."""
    found: dict[str, list[str]] = {}
    for path in sorted(config.lake.glob("*/run_date=*")):
        found.setdefault(path.name[-10:], []).append(path.parent.name)
    return found


def disk_bytes(folder: Path) -> int:
    """Bytes on disk, each file once however many links it has."""
    files = {(s.st_dev, s.st_ino): s.st_blocks * 512 for p in folder.rglob("*") if p.is_file() for s in [p.lstat()]}
    return sum(files.values())


def test_old_nights_go_and_the_disk_gets_what_is_said(nights: FullConfig) -> None:
    config, home = nights, nights.home
    linked, link = (artifacts.stage_dir(config.lake, "als", NIGHT - n * DAY) / "shared.npy" for n in (40, 0))
    linked.write_bytes(os.urandom(1 << 16))
    os.link(linked, link)
    content = link.read_bytes()
    before, runs = disk_bytes(home), len(publish.published_runs(config))
    would = prune.prune(config, keep_days=2, dry_run=True)
    assert disk_bytes(home) == before
    freed = prune.prune(config, keep_days=2)
    assert freed.folders == would.folders
    assert freed.bytes == would.bytes == before - disk_bytes(home) > 0
    assert list(present(config)) == [str(NIGHT - n * DAY) for n in (2, 1, 0)]
    assert link.read_bytes() == content
    assert len(publish.published_runs(config)) == runs
    assert f"{freed.bytes / 2**20:,.1f} MiB of disk freed" in prune.describe(freed, dry_run=False)
    assert prune.prune(config, keep_days=2).folders == []


def test_of_other_shops_encoders_the_one_that_is_named_stays(tmp_path: Path) -> None:
    config = published_night(tmp_path, NIGHT)
    named, other = (starts.shelf(config) / (64 * letter) for letter in "ab")
    for folder in (named, other):
        folder.mkdir(parents=True)
        (folder / "model.safetensors").write_bytes(b"weights")
    start = {"start_from": f"/other/home@sha256:{named.name}"}
    config = config.model_copy(update={"fine_tune": config.fine_tune.model_copy(update=start)})
    assert prune.prune(config, dry_run=True).folders == [other]
    assert other.is_dir()
    assert "removed" in prune.describe(prune.prune(config), dry_run=False)
    assert [folder.name for folder in starts.shelf(config).iterdir()] == [named.name]


def test_the_default_keeps_35_days(nights: FullConfig) -> None:
    prune.prune(nights)
    assert list(present(nights)) == [str(NIGHT - n * DAY) for n in (35, 2, 1, 0)]


def test_what_shards_left_that_nobody_goes_on_with_goes_too(nights: FullConfig) -> None:
    old, new = (artifacts.stage_dir(nights.lake, "fusion", NIGHT - n * DAY) for n in (50, 1))
    left = [old.with_name(f".{old.name}.{ending}") for ending in ("shards", "shard-3")]
    left.append(old.with_name(f"..{old.name}.shards.partial"))
    kept = new.with_name(f".{new.name}.shards")
    for folder in (*left, kept):
        folder.mkdir(parents=True)
    prune.prune(nights, keep_days=2)
    assert [folder for folder in (*left, kept) if folder.exists()] == [kept]


def test_the_active_run_and_the_one_before_stay(nights: FullConfig) -> None:
    oldest = publish.published_runs(nights)[-1]
    publish.rollback(nights, oldest.run_id)
    prune.prune(nights, keep_days=0)
    assert list(present(nights)) == [str(NIGHT - 50 * DAY), str(NIGHT)]


def test_a_running_night_stays(nights: FullConfig) -> None:
    config = nights
    shutil.rmtree(artifacts.stage_dir(config.lake, "publish", NIGHT - 40 * DAY))  # a backfill has come this far
    with artifacts.lock(artifacts.stage_dir(config.lake, "ease", NIGHT - 50 * DAY)):
        freed = prune.prune(config, keep_days=1)
    assert freed.busy == [NIGHT - 50 * DAY, NIGHT - 40 * DAY]
    assert {artifacts.run_date_of(folder) for folder in freed.folders} == {NIGHT - n * DAY for n in (36, 35, 2)}
    for folder in config.lake.glob(f"*/run_date={NIGHT - 40 * DAY}"):
        os.utime(folder, (1, 1))  # abandoned long ago
    assert prune.prune(config, keep_days=1).busy == []
    assert list(present(config)) == [str(NIGHT - DAY), str(NIGHT)]


def test_events_stay_unless_configured(history: FullConfig) -> None:
    config = history
    assert prune.prune(config, keep_days=0).folders == []
    for days, error in ((30, "too short"), (200, None)):
        kept = config.model_copy(update={"retention": config.retention.model_copy(update={"event_days": days})})
        if error:
            with pytest.raises(InputError, match=error):
                prune.prune(kept)
        else:
            prune.prune(kept)
    left = [artifacts.run_date_of(f) for f in artifacts.partitions_until(config.lake, "ingest", date.max)]
    assert 200 - config.tuning_days < (LAST - left[0]).days <= 200
    assert left == [left[0] + n * DAY for n in range(len(left))]
    again = config.model_copy(update={"retention": config.retention.model_copy(update={"event_days": 200})})
    assert prune.prune(again).folders == []


def test_an_empty_night_of_a_mistyped_date_ages_nothing(history: FullConfig) -> None:
    retention = history.retention.model_copy(update={"event_days": 200})
    config = history.model_copy(update={"retention": retention})
    features = artifacts.stage_dir(config.lake, "features", LAST - 20 * DAY)
    features.mkdir(parents=True)
    artifacts.write_manifest(features, {"stage": "features"})
    (features / "some.bin").write_bytes(b"x")
    os.utime(features, (1, 1))
    before = prune.prune(config, dry_run=True).folders
    assert features not in before
    tiny_log.ingest(config, START + 600 * DAY)
    assert prune.prune(config, dry_run=True).folders == before


def test_features_after_a_prune_are_the_same_bytes(tmp_path: Path) -> None:
    log = [tiny_log.row(f"u{n % 7}", f"i{n % 5}", f"{START + (n // 3) * DAY} 10:{n % 60:02}:00") for n in range(270)]
    tiny_log.write(tmp_path / "log.csv", log)
    config = tiny_log.shop(tmp_path, "log.csv", label_windows=3, window_stride_days=14)
    last = START + 89 * DAY
    load_history.load_history(config, last)
    for n in (2, 1, 0):
        stages.run_stage("features", last - n * DAY, config)
    folder = artifacts.stage_dir(config.lake, "features", last)
    linked = tiny_log.digests(folder)
    for path in config.lake.glob("features/run_date=*"):
        os.utime(path, (1, 1) if path != folder else None)
    assert len(prune.prune(config, keep_days=0).folders) == 2
    shutil.rmtree(folder)
    stages.run_stage("features", last, config)
    assert tiny_log.digests(folder) == linked
