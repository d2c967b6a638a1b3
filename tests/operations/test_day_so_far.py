"""A day that is not over: what is read of it, and what it leaves of nights."""

import re
import shutil
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.operations import day_so_far, forget, prune
from pipeline.sources.configuration import FullConfig
from tests import tiny_log
from tests.on_disk import everything_under
from tests.operations.a_home import ASKED, GONE, a_home, names_them
from tests.small_shop import NIGHT
from tests.tiny_log import row

DAY = date(2011, 10, 3)
BEFORE = DAY - timedelta(days=1)
LOG = [
    row("a", "mug", f"{BEFORE - timedelta(days=1)} 10:00:00"),
    row("a", "cup", f"{BEFORE} 10:00:00"),
    row("b", "cup", f"{DAY} 09:00:00"),
    row("a", "pot", f"{DAY} 11:59:59.999999"),
    row("b", "pot", f"{DAY} 12:00:00"),
    row("c", "mug", f"{DAY} 23:00:00"),
]


def at(hour: int, day: date = DAY) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


@pytest.fixture(scope="module")
def two_nights(tmp_path_factory: pytest.TempPathFactory) -> FullConfig:
    """A shop with two nights in its lake; nobody writes to it."""
    folder = tmp_path_factory.mktemp("two_nights")
    tiny_log.write(folder / "log.csv", LOG)
    shop = tiny_log.shop(folder, "log.csv")
    for night in (BEFORE - timedelta(days=1), BEFORE):
        tiny_log.ingest(shop, night)
    return shop


@pytest.fixture
def config(two_nights: FullConfig, tmp_path: Path) -> FullConfig:
    """The shop in a folder of a test's own; the log goes on with the day."""
    shutil.copytree(two_nights.folder, tmp_path, dirs_exist_ok=True)
    return two_nights.model_copy(update={"folder": tmp_path, "home": tmp_path / "home"})


def ingested(config: FullConfig, hour: int) -> list[tuple[str, str]]:
    day_so_far.run_stage("ingest", at(hour), config)
    rows = tiny_log.rows_of(artifacts.stage_dir(config.so_far(at(hour)).lake, "ingest", DAY))
    return sorted((row["user_id"], row["item_id"]) for row in rows)


def test_what_happened_before_the_moment_is_taken_each_time_anew(config: FullConfig) -> None:
    assert ingested(config, 12) == [("a", "pot"), ("b", "cup")]
    assert ingested(config, 13) == [("a", "pot"), ("b", "cup"), ("b", "pot")]
    assert ingested(config, 10) == [("b", "cup")]  # an earlier moment, asked for again


@pytest.mark.slow
def test_nights_are_the_same_as_without_it(config: FullConfig, tmp_path: Path) -> None:
    before = tiny_log.digests(config.lake)
    for hour in (10, 13):
        day_so_far.run(at(hour), config, ["ingest", "features"])
    assert tiny_log.digests(config.lake) == before
    night = tiny_log.digests(tiny_log.ingest(config, DAY))
    other = tiny_log.shop(tmp_path, "log.csv", home=tmp_path / "other")
    for day in (BEFORE - timedelta(days=1), BEFORE):
        tiny_log.ingest(other, day)
    assert tiny_log.digests(tiny_log.ingest(other, DAY)) == night


def test_without_the_night_before_nothing_is_read(config: FullConfig) -> None:
    later = DAY + timedelta(days=1)
    with pytest.raises(InputError, match=f"the night {DAY} is not in .*run --run-date {DAY}"):
        day_so_far.run_stage("ingest", at(9, later), config)


def test_a_day_before_it_is_gone_when_the_next_begins(config: FullConfig) -> None:
    day_so_far.run_stage("ingest", at(13), config)
    tiny_log.ingest(config, DAY)
    later = DAY + timedelta(days=1)
    with (config.folder / "log.csv").open("a") as log:
        log.write(f"c,cup,{later} 01:00:00,purchase\n")
    day_so_far.run_stage("ingest", at(2, later), config)
    lake = config.so_far(at(2, later)).lake
    nights = {path.name: path.is_symlink() for path in (lake / "ingest").glob("run_date=*")}
    assert nights == {f"run_date={DAY - timedelta(days=n)}": n >= 0 for n in (2, 1, 0, -1)}
    assert len(tiny_log.rows_of(lake / "ingest" / f"run_date={DAY}")) == 4  # the night's, all of it


