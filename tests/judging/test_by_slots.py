"""Tonight's lists by what was drawn by chance: on a log whose truth is known, and at the gate."""

import logging
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground.errors import GateError, InputError
from pipeline.judging import by_slots, champion, evaluate
from pipeline.judging.by_slots import IN_USE, SHOWN, Lists
from pipeline.judging.outcomes import SLOTS, SLOTS_FILE
from pipeline.policies import logged
from pipeline.settings.sections.lists import Evaluate
from pipeline.settings.sections.publication import Surface
from pipeline.sources.configuration import FullConfig
from tests.judged_night import ITEMS, USERS, Night, make
from tests.judging.test_evaluate import in_use, run

PEOPLE, CLICKED = 1_500, np.array([0.4, 0.1, 0.1, 0.05])
"""Users, and how often each of four items is clicked in a drawn slot."""


def drawn(folder: Path, times: int = 3, **over: Any) -> Path:
    """What each user was shown at rank 2, any of four items alike, and whether it was clicked."""
    rng = np.random.default_rng(4)
    item = rng.integers(0, 4, PEOPLE * times)
    rows = {
        "surface": ["home"] * len(item),
        "user_id": [f"u{n % (PEOPLE + 7)}" for n in range(len(item))],  # some of them are not judged
        "item_id": [f"i{n}" for n in item],
        "rank": [2] * len(item),
        "chance": [0.25] * len(item),
        "is_clicked": rng.random(len(item)) < CLICKED[item],
        "run_id_shown": ["r1"] * len(item),
    }
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.table(rows | over, schema=SLOTS), folder / SLOTS_FILE)
    return folder


def config(folder: Path, **surface: Any) -> FullConfig:
    surfaces = (Surface(name="home", **surface), Surface(name="quiet"))
    return FullConfig(home=folder, surfaces=surfaces, evaluate=Evaluate(resamples=400))


def lists(second: int | None, other: int | None) -> Lists:
    """Lists of two whose second item is this."""
    made = [
        np.column_stack([np.full(PEOPLE, 9), np.full(PEOPLE, n)]) if n is not None else None for n in (second, other)
    ]
    tonight, before = ({} if one is None else {"all": one} for one in made)
    ids = pa.array([f"u{n}" for n in range(PEOPLE)]), pa.array([f"i{n}" for n in range(10)])
    return Lists(tonight, before, *ids)


@pytest.mark.parametrize(
    ("second", "other", "verdict"),
    [(0, 3, "better than"), (3, 0, "worse than"), (1, 2, "as good as"), (1, 1, "as good as")],
)
def test_the_verdict_is_the_truth(tmp_path: Path, second: int, other: int, verdict: str) -> None:
    (found,) = by_slots.judge(drawn(tmp_path / "o"), lists(second, other), config(tmp_path))
    assert found.surface == "home"
    assert found.verdict == f"{verdict} {IN_USE}"
    for estimate, truth in (
        (found.tonight, CLICKED[second]),
        (found.other, CLICKED[other]),
        (found.gain, CLICKED[second] - CLICKED[other]),
    ):
        assert estimate.low <= truth <= estimate.high
    assert bool(by_slots.lost([found])) == (verdict == "worse than")
    assert found.slots == sum(n % (PEOPLE + 7) < PEOPLE for n in range(3 * PEOPLE))


def test_without_a_table_in_use_it_is_compared_with_what_was_shown_and_stops_nothing(tmp_path: Path) -> None:
    (found,) = by_slots.judge(drawn(tmp_path / "o"), lists(3, None), config(tmp_path))
    assert found.verdict == f"worse than {SHOWN}"
    assert found.other.low <= CLICKED.mean() <= found.other.high
    assert by_slots.lost([found]) == []
    ((_, html),) = by_slots.section([found])
    assert "<td>no table</td>" in html


@pytest.mark.parametrize("over", [{"rank": [7] * 3 * PEOPLE}, {"item_id": ["?"] * 3 * PEOPLE}])
def test_slots_that_no_list_fills_give_no_verdict(tmp_path: Path, over: dict[str, Any]) -> None:
    (found,) = by_slots.judge(drawn(tmp_path / "o", **over), lists(0, 3), config(tmp_path))
    assert found.verdict.startswith("no verdict: ")
    assert by_slots.lost([found]) == []
    assert "no verdict" in by_slots.section([found])[0][1]
    assert by_slots.scalars([found])["slots.home.number"] == found.slots


