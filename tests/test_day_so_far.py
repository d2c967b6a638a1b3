"""Runs of a day that is not over, from raw files to published tables."""

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest

from pipeline import __main__ as command_line
from tests import tiny_log
from tests.test_young_shops import HEADER, START, Shop, log

DAYS = 29
DAY = START + timedelta(days=DAYS - 1)
BEFORE = DAY - timedelta(days=1)


def shop(folder: Path, until: str = "") -> Shop:
    """A hundred users' log; of the last day only what happened before a time, if one is given."""
    folder.mkdir()
    lines = log(100, DAYS).removeprefix(HEADER).splitlines()
    kept = [line for line in lines if not until or line.split(",")[2] < f"{DAY} {until}"]
    return Shop(folder, "\n".join([HEADER.strip(), *kept]) + "\n", horizon=7)


def at(made: Shop, time: str, day: date = DAY) -> int:
    """`run --at` of a time of the day; its exit code."""
    command = ["--config", str(made.folder / "pipeline.toml"), "--set", f"home={made.folder / 'home'}"]
    return command_line.main([*command, "run", "--at", f"{day}T{time}"])


def active(made: Shop) -> str:
    return str(made.rows("select run_id from current_runs")[0][0])


def tables(made: Shop, name: str = "recommendations") -> list[tuple[object, ...]]:
    return made.rows(f"select * exclude run_id from current_{name} order by all")


@pytest.mark.slow
def test_a_day_is_published_as_far_as_it_has_come_and_the_night_is_what_it_would_have_been(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made, plain, cut = shop(tmp_path / "made"), shop(tmp_path / "plain"), shop(tmp_path / "cut", "13:00")
    assert made.run(BEFORE) == 0
    for other in (plain, cut):
        shutil.copytree(made.folder / "home", other.folder / "home", symlinks=True)
    night, lake = tables(made), tiny_log.digests(made.folder / "home" / "lake")

    assert at(made, "13:00") == 0
    noon = active(made)
    assert noon.startswith(f"{DAY}T1300-")
    assert tables(made) != night
    shown = made.rows("select distinct user_id, item_id from current_recommendations where surface = 'discover'")
    done = {tuple(line.split(",")[:2]) for line in (cut.folder / "events.csv").read_text().splitlines()[1:]}
    assert not done & set(shown)
    assert made.rows("select cast(published_at at time zone 'UTC' as varchar) from current_runs") == [
        (f"{DAY} 13:00:00",)
    ]

    assert at(cut, "13:00") == 0  # what happened later is as if it had not
    assert tables(cut) == tables(made)
    assert active(cut) == noon

    assert at(made, "16:00") == 0
    assert active(made).startswith(f"{DAY}T1600-")
    assert at(made, "13:00") == 0
    assert active(made).startswith(f"{DAY}T1600-")  # which knows more
    assert tiny_log.digests(made.folder / "home" / "lake") == lake

    for other in (made, plain):
        assert other.run(DAY) == 0
    assert active(made) == active(plain)
    for name in ("recommendations", "popular_items", "similar_items", "user_profiles", "recommendation_outcomes"):
        assert tables(made, name) == tables(plain, name), name
    kept = sorted(path.stem for path in (made.folder / "home" / "tables" / "runs").glob("*.duckdb"))
    assert [name[:15] for name in kept if "T" in name] == [f"{DAY}T1600"]  # what a rollback returns to

    later = DAY + timedelta(days=2)
    capsys.readouterr()
    assert at(made, "09:00", later) == 1
    assert f"the night {DAY + timedelta(days=1)} is not in" in capsys.readouterr().err
