"""The comparison of published and simple lists against sums worked out by loops, and what the table says of it."""

from datetime import date, timedelta
from math import log2
from pathlib import Path

import numpy as np
import pytest

from benchmarks.every_log import comparison, report, running
from benchmarks.every_log.comparison import PUBLISHED, Judged
from benchmarks.every_log.running import Ran
from benchmarks.every_log.shop import Own, Seen

FIRST, SECOND = date(2024, 1, 7), date(2024, 1, 14)


class Night(Seen):
    """A night whose history and truth are given."""

    history = {"ann": {"a"}, "bob": {"a", "c-1"}, "cid": {"b"}}  # noqa: RUF012
    truth = {"ann": {"a", "c-2"}, "bob": {"b"}, "new": {"a"}}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__(Path(), FIRST, timedelta(days=7))


def is_coupon(item: str) -> bool:
    return item.startswith("c-")


def test_only_a_surfaces_own_items_are_its_truth() -> None:
    assert comparison.truth_of(Night(), Own(belongs=is_coupon)) == {"ann": {"c-2"}}
    judged = comparison.judge({PUBLISHED: {"ann": ["c-1", "c-2"]}}, Night(), Own(belongs=is_coupon), "all")
    assert (judged.users, judged.ndcg[PUBLISHED]) == (["ann"], pytest.approx([1 / log2(3)]))


def test_who_has_a_history_and_a_truth_is_judged_and_one_without_a_list_scores_nothing() -> None:
    judged = comparison.judge({"simple": {"bob": ["b"]}}, Night(), Own(), "all")
    assert (list(judged.users), judged.ndcg["simple"].tolist()) == (["ann", "bob"], [0, 1])
    assert comparison.judge({}, Night(), Own(), "new").users == ["ann", "bob"]


def test_what_should_not_be_published_is_counted() -> None:
    shown = {"ann": ["c-1", "c-2", "a"], "bob": [*(f"c-{n}" for n in range(1, 11)), "b"]}
    own = Own(belongs=is_coupon, offer=lambda seen: {f"c-{n}" for n in range(2, 11)})
    # c-1 twice, and a; the eleventh is not shown
    assert comparison.unfit(shown, Night(), own, "all") == pytest.approx(3 / 13)
    own = Own(belongs=is_coupon, offered=lambda seen: {"bob": {"c-1"}})
    assert comparison.unfit({"bob": ["c-1", "c-2"], "eve": ["c-1"]}, Night(), own, "all") == pytest.approx(2 / 3)
    assert comparison.unfit({}, Night(), own, "all") == 0
    assert comparison.unfit({"bob": ["c-1", "b", "c"]}, Night(), Own(), "all") == 0
    assert comparison.unfit({"bob": ["c-1", "b", "c"]}, Night(), Own(), "new") == pytest.approx(1 / 3)


def nights() -> dict[date, Judged]:
    """Two nights, of which one user takes part in both."""
    rng = np.random.default_rng(7)
    of = [[f"u{n}" for n in range(40)], [f"u{n}" for n in range(30, 50)]]
    return {
        night: Judged(users, {name: rng.random(len(users)) for name in (PUBLISHED, "popularity", "als")})
        for night, users in zip((FIRST, SECOND), of, strict=True)
    }


def test_the_best_simple_list_has_the_highest_mean_of_the_nights_means() -> None:
    found = nights()
    row = comparison.compare("shop", "for_you", found)
    by_hand = {n: sum(sum(j.ndcg[n]) / len(j.ndcg[n]) for j in found.values()) / 2 for n in ("popularity", "als")}
    assert row is not None
    assert row.best == max(by_hand, key=lambda name: by_hand[name])
    assert row.mean(row.best) == pytest.approx(max(by_hand.values()))
    assert row.difference == pytest.approx(row.mean(PUBLISHED) - max(by_hand.values()))


