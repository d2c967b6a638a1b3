"""Rows beside the log that come when their night is over: left out, and said, until that night is run again."""

import logging
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from pipeline.ground import artifacts
from pipeline.operations import load_history, stages
from pipeline.settings.config import Config
from tests.cases import some_slow
from tests.tiny_log import digests, ingest, row, rows_of, shop, write

pytestmark = pytest.mark.slow

NIGHTS = [date(2024, 1, 1) + timedelta(days=n) for n in range(4)]
LATER = NIGHTS[-1] + timedelta(days=1)
FAULT = "items: left out, as their night was over"
DATED = "select item as item_id, title, _file from raw"
TIMED = "select item as item_id, title, try_cast(ts as timestamp) as arrived_at, _file from raw"


def item(name: str, night: date) -> dict[str, Any]:
    return {"item": name, "title": name.upper(), "ts": f"{night} 09:00:00"}


def items_shop(folder: Path, files: str, mapping: str) -> Config:
    for night in NIGHTS:
        write(folder / f"log-{night}.csv", [row("u", "i", f"{night} 10:00:00")])
    (folder / "items.sql").write_text(mapping)
    items = {"items": {"files": files, "sql": "items.sql"}}
    return shop(folder, "log-{year}-{month}-{day}.csv", ingest=items)


def said(folder: Path) -> int:
    """How many of the items' rows a night counts as late."""
    found: int = artifacts.read_manifest(folder)["report"].get(FAULT, 0)
    return found


@pytest.mark.parametrize(
    ("dated", "loaded"), some_slow(product((True, False), repeat=2), fast=lambda dated, loaded: dated == loaded)
)
def test_what_is_appended_is_said_once_and_taken_when_its_night_is_run_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, dated: bool, loaded: bool
) -> None:
    files = "items-{year}-{month}-{day}.csv" if dated else "items.csv"
    config = items_shop(tmp_path, files, DATED if dated else TIMED)
    paths = [tmp_path / (f"items-{night}.csv" if dated else "items.csv") for night in NIGHTS]
    write(paths[0], [item("a", NIGHTS[0])])
    if loaded:
        load_history.load_history(config, NIGHTS[0])
    else:
        ingest(config, NIGHTS[0])
    late = [item("a", NIGHTS[0]), item("b", NIGHTS[0]), item("c", NIGHTS[0])]
    write(paths[0], late)
    write(paths[1], [*late * (not dated), item("d", NIGHTS[1])])
    with caplog.at_level(logging.WARNING):
        second = ingest(config, NIGHTS[1])
    assert [i["item_id"] for i in rows_of(second, "items")] == ["d"]
    assert said(second) == 2
    assert f"what came in {paths[0].name} (2 rows) when its night was over is left out of the items" in caplog.text
    assert said(ingest(config, NIGHTS[2])) == 0
    stages.run_stage("ingest", NIGHTS[0], config, force=True)
    first = artifacts.stage_dir(config.lake, "ingest", NIGHTS[0])
    assert [i["item_id"] for i in rows_of(first, "items")] == ["a", "b", "c"]


def test_a_file_that_comes_days_late_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = items_shop(tmp_path, "items-{year}-{month}-{day}.csv", DATED)
    write(tmp_path / f"items-{NIGHTS[2]}.csv", [item("c", NIGHTS[2])])
    for night in NIGHTS[:3]:
        assert said(ingest(config, night)) == 0
    write(tmp_path / f"items-{NIGHTS[0]}.csv", [item("a", NIGHTS[0])])
    with caplog.at_level(logging.WARNING):
        ingest(config, NIGHTS[3])
        words = f"what came in items-{NIGHTS[0]}.csv when its night was over"
        assert words in caplog.text
        caplog.clear()
        write(tmp_path / f"log-{LATER}.csv", [row("u", "i", f"{LATER} 10:00:00")])
        ingest(config, LATER)
        assert words not in caplog.text, "once is enough"


def test_rows_that_were_there_are_no_late_ones(tmp_path: Path) -> None:
    """A file with rows of several nights, and a catalogue as it stands."""
    config = items_shop(tmp_path, "items.csv", TIMED)
    write(tmp_path / "items.csv", [item(name, night) for name, night in zip("abcd", NIGHTS, strict=True)])
    assert [said(ingest(config, night)) for night in NIGHTS] == [0, 0, 0, 0]
    catalogue = items_shop(tmp_path, "items.csv", DATED).model_copy(update={"home": tmp_path / "catalogue"})
    for number, night in enumerate(NIGHTS):
        write(tmp_path / "items.csv", [item(name, night) for name in "abcd"[: number + 1]])
        assert said(ingest(catalogue, night)) == 0


BESIDE = {
    "links": "select item as item_id, title as linked_id, try_cast(ts as timestamp) as arrived_at, _file from raw",
    "users": "select item as user_id, title as plan, try_cast(ts as timestamp) as arrived_at, _file from raw",
    "offers": "select title as user_id, item as item_id, try_cast(ts as timestamp) as arrived_at, _file from raw",
    "items": TIMED,
}


