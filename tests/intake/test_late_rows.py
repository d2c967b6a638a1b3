"""Rows that come when their night is over, or in another day's file: none is lost, and none is taken twice."""

import json
import logging
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.ground import artifacts
from pipeline.operations import load_history, stages
from pipeline.sources.configuration import FullConfig
from tests.tiny_log import MAPPING, Row, digests, row, rows_of, shop, write
from tests.tiny_log import ingest as ingest_night

DAILY, MONTHLY = "{year}-{month}-{day}.csv", "{year}-{month}.csv"
DAYS = [date(2024, 1, 1) + timedelta(days=n) for n in range(6)]
LENIENT: dict[str, Any] = {"max_reject_share": 1, "allow_empty": True}


def at(day: int, item: str, hour: str = "12:00:00", **more: Any) -> dict[str, Any]:
    """A row of a day of January."""
    return row("u", item, f"2024-01-{day:02} {hour}") | more


def taken(config: FullConfig) -> dict[int, list[str]]:
    """By day of the month, the items of the events in the lake; days without are absent."""
    folders = artifacts.partitions_until(config.lake, "ingest", date.max)
    found = {artifacts.run_date_of(f).day: sorted(e["item_id"] for e in rows_of(f)) for f in folders}
    return {day: items for day, items in found.items() if items}


def refused(config: FullConfig) -> list[tuple[int, int, str]]:
    """Night, row and reason of all refused rows in the lake."""
    folders = artifacts.partitions_until(config.lake, "ingest", date.max)
    rows = [(artifacts.run_date_of(f).day, r) for f in folders for r in rows_of(f, "rejects")]
    return [(day, r["row"], r["reason"]) for day, r in rows]


def test_the_last_rows_of_a_day_may_stand_in_the_next_days_file(tmp_path: Path) -> None:
    files = {
        1: [at(1, "a")],
        2: [at(1, "b", "23:59:59"), at(2, "c"), row("u", "d", "never"), at(3, "e", "00:00:01")],
        3: [row("u", "f", "no time"), at(3, "g"), at(2, "h", "23:59:59"), at(1, "i")],
    }
    live, backfill = (shop(tmp_path, DAILY, home=tmp_path / home, ingest=LENIENT) for home in ("live", "backfill"))
    for day, rows in files.items():
        write(tmp_path / f"{DAYS[day - 1]}.csv", rows)
        ingest_night(live, DAYS[day - 1])
    load_history.load_history(backfill, DAYS[2])
    assert taken(live) == {1: ["a"], 2: ["b", "c"], 3: ["e", "g", "h", "i"]}
    assert [(day, line) for day, line, _ in refused(live)] == [(2, 3), (3, 1)]
    for night in DAYS[:3]:
        ours, theirs = (artifacts.stage_dir(config.lake, "ingest", night) for config in (live, backfill))
        assert digests(ours) == digests(theirs), night


def test_lines_that_cannot_be_read_arrive_with_their_own_files_rows(tmp_path: Path) -> None:
    header = b"user,item,ts,type\n"
    live, backfill = (shop(tmp_path, DAILY, home=tmp_path / home, ingest=LENIENT) for home in ("live", "backfill"))
    for day in (1, 2, 3):
        good = f"u,i{day},2024-01-0{day} 10:00:00,purchase\n".encode()
        (tmp_path / f"{DAYS[day - 1]}.csv").write_bytes(header + b"broken\n" + (good if day != 2 else b"u\n"))
        ingest_night(live, DAYS[day - 1])
    load_history.load_history(backfill, DAYS[2])
    assert refused(live) == refused(backfill)
    assert [(day, line) for day, line, _ in refused(live)] == [(1, 1), (2, 1), (2, 2), (3, 1)]


