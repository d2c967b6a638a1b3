"""What is run and what is kept, by a command that only notes that it was called; what is read after a stopped night."""

import subprocess
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.every_log import running, simple
from benchmarks.every_log.shop import EXAMPLES, Own, Seen
from pipeline.ground import artifacts

FIRST, SECOND = date(2016, 11, 6), date(2016, 11, 13)
NEVER = date(2016, 12, 31)
Calls = list[list[str]]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """The arguments of every command; the second night's, and a history until NEVER, end with an error."""
    made: Calls = []

    def run(command: list[str], stdout: Any, **rest: Any) -> subprocess.CompletedProcess[str]:
        made.append(command[5:])
        failed = command[-2:] in (["--run-date", str(SECOND)], ["--until", str(NEVER)])
        stdout.write("12:00:00 evaluate starts\nGateError: no\n" if failed else "done\n")
        return subprocess.CompletedProcess(command, int(failed))

    monkeypatch.setattr(subprocess, "run", run)
    return made


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "deskdrop"
    folder.mkdir()
    for name in ("pipeline.toml", "events.sql"):
        (folder / name).write_bytes((EXAMPLES / "deskdrop" / name).read_bytes())
    return folder


def test_the_history_is_loaded_once_and_what_is_finished_is_not_run_again(
    calls: Calls, shop: Path, tmp_path: Path
) -> None:
    ran = running.run(shop, [FIRST], SECOND, tmp_path / "home", "fast")
    assert calls == [["load-history", "--until", str(SECOND)], ["run", "--run-date", str(FIRST)]]
    assert ran[FIRST].stopped == ""
    ran = running.run(shop, [FIRST, SECOND], SECOND, tmp_path / "home", "fast")
    assert calls[2:] == [["run", "--run-date", str(SECOND)]]
    assert [how.stopped for how in ran.values()] == ["", "GateError: no"]
    assert running.run(shop, [FIRST, SECOND], SECOND, tmp_path / "home", "fast") == ran
    assert len(calls) == 3


def test_another_mapping_makes_the_home_anew(calls: Calls, shop: Path, tmp_path: Path) -> None:
    running.run(shop, [FIRST], FIRST, tmp_path / "home", "fast")
    (shop / "events.sql").write_text("select 1\n", encoding="utf-8")
    running.run(shop, [FIRST], FIRST, tmp_path / "home", "fast")
    assert len(calls) == 4


def test_where_the_history_cannot_be_loaded_no_night_is_run(calls: Calls, shop: Path, tmp_path: Path) -> None:
    ran = running.run(shop, [FIRST, SECOND], NEVER, tmp_path / "home", "fast")
    assert calls == [["load-history", "--until", str(NEVER)]]
    assert {how.stopped for how in ran.values()} == {"GateError: no"}


@pytest.fixture
def lake(tmp_path: Path) -> Callable[[str, date], Path]:
    """Makes a finished folder of a stage and night."""

    def made(stage: str, night: date) -> Path:
        folder = artifacts.stage_dir(tmp_path / "lake", stage, night)
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text("{}", encoding="utf-8")
        return folder

    return made


def test_after_a_stopped_night_the_tables_before_it_are_read(lake: Callable[[str, date], Path], tmp_path: Path) -> None:
    settings: Any = SimpleNamespace(lake=tmp_path / "lake")
    assert running.published(settings, [FIRST, SECOND], "for_you") == {}
    recs = pa.table({"surface": ["for_you", "for_you", "discover"], "user_id": ["u"] * 3, "item_id": list("bac")})
    pq.write_table(recs.append_column("rank", pa.array([2, 1, 1])), lake("publish", FIRST) / "recommendations.parquet")
    assert running.published(settings, [FIRST, SECOND], "for_you") == {"u": ["a", "b"]}
    assert running.published(settings, [SECOND], "for_you") == {}


def test_what_was_made_is_the_final_list_of_what_may_be_shown(
    lake: Callable[[str, date], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: Any = SimpleNamespace(lake=tmp_path / "lake")
    seen = Seen(tmp_path, FIRST, timedelta(days=7))
    own = Own(offer=lambda seen: {"a", "c"})
    lists_of = [("borda", {"u": ["c"]}), ("final", {"u": ["a", "b", "c"]})]
    monkeypatch.setattr(simple.nights, "lists_of", lambda *named: lists_of)
    assert simple.made(settings, seen, own, "all") == {}
    lake("ensemble", FIRST)
    assert simple.made(settings, seen, own, "all") == {"u": ["a", "c"]}
