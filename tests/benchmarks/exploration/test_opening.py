"""How far drawing is opened: never further than twofold, the budget or the log allow; the gradient by differences."""

import numpy as np
import pytest

from benchmarks.exploration import opening
from benchmarks.exploration.opening import LEAST, Slots
from pipeline.policies import estimators
from pipeline.policies.logged import Logged, Support

ITEMS = 5


def slots(number: int, drawn_earns: float, seed: int = 0) -> Slots:
    """Half of the slots drew any of five items alike; the best, item 0, is clicked by 0.2."""
    rng = np.random.default_rng(seed)
    item = np.where(rng.random(number) < 0.5, rng.integers(0, ITEMS, number), 0)
    chance = np.where(item == 0, 0.5 + 0.5 / ITEMS, 0.5 / ITEMS)
    clicked = rng.random(number) < np.where(item == 0, 0.2, drawn_earns)
    best = (item == 0).astype(float)
    return Slots(clicked.astype(float), chance, best, np.full(number, 1 / ITEMS), np.arange(number))


def test_what_costs_nothing_is_opened_twofold_a_night() -> None:
    given = slots(40_000, 0.3)
    assert given.gain().low > 0
    assert opening.share(given, 0.1, 0.02) == 0.2
    assert opening.share(given, 0.9, 0.02) == 1


def test_what_costs_is_opened_as_far_as_the_budget() -> None:
    given = slots(40_000, 0.1)
    found = opening.share(given, 1.0, 0.1)
    lost = -given.gain().low
    assert found == pytest.approx(0.1 * estimators.snips(given.by(given.best)).value / lost)
    assert LEAST < found < 0.1 * 0.2 / (0.1 * 4 / ITEMS) + 0.05
    assert given.gain().low < -0.1 * 4 / ITEMS < given.gain().high


def test_what_the_log_does_not_support_stays_shut() -> None:
    assert opening.share(slots(300, 0.3), 1.0, 0.5) == LEAST
    nothing = Slots(*(np.zeros(0) for _ in range(5)))
    assert opening.share(nothing, 1.0, 0.5) == LEAST
    never = slots(40_000, 0.3)
    never = Slots(never.reward, never.chance, never.best, 0.01 * never.drawn, never.user)  # draws what is not logged
    found = opening.share(never, 1.0, 0.5)
    assert found == LEAST or Support.of(never.at(found)).refusal() is None


def test_the_gradient_is_that_of_finite_differences() -> None:
    """A softmax over three items, by the logarithm of its temperature."""
    rng = np.random.default_rng(4)
    scores, item = np.array([0.1, 0.2, 0.4]), rng.integers(0, 3, 500)
    reward, user = (rng.random(500) < scores[item]).astype(float), np.arange(500)

    def policy(at: float) -> np.ndarray:
        weights = scores ** (1 / np.exp(at))
        return np.asarray(weights / weights.sum())

    def value(at: float) -> float:
        logged = Logged(reward, np.full(500, 1 / 3), policy(at)[item], user)
        return float((logged.raw_weights * reward).sum() / logged.raw_weights.sum())

    at = np.log(0.7)
    chances = policy(at)
    score = ((chances * np.log(scores)).sum() - np.log(scores)) / 0.7
    found = opening.gradient(Logged(reward, np.full(500, 1 / 3), chances[item], user), score[item])
    assert found == pytest.approx((value(at + 1e-5) - value(at - 1e-5)) / 2e-5, rel=1e-5)
