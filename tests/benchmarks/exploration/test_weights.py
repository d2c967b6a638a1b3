"""Weights of the sources: their gradient by differences, chances that are those of the draws, and what is planted."""

import numpy as np
import pytest

from benchmarks.exploration import trust
from benchmarks.exploration.__main__ import LAST, nights
from benchmarks.exploration.policies import Fixed, Policy
from benchmarks.exploration.trust import Drawn, Region
from benchmarks.exploration.weights import ByBelief, Softmax, Weighted, WeightedLearned
from pipeline.policies import estimators


def planted(number: int, seed: int = 0) -> tuple[Drawn, Softmax, np.ndarray]:
    """Slots of six contexts of eight items, of which some may be drawn; who clicks goes by the second source."""
    rng = np.random.default_rng(seed)
    family = Softmax(rng.normal(size=(6, 8, 3)), rng.random((6, 8)) < 0.8)
    logged = family.chances(np.array([0.5, 0.0, 0.0]))
    true = 1 / (1 + np.exp(1.5 - family.features[..., 1]))
    context = rng.integers(0, 6, number)
    item = (rng.random((number, 1)) > np.cumsum(logged, axis=1)[context]).sum(axis=1)
    clicked = (rng.random(number) < true[context, item]).astype(float)
    return Drawn(context, item, np.arange(number), clicked, logged[context, item], logged), family, true


def test_the_gradient_is_that_of_finite_differences() -> None:
    drawn, family, _ = planted(3_000)
    at = np.array([0.4, 0.2, -0.3])

    def earned(at: np.ndarray) -> float:
        return estimators.snips(drawn.by(family.chances(at))).value

    found, fisher = trust.uphill(drawn, family, at)
    by_hand = [(earned(at + one) - earned(at - one)) / 2e-5 for one in 1e-5 * np.eye(3)]
    assert found.tolist() == pytest.approx(by_hand, rel=1e-5)
    chances, slopes = family.chances(at), family.slopes(at)
    brute = sum(
        drawn.share[c] * chances[c, i] * np.outer(slopes[c, i], slopes[c, i]) for c in range(6) for i in range(8)
    )
    assert fisher == pytest.approx(brute)


def test_steps_find_the_source_that_tells_who_clicks_and_stay_where_the_log_is() -> None:
    drawn, family, true = planted(12_000)
    at, region = np.array([0.5, 0.0, 0.0]), Region(divergence=0.1)
    for night in range(3):
        at = trust.step(drawn, family, at, region, night)
    assert at[1] > 5 * max(abs(at[0] - 0.5), abs(at[2]))
    assert drawn.share @ (family.chances(at) * true).sum(axis=1) > 1.1 * drawn.reward.mean()
    assert drawn.divergence(family.chances(at)) <= 0.1


def test_slopes_of_what_is_drawn_by_a_belief_are_those_of_a_larger_step() -> None:
    rng = np.random.default_rng(2)
    said, able = rng.normal(-2, 0.5, (2, 6)), np.ones((2, 6), bool)
    family = ByBelief(rng.normal(size=(2, 6, 2)), able, said, 0 * said, np.full((2, 6), 0.8), np.ones(2))
    at, slopes = np.array([0.1, -0.2]), family.slopes(np.array([0.1, -0.2]))
    assert family.chances(at).sum(axis=1) == pytest.approx(1)
    for place, one in enumerate(0.02 * np.eye(2)):
        ratio = np.log(family.chances(at + one) / family.chances(at - one)) / 0.04
        assert slopes[..., place] == pytest.approx(ratio, abs=0.02)


@pytest.mark.parametrize("policy", [Weighted(LAST), Weighted(LAST, whole=True), WeightedLearned(LAST)])
def test_the_policies_that_are_learned_of_are_those_that_drew(policy: Weighted | WeightedLearned) -> None:
    """Each slot's chance, as the pipeline says it, is the one of its night's scores and weights."""
    assert len(list(nights(policy, 8, 3, 100))) == 3
    assert len(policy.memory.nights) == 3
    for night in policy.memory.nights:
        group, item, user, _, chance = night.slots
        assert night.logged.sum(axis=1) == pytest.approx(1)
        assert night.logged[group, item] == pytest.approx(chance, rel=1e-3)
        assert user.tolist() == list(range(100))


def test_before_they_move_weights_are_the_softmax_that_they_begin_at() -> None:
    softmax: Policy = Fixed({"policy": "softmax", "temperature": 0.25} | LAST)
    expected = list(nights(softmax, 7, 2, 100))
    for whole in (False, True):
        assert list(nights(Weighted(LAST, whole=whole, moves=False), 7, 2, 100)) == pytest.approx(expected)