def test_features_know_the_hour(config: FullConfig) -> None:
    """What was done at nine is three hours old at noon, and not fifteen."""
    ages = {}
    for hour in (12, 15):
        day_so_far.run(at(hour), config, ["ingest", "features"])
        folder = artifacts.stage_dir(config.so_far(at(hour)).lake, "features", DAY)
        items = pq.read_table(folder / "items.parquet", partitioning=None).column("item_id").to_pylist()
        trends = pq.read_table(folder / f"cutoff={DAY}" / "trends.parquet", partitioning=None)
        ages[hour] = dict(zip(items, trends.column("age_hours").to_pylist(), strict=True))
    assert ages[12] == {"mug": 50, "cup": 26, "pot": 1}
    assert ages[15] == {"mug": 53, "cup": 29, "pot": 4}


def test_what_was_made_of_a_day_goes_when_its_night_is_there(config: FullConfig) -> None:
    day_so_far.run_stage("ingest", at(13), config)
    lake = config.so_far(at(13)).lake
    assert prune.prune(config).folders == []
    assert lake.is_dir()
    tiny_log.ingest(config, DAY)
    assert lake in prune.prune(config, dry_run=True).folders
    assert lake.is_dir()
    before = tiny_log.digests(config.lake)
    freed = prune.prune(config)
    assert lake in freed.folders
    assert prune.describe(freed, dry_run=False).splitlines()[-1].startswith("a day so far: ")
    assert not lake.exists()
    assert tiny_log.digests(config.lake) == before
    day_so_far.drop(config)  # where there is none


def test_of_a_catalogue_what_was_known_before_the_moment_is_known(tmp_path: Path) -> None:
    """An article that goes up in the evening, and one that is taken down then."""
    tiny_log.write(tmp_path / "log.csv", LOG)
    says = "try_cast(split_part(item, '@', 2) as timestamp)"
    items = f"select split_part(item, '@', 1) as item_id, {says} as arrived_at, _file from raw"
    (tmp_path / "items.sql").write_text(items)
    catalogue = [{"item": f"{item}@{DAY} {time}"} for item, time in (("mug", "08:00:00"), ("pot", "20:00:00"))]
    tiny_log.write(tmp_path / "catalogue.csv", catalogue)
    shop = tiny_log.shop(tmp_path, "log.csv", ingest={"items": {"files": "catalogue.csv", "sql": "items.sql"}})
    tiny_log.ingest(shop, BEFORE)
    day_so_far.run_stage("ingest", at(12), shop)
    folder = artifacts.stage_dir(shop.so_far(at(12)).lake, "ingest", DAY)
    assert [row["item_id"] for row in tiny_log.rows_of(folder, "items")] == ["mug"]
    tiny_log.ingest(shop, DAY)
    folder = artifacts.stage_dir(shop.lake, "ingest", DAY)
    assert [row["item_id"] for row in tiny_log.rows_of(folder, "items")] == ["mug", "pot"]


def test_who_is_forgotten_is_in_no_day_so_far(tmp_path: Path) -> None:
    home = a_home(tmp_path)
    day_so_far.run_stage("ingest", at(12, NIGHT), home)
    lake = home.so_far(at(12, NIGHT)).lake
    assert GONE.encode() in everything_under(lake)
    forget.forget(home, [GONE], ASKED)
    assert names_them(home.home) == []
    day_so_far.run_stage("ingest", at(12, NIGHT), home)
    assert not re.search(rb"person-77(?!8)", everything_under(lake))


def test_a_moment_does_not_go_on_with_what_another_one_read(config: FullConfig) -> None:
    day_so_far.run(at(10), config, ["ingest", "features"])
    day_so_far.run_stage("ingest", at(13), config)
    with pytest.raises(InputError, match=f"is known up to {DAY}T13:00.*run --at {DAY}T10:00"):
        day_so_far.run_stage("features", at(10), config)
    day_so_far.run_stage("features", at(13), config)
    with pytest.raises(InputError, match="is not read"):
        day_so_far.run_stage("features", at(10, DAY + timedelta(days=1)), config)


def test_links_to_nights_stay_where_they_are_right(config: FullConfig) -> None:
    day_so_far.run_stage("ingest", at(10), config)
    link = config.so_far(at(10)).lake / "ingest" / f"run_date={BEFORE}"
    before = link.lstat().st_ino
    day_so_far.run_stage("ingest", at(13), config)
    assert link.lstat().st_ino == before


def test_who_reads_the_day_is_waited_for(config: FullConfig) -> None:
    day_so_far.run_stage("ingest", at(10), config)
    folder = artifacts.stage_dir(config.so_far(at(10)).lake, "ingest", DAY)
    with artifacts.lock(folder, shared=True):
        other = threading.Thread(target=day_so_far.prepare, args=(config.so_far(at(13)), DAY))
        other.start()
        other.join(0.5)
        assert other.is_alive()
        assert folder.is_dir()
    other.join()
    assert not folder.exists()
