"""What drawn slots say of items: against finite differences, a direct search, the truth it was drawn from, by hand."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from pipeline.policies import learned
from pipeline.policies.learned import ANCHORED, LEAST_SHARE, NEEDED, PERSONAL, RANKER, Learned


def posterior(slots: float, clicks: float, theta: float, level: float, spread: float) -> float:
    """The logarithm of the density of an item's log-odds, but for a constant."""
    chance = 1 / (1 + np.exp(-theta))
    likely = clicks * np.log(chance) + (slots - clicks) * np.log(1 - chance)
    return float(likely - (theta - level) ** 2 / (2 * spread**2))


def test_the_gradient_is_that_of_finite_differences() -> None:
    slots, clicks, theta = np.array([0.0, 3.5, 400.0]), np.array([0.0, 3.0, 11.0]), np.array([-2.0, 0.3, -5.0])
    found = learned.gradient(slots, clicks, theta, -2.5, 0.8)
    for n, c, at, slope in zip(slots, clicks, theta, found, strict=True):
        ends = [posterior(n, c, at + step, -2.5, 0.8) for step in (-1e-5, 1e-5)]
        assert slope == pytest.approx((ends[1] - ends[0]) / 2e-5, rel=1e-5, abs=1e-6)


def test_each_item_is_where_it_is_likeliest_and_as_sure_as_the_density_is_bent() -> None:
    rng = np.random.default_rng(1)
    slots = rng.integers(0, 300, 40).astype(float)
    clicks = rng.binomial(slots.astype(int), 0.1).astype(float)
    found = learned.learn(slots, clicks)
    for item in range(40):
        here = (slots[item], clicks[item])
        best = minimize_scalar(lambda x, here=here: -posterior(*here, x, found.level, found.spread), bounds=(-9, 9))
        assert found.log_odds[item] == pytest.approx(best.x, abs=1e-3)
        around = [posterior(*here, found.log_odds[item] + step, found.level, found.spread) for step in (-0.01, 0, 0.01)]
        bend = (around[0] - 2 * around[1] + around[2]) / 1e-4
        assert found.deviation[item] == pytest.approx((-bend) ** -0.5, rel=1e-3)


def test_level_and_spread_are_those_the_items_were_drawn_from() -> None:
    rng = np.random.default_rng(2)
    truth = rng.normal(-2.5, 0.6, 3_000)
    slots = np.full(3_000, 200)
    found = learned.learn(slots.astype(float), rng.binomial(slots, 1 / (1 + np.exp(-truth))).astype(float))
    assert found.level == pytest.approx(-2.5, abs=0.05)
    assert found.spread == pytest.approx(0.6, abs=0.05)
    off = np.abs(found.log_odds - truth) / found.deviation
    assert np.mean(off < 1.96) == pytest.approx(0.95, abs=0.015)


def test_an_item_without_a_slot_is_as_all_items_are() -> None:
    found = learned.learn(np.array([100.0, 0.0, 50.0]), np.array([10.0, 0.0, 1.0]))
    assert (found.log_odds[1], found.deviation[1]) == (found.level, found.spread)
    assert found.slots == 150
    assert found.log_odds[0] > found.level > found.log_odds[2]


@pytest.mark.parametrize(("slots", "opened"), [(0.0, LEAST_SHARE), (NEEDED / 2, 0.5), (NEEDED * 9, 1.0)])
def test_the_share_opens_as_far_as_there_are_slots_and_never_beyond(slots: float, opened: float) -> None:
    found = learned.learn(np.array([slots]), np.array([slots / 10]))
    assert found.opened == opened


def test_an_anchor_is_the_mean_of_the_slots_and_everybody() -> None:
    found = learned.anchors(np.array([1, 1, 0]), np.array([-1.0, -3.0, 2.0]), np.array([1.0, 3.0, 2.0]), np.zeros(3))
    assert found == pytest.approx([2 * 2 / (2 + ANCHORED), -10 / (4 + ANCHORED), 0])


def test_a_belief_is_the_product_of_the_normals() -> None:
    """Of an item's log-odds by the slots and by the ranker, whose scale is where both know the items."""
    known = Learned(-3.0, 0.7, np.array([-1.0, -3.0, -2.0]), np.array([0.2, 0.7, 0.5]), 1e6)
    anchor, actions = np.array([-2.0, -2.5, -1.0]), np.array([30.0, 0.0, 10.0])
    worth = RANKER * actions / (actions + RANKER)
    slots = 1 / known.deviation**2 - 1 / 0.7**2
    both = slots * worth / (slots + worth + 1e-300)
    apart = (both * (known.log_odds - anchor)).sum() / both.sum()
    found = learned.blend(known, anchor, actions)
    grid = np.linspace(-9, 5, 200_001)
    for item in range(3):
        density = -((grid - known.log_odds[item]) ** 2) / (2 * known.deviation[item] ** 2)
        density -= worth[item] * (grid - anchor[item] - apart) ** 2 / 2
        density = np.exp(density - density.max())
        mean = (grid * density).sum() / density.sum()
        variance = ((grid - mean) ** 2 * density).sum() / density.sum()
        assert found.shift[item] + anchor[item] == pytest.approx(mean, abs=1e-6)
        assert found.deviation[item] == pytest.approx((variance + PERSONAL**2) ** 0.5, abs=1e-6)


def test_before_any_slot_the_ranker_stands() -> None:
    known = learned.learn(np.zeros(3), np.zeros(3))
    found = learned.blend(known, np.array([-1.0, -2.0, -3.0]), np.array([0.0, 5.0, 500.0]))
    assert (found.shift == 0).all()
    assert found.opened == LEAST_SHARE
    assert found.deviation[0] > found.deviation[1] > found.deviation[2]
