"""Sums worked by hand, and a shop whose truth is known."""

import math

import numpy as np
import pytest

from benchmarks.off_policy import ITEMS, Shop
from pipeline.policies import estimators, intervals, reward_model
from pipeline.policies.estimators import Expected
from pipeline.policies.logged import Logged, Support

HAND = Logged(
    reward=np.array([1.0, 0.0, 1.0, 0.0]),
    chance=np.array([0.5, 0.5, 0.25, 0.25]),
    target=np.array([0.25, 0.75, 0.5, 0.0]),
    user=np.array([1, 1, 2, 3]),
)  # weights .5, 1.5, 2, 0
MODEL = Expected(shown=np.array([0.5, 0.2, 0.4, 0.1]), judged=np.array([0.3, 0.3, 0.6, 0.2]))


def test_sums_worked_by_hand() -> None:
    assert estimators.on_policy(HAND).value == 0.5
    assert estimators.ips(HAND).value == pytest.approx((0.5 + 2.0) / 4)
    assert estimators.snips(HAND).value == pytest.approx((0.5 + 2.0) / (0.5 + 1.5 + 2.0))
    assert estimators.direct(HAND, MODEL).value == pytest.approx((0.3 + 0.3 + 0.6 + 0.2) / 4)
    # + .5 x (1 - .5) + 1.5 x (0 - .2) + 2 x (1 - .4) + 0
    assert estimators.doubly_robust(HAND, MODEL).value == pytest.approx((1.4 + 0.25 - 0.3 + 1.2) / 4)
    assert estimators.switch(HAND, MODEL, most=1.9).value == pytest.approx((1.4 + 0.25 - 0.3) / 4)


def test_a_difference_is_one_estimate() -> None:
    other = Logged(HAND.reward, HAND.chance, np.array([0.5, 0.5, 0.25, 0.25]), HAND.user)  # weights 1: the log's own
    change = np.array([-0.5, 0.5, 1.0, -1.0])
    base = (0.25 * 1 + 1.0 * 1) / (0.25 + 0.25 + 1 + 1)
    expected = float((change * (HAND.reward - base)).sum()) / 4
    assert estimators.difference(HAND, other).value == pytest.approx(expected)
    assert not estimators.difference(HAND, HAND).above.any()
    with pytest.raises(ValueError, match="same rows"):
        estimators.difference(HAND, Logged(1 - HAND.reward, HAND.chance, HAND.target, HAND.user))


def test_large_weights_are_clipped() -> None:
    """To the square root of the number of rows."""
    chance = np.array([0.001, *[1.0] * 99])
    rare = Logged(np.eye(100)[0], chance, np.ones(100), np.arange(100))
    assert estimators.ips(rare).value == 10 / 100
    assert Support.of(rare).clipped == pytest.approx(990 / 1099)


@pytest.mark.parametrize(("chance", "target"), [(0.0, 0.5), (1.5, 0.5), (math.nan, 0.5), (0.5, -0.1), (0.5, 1.1)])
def test_chances_that_are_none_are_refused(chance: float, target: float) -> None:
    with pytest.raises(ValueError, match="chance"):
        Logged(np.ones(1), np.array([chance]), np.array([target]), np.zeros(1, dtype=np.int64))


def test_users_are_drawn_not_rows() -> None:
    """A user's slots hang together: a hundred copies of each say no more than one."""
    rng = np.random.default_rng(0)
    once = Logged((rng.random(200) < 0.3).astype(float), np.full(200, 0.5), np.full(200, 0.5), np.arange(200))
    often = Logged(*(np.repeat(a, 100) for a in (once.reward, once.chance, once.target, once.user)))
    one, other = (intervals.interval(estimators.ips(log), 500, 1) for log in (once, often))
    assert one == other
    alone = Logged(often.reward, often.chance, often.target, np.arange(20_000))
    narrow = intervals.interval(estimators.ips(alone), 500, 1)
    assert narrow.high - narrow.low < 0.2 * (one.high - one.low)


def test_nothing_logged_is_no_estimate() -> None:
    none = Logged(*(np.zeros(0),) * 3, np.zeros(0, dtype=np.int64))
    found = intervals.interval(estimators.snips(none), 10, 1)
    assert math.isnan(found.value)
    assert math.isnan(found.low)


@pytest.mark.slow
def test_intervals_hold_the_truth() -> None:
    """200 logs: 95 % intervals hold it in 190 of them; 182 to 198 is within 2.6 standard errors."""
    shop, logging, judged = Shop.of(1), 0.3, 1.0
    truth, gain = shop.truth(judged), shop.truth(judged) - shop.truth(logging)
    held = {"ips": 0, "snips": 0, "difference": 0}
    for seed in range(200):
        log, *_ = shop.log(2_000, 1, logging, judged, seed)
        own = Logged(log.reward, log.chance, log.chance, log.user)
        terms = {
            "ips": (estimators.ips(log), truth),
            "snips": (estimators.snips(log), truth),
            "difference": (estimators.difference(log, own), gain),
        }
        for name, (of, true) in terms.items():
            found = intervals.interval(of, 400, seed)
            held[name] += found.low <= true <= found.high
    assert all(182 <= number <= 198 for number in held.values()), held


def test_a_reward_model_narrows_the_interval_and_moves_no_estimate() -> None:
    shop, logging, judged = Shop.of(2), 0.0, 1.5
    log, tastes, shown = shop.log(4_000, 5, logging, judged, 3)
    chances = shop.policy(tastes, judged)

    everything = ((chances[:, i], shop.features(tastes, np.full(len(shown), i))) for i in range(ITEMS))
    expected = reward_model.expect(log, shop.features(tastes, shown), everything, seed=1)
    plain, robust = (
        intervals.interval(terms, 400, 1) for terms in (estimators.ips(log), estimators.doubly_robust(log, expected))
    )
    truth = shop.truth(judged)
    assert robust.low <= truth <= robust.high
    assert robust.high - robust.low < 0.95 * (plain.high - plain.low)


def test_a_reward_model_has_not_seen_whom_it_is_asked_about() -> None:
    """Whose clicks are all alike and say nothing of others': a model that saw them would know them by the number."""
    rng = np.random.default_rng(0)
    user = np.repeat(np.arange(400), 10)
    clicks = np.repeat((rng.random(400) < 0.5).astype(float), 10)
    log = Logged(clicks, np.full(4000, 0.5), np.full(4000, 0.5), user)
    codes = np.random.default_rng(1).permutation(400)[user].astype(float)[:, None]
    expected = reward_model.expect(log, codes, [(np.ones(4000), codes)], seed=1)
    assert abs(np.corrcoef(expected.shown, clicks)[0, 1]) < 0.2