def test_what_a_run_drew_itself_says_nothing_of_its_table(tmp_path: Path) -> None:
    """Its rows hold what it drew: there its table has for certain what was shown, however small the chance."""
    shown = drawn(tmp_path / "o", run_id_shown=["r1"] * 2 * PEOPLE + ["r2"] * PEOPLE)
    alone = drawn(tmp_path / "alone", run_id_shown=["r1"] * 2 * PEOPLE + [None] * PEOPLE)
    slots = pq.read_table(alone / SLOTS_FILE)
    pq.write_table(slots.slice(0, 2 * PEOPLE), alone / SLOTS_FILE)
    published = replace(lists(0, 3), drawn_by="r2")
    assert by_slots.judge(shown, published, config(tmp_path)) == by_slots.judge(alone, published, config(tmp_path))
    (every,) = by_slots.judge(shown, lists(0, 3), config(tmp_path))
    assert every.slots > by_slots.judge(shown, published, config(tmp_path))[0].slots


@pytest.mark.parametrize(("why", "drawn_by"), [(champion.IN_USE, "r2"), (champion.JUDGED_THERE, "")])
def test_only_published_rows_hold_draws(why: str, drawn_by: str) -> None:
    found = champion.Champion("r2", date(2011, 10, 1), why, {})
    assert Lists.of({}, pa.array([]), pa.array([]), found).drawn_by == drawn_by
    assert not Lists.of({}, pa.array([]), pa.array([]), None).drawn_by


def test_slots_of_an_older_version_are_an_error_with_a_remedy(tmp_path: Path) -> None:
    path = drawn(tmp_path / "o") / SLOTS_FILE
    pq.write_table(pq.read_table(path).drop(["run_id_shown"]), path)
    with pytest.raises(InputError, match=r"slots\.parquet is of an older version: run stage 'outcomes'"):
        by_slots.judge(tmp_path / "o", lists(0, 3), config(tmp_path))


def test_a_day_of_slots_is_too_little(tmp_path: Path) -> None:
    (found,) = by_slots.judge(drawn(tmp_path / "o", times=1), lists(3, 0), config(tmp_path))
    assert "1,000 are needed" in found.verdict
    assert by_slots.lost([found]) == []


def test_a_log_without_drawn_slots_says_nothing(tmp_path: Path) -> None:
    pq.write_table(SLOTS.empty_table(), tmp_path / SLOTS_FILE)
    assert by_slots.judge(tmp_path, lists(0, 3), config(tmp_path)) == []
    assert by_slots.section([]) == []
    assert by_slots.scalars([]) == {}


def slots_for(night: Night, name: str) -> None:
    """At every user's first rank one of all items was drawn, and clicked where it is what this list has there."""
    rng, rows = np.random.default_rng(1), []
    for user in range(USERS):
        for _ in range(30):
            item = int(rng.integers(ITEMS))
            clicked = item == night.rows["all", name][user, 0]
            rows.append({"surface": "for_you", "user_id": f"u{user}", "item_id": f"i{item}", "is_clicked": clicked})
    table = pa.Table.from_pylist(
        [row | {"rank": 1, "chance": 1 / ITEMS, "run_id_shown": "r"} for row in rows], schema=SLOTS
    )
    pq.write_table(table, night.folder("outcomes") / SLOTS_FILE)


def test_the_gate_turns_its_second_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """By what users did tonight's table is the better one; by what was drawn it is not."""
    monkeypatch.setattr(logged, "USERS", 10)
    monkeypatch.setattr(logged, "EFFECTIVE", 10.0)
    monkeypatch.setattr(logged, "OVERLAP", 0.3)
    night = make(tmp_path, final=0.9)
    in_use(monkeypatch, night, "popularity")
    report, out = run(night, "before")
    assert report["gate"] == "passed"
    assert "By drawn slots" not in (out / evaluate.REPORT).read_text()
    slots_for(night, "popularity")
    with pytest.raises(
        GateError, match=r"surface 'for_you': by 1,800 slots that were drawn by chance .* less than the"
    ):
        run(night, "after")
    kept = (tmp_path / "blocked" / f"run_date={night.night}" / evaluate.REPORT).read_text()
    assert "for_you: worse than the table in use" in kept
    slots_for(night, "final")
    with caplog.at_level(logging.INFO):
        report, _ = run(night, "again")
    assert report["slots.for_you.verdict"] == "better than the table in use"
    assert report["slots.for_you.gain"] > 0
