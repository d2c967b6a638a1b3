"""Commands on a home that may not be written say so, with a remedy, and change nothing."""

import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from pipeline.ground.errors import InputError, ResourceError
from pipeline.operations import forget, load_history, prune, tune
from pipeline.operations.tuning.trials import Goal
from pipeline.publication import publish
from pipeline.sources.configuration import FullConfig
from tests import tiny_log
from tests.faults import disks
from tests.small_shop import NIGHT, go, shop

LATER = date(2024, 1, 5)


@pytest.fixture
def published(tmp_path: Path) -> FullConfig:
    """Two published nights."""
    for night in (NIGHT, NIGHT + timedelta(days=1)):
        go(shop(tmp_path / "home", night).write())
    return shop(tmp_path / "home").config


def contents(home: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "command",
    [
        publish.rollback,
        lambda config: forget.forget(config, ["u0"], NIGHT),
        lambda config: prune.prune(config, keep_days=0),
    ],
    ids=["rollback", "forget", "prune"],
)
def test_a_command_says_what_cannot_be_written(published: FullConfig, command: Callable[[FullConfig], object]) -> None:
    before = contents(published.home)
    for stage in ("als", "ensemble"):  # a night that nobody reads any more
        old = published.lake / stage / "run_date=2011-01-01"
        shutil.copytree(published.lake / stage / f"run_date={NIGHT}", old)
        before = contents(published.home)
    with (
        disks.read_only(published.home),
        pytest.raises(ResourceError, match=r"is on a read-only file system: mount it writable"),
    ):
        command(published)
    assert contents(published.home) == before


def test_a_search_says_so_too_also_when_it_goes_on(tmp_path: Path) -> None:
    rows = [tiny_log.row("u", "a", f"2024-01-0{day} 10:00:00") for day in range(1, 6)]
    tiny_log.write(tmp_path / "log.jsonl", rows)
    config = tiny_log.shop(tmp_path, home=tmp_path / "home")
    load_history.load_history(config, until=LATER)
    goal = Goal("als", (LATER,), ("all",))
    with disks.read_only(config.home), pytest.raises(ResourceError, match=r"tune: .*read-only"):
        tune.run(config, goal, tmp_path / "tuned.toml", number=1)
    with pytest.raises(InputError, match="no trial"):
        tune.run(config, goal, tmp_path / "tuned.toml", number=0)
    with disks.read_only(config.home), pytest.raises(ResourceError, match=r"tune: .*(read-only|cannot be written)"):
        tune.run(config, goal, tmp_path / "tuned.toml", number=1)


@pytest.mark.parametrize("days", [-1, 10**6, 10**12])
def test_days_that_no_calendar_has_are_refused(published: FullConfig, days: int) -> None:
    with pytest.raises(InputError, match=f"--keep-days {days} is no number of days"):
        prune.prune(published, keep_days=days)
