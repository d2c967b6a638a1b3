"""NDCG by group of users against means by hand, and gaps against what was planted."""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.judging import user_groups
from pipeline.judging.user_groups import Found, Gap
from pipeline.sources.configuration import FullConfig

CONFIG = FullConfig()
RNG = np.random.default_rng(11)
USERS = 400


@dataclass
class Board:
    """What `judge` reads of a scoreboard."""

    pool: str
    rows: np.ndarray
    final: dict[str, np.ndarray]


def judged(values: np.ndarray, codes: np.ndarray, labels: tuple[str, ...]) -> Found:
    """One pool, one grouping, where of the targets every second was judged."""
    rows = np.arange(0, 2 * len(values), 2)
    everybody = np.full(2 * len(values), -1)
    everybody[rows] = codes
    boards: Any = [Board("all", rows, {"ndcg@10": values})]
    return user_groups.judge(boards, {"country": (labels, everybody)}, CONFIG)


def test_a_group_has_the_mean_of_its_users_and_its_interval() -> None:
    values, codes = RNG.random(USERS), RNG.integers(0, 2, USERS)
    found = judged(values, codes, ("a", "b"))
    for code, group in enumerate(found.groups):
        mine = values[codes == code]
        error = 1.96 * mine.std() / len(mine) ** 0.5  # of the normal approximation
        assert (group.value, group.users, group.ndcg) == ("ab"[code], len(mine), pytest.approx(mine.mean()))
        assert group.low == pytest.approx(mine.mean() - error, abs=0.004)
        assert group.high == pytest.approx(mine.mean() + error, abs=0.004)


def test_who_are_few_or_of_no_group_are_not_told() -> None:
    codes = np.where(np.arange(USERS) < 9, 0, np.where(np.arange(USERS) < 200, 1, -1))
    found = judged(RNG.random(USERS), codes, ("nine people", "many"))
    assert [(group.value, group.users) for group in found.groups] == [("many", 191)]
    assert found.gaps == ()
    assert found.widest("all") is None
    assert user_groups.section(found, {"all": "for_you"}, CONFIG) == []


def test_a_planted_gap_is_known_and_none_is_not() -> None:
    codes = np.arange(USERS) % 4
    values = RNG.random(USERS)
    (planted,) = judged(np.where(codes == 2, values / 3, values), codes, tuple("abcd")).gaps
    assert (planted.worst, planted.is_known) == ("c", True)
    assert planted.low < planted.gap < planted.high


def test_groups_that_are_equal_have_no_gap() -> None:
    assert judged(np.zeros(USERS), np.arange(USERS) % 2, ("a", "b")).gaps == ()


@pytest.mark.slow
def test_of_worlds_without_a_gap_few_have_one_that_is_called_known() -> None:
    """By chance alone one in twenty may; without allowing for the choice of the pair one in five would."""
    codes = np.arange(USERS) % 4
    known = [judged(RNG.random(USERS), codes, tuple("abcd")).gaps[0].is_known for _ in range(200)]
    assert sum(known) <= 20


def test_the_widest_gap_is_in_the_runs_metrics(tmp_path: Path) -> None:
    narrow, wide = (Gap("all", name, "x", "y", gap, 0.1, 0.4) for name, gap in (("a", 0.2), ("b", 0.3)))
    said = user_groups.scalars(Found((), (narrow, wide)), CONFIG)
    assert said == {"all.final.group_gap": 0.3, "all.final.group_gap.low": 0.1, "all.final.group_gap.high": 0.4}
    found = judged(RNG.random(USERS), np.arange(USERS) % 2, ("a", "b"))
    user_groups.write(found, tmp_path)
    rows = pq.read_table(tmp_path / user_groups.FILE).to_pylist()
    assert [(row["grouping"], row["value"], row["users"]) for row in rows] == [
        ("country", "a", 200),
        ("country", "b", 200),
    ]


def test_the_report_says_it_in_words_and_hostile_words_are_text() -> None:
    found = judged(RNG.random(USERS), np.arange(USERS) % 2, ("<b>", "France"))
    ((title, html),) = user_groups.section(found, {"all": "for_you"}, CONFIG)
    assert title == "Is it as good for everybody?"
    assert "<b>" not in html
    assert "country: &lt;b&gt;" in html
    assert "it may be chance" in html or "more than chance" in html
    assert html.count("<svg") == 2


def test_activity_and_declared_words_group_the_targets() -> None:
    cutoff: Any = SimpleNamespace(targets=lambda: np.array([3, 5]))
    buckets: Any = SimpleNamespace(users=np.array([0, 2]))
    found = user_groups.groupings(cutoff, buckets, CONFIG)
    assert list(found) == ["activity"]
    assert found["activity"][1].tolist() == [0, 2]
