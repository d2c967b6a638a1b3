"""The gate: what a lost comparison is, and every way a list can be broken."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.features.read import Cutoff, read_cutoffs
from pipeline.ground import lists
from pipeline.judging import gate
from pipeline.judging.gate import Comparison
from pipeline.settings.sections.lists import Evaluate
from tests.judged_night import ITEMS, NIGHT, USERS, Night, make


def comparison(
    versus: str = "champion", metric: str = "ndcg@10", low: float = -0.05, high: float = -0.01
) -> Comparison:
    return Comparison("all", versus, metric, 0.31, 0.34, (low + high) / 2, low, high, 500)


@pytest.mark.parametrize(
    ("given", "is_lost"),
    [
        (comparison(), True),
        (comparison("popularity"), True),
        (comparison("als"), False),
        (comparison(metric="recall@50"), False),
        (comparison(high=0.001), False),
        (comparison(low=0.01, high=0.02), False),
        (comparison(low=float("nan"), high=float("nan")), False),
    ],
)
def test_only_a_significant_loss_to_the_champion_or_the_baseline_counts(given: Comparison, is_lost: bool) -> None:
    found = gate.lost([given], Evaluate())
    assert bool(found) == is_lost
    if found:
        assert "ndcg@10 0.3100 against 0.3400, difference -0.0300, 95 % [-0.0500, -0.0100], 500 users" in found[0]


def test_tolerance_allows_a_small_loss() -> None:
    assert not gate.lost([comparison(high=-0.01)], Evaluate(tolerance=0.01))
    assert gate.lost([comparison(high=-0.011)], Evaluate(tolerance=0.01))


def test_the_gate_metric_is_a_choice() -> None:
    assert gate.lost([comparison(metric="recall@50")], Evaluate(gate_metric="recall"))


@pytest.fixture(name="night", scope="module")
def fixture_night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    return make(tmp_path_factory.mktemp("gate"))


def broken(
    night: Night, items: np.ndarray, scores: np.ndarray, pool: lists.Pool = "all", shown: np.ndarray | None = None
) -> str:
    cutoff = read_cutoffs(night.folder("features"))[0]
    shown = np.ones(ITEMS, dtype=bool) if shown is None else shown
    return "; ".join(gate.broken_lists(items, scores, cutoff, pool, night.config, shown=shown))


def copies(night: Night, pool: lists.Pool = "all") -> tuple[np.ndarray, np.ndarray]:
    folder = lists.cutoff_dir(night.folder("ensemble"), NIGHT)
    items, scores = lists.read_list(folder, pool, "final")
    return np.array(items), np.array(scores)


@pytest.mark.parametrize("pool", lists.KINDS)
def test_whole_lists_pass(night: Night, pool: lists.Pool) -> None:
    assert broken(night, *copies(night, pool), pool) == ""


def test_each_broken_row_is_counted(night: Night) -> None:
    items, scores = copies(night)
    items[0, 1] = items[0, 0]
    items[1, 2] = ITEMS + 5
    scores[2, 0] = np.inf
    scores[3, 4] = np.nan
    scores[4, 5] = scores[4, 4] + 1
    items[5, 3] = -1
    found = broken(night, items, scores)
    assert f"pool 'all': 1 of {USERS} lists have an item shown twice" in found
    assert f"1 of {USERS} lists have an item the catalogue does not know" in found
    assert f"2 of {USERS} lists have a score that is not finite" in found
    assert "scores that do not descend" in found
    assert f"1 of {USERS} lists have a gap between ranks" in found


def test_something_already_acted_on_breaks_pool_new_only(night: Night) -> None:
    items, scores = copies(night, "new")
    items[7, 0] = night.history[7][0]
    assert f"1 of {USERS} lists have an item already acted on" in broken(night, items, scores, "new")
    assert "already acted on" not in broken(night, items, scores, "all")


def test_too_few_full_lists(night: Night) -> None:
    items, scores = copies(night)
    items[:10, 5:], scores[:10, 5:] = -1, -np.inf
    assert f"only {USERS - 10} of {USERS} users have 10 items; 95% must" in broken(night, items, scores)
    assert f"only 0 of {USERS} users" in broken(night, items[:, :6], scores[:, :6])


def test_what_there_is_for_a_user_is_a_full_list(night: Night) -> None:
    """Nine items may be shown: a list of them is full, in pool `new` one of those that the user has not had."""
    shown = np.zeros(ITEMS, dtype=bool)
    shown[:9] = True
    items, scores = np.full((USERS, 10), -1, np.int32), np.full((USERS, 10), -np.inf, np.float32)
    items[:, :9], scores[:, :9] = np.arange(9), np.linspace(1, 0.1, 9)
    assert broken(night, items, scores, "all", shown) == ""
    assert f"only 0 of {USERS} users have 10 items" in broken(night, items, scores, "all")
    assert f"only 0 of {USERS} users have 10 items" in broken(night, items[:, :8], scores[:, :8], "all", shown)
    fresh = [[i for i in range(9) if i not in night.history[user]] for user in range(USERS)]
    for user, left in enumerate(fresh):
        items[user] = [*left, *[-1] * (10 - len(left))]
        scores[user] = np.where(items[user] >= 0, np.linspace(1, 0.1, 10), -np.inf)
    assert len({len(left) for left in fresh}) > 2
    assert broken(night, items, scores, "new", shown) == ""
    short = [user for user, left in enumerate(fresh) if left][:5]
    for user in short:
        items[user, len(fresh[user]) - 1] = -1
    said = (
        f"only {USERS - 5} of {USERS} users have 10 items, or all that there are for them ({USERS} of them); 95% must"
    )
    assert said in broken(night, items, scores, "new", shown)


def test_nobody_has_anything_new_left(night: Night) -> None:
    nothing = np.full((USERS, 10), -1, np.int32), np.full((USERS, 10), -np.inf, np.float32)
    assert broken(night, *nothing, "new", np.zeros(ITEMS, dtype=bool)) == ""


def test_only_who_has_a_choice_counts_among_the_same_lists(night: Night) -> None:
    items, scores = copies(night)
    items[:40], scores[:40] = items[0], scores[0]
    ten = np.arange(ITEMS) < 10
    assert "the very same first" not in broken(night, items, scores, shown=ten)
    assert "the very same first" in broken(night, items, scores, shown=np.arange(ITEMS) < 11)


@pytest.mark.parametrize(("written", "said"), [("all.hybrid.txt", False), ("all.activity.txt", True)])
def test_a_gate_says_that_nothing_was_learned(tmp_path: Path, written: str, said: bool) -> None:
    (tmp_path / "fold=publish").mkdir()
    (tmp_path / "fold=publish" / written).touch()
    assert ("in pool 'all' there was nothing to learn from" in gate.untaught(tmp_path, "all", ["hybrid"])) == said


def test_the_same_list_for_everyone(night: Night) -> None:
    items, scores = copies(night)
    items[:40], scores[:40] = items[0], scores[0]
    assert f"40 of {USERS} users have the very same first 10 items" in broken(night, items, scores)


def test_no_lists_at_all(night: Night, tmp_path: Path) -> None:
    assert "nobody has a list" in broken(night, np.zeros((0, 10), int), np.zeros((0, 10)))


def test_before_the_first_event_nobody_has_a_list(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Cutoff, "untouched", True)
    assert broken(night, np.zeros((0, 10), int), np.zeros((0, 10))) == ""


def test_a_handful_of_users_stops_no_publication() -> None:
    lower = gate.Comparison("all", gate.CHAMPION, "ndcg@10", 0.3, 0.4, -0.1, -0.2, -0.05, 10)
    settings = Evaluate()
    assert len(gate.lost([lower], settings)) == 1
    assert gate.lost([replace(lower, users=9)], settings) == []
