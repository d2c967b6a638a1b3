"""Nights in any order: an event is the night's on which it first arrived; partitions are as of nights in order."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.ground import artifacts, rewriting
from pipeline.intake import refusals, waiting
from pipeline.operations import load_history, stages
from pipeline.sources.configuration import FullConfig
from tests.tiny_log import digests, ingest, row, rows_of, shop, write

FILES = "{year}-{month}-{day}.csv"
NIGHTS = [date(2024, 1, 26) + timedelta(days=n) for n in range(4)]
SENT = {
    26: ["a", "b"],
    27: ["c"],
    28: ["d", "d", "e", "a"],  # a is sent again; a night sees no other files than its neighbours'
    29: ["f", "b", "e", "g", "a"],
}


def delivered(folder: Path, home: str, **over: Any) -> FullConfig:
    """Four nights' files, in which some rows are sent again days later, and a home of their own."""
    for day, items in SENT.items():
        first_day = {item: min(d for d, sent in SENT.items() if item in sent) for item in items}
        write(folder / f"2024-01-{day}.csv", [row("u", i, f"2024-01-{first_day[i]} 10:00:00") for i in items])
    settings = {"arrival": "file", "max_reject_share": 0} | over.pop("ingest", {})
    return shop(folder, FILES, home=folder / home, ingest=settings, **over)


def folder_of(config: FullConfig, night: date) -> Path:
    return artifacts.stage_dir(config.lake, "ingest", night)


@pytest.fixture(scope="module")
def in_order(tmp_path_factory: pytest.TempPathFactory) -> FullConfig:
    """The same nights, loaded in order; nobody writes to them."""
    config = delivered(tmp_path_factory.mktemp("in_order"), "in order")
    load_history.load_history(config, NIGHTS[-1])
    return config


def require_same(ours: FullConfig, theirs: FullConfig) -> None:
    """Partitions are the same but for what nobody knows of a row that a night gave up: its place and its content."""
    for night in NIGHTS:
        one, other = folder_of(ours, night), folder_of(theirs, night)
        assert digests(one)["events.parquet"] == digests(other)["events.parquet"], night
        assert digests(one)["items.parquet"] == digests(other)["items.parquet"]
        (rejects, expected) = ([(r["file"], r["reason"]) for r in rows_of(f, "rejects")] for f in (one, other))
        assert rejects == expected
        manifest, as_loaded = artifacts.read_manifest(one), artifacts.read_manifest(other)
        # what waits for later nights is told of the files as they were when a night was read
        reports = [{k: v for k, v in m["report"].items() if k != waiting.KEY} for m in (manifest, as_loaded)]
        assert reports[0] == reports[1]
        assert manifest["files"] == artifacts.describe(one)
        assert not rewriting.is_pending(one)


@pytest.mark.parametrize(
    "order",
    [
        (3, 2, 1, 0),
        (2, 3, 0, 1),
        pytest.param((3, 0, 1, 2), marks=pytest.mark.slow),
        pytest.param((1, 0, 3, 2), marks=pytest.mark.slow),
    ],
)
def test_the_latest_night_first_takes_nothing_twice(
    tmp_path: Path, in_order: FullConfig, order: tuple[int, ...]
) -> None:
    config = delivered(tmp_path, "out of order")
    for number in order:
        ingest(config, NIGHTS[number])
    require_same(config, in_order)
    items = sorted(event["item_id"] for night in NIGHTS for event in rows_of(folder_of(config, night)))
    assert items == ["a", "b", "c", "d", "e", "f", "g"]


def test_a_night_that_is_forced_again_with_a_better_log_takes_what_was_its_own(
    tmp_path: Path, in_order: FullConfig
) -> None:
    config = delivered(tmp_path, "forced")
    whole = (tmp_path / "2024-01-26.csv").read_text()
    (tmp_path / "2024-01-26.csv").write_text("".join(whole.splitlines(keepends=True)[:2]))
    for night in NIGHTS:
        ingest(config, night)
    assert {e["item_id"] for e in rows_of(folder_of(config, NIGHTS[3]))} == {"b", "f", "g"}
    (tmp_path / "2024-01-26.csv").write_text(whole)
    stages.run_stage("ingest", NIGHTS[0], config, force=True)
    require_same(config, in_order)


