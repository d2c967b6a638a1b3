"""Files that are written anew with the new rows in front, as exports of orders are: each line counts once."""

import random
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from pipeline.ground import artifacts
from pipeline.intake.left_out import KEY
from pipeline.operations import load_history, stages
from pipeline.sources.configuration import FullConfig
from tests.cases import some_slow
from tests.tiny_log import MAPPING, ingest, row, rows_of, shop, write

pytestmark = pytest.mark.slow

DAYS = [date(2024, 1, 1) + timedelta(days=n) for n in range(4)]
WHERE = MAPPING + "where type is distinct from 'noise'"
LENIENT = {"max_reject_share": 1, "allow_empty": True}
HEADER = "user,item,ts,type\n"


def counts(config: FullConfig) -> dict[int, tuple[int, list[str], int]]:
    """By day of the month: events taken, the reasons of refused rows, rows left out."""
    found = {}
    for folder in artifacts.partitions_until(config.lake, "ingest", date.max):
        report = artifacts.read_manifest(folder)["report"]
        reasons = sorted(r["reason"] for r in rows_of(folder, "rejects"))
        found[artifacts.run_date_of(folder).day] = (report["events"], reasons, report.get(KEY, 0))
    return found


def block(day: date) -> str:
    """A day's rows: five of an event, one of another type, one without a time, one left out, one that is no row."""
    lines = [f"u{n},i{n},{day} 10:00:0{n},purchase" for n in range(4)]
    lines += [f"u,i,{day} 11:00:00,poke", "u,i,never,purchase", f"u,i,{day} 11:00:00,noise", "broken"]
    return "\n".join([*lines, f"u,last,{day} 12:00:00,purchase\n"])


EACH = (5, sorted(["event_time is missing or not a time", "event_type is not in features.event_types",
                   "unreadable: missing columns"]), 1)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "is_newest_first"),
    some_slow(
        product(("2024-01.csv", "log.csv"), (True, False)),
        fast=lambda name, is_newest_first: is_newest_first == (name == "log.csv"),
    ),
)
def test_new_rows_in_front_push_old_ones_behind(tmp_path: Path, name: str, is_newest_first: bool) -> None:
    files = "{year}-{month}.csv" if name != "log.csv" else name
    live, backfill = (shop(tmp_path, files, WHERE, home=tmp_path / h, ingest=LENIENT) for h in ("live", "backfill"))
    for number, night in enumerate(DAYS, 1):
        blocks = [block(day) for day in DAYS[:number]]
        (tmp_path / name).write_text(HEADER + "".join(blocks[::-1] if is_newest_first else blocks))
        ingest(live, night)
    assert counts(live) == {day.day: EACH for day in DAYS}
    load_history.load_history(backfill, DAYS[-1])
    assert counts(backfill) == counts(live)
    stages.run_stage("ingest", DAYS[1], live, force=True)
    assert counts(live) == {day.day: EACH for day in DAYS}


def test_what_came_late_beside_new_rows_is_taken(tmp_path: Path) -> None:
    config = shop(tmp_path, "{year}-{month}.csv", WHERE, ingest=LENIENT)
    for number, night in enumerate(DAYS, 1):
        late = "".join(f"v,late,{day} 13:00:00,purchase\nv,late,{day} 13:00:00,poke\n" for day in DAYS[: number - 1])
        blocks = [block(day) for day in DAYS[:number]]
        (tmp_path / "2024-01.csv").write_text(HEADER + "".join(blocks[::-1]) + late)
        ingest(config, night)
    taken = sum(events for events, _, _ in counts(config).values())
    poked = sum(reasons.count(EACH[1][1]) for _, reasons, _ in counts(config).values())
    assert (taken, poked) == (5 * len(DAYS) + 3, len(DAYS) + 3)