@pytest.mark.parametrize(
    ("files", "hidden"),
    [
        (DAILY, False),
        ("log.csv", False),
        (MONTHLY, True),
        pytest.param(MONTHLY, False, marks=pytest.mark.slow),
        pytest.param(DAILY, True, marks=pytest.mark.slow),  # pseudonyms ask for no file, and files for no pseudonym
        pytest.param("log.csv", True, marks=pytest.mark.slow),
    ],
)
@pytest.mark.few(1)
def test_rows_that_come_after_their_night_arrive_on_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: str, hidden: bool
) -> None:
    monkeypatch.setenv("NIGHTJAR_PSEUDONYM_KEY", "a-key-of-the-test-0123456789")
    config = shop(tmp_path, files, ingest=LENIENT | {"pseudonyms": hidden})

    def path(day: int) -> Path:
        return tmp_path / files.format(year="2024", month="01", day=f"{day:02}")

    logged: dict[Path, list[Row]] = {}

    def log(day: int, *rows: Row) -> None:
        logged.setdefault(path(day), []).extend(rows)
        write(path(day), logged[path(day)])

    log(1, at(1, "a"), at(1, "a"), at(1, "x", type="poke"), at(1, "b"))
    ingest_night(config, DAYS[0])
    log(1, at(1, "c"), at(1, "a"), at(1, "y", type="poke"), row("u", "z", "never"))
    log(2, at(2, "d"))
    ingest_night(config, DAYS[1])
    assert taken(config) == {1: ["a", "b"], 2: ["c", "d"]}
    log(2, at(2, "e"))
    log(3, at(3, "f"))
    for night in (*DAYS[2:], DAYS[5]):
        ingest_night(config, night)
    assert taken(config) == {1: ["a", "b"], 2: ["c", "d"], 3: ["e", "f"]}
    reasons = Counter(reason for _, _, reason in refused(config))
    assert sum(map(len, logged.values())) == 6 + reasons.total(), "lines = taken + refused"
    assert (reasons["duplicate of an earlier event"], reasons["event_time is missing or not a time"]) == (2, 1)
    assert reasons["event_type is not in features.event_types"] == 2
    assert {day for day, _, _ in refused(config)} == {1, 2}
    folder = artifacts.stage_dir(config.lake, "ingest", DAYS[2])
    before = digests(folder)
    stages.run_stage("ingest", DAYS[2], config, force=True)
    assert digests(folder) == before, "a forced run takes again what it took"


@pytest.mark.parametrize("behind", [2, pytest.param(3, marks=pytest.mark.slow), 5])
def test_a_file_that_comes_days_late_is_taken_by_the_next_night(tmp_path: Path, behind: int) -> None:
    config = shop(tmp_path, DAILY, ingest=LENIENT)
    for night in DAYS[: behind + 2]:  # and the night after it
        if night.day != 1:
            write(tmp_path / f"{night}.csv", [at(night.day, f"i{night.day}")])
        if night.day == 1 + behind:
            write(tmp_path / f"{DAYS[0]}.csv", [at(1, "late"), at(1, "later"), at(2, "i2")])
        ingest_night(config, night)
    usual = {night.day: [f"i{night.day}"] for night in DAYS[1 : behind + 2]}
    assert taken(config) == usual | {1 + behind: [f"i{1 + behind}", "late", "later"]}
    assert refused(config) == [(1 + behind, 3, "duplicate of an earlier event")]


@pytest.mark.parametrize("behind", [1, pytest.param(2, marks=pytest.mark.slow), 4])
def test_a_file_that_goes_on_for_days_is_read_again(tmp_path: Path, behind: int) -> None:
    config = shop(tmp_path, DAILY, ingest=LENIENT)
    nights = DAYS[: behind + 2]  # up to the one after it
    for night in nights:
        rows = [at(night.day, f"i{night.day}"), at(night.day, "x", type="poke")]
        write(tmp_path / f"{night}.csv", rows)
        if night.day == 1 + behind:
            write(tmp_path / f"{DAYS[0]}.csv", [at(1, "i1"), at(1, "x", type="poke"), at(1, "late")])
        ingest_night(config, night)
    days = [night.day for night in nights]
    assert taken(config) == {day: [f"i{day}", *["late"] * (day == 1 + behind)] for day in days}
    assert [(day, line) for day, line, _ in refused(config)] == [(day, 2) for day in days]


