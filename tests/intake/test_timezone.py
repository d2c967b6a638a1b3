"""A day is a day of the shop's time zone: of 23, 24 or 25 hours."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest

from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.intake import quality
from pipeline.operations import load_history, stages
from pipeline.sources.configuration import FullConfig
from tests.tiny_log import MAPPING, row, rows_of, shop, write
from tests.tiny_log import ingest as ingest_night

BERLIN = ZoneInfo("Europe/Berlin")
DAILY = "{year}-{month}-{day}.csv"
ZONED = MAPPING.replace("as timestamp)", "as timestamptz)")
LENIENT: dict[str, Any] = {"max_reject_share": 1, "allow_empty": True}


def taken(config: FullConfig) -> dict[date, list[datetime]]:
    """The times of the events by the night they are in; nights without are absent."""
    folders = artifacts.partitions_until(config.lake, "ingest", date.max)
    found = {artifacts.run_date_of(f): [e["event_time"] for e in rows_of(f)] for f in folders}
    return {night: times for night, times in found.items() if times}


def _offset(day: date, zone: ZoneInfo) -> timedelta | None:
    """Of a day's first moment from UTC."""
    return datetime.combine(day, datetime.min.time(), zone).utcoffset()


@pytest.mark.parametrize(
    ("written", "zone"),
    [
        ("with a zone", "Europe/Berlin"),
        ("with a zone", "Australia/Lord_Howe"),
        ("without", "America/New_York"),
        ("without", "Africa/Cairo"),
        ("without", "UTC"),
        # every zone is there, and both ways to write a time are; these are the other pairs of them
        pytest.param("without", "Europe/Berlin", marks=pytest.mark.slow),
        pytest.param("without", "Australia/Lord_Howe", marks=pytest.mark.slow),
        pytest.param("with a zone", "America/New_York", marks=pytest.mark.slow),
        pytest.param("with a zone", "Africa/Cairo", marks=pytest.mark.slow),
        pytest.param("with a zone", "UTC", marks=pytest.mark.slow),
    ],
)
@pytest.mark.few(2)
def test_a_days_events_are_its_night_s_in_the_days_of_the_changes_of_the_clock_too(
    tmp_path: Path, zone: str, written: str
) -> None:
    """Every quarter of an hour of a year's months of changes, as Python's calendar files it."""
    place, mapping = ZoneInfo(zone), ZONED if written == "with a zone" else MAPPING
    first = [
        datetime(2024, month, day, tzinfo=UTC) for month, day in ((3, 9), (3, 30), (4, 5), (4, 25), (10, 4), (10, 26))
    ]
    times = [
        start + timedelta(minutes=15 * n) for start in [*first, datetime(2024, 11, 2, tzinfo=UTC)] for n in range(192)
    ]
    expected: dict[date, set[datetime]] = {}
    rows = []
    for number, time in enumerate(times):
        local = time.astimezone(place)
        if written == "without" and local.replace(fold=1 - local.fold).utcoffset() != local.utcoffset():
            continue  # twice that hour
        expected.setdefault(local.date(), set()).add(time)
        rows.append(row(f"u{number}", "a", time.isoformat() if written == "with a zone" else f"{local:%F %T}"))
    write(tmp_path / "log.csv", rows)
    config = shop(tmp_path, "log.csv", mapping, timezone=zone, ingest=LENIENT)
    load_history.load_history(config, date(2024, 11, 4))
    assert {night: set(of_night) for night, of_night in taken(config).items()} == expected
    changed = [night for night in expected if _offset(night, place) != _offset(night + timedelta(days=1), place)]
    for night in changed or list(expected)[:1]:
        one = shop(tmp_path, "log.csv", mapping, home=tmp_path / f"{night}", timezone=zone, ingest=LENIENT)
        assert {e["event_time"] for e in rows_of(ingest_night(one, night))} == expected[night]