def test_rows_that_waited_for_their_night_are_not_new(tmp_path: Path) -> None:
    """A file of several days, sorted by user, that goes on: what stood there for later nights has pushed nothing."""
    rows = [row(f"u{n}", f"i{n}", f"{day} 10:00:00") for day in DAYS for n in range(4)]
    random.Random(0).shuffle(rows)
    config = shop(tmp_path, "log.csv", ingest=LENIENT)
    write(tmp_path / "log.csv", rows)
    ingest(config, DAYS[0])
    again = [r for r in rows if r["ts"].startswith(str(DAYS[0]))]
    write(tmp_path / "log.csv", [*rows, *again])  # sent again, and to be counted
    for night in DAYS[1:]:
        ingest(config, night)
    assert counts(config) == {
        1: (4, [], 0),
        2: (4, ["duplicate of an earlier event"] * 4, 0),
        3: (4, [], 0),
        4: (4, [], 0),
    }


@pytest.mark.parametrize("kind", ["noise", "poke"])
def test_rows_of_a_daily_file_in_another_order_stay_on_their_night(tmp_path: Path, kind: str) -> None:
    """Also those without a time, which the rows before them say nothing about, and lines that are none."""
    config = shop(tmp_path, "{year}-{month}-{day}.csv", WHERE, ingest=LENIENT)
    for number, night in enumerate(DAYS):
        rows = [f"u{n},i{n},{night} 10:00:0{n},purchase" for n in range(3)]
        rows += [
            f"u,i,{night + timedelta(days=1)} 00:00:01,purchase",
            "u,i,never,purchase",
            "broken",
            f"u,i,never,{kind}",
        ]
        (tmp_path / f"{night}.csv").write_text(HEADER + "\n".join(rows) + "\n")
        if number:
            (before := tmp_path / f"{DAYS[number - 1]}.csv").write_text(
                HEADER + "\n".join(reversed(before.read_text().splitlines()[1:])) + "\n"
            )
        ingest(config, night)
    found = counts(config).values()
    assert sum(events + len(reasons) + left_out for events, reasons, left_out in found) == 7 * len(DAYS) - 1


def test_a_file_of_which_all_is_left_out_may_go_on(tmp_path: Path) -> None:
    config = shop(tmp_path, "{year}-{month}-{day}.csv", WHERE, ingest=LENIENT)
    noise = row("u", "i", f"{DAYS[0]} 10:00:00", "noise")
    write(tmp_path / f"{DAYS[0]}.csv", [noise])
    ingest(config, DAYS[0])
    write(tmp_path / f"{DAYS[0]}.csv", [noise] * 3)
    write(tmp_path / f"{DAYS[1]}.csv", [row("u", "i", f"{DAYS[1]} 10:00:00")])
    ingest(config, DAYS[1])
    assert counts(config) == {1: (0, [], 1), 2: (1, [], 2)}


@pytest.mark.parametrize(
    "name",
    some_slow(
        [("{year}-{month}-{day}.jsonl",), ("{year}-{month}-{day}.csv",), ("log.jsonl",), ("log.csv",)],
        fast=lambda name: name in ("{year}-{month}-{day}.csv", "log.jsonl"),
    ),
)
def test_a_line_that_was_cut_off_when_its_night_read_it(tmp_path: Path, name: str) -> None:
    """The night refuses what it sees, and the next one takes the event; once, whatever comes after it."""
    config = shop(tmp_path, name, ingest=LENIENT)
    paths = [tmp_path / name.format(year="2024", month="01", day=f"{night.day:02}") for night in DAYS]
    rows, is_daily = list[dict[str, Any]](), paths[0] != paths[1]
    for path, night in zip(paths, DAYS, strict=True):
        rows += [row("u", f"{night}-{n}", f"{DAYS[0] if is_daily else night} 10:00:0{n}") for n in range(3)]
        write(paths[0], rows)
        if night != DAYS[-1]:
            paths[0].write_bytes(paths[0].read_bytes()[:-20])
        if path != paths[0]:
            write(path, [row("u", "x", f"{night} 10:00:00")])
        ingest(config, night)
    for _ in range(2):
        folders = artifacts.partitions_until(config.lake, "ingest", date.max)
        items = sorted(event["item_id"] for folder in folders for event in rows_of(folder) if event["item_id"] != "x")
        assert items == sorted(r["item"] for r in rows)
        stages.run_stage("ingest", DAYS[0], config, force=True)