def test_a_row_of_a_night_that_is_not_there_is_kept_for_it(tmp_path: Path) -> None:
    config = shop(tmp_path, "log.csv", ingest=LENIENT)
    write(tmp_path / "log.csv", [at(1, "a"), at(2, "b"), at(3, "c")])
    ingest_night(config, DAYS[0])
    ingest_night(config, DAYS[2])
    assert taken(config) == {1: ["a"], 3: ["c"]}
    ingest_night(config, DAYS[1])
    assert taken(config) == {1: ["a"], 2: ["b"], 3: ["c"]}


def test_a_file_that_is_written_anew_in_another_order(tmp_path: Path) -> None:
    """As an export of a month so far is, sorted by time: what came late stands in the middle."""
    config = shop(tmp_path, MONTHLY, ingest=LENIENT)
    rows = [at(1, "a"), at(1, "c", "14:00:00")]
    write(tmp_path / "2024-01.csv", rows)
    ingest_night(config, DAYS[0])
    rows = [at(1, "a"), at(1, "b", "13:00:00"), at(1, "c", "14:00:00"), at(2, "d")]
    write(tmp_path / "2024-01.csv", rows)
    ingest_night(config, DAYS[1])
    assert taken(config) == {1: ["a", "c"], 2: ["b", "d"]}
    ingest_night(config, DAYS[2])
    assert taken(config) == {1: ["a", "c"], 2: ["b", "d"]}


GIVEN = MAPPING.replace('"user" as', 'id as event_id, "user" as')


@pytest.mark.parametrize("change", ["the mapping", "the ids", "no record"])
def test_what_was_taken_is_not_taken_again_under_other_ids(
    tmp_path: Path, change: str, caplog: pytest.LogCaptureFixture
) -> None:
    config = shop(tmp_path, MONTHLY, GIVEN, ingest=LENIENT)
    rows = [at(1, f"i{n}", id=f"e{n}") for n in range(5)]
    write(tmp_path / "2024-01.csv", rows)
    folder = ingest_night(config, DAYS[0])
    if change == "the mapping":
        (tmp_path / "events.sql").write_text(GIVEN.replace("id as event_id", "'x' || id as event_id"))
    if change == "no record":
        manifest = artifacts.read_manifest(folder)
        del manifest["report"]["read"]
        (folder / "manifest.json").write_text(json.dumps(manifest))
    if change == "the ids":
        rows = [r | {"id": f"other-{r['id']}"} for r in rows]
    write(tmp_path / "2024-01.csv", [*rows, at(1, "late", id="f"), at(2, "own", id="g")])
    with caplog.at_level(logging.WARNING):
        ingest_night(config, DAYS[1])
    assert taken(config)[2] == (["own"] if change == "no record" else ["late", "own"])
    assert ("lacks 5 of its events" in caplog.text) == (change == "the ids")
    assert ("load-history --until 2024-01-02 --force" in caplog.text) == (change == "the ids")


def test_of_a_row_that_becomes_several_events_each_has_its_night(tmp_path: Path) -> None:
    mapping = """
    select "user" as user_id, unnest(['a', 'b']) as item_id, type as event_type, _file, _row,
        unnest([try_cast(ts as timestamp), try_cast(ts as timestamp) + interval 1 day]) as event_time
    from raw
    """
    config = shop(tmp_path, MONTHLY, mapping, ingest=LENIENT)
    write(tmp_path / "2024-01.csv", [at(1, "x")])
    ingest_night(config, DAYS[0])
    ingest_night(config, DAYS[1])
    write(tmp_path / "2024-01.csv", [at(1, "x"), at(2, "y")])
    ingest_night(config, DAYS[2])
    assert taken(config) == {1: ["a"], 2: ["b"], 3: ["a", "b"]}


