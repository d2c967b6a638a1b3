"""Log files that are renamed or packed when a night has read them: each line counts once, under whatever name."""

import gzip
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from pipeline.operations import stages
from tests.cases import some_slow
from tests.intake.test_written_anew import counted
from tests.tiny_log import MAPPING, ingest, row, shop, write

pytestmark = pytest.mark.slow

DAYS = [date(2024, 1, 1) + timedelta(days=n) for n in range(5)]
LENIENT: dict[str, Any] = {"max_reject_share": 1}
CSV_FILES = {"files": "log.csv*", "format": "csv", "sql": "events.sql"}


def of_day(day: date) -> list[dict[str, Any]]:
    """Two events, one that is sent again, one of another type, and one without a time."""
    events = [row("u", f"{day}-{n}", f"{day} 10:00:0{n}") for n in range(2)]
    return [*events, events[0], row("u", "i", f"{day} 11:00:00", "poke"), row("u", "i", "never")]


def late(day: date) -> list[dict[str, Any]]:
    return [row("u", f"{day}-late", f"{day} 23:00:00"), row("u", "i", f"{day} 23:00:01", "poke")]


def write_lines(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(["user,item,ts,type", *lines]) + "\n")


def packed(path: Path) -> None:
    (path.parent / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()


@pytest.mark.parametrize("grows", [False, True])
def test_a_log_that_is_rotated_every_night(tmp_path: Path, grows: bool) -> None:
    """log.jsonl is log.jsonl.1 on the next night, log.jsonl.2.gz on the one after; with what came late or without."""
    files = {"files": "log.jsonl*", "format": "jsonl", "sql": "events.sql"}
    config = shop(tmp_path, ingest=LENIENT | {"events": files})
    items, lines = [], 0
    for number, night in enumerate(DAYS):
        for old in range(number, 1, -1):
            for ending in ("", ".gz"):
                if (path := tmp_path / f"log.jsonl.{old - 1}{ending}").exists():
                    path.rename(tmp_path / f"log.jsonl.{old}{ending}")
        if number > 1:
            packed(tmp_path / "log.jsonl.2")
        rows = of_day(night)
        if number:
            more = late(DAYS[number - 1]) if grows else []
            write(tmp_path / "log.jsonl.1", [*of_day(DAYS[number - 1]), *more])
            items += [r["item"] for r in more if r["type"] == "purchase"]
            lines += len(more)
        write(tmp_path / "log.jsonl", rows)
        ingest(config, night)
        items += [r["item"] for r in rows[:2]]
        lines += len(rows)
        assert counted(config) == (sorted(items), lines), night
    stages.run_stage("ingest", DAYS[1], config, force=True)
    assert counted(config) == (sorted(items), lines)


@pytest.mark.parametrize(
    ("files", "kept"),
    some_slow(
        product(("{year}-{month}-{day}/part-0.csv{,.gz}", "{year}-{month}/part-0.csv{,.gz}"), (False, True)),
        fast=lambda files, kept: kept == ("{day}" not in files),
    ),
)
def test_a_file_that_is_packed_when_its_night_is_over(tmp_path: Path, files: str, kept: bool) -> None:
    config = shop(tmp_path, files, ingest=LENIENT)
    days = [tmp_path / str(day if "{day}" in files else f"{day:%Y-%m}") / "part-0.csv" for day in DAYS]
    rows: list[dict[str, Any]] = []
    for number, (night, path) in enumerate(zip(DAYS, days, strict=True)):
        if number and path != days[number - 1]:
            plain = days[number - 1].read_bytes()
            packed(days[number - 1])
            if kept:  # until the next night
                days[number - 1].write_bytes(plain)
        if kept and number > 1 and path != days[number - 1]:
            days[number - 2].unlink()
        if path == days[0] and number == 1:
            packed(path)
        if path != days[0] or number == 0:
            write(path, of_day(night))
        elif number:
            write(path.with_name("part-0.csv.gz"), [r for day in DAYS[: number + 1] for r in of_day(day)])
        rows += of_day(night)
        ingest(config, night)
        assert counted(config) == (sorted({r["item"] for r in rows if "-" in r["item"]}), len(rows)), night


def test_a_file_that_another_begins_with_is_no_other(tmp_path: Path) -> None:
    """Both are there and both are read: what one gets late is late, and a new file is new."""
    config = shop(tmp_path, "log-*.csv", ingest=LENIENT)
    write(tmp_path / "log-1.csv", of_day(DAYS[0]))
    write(tmp_path / "log-2.csv", [row("v", "x", f"{DAYS[0]} 10:00:00")])
    ingest(config, DAYS[0])
    write(tmp_path / "log-1.csv", [*of_day(DAYS[0]), *late(DAYS[0]), *of_day(DAYS[1])])
    write(tmp_path / "log-2.csv", [row("v", "x", f"{DAYS[0]} 10:00:00"), row("v", "y", f"{DAYS[1]} 10:00:00")])
    ingest(config, DAYS[1])
    events = [f"{day}-{n}" for day in DAYS[:2] for n in range(2)]
    assert counted(config) == (sorted([*events, f"{DAYS[0]}-late", "x", "y"]), 14)


@pytest.mark.parametrize("beside", ["late", "nothing"])
def test_rows_of_a_new_file_that_say_nothing_of_their_night(tmp_path: Path, beside: str) -> None:
    """They stand beside rows of a night that has read another file, or alone: they count with those of tonight."""
    where = MAPPING + "where type is distinct from 'noise'"
    config = shop(tmp_path, "log.csv*", where, ingest=LENIENT | {"events": CSV_FILES})
    says_nothing = ["u,i,never,purchase", "u,i,,noise", "broken"]
    first = [f"u,{DAYS[0]},{DAYS[0]} 10:00:00,purchase", *says_nothing]
    late = [f"u,late,{DAYS[0]} 23:59:59,purchase"] if beside == "late" else []
    write_lines(tmp_path / "log.csv", first)
    ingest(config, DAYS[0])
    (tmp_path / "log.csv").rename(tmp_path / "log.csv.1")
    write_lines(tmp_path / "log.csv", [*late, *says_nothing])
    ingest(config, DAYS[1])
    expected = (sorted([str(DAYS[0]), *["late"] * len(late)]), 7 + len(late))
    assert counted(config) == expected
    write_lines(tmp_path / "log.csv", [*late, *says_nothing, f"u,{DAYS[2]},{DAYS[2]} 10:00:00,purchase", *says_nothing])
    ingest(config, DAYS[2])
    stages.run_stage("ingest", DAYS[1], config, force=True)
    assert counted(config) == (sorted([*expected[0], str(DAYS[2])]), expected[1] + 4)


@pytest.mark.parametrize("name", ["2024-01.csv", "export.csv"])
def test_an_export_that_is_sorted_anew_and_packed_at_once(tmp_path: Path, name: str) -> None:
    """Neither its bytes nor its name are what they were: but for the ending it is the file of that name."""
    files = "{year}-{month}.csv{,.gz}" if name != "export.csv" else f"{name}{{,.gz}}"
    config = shop(tmp_path, files, ingest=LENIENT)
    rows: list[dict[str, Any]] = []
    for number, night in enumerate(DAYS):
        rows = [*of_day(night), *(late(DAYS[number - 1]) if number else []), *rows]
        for ending in ("", ".gz"):
            (tmp_path / f"{name}{ending}").unlink(missing_ok=True)
        write(tmp_path / (name if number % 2 == 0 else f"{name}.gz"), rows)
        ingest(config, night)
        assert counted(config) == (sorted({r["item"] for r in rows if "-" in r["item"]}), len(rows)), night
    stages.run_stage("ingest", DAYS[1], config, force=True)
    assert counted(config) == (sorted({r["item"] for r in rows if "-" in r["item"]}), len(rows))
