"""A step within a trust region, worked by hand for two items: how long it is, and what stops it."""

import numpy as np
import pytest

from benchmarks.exploration import trust
from benchmarks.exploration.trust import Drawn, Region
from benchmarks.exploration.weights import Softmax

ITEMS = Softmax(np.array([[[0.0], [1.0]]]), np.ones((1, 2), bool))
"""One number: the log-odds of the second of two items."""
UNIFORM = np.array([[0.5, 0.5]])
START = np.zeros(1)


def drawn(number: int, first: float = 0.1, second: float = 0.3, odd: tuple[float, float] | None = None) -> Drawn:
    """Both items as often, clicked by these shares; of users of odd numbers by others."""
    user = np.arange(number)
    item, turn = user // 2 % 2, user // 4 / (number // 4)
    often = np.array([[first, second], odd or (first, second)])[user % 2, item]
    clicked = (turn * 97 % 1 < often).astype(float)
    return Drawn(np.zeros(number, np.int64), item, user, clicked, np.full(number, 0.5), UNIFORM)


def chance(at: float) -> float:
    return float(1 / (1 + np.exp(-at)))


def test_a_step_is_as_long_as_the_region() -> None:
    """The Fisher information of the log-odds of one half is 1/4: 1/4 x .4^2 / 2 = .02."""
    found = trust.step(drawn(8_000), ITEMS, START, Region(divergence=0.02), 0)
    assert found == pytest.approx([0.4], rel=1e-4)
    other = trust.step(drawn(8_000, 0.3, 0.1), ITEMS, START, Region(divergence=0.02), 0)
    assert other == pytest.approx([-0.4], rel=1e-4)


def test_the_divergence_is_that_of_two_coins() -> None:
    p = chance(0.4)
    by_hand = p * np.log(2 * p) + (1 - p) * np.log(2 * (1 - p))
    assert drawn(8).divergence(np.array([[1 - p, p]])) == pytest.approx(by_hand)
    assert drawn(8).divergence(np.array([[0.0, 1.0]])) == pytest.approx(np.log(2))


def test_a_step_is_halved_until_enough_of_the_sample_is_left() -> None:
    """Weights of 2p and 2 (1 - p): effective / N = 1 / (1 + (2p - 1)^2), .963 after a step of .4, .990 after .2."""
    shares = [1 / (1 + (2 * chance(at) - 1) ** 2) for at in (0.4, 0.2)]
    assert shares == pytest.approx([0.963, 0.990], abs=5e-4)
    found = trust.step(drawn(8_000), ITEMS, START, Region(divergence=0.02, effective=0.97), 0)
    assert found == pytest.approx([0.2], rel=1e-4)
    assert trust.step(drawn(8_000), ITEMS, START, Region(divergence=0.02, effective=1.0), 0) == START


def test_what_is_as_far_as_it_may_be_goes_no_further_until_the_log_follows() -> None:
    region = Region(divergence=0.02)
    assert trust.step(drawn(8_000), ITEMS, np.array([0.4]), region, 0) == pytest.approx([0.4])
    assert trust.step(drawn(8_000), ITEMS, np.array([0.2]), region, 0) > 0.2


def test_few_slots_move_nothing() -> None:
    assert trust.step(drawn(1_000), ITEMS, START, Region(), 0) == START
    assert trust.step(drawn(0), ITEMS, START, Region(), 0) == START


def test_a_step_that_the_other_half_of_the_users_does_not_bear_out_is_not_taken() -> None:
    torn = drawn(8_000, 0.1, 0.3, odd=(0.3, 0.1))
    assert trust.step(torn, ITEMS, START, Region(divergence=0.02), 0) == START
    assert trust.step(torn, ITEMS, START, Region(divergence=0.02, guarded=False), 0) == pytest.approx([0.4], rel=1e-4)
    assert trust.step(torn, ITEMS, START, Region(divergence=0.02, guarded=False), 1) == pytest.approx([-0.4], rel=1e-4)


def test_the_longest_step_is_of_the_divergence_to_the_second_order_whatever_the_units() -> None:
    rng = np.random.default_rng(0)
    root, gradient, units = rng.normal(size=(3, 3)), rng.normal(size=3), np.diag([1.0, 5.0, 0.2])
    fisher = root @ root.T
    found = trust.longest(gradient, fisher, 0.05)
    assert found @ fisher @ found / 2 == pytest.approx(0.05, rel=1e-3)
    assert units @ trust.longest(units @ gradient, units @ fisher @ units, 0.05) == pytest.approx(found, rel=1e-2)
    assert not trust.longest(np.zeros(3), fisher, 0.05).any()
