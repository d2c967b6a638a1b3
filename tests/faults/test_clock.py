"""The clock is set back, or ahead: nothing that is made depends on it, nor on when files were written."""

import ast
import os
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from pipeline.ground import artifacts
from pipeline.operations import load_history, stages
from pipeline.publication import publish, stores
from tests import small_shop
from tests.conftest import ROOT
from tests.tiny_log import digests, row, shop, write
from tests.tiny_log import ingest as ingest_night

MONDAY, TUESDAY = date(2024, 1, 1), date(2024, 1, 2)
LOG = [row(f"u{n % 5}", f"i{n % 9}", f"2024-01-0{1 + n % 2} 1{n % 10}:00:00") for n in range(60)]
# What asks the clock for a date or a time of day; perf_counter and monotonic only measure how long something takes.
CLOCKS = {"now", "today", "utcnow", "time_ns", "localtime", "gmtime", "ctime", "clock_gettime"}
# Where people talk to the pipeline, and how often it is asked there; what is computed never depends on the answer.
ALLOWED = {
    "pipeline/commands/command.py": 1,  # `run` and `load-history`: is that day over?
    "pipeline/commands/nights.py": 2,  # has that moment come?; `valid`: what is due by now?
    "pipeline/commands/upkeep.py": 1,  # the day of an erasure's receipt
    "pipeline/ground/zones.py": 2,  # the day and the moment that it is in the shop's zone, for those questions
    "pipeline/lineage/followed.py": 1,  # when a stage began and ended, for who collects its lineage
    "pipeline/store/garbage.py": 1,  # since when no manifest names an object: it has a day of grace
    "pipeline/tasks/notify.py": 1,  # whether a night whose deadline has passed is the newest
    "pipeline/tasks/run_task.py": 2,  # the same questions about what a person typed into a trigger form
}
# When a run was activated, and since when a schema has its version: for people who look.
SQL_FOR_PEOPLE = ("create.sql", "create_lock.sql", "set_version.sql")
SQL_CLOCKS = (
    "now()",
    "current_date",
    "current_timestamp",
    "current_time",
    "today()",
    "get_current_timestamp",
    "random()",
)


def asked(path: Path) -> Iterator[str]:
    """Calls in a module that ask the clock."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name, of = node.func.attr, node.func.value
            if name in CLOCKS or (name == "time" and isinstance(of, ast.Name) and of.id == "time"):
                yield f"{path.relative_to(ROOT)}:{node.lineno} {name}"
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (f"{path.relative_to(ROOT)}:{node.lineno}" for n in node.names if n.name in {"time", *CLOCKS})


def test_nothing_in_the_pipeline_asks_the_clock() -> None:
    """But its edge: a night whose day is not over is refused, and a receipt of an erasure says when somebody asked."""
    modules = sorted((ROOT / "pipeline").rglob("*.py"))
    assert len(modules) > 50
    places = [found for path in modules for found in asked(path)]
    assert Counter(place.split(":")[0] for place in places) == ALLOWED, places
    statements = sorted((ROOT / "sql").rglob("*.sql"))
    for name in SQL_FOR_PEOPLE:
        statements.remove(ROOT / "sql" / "publish" / "postgres" / name)
    assert [(path.name, c) for path in statements for c in SQL_CLOCKS if c in path.read_text().lower()] == []


def test_the_search_would_find_a_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.faults.test_clock.ROOT", tmp_path)
    path = tmp_path / "x.py"
    path.write_text(
        "import time\nfrom datetime import date, datetime\na = time.time()\nb = datetime.now()\nc = date.today()\n"
    )
    assert len(list(asked(path))) == 3
    path.write_text("import time\nfrom datetime import time as t\nstarted = time.perf_counter()\nt(12)\n")
    assert list(asked(path)) == []


def set_times(folder: Path, seconds: int) -> None:
    """Give every file below a folder the same time."""
    for path in folder.rglob("*"):
        os.utime(path, (seconds, seconds), follow_symlinks=False)


@pytest.mark.parametrize("written", [0, 4_000_000_000])
@pytest.mark.few(1)
def test_when_files_were_written_changes_no_stage(tmp_path: Path, written: int) -> None:
    write(tmp_path / "log.csv", LOG)
    plain, odd = (shop(tmp_path, "log.csv", home=tmp_path / home, threads=1) for home in ("plain", "odd"))
    for settings in (plain, odd):
        load_history.load_history(settings, MONDAY)
        if settings is odd:
            set_times(tmp_path, written)
        ingest_night(settings, TUESDAY)
        stages.run_stage("features", TUESDAY, settings)
    for stage in ("ingest", "features"):
        ours, theirs = (artifacts.stage_dir(s.lake, stage, TUESDAY) for s in (plain, odd))
        assert digests(ours) == digests(theirs)
    set_times(odd.lake, written)
    again = stages.run_stage("features", TUESDAY, odd)
    assert again.get("skipped"), "what is up to date is told by content, not by time"


def test_the_active_run_and_retention_follow_the_nights_not_the_clock(tmp_path: Path) -> None:
    """Three nights published with the clock a day further back each time."""
    runs = []
    for n, written in ((0, 3_000_000_000), (1, 2_000_000_000), (2, 1_000_000_000)):
        made = small_shop.shop(tmp_path, night=date(2011, 10, 2 + n)).write()
        report = small_shop.go(made)
        runs.append(report["run_id"])
        assert report["activated"]
        for path in (tmp_path / "tables").rglob(f"*{report['run_id']}*"):
            os.utime(path, (written, written), follow_symlinks=False)
    assert stores.target(made.config).loaded() == runs[::-1], "newest night first"
    active = publish.active_run(made.config)
    assert active is not None
    assert active.run_id == runs[2]
    assert publish.rollback(made.config, None).run_id == runs[1]
    keep_one = made.config.model_copy(update={"publish": made.config.publish.model_copy(update={"keep_runs": 1})})
    last = small_shop.shop(tmp_path, night=date(2011, 10, 5)).write()
    last.config = last.config.model_copy(update={"publish": keep_one.publish})
    newest = small_shop.go(last)["run_id"]
    assert stores.target(last.config).loaded() == [newest, runs[1]], (
        "the newest night and the run a rollback returns to"
    )


def test_a_night_published_again_with_the_clock_set_back_stays_active_and_kept(tmp_path: Path) -> None:
    runs = []
    for verb, written in (("bought", 3_000_000_000), ("got", 2_000_000_000), ("took", 1_000_000_000)):
        made = small_shop.shop(tmp_path).write()
        section = made.config.publish.model_copy(update={"verb": verb, "keep_runs": 1})
        made.config = made.config.model_copy(update={"publish": section})
        runs.append(small_shop.go(made)["run_id"])
        for path in (tmp_path / "tables").rglob(f"*{runs[-1]}*"):
            os.utime(path, (written, written), follow_symlinks=False)
    active = publish.active_run(made.config)
    assert active is not None
    assert active.run_id == runs[2]
    assert set(stores.target(made.config).loaded()) >= set(runs[1:]), "the active run and the one a rollback returns to"
    assert publish.rollback(made.config, None).run_id == runs[1]
