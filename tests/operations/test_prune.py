"""Old nights go, what is published or running stays, and features made after a prune are the same bytes."""

import os
import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest

from pipeline.encoder import starts
from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.operations import prune, stages
from pipeline.publication import publish
from pipeline.sources.configuration import FullConfig
from tests import small_shop, tiny_log

NIGHT = date(2011, 10, 2)
DAY = timedelta(days=1)


def published_night(home: Path, night: date) -> FullConfig:
    """A night of the small shop, with its publication."""
    shop = small_shop.shop(home, night=night).write()
    report = small_shop.go(shop)
    out = artifacts.stage_dir(shop.config.lake, "publish", night)
    partial = out.with_name(f".{out.name}.partial")
    artifacts.write_manifest(partial, {"stage": "publish", "files": artifacts.describe(partial), "report": report})
    partial.rename(out)
    return shop.config


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


def test_old_nights_go_and_the_disk_gets_what_is_said(tmp_path: Path) -> None:
    for n in (40, 3, 2, 1, 0):
        config = published_night(tmp_path, NIGHT - n * DAY)
    linked, link = (artifacts.stage_dir(config.lake, "als", NIGHT - n * DAY) / "shared.npy" for n in (40, 0))
    linked.write_bytes(os.urandom(1 << 16))
    os.link(linked, link)
    content = link.read_bytes()
    before, runs = disk_bytes(tmp_path), len(publish.published_runs(config))
    would = prune.prune(config, keep_days=2, dry_run=True)
    assert disk_bytes(tmp_path) == before
    freed = prune.prune(config, keep_days=2)
    assert freed.folders == would.folders
    assert freed.bytes == would.bytes == before - disk_bytes(tmp_path) > 0
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


def test_the_default_keeps_35_days(tmp_path: Path) -> None:
    for n in (36, 35, 1, 0):
        config = published_night(tmp_path, NIGHT - n * DAY)
    prune.prune(config)
    assert str(NIGHT - 36 * DAY) not in present(config)
    assert str(NIGHT - 35 * DAY) in present(config)


def test_what_shards_left_that_nobody_goes_on_with_goes_too(tmp_path: Path) -> None:
    for n in (50, 1, 0):
        config = published_night(tmp_path, NIGHT - n * DAY)
    old, new = (artifacts.stage_dir(config.lake, "fusion", NIGHT - n * DAY) for n in (50, 1))
    left = [old.with_name(f".{old.name}.{ending}") for ending in ("shards", "shard-3")]
    left.append(old.with_name(f"..{old.name}.shards.partial"))
    kept = new.with_name(f".{new.name}.shards")
    for folder in (*left, kept):
        folder.mkdir(parents=True)
    prune.prune(config, keep_days=2)
    assert [folder for folder in (*left, kept) if folder.exists()] == [kept]


def test_the_active_run_and_the_one_before_stay(tmp_path: Path) -> None:
    for n in (50, 45, 40, 0):
        config = published_night(tmp_path, NIGHT - n * DAY)
    oldest = publish.published_runs(config)[-1]
    publish.rollback(config, oldest.run_id)
    prune.prune(config, keep_days=0)
    assert list(present(config)) == [str(NIGHT - 50 * DAY), str(NIGHT)]


def test_a_running_night_stays(tmp_path: Path) -> None:
    for n in (40, 30, 20, 1, 0):
        config = published_night(tmp_path, NIGHT - n * DAY)
    shutil.rmtree(artifacts.stage_dir(config.lake, "publish", NIGHT - 30 * DAY))  # a backfill has come this far
    with artifacts.lock(artifacts.stage_dir(config.lake, "ease", NIGHT - 40 * DAY)):
        freed = prune.prune(config, keep_days=1)
    assert freed.busy == [NIGHT - 40 * DAY, NIGHT - 30 * DAY]
    assert {artifacts.run_date_of(folder) for folder in freed.folders} == {NIGHT - 20 * DAY}
    for folder in config.lake.glob(f"*/run_date={NIGHT - 30 * DAY}"):
        os.utime(folder, (1, 1))  # abandoned long ago
    assert prune.prune(config, keep_days=1).busy == []
    assert list(present(config)) == [str(NIGHT - DAY), str(NIGHT)]


def test_events_stay_unless_configured(tmp_path: Path) -> None:
    start = date(2024, 1, 1)
    tiny_log.write(tmp_path / "log.csv", [tiny_log.row("u", "a", f"{start + n * DAY} 10:00:00") for n in range(260)])
    config = tiny_log.shop(tmp_path, "log.csv", label_windows=5)
    from pipeline.operations import load_history

    load_history.load_history(config, start + 259 * DAY)
    assert prune.prune(config, keep_days=0).folders == []
    for days, error in ((30, "too short"), (200, None)):
        kept = config.model_copy(update={"retention": config.retention.model_copy(update={"event_days": days})})
        if error:
            with pytest.raises(InputError, match=error):
                prune.prune(kept)
        else:
            prune.prune(kept)
    left = [artifacts.run_date_of(f) for f in artifacts.partitions_until(config.lake, "ingest", date.max)]
    newest = start + 259 * DAY
    assert 200 - config.tuning_days < (newest - left[0]).days <= 200
    assert left == [left[0] + n * DAY for n in range(len(left))]
    again = config.model_copy(update={"retention": config.retention.model_copy(update={"event_days": 200})})
    assert prune.prune(again).folders == []


def test_an_empty_night_of_a_mistyped_date_ages_nothing(tmp_path: Path) -> None:
    start = date(2024, 1, 1)
    last, mistyped = start + 259 * DAY, start + 600 * DAY
    tiny_log.write(tmp_path / "log.csv", [tiny_log.row("u", "a", f"{start + n * DAY} 10:00:00") for n in range(260)])
    config = tiny_log.shop(tmp_path, "log.csv", label_windows=5, ingest={"allow_empty": True})
    from pipeline.operations import load_history

    load_history.load_history(config, last)
    retention = config.retention.model_copy(update={"event_days": 200})
    config = config.model_copy(update={"retention": retention})
    features = artifacts.stage_dir(config.lake, "features", last - 20 * DAY)
    features.mkdir(parents=True)
    artifacts.write_manifest(features, {"stage": "features"})
    (features / "some.bin").write_bytes(b"x")
    os.utime(features, (1, 1))
    before = prune.prune(config, dry_run=True).folders
    assert features not in before
    tiny_log.ingest(config, mistyped)
    assert prune.prune(config, dry_run=True).folders == before


def test_features_after_a_prune_are_the_same_bytes(tmp_path: Path) -> None:
    start = date(2024, 1, 1)
    log = [tiny_log.row(f"u{n % 7}", f"i{n % 5}", f"{start + (n // 3) * DAY} 10:{n % 60:02}:00") for n in range(450)]
    tiny_log.write(tmp_path / "log.csv", log)
    config = tiny_log.shop(tmp_path, "log.csv", label_windows=5)
    from pipeline.operations import load_history

    last = start + 149 * DAY
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