def test_daily_files_of_a_shop_in_berlin_need_nothing_but_its_zone(tmp_path: Path) -> None:
    """Each night sees its own day's file only: none is late, none refused, and nothing waits for tomorrow's file."""
    config = shop(tmp_path, DAILY, ZONED, timezone="Europe/Berlin", ingest={"arrival": "file", "max_reject_share": 0})
    begin = datetime(2024, 3, 29, tzinfo=BERLIN)
    for day in range(4):
        night = begin.date() + timedelta(days=day)
        hours = [datetime(night.year, night.month, night.day, hour, 30, tzinfo=BERLIN) for hour in (0, 1, 12, 23)]
        write(tmp_path / f"{night}.csv", [row("u", f"i{n}", t.isoformat()) for n, t in enumerate(hours)])
        folder = ingest_night(config, night)
        assert {e["event_time"].astimezone(BERLIN) for e in rows_of(folder)} == set(hours)
        numbers = artifacts.read_manifest(folder)["report"][quality.KEY]
        assert (numbers["late"], numbers["first_event"], numbers["last_event"]) == (0, 1800, 23 * 3600 + 1800)


def test_west_of_the_zone_the_message_names_the_setting(tmp_path: Path) -> None:
    config = shop(tmp_path, DAILY, ZONED, ingest={"arrival": "file"})
    write(tmp_path / "2024-01-01.csv", [row("u", "a", f"2024-01-01 {hour}:00:00-08:00") for hour in (12, 20)])
    with pytest.raises(InputError, match=r"(?s)after the day it arrived.*another time zone, set `timezone`"):
        ingest_night(config, date(2024, 1, 1))
    config = config.model_copy(update={"timezone": "America/Los_Angeles"})
    assert len(rows_of(ingest_night(config, date(2024, 1, 1)))) == 2


@pytest.mark.parametrize("text", ["infinity", "-infinity"])
def test_a_time_without_end_is_none(tmp_path: Path, text: str) -> None:
    write(tmp_path / "log.csv", [row("u", "a", "2024-01-01 10:00:00"), row("u", "b", text)])
    folder = ingest_night(shop(tmp_path, "log.csv", ingest=LENIENT), date(2024, 1, 1))
    assert [r["reason"] for r in rows_of(folder, "rejects")] == ["event_time is missing or not a time"]


def test_two_zones_are_not_mixed(tmp_path: Path) -> None:
    write(tmp_path / "log.csv", [row("u", "a", f"2024-01-0{day} 23:30:00+00") for day in (1, 2, 3)])
    utc = shop(tmp_path, "log.csv", ZONED, ingest=LENIENT)
    berlin = utc.model_copy(update={"timezone": "Europe/Berlin"})
    load_history.load_history(utc, date(2024, 1, 2))
    remedy = r"timezone = 'UTC', and the configuration says 'Europe/Berlin'.*load-history --until 2024-01-02 --force"
    for night in (date(2024, 1, 3), date(2024, 1, 7)):
        with pytest.raises(InputError, match=remedy):
            ingest_night(berlin, night)
    with pytest.raises(InputError, match=remedy):
        stages.run_stage("features", date(2024, 1, 2), berlin)
    with pytest.raises(InputError, match=remedy):
        load_history.load_history(berlin, date(2024, 1, 1))
    assert pq.read_metadata(artifacts.stage_dir(utc.lake, "ingest", date(2024, 1, 2)) / "events.parquet").num_rows == 1
    load_history.load_history(berlin, date(2024, 1, 2))
    ingest_night(berlin, date(2024, 1, 3))
    assert {night: len(times) for night, times in taken(berlin).items()} == {date(2024, 1, 2): 1, date(2024, 1, 3): 1}


def test_what_no_log_is_there_for_is_not_left_in_another_zone(tmp_path: Path) -> None:
    for day in (1, 2, 3, 4):
        write(tmp_path / f"2024-01-0{day}.csv", [row("u", "a", f"2024-01-0{day} 12:00:00")])
    utc = shop(tmp_path, DAILY)
    load_history.load_history(utc, date(2024, 1, 4))
    (tmp_path / "2024-01-01.csv").unlink()
    (tmp_path / "2024-01-02.csv").unlink()
    berlin = utc.model_copy(update={"timezone": "Europe/Berlin"})
    with pytest.raises(
        InputError, match=r"run_date=2024-01-01 has days of .* no logs from before 2024-01-03 are there to"
    ):
        load_history.load_history(berlin, date(2024, 1, 4))
    assert len(taken(utc)) == 4