@pytest.mark.parametrize("arrival", ["arrived_at", "file"])
def test_the_other_ways_to_arrive(tmp_path: Path, arrival: str) -> None:
    mapping = MAPPING.replace("_file", "try_cast(ts as timestamp) as arrived_at, _file", 1)
    settings = LENIENT | {"arrival": arrival}
    live, backfill = (
        shop(tmp_path, DAILY, mapping, home=tmp_path / home, ingest=settings) for home in ("live", "backfill")
    )
    for day, rows in {1: [at(1, "a")], 2: [at(1, "b", "23:59:59"), at(2, "c")], 3: [at(3, "d")]}.items():
        write(tmp_path / f"{DAYS[day - 1]}.csv", rows)
        ingest_night(live, DAYS[day - 1])
    load_history.load_history(backfill, DAYS[2])
    assert taken(live) == taken(backfill) == {1: ["a"], 2: ["b", "c"], 3: ["d"]}


@pytest.mark.parametrize("change", ["rewritten", "touched", "rewritten and loaded"])
@pytest.mark.few(1)
def test_a_file_written_anew_in_the_same_size_is_said(
    tmp_path: Path, change: str, caplog: pytest.LogCaptureFixture
) -> None:
    config = shop(tmp_path, DAILY, ingest=LENIENT)
    for night in DAYS[:3]:
        write(tmp_path / f"{night}.csv", [at(night.day, f"i{night.day}")])
        ingest_night(config, night)
    write(tmp_path / f"{DAYS[0]}.csv", [at(1, "i1" if change == "touched" else "j1")])
    if change == "rewritten and loaded":
        stages.run_stage("ingest", DAYS[0], config, force=True)
    with caplog.at_level(logging.WARNING):
        ingest_night(config, DAYS[3])
    said = "2024-01-01.csv was written anew, as large as it was"
    assert caplog.text.count(said) == (change == "rewritten")
    assert taken(config)[1] == (["j1"] if change == "rewritten and loaded" else ["i1"])


def test_a_change_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """And not where the file is again as its night found it."""
    config = shop(tmp_path, DAILY, ingest=LENIENT)
    said = []
    for night, first in zip(DAYS, ["i1", "i1", "j1", "j1", "i1"], strict=False):
        write(tmp_path / f"{DAYS[0]}.csv", [at(1, first)])
        write(tmp_path / f"{night}.csv", [at(night.day, first if night.day == 1 else "x")])
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            ingest_night(config, night)
        said.append(caplog.text.count("2024-01-01.csv was written anew, as large as it was"))
    assert said == [0, 0, 1, 0, 0]
    assert taken(config)[1] == ["i1"]


def test_late_files_that_repeat_each_other_are_given_back_line_by_line(tmp_path: Path) -> None:
    config = shop(tmp_path, DAILY, MAPPING.replace("item as", "item as event_id, item as"), ingest=LENIENT)
    write(tmp_path / f"{DAYS[0]}.csv", [at(1, "first")])
    for night in DAYS[:3]:
        ingest_night(config, night)
    write(tmp_path / f"{DAYS[1]}.csv", [at(2, "a"), at(2, "b")])
    write(tmp_path / f"{DAYS[2]}.csv", [at(2, "a"), at(2, "b"), at(3, "y"), at(3, "z")])
    ingest_night(config, DAYS[3])
    assert taken(config) == {1: ["first"], 4: ["a", "b", "y", "z"]}
    stages.run_stage("ingest", DAYS[2], config, force=True)
    assert taken(config) == {1: ["first"], 3: ["a", "b", "y", "z"]}
    assert [(day, reason) for day, _, reason in refused(config)] == [(3, "duplicate of an earlier event")] * 2