@pytest.mark.parametrize("dated", [True, False])
def test_all_inputs_beside_the_log_count_what_is_late(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, dated: bool
) -> None:
    """Each of its own files, whichever is read last; and each says so once."""
    ingest_as: dict[str, Any] = {}
    for name, mapping in BESIDE.items():
        (tmp_path / f"{name}.sql").write_text(mapping)
        files = f"{name}-{{year}}-{{month}}-{{day}}.csv" if dated else f"{name}.csv"
        ingest_as[name] = {"files": files, "sql": f"{name}.sql"}
    ingest_as["users"]["attributes"] = {"plan": "word"}
    for night in NIGHTS:
        write(tmp_path / f"log-{night}.csv", [row("u", "i", f"{night} 10:00:00")])
    config = shop(tmp_path, "log-{year}-{month}-{day}.csv", ingest=ingest_as)
    paths = {name: tmp_path / (f"{name}-{NIGHTS[0]}.csv" if dated else f"{name}.csv") for name in BESIDE}
    for path in paths.values():
        write(path, [item("a", NIGHTS[0])])
    ingest(config, NIGHTS[0])
    for number, path in enumerate(paths.values(), 1):
        write(path, [item(name, NIGHTS[0]) for name in "abcde"[: 1 + number]])
    with caplog.at_level(logging.WARNING):
        report = artifacts.read_manifest(ingest(config, NIGHTS[1]))["report"]
    words = "left out, as their night was over"
    assert {name: report[f"{name}: {words}"] for name in BESIDE} == {"links": 1, "users": 2, "offers": 3, "items": 4}
    assert (
        f"what came in {paths['users'].name} (2 rows) when its night was over is left out of the users" in caplog.text
    )
    report = artifacts.read_manifest(ingest(config, NIGHTS[2]))["report"]
    assert not any(words in name for name in report)
    stages.run_stage("ingest", NIGHTS[0], config, force=True)
    first = artifacts.stage_dir(config.lake, "ingest", NIGHTS[0])
    assert [len(rows_of(first, name)) for name in BESIDE] == [2, 3, 4, 5]


@pytest.mark.parametrize("loaded", [True, False])
def test_a_file_of_days_ago_that_goes_on_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, loaded: bool
) -> None:
    """No night reads it any more: once, and again where it is another again; not where it was only touched."""
    config = items_shop(tmp_path, "items-{year}-{month}-{day}.csv", DATED)
    for night in [*NIGHTS, LATER, LATER + timedelta(days=1)]:
        write(tmp_path / f"items-{night}.csv", [item("a", night)])
        write(tmp_path / f"log-{night}.csv", [row("u", "i", f"{night} 10:00:00")])
    if loaded:
        load_history.load_history(config, NIGHTS[2])
    else:
        for night in NIGHTS[:3]:
            ingest(config, night)
    names = ["late", "later", None]
    for number, (name, night) in enumerate(zip(names, [*NIGHTS[3:], LATER, LATER + timedelta(days=1)], strict=True)):
        path = tmp_path / f"items-{NIGHTS[0]}.csv"
        if name is None:
            path.touch()
        else:
            write(path, [item(one, NIGHTS[0]) for one in ["a", *names[: number + 1]] if one])
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            ingest(config, night)
        words = f"what came in {path.name} when its night was over is left out of the items"
        assert caplog.text.count(words) == (name is not None)
        assert f"items-{NIGHTS[1]}" not in caplog.text
    stages.run_stage("ingest", NIGHTS[0], config, force=True)
    first = artifacts.stage_dir(config.lake, "ingest", NIGHTS[0])
    assert [i["item_id"] for i in rows_of(first, "items")] == ["a", "late", "later"]


@pytest.mark.parametrize("files", ["items-{year}-{month}-{day}.csv", "items.csv"])
def test_days_without_a_log_have_items_all_the_same(tmp_path: Path, files: str) -> None:
    """Days in a row: the log's file of the day before is not there to be read either."""
    daily = files != "items.csv"
    paths = [tmp_path / files.format(year="2024", month="01", day=f"{night.day:02}") for night in NIGHTS]
    for number, (path, night) in enumerate(zip(paths, NIGHTS, strict=True)):
        known = NIGHTS[number : number + 1] if daily else NIGHTS
        write(path, [item(f"of {day}", day) for day in known])
        if night in (NIGHTS[0], NIGHTS[-1]):
            write(tmp_path / f"log-{night}.csv", [row("u", "i", f"{night} 10:00:00")])
    (tmp_path / "items.sql").write_text(DATED if daily else TIMED)
    ingest_as = {"allow_empty": True, "items": {"files": files, "sql": "items.sql"}}
    live, backfill = (
        shop(tmp_path, "log-{year}-{month}-{day}.csv", home=tmp_path / home, ingest=ingest_as)
        for home in ("live", "backfill")
    )
    for night in NIGHTS:
        assert said(ingest(live, night)) == 0
    load_history.load_history(backfill, NIGHTS[-1])
    for night in NIGHTS:
        ours, theirs = (artifacts.stage_dir(config.lake, "ingest", night) for config in (live, backfill))
        assert [i["item_id"] for i in rows_of(ours, "items")] == [f"of {night}"]
        assert digests(ours) == digests(theirs), night


def test_what_others_have_lost_does_not_hide_what_is_late(tmp_path: Path) -> None:
    """Of one file with the whole catalogue, whose rows move to the night that changes them."""
    config = items_shop(tmp_path, "items.csv", TIMED)
    write(tmp_path / "items.csv", [item("a", NIGHTS[0]), item("b", NIGHTS[0])])
    ingest(config, NIGHTS[0])
    write(tmp_path / "items.csv", [item("a", NIGHTS[0]), item("b", NIGHTS[1])])
    assert said(ingest(config, NIGHTS[1])) == 0
    write(tmp_path / "items.csv", [item("a", NIGHTS[2]), item("late", NIGHTS[1]), item("b", NIGHTS[1])])
    assert said(ingest(config, NIGHTS[2])) == 1