def test_who_must_choose_before_takes_what_is_best_on_the_other_nights() -> None:
    users = ["ann", "bob"]
    lucky, steady = ([1.0, 1.0], [0.0, 0.0]), ([0.6, 0.6], [0.4, 0.6])
    found = {
        night: Judged(users, {PUBLISHED: np.ones(2), "lucky": np.array(lucky[n]), "steady": np.array(steady[n])})
        for n, night in enumerate((FIRST, SECOND))
    }
    row = comparison.compare("shop", "for_you", found)
    assert row is not None
    assert (row.best, row.mean(row.best)) == ("steady", pytest.approx(0.55))
    assert row.foreseen == pytest.approx((0.6 + 0.0) / 2)  # the second night says steady, the first says lucky
    assert next(iter(list(report.summary([row]))[2:])).endswith("| 0.3000 |")
    alone = comparison.compare("shop", "for_you", {FIRST: found[FIRST]})
    assert alone is not None
    assert alone.foreseen is None


def test_the_interval_draws_users_with_all_their_nights() -> None:
    found = nights()
    row = comparison.compare("shop", "for_you", found)
    assert row is not None
    gaps = {night: dict(zip(j.users, j.ndcg[PUBLISHED] - j.ndcg[row.best], strict=True)) for night, j in found.items()}
    everybody, rng, means = sorted({u for j in found.values() for u in j.users}), np.random.default_rng(3), []
    for _ in range(4000):
        drawn = rng.choice(everybody, len(everybody))
        means.append(np.mean([np.mean([gap[u] for u in drawn if u in gap]) for gap in gaps.values()]))
    assert row.interval == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])), abs=0.01)


def test_a_list_that_a_night_lacks_counts_as_nothing_there() -> None:
    users = ["ann", "bob"]
    found = {FIRST: Judged(users, {PUBLISHED: np.zeros(2), "late": np.ones(2)}), SECOND: Judged(users, {})}
    row = comparison.compare("shop", "for_you", found)
    assert row is not None
    assert (row.mean("late"), row.mean(PUBLISHED), row.best) == (0.5, 0.0, "late")


def test_nobody_judged_is_no_row_and_a_night_without_anybody_is_left_out() -> None:
    empty = Judged([], {PUBLISHED: np.zeros(0), "als": np.zeros(0)})
    assert comparison.compare("shop", "for_you", {FIRST: empty}) is None
    row = comparison.compare("shop", "for_you", {FIRST: empty, **{SECOND: nights()[SECOND]}})
    assert row is not None
    assert list(row.nights) == [SECOND]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ((0.02, 0.01, 0.03), "better"),
        ((0.02, -0.01, 0.05), "as good"),
        ((-0.01, -0.03, 0.01), "as good, but below in the mean"),
        ((-0.02, -0.03, -0.01), "worse"),
    ],
)
def test_a_verdict_follows_the_interval(found: tuple[float, float, float], said: str) -> None:
    assert comparison.verdict(*found) == said


def test_the_table_says_who_how_many_by_what_and_how_sure() -> None:
    row = comparison.compare("shop", "for_you", nights())
    assert row is not None
    text = list(report.summary([row]))[-1]
    for said in ("| shop, for_you | 40 20 |", f"| {row.best} |", f"| {row.difference:+.4f} [", f"| {row.verdict} |"):
        assert said in text
    printed = list(report.details(row))
    assert [line.split()[0] for line in printed[2:]] == row.names


def test_a_stopped_night_is_told_with_its_message() -> None:
    said = list(report.stops("shop", {FIRST: Ran(1.0), SECOND: Ran(2.0, "GateError: significantly worse")}))
    assert said == [f"\nshop, {SECOND} did not publish: GateError: significantly worse"]


def test_the_message_of_a_stop_is_the_last_error(tmp_path: Path) -> None:
    log = tmp_path / "night.log"
    log.write_text("12:00:00 fusion starts\nInputError: there is too little\n  run it later\n", encoding="utf-8")
    assert running._last_words(log) == "InputError: there is too little\n  run it later"
    log.write_text("12:00:00 fusion starts\nKilled\n", encoding="utf-8")
    assert running._last_words(log) == "Killed"
