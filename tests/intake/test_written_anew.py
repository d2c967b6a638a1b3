"""Files of several days that are written anew every night in another order: each line counts once."""

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
from tests.intake import test_live_and_backfill
from tests.intake.log_writer import Server
from tests.tiny_log import MAPPING, ingest, rows_of, shop

DAYS = [date(2024, 1, 1) + timedelta(days=n) for n in range(5)]
WHERE = MAPPING + "where type is distinct from 'noise'"
HEADER = "user,item,ts,type\n"


def counted(config: FullConfig) -> tuple[list[str], int]:
    """The items of all events in the lake, and the number of lines that are taken, refused or left out."""
    items, lines = [], 0
    for folder in artifacts.partitions_until(config.lake, "ingest", date.max):
        items += [event["item_id"] for event in rows_of(folder)]
        lines += len(rows_of(folder)) + len(rows_of(folder, "rejects"))
        lines += artifacts.read_manifest(folder)["report"].get(KEY, 0)
    return sorted(items), lines


def of_day(day: date, rng: random.Random) -> list[tuple[str, str]]:
    """A day's lines, with the time that they are sorted by, "" where the shop's database has none."""
    lines = [(f"{day} {hour:02}:00:00", f"u,{day}-{hour},{day} {hour:02}:00:00,purchase") for hour in range(3)]
    lines += [(time, line) for time, line in lines if rng.random() < 0.3]  # sent again
    late = f"{day} 23:59:59"  # left out, and the day's newest: in front of it stands the next day's
    lines += [(late, f"u,i,{late},noise"), (f"{day} 12:00:00", f"u,i,{day} 12:00:00,poke")]
    return lines + [("", text) for text in ("u,i,,purchase", "u,i,,noise", "broken") for _ in range(rng.randrange(3))]


def ordered(lines: list[tuple[str, str]], order: str, rng: random.Random) -> str:
    if order == "shuffled":
        rng.shuffle(lines)
    else:  # null first is what PostgreSQL makes of `order by ts desc`
        absent = "a" if order == "nulls first" else ""
        lines = sorted(lines, key=lambda line: line[0] or absent, reverse=True)
    return HEADER + "".join(text + "\n" for _, text in lines)


ORDERS, NAMES = ("nulls first", "nulls last", "shuffled"), ("2024-01.csv", "log.csv")
# each order, each name, and nights that are run again
FAST = {("nulls first", "2024-01.csv", False), ("nulls last", "log.csv", True), ("shuffled", "2024-01.csv", True)}


@pytest.mark.parametrize(
    ("order", "name", "is_run_again"),
    some_slow(product(ORDERS, NAMES, (False, True)), fast=lambda *case: case in FAST),
)
def test_each_line_counts_once(tmp_path: Path, order: str, name: str, is_run_again: bool) -> None:
    rng = random.Random(f"{order} {name}")
    ingest_as: dict[str, Any] = {"max_reject_share": 1, "allow_empty": True}
    config = shop(tmp_path, "{year}-{month}.csv" if name != "log.csv" else name, WHERE, ingest=ingest_as)
    lines: list[tuple[str, str]] = []
    for number, night in enumerate(DAYS):
        late = [line for day in DAYS[:number] if rng.random() < 0.5 for line in of_day(day, rng)[-4:]]
        if number:
            late.append(("", f"u,late of {night},{DAYS[0]} 15:00:00,purchase"))
        lines = [*lines, *of_day(night, rng), *late]
        (tmp_path / name).write_text(ordered(lines, order, rng))
        ingest(config, night)
        if is_run_again and number:
            stages.run_stage("ingest", rng.choice(DAYS[:number]), config, force=True)
        items = {line.split(",")[1] for _, line in lines if line.endswith("purchase") and ",," not in line}
        assert counted(config) == (sorted(items), len(lines)), night
    load_history.load_history(config, DAYS[-1])
    assert counted(config) == (sorted(items), len(lines))


def test_a_row_of_a_night_that_has_read_nothing_of_its_file_pushes_others_behind(tmp_path: Path) -> None:
    """As the last rows of a day do, that come late: in the file's middle, and of the night after the file's."""
    berlin = Server("Europe/Berlin", timedelta(seconds=1055), timedelta(days=1), 3, False, ("\r", "\n"), True, True)
    test_live_and_backfill.test_files_that_are_written_anew_in_another_order.hypothesis.inner_test(
        server=berlin, zone="Australia/Lord_Howe", first=date(2024, 3, 9), arrival="event_time", seed=8048
    )


def test_lines_that_are_gone_take_none_of_tonights_along(tmp_path: Path) -> None:
    """A file that has only the last days, or only tonight's: what was counted of others says nothing of its lines."""
    config = shop(tmp_path, "log.csv", WHERE, ingest={"max_reject_share": 1})
    blocks = ["".join(text + "\n" for _, text in of_day(day, random.Random(day.day))) for day in DAYS]
    for number, night in enumerate(DAYS):
        (tmp_path / "log.csv").write_text(HEADER + "".join(blocks[max(0, number - 1) : number + 1]))
        ingest(config, night)
    assert counted(config)[1] == sum(block.count("\n") for block in blocks)