def test_history_is_loaded_behind_a_night_that_ran_before(tmp_path: Path, in_order: FullConfig) -> None:
    config = delivered(tmp_path, "unpaused first")
    ingest(config, NIGHTS[3])
    load_history.load_history(config, NIGHTS[2])
    require_same(config, in_order)


def test_history_does_not_take_again_what_a_night_has_whose_log_is_gone(tmp_path: Path, in_order: FullConfig) -> None:
    config = delivered(tmp_path, "logs gone")
    ingest(config, NIGHTS[0])
    (tmp_path / "2024-01-26.csv").unlink()
    load_history.load_history(config, NIGHTS[-1])
    require_same(config, in_order)


def test_nights_that_run_at_once_take_nothing_twice(
    tmp_path: Path, in_order: FullConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = delivered(tmp_path, "at once")
    require_few = refusals.require_few

    def slow(*given: Any) -> None:
        time.sleep(0.2)  # meanwhile the other would have looked
        require_few(*given)

    monkeypatch.setattr(refusals, "require_few", slow)
    running = [threading.Thread(target=ingest, args=(config, night)) for night in reversed(NIGHTS)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    monkeypatch.undo()
    require_same(config, in_order)


def test_without_a_repetition_no_other_night_is_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = delivered(tmp_path, "apart")
    for number in (2, 1):  # they have nothing in common
        ingest(config, NIGHTS[number])
    monkeypatch.setattr(rewriting, "rewrite", None)
    before = {path: path.stat().st_mtime_ns for path in folder_of(config, NIGHTS[2]).iterdir()}
    stages.run_stage("ingest", NIGHTS[1], config, force=True)
    assert {path: path.stat().st_mtime_ns for path in folder_of(config, NIGHTS[2]).iterdir()} == before


KILLED = """
import os, sys, pathlib, shutil
from datetime import date
steps, at = 0, int(sys.argv[2])
def counted(function):
    def step(*a, **k):
        global steps
        steps += 1
        if steps == at:
            os.kill(os.getpid(), 9)
        return function(*a, **k)
    return step
from pipeline.operations import stages
from pipeline.sources.configuration import FullConfig
loaded = FullConfig.model_validate_json(sys.argv[1])
for name in ("replace", "rename", "rmdir", "mkdir", "unlink"):
    setattr(pathlib.Path, name, counted(getattr(pathlib.Path, name)))
shutil.rmtree = counted(shutil.rmtree)
stages.run_stage("ingest", date.fromisoformat(sys.argv[3]), loaded, force=True)
print(steps)
"""


def killed(config: FullConfig, night: date, at: int) -> bool:
    """Run a night in a process that dies at its n-th change of the file system; whether it died."""
    arguments = [sys.executable, "-c", KILLED, config.model_dump_json(), str(at), str(night)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode in {0, -9}, done.stderr
    return done.returncode != 0


def instants() -> Iterator[int]:
    """The changes at which the process dies; all of them where somebody has the time."""
    yield from range(1, 200, 1 if os.environ.get("NIGHTJAR_EVERY_INSTANT") else 9)


@pytest.mark.slow
@pytest.mark.parametrize("better", [False, True], ids=["first run", "forced again"])
def test_killed_anywhere_the_night_is_unfinished_or_everything_is_right(
    tmp_path: Path, in_order: FullConfig, better: bool
) -> None:
    for at in instants():
        config = delivered(tmp_path, str(at))
        whole = (tmp_path / "2024-01-26.csv").read_text()
        if better:  # the night ran on half of its log
            (tmp_path / "2024-01-26.csv").write_text("".join(whole.splitlines(keepends=True)[:2]))
        for night in NIGHTS if better else NIGHTS[1:]:
            ingest(config, night)
        (tmp_path / "2024-01-26.csv").write_text(whole)
        died = killed(config, NIGHTS[0], at)
        rows = [event["item_id"] for night in NIGHTS[1:] for event in rows_of(folder_of(config, night))]
        if artifacts.is_finished(folder_of(config, NIGHTS[0])):
            rows += [event["item_id"] for event in rows_of(folder_of(config, NIGHTS[0]))]
            assert sorted(rows) == ["a", "b", "c", "d", "e", "f", "g"]
        assert len(rows) == len(set(rows))
        stages.run_stage("ingest", NIGHTS[0], config, force=better)
        require_same(config, in_order)
        if not died:
            return


def test_what_a_dead_run_left_is_completed_by_the_next_night(
    tmp_path: Path, in_order: FullConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = delivered(tmp_path, "died")
    for night in NIGHTS[1:]:
        ingest(config, night)
    finish, calls = rewriting.finish, list[Path]()

    def dies(folder: Path) -> None:
        calls.append(folder)
        if len(calls) == 2:  # the new files are made, and none is in its place
            raise KeyboardInterrupt
        finish(folder)

    monkeypatch.setattr(rewriting, "finish", dies)
    with pytest.raises(KeyboardInterrupt):
        ingest(config, NIGHTS[0])
    monkeypatch.undo()
    assert rewriting.is_pending(folder_of(config, NIGHTS[2]))
    assert not artifacts.is_finished(folder_of(config, NIGHTS[0]))
    ingest(config, NIGHTS[0])
    require_same(config, in_order)


def test_late_rows_that_a_later_night_took_are_one_nights_once_their_own_is_run_again(tmp_path: Path) -> None:
    """What it took, what it refused, and what repeats either: each line counts once, and a repetition stays one."""
    (tmp_path / "items.sql").write_text("select item as item_id, title, _file from raw")
    write(tmp_path / "items.csv", [{"item": "a", "title": "A"}])
    items = {"files": "items.csv", "sql": "items.sql"}
    config = shop(tmp_path, "log.csv", ingest={"max_reject_share": 1, "items": items})
    first = [row("u", "a", "2024-01-26 10:00:00"), row("u", "x", "2024-01-26 10:00:00", "poke")]
    late = [row("u", "b", "2024-01-26 11:00:00"), row("u", "y", "2024-01-26 11:00:00", "poke"), *first]
    own = [row("u", "c", "2024-01-27 10:00:00"), row("u", "z", "2024-01-27 10:00:00", "poke")]
    write(tmp_path / "log.csv", first)
    ingest(config, NIGHTS[0])
    write(tmp_path / "log.csv", [*first, *late, *own])
    ingest(config, NIGHTS[1])
    assert counted(config) == [(1, 1), (2, 4)]
    stages.run_stage("ingest", NIGHTS[1], config, force=True)
    assert counted(config) == [(1, 1), (2, 4)]
    stages.run_stage("ingest", NIGHTS[0], config, force=True)
    assert counted(config) == [(2, 4), (1, 1)]
    stages.run_stage("ingest", NIGHTS[1], config, force=True)
    assert counted(config) == [(2, 4), (1, 1)]


def test_a_file_written_anew_in_another_order_counts_each_line_once(tmp_path: Path) -> None:
    config = shop(tmp_path, "log.csv", ingest={"max_reject_share": 1})
    a, b, c, d = (row("u", item, f"2024-01-26 1{n}:00:00") for n, item in enumerate("abcd"))
    bad, own = row("u", "x", "2024-01-26 10:00:00", "poke"), row("u", "own", "2024-01-27 10:00:00")
    for rows, pushed in (([a, c, d], "an event"), ([a, c, bad], "a refused row"), ([a, bad, c], "both")):
        write(tmp_path / "log.csv", rows)
        again = config.model_copy(update={"home": tmp_path / pushed})
        ingest(again, NIGHTS[0])
        write(tmp_path / "log.csv", [rows[0], b, *rows[1:], own])
        ingest(again, NIGHTS[1])
        assert sum(map(sum, counted(again))) == 5, pushed
        stages.run_stage("ingest", NIGHTS[0], again, force=True)
        assert sum(map(sum, counted(again))) == 5, pushed


def counted(config: FullConfig) -> list[tuple[int, int]]:
    """By night, how many events are taken, and rows refused."""
    folders = artifacts.partitions_until(config.lake, "ingest", date.max)
    return [(len(rows_of(folder)), len(rows_of(folder, "rejects"))) for folder in folders]
