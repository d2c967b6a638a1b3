"""Uplift learners and the Qini curve on users whose true uplift is known."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from pipeline.policies.uplift import Learner, Trial, cross_fitted, fit, qini, qini_curve, qini_difference

LEARNERS: tuple[Learner, ...] = ("t", "x", "dr")


def shop(seed: int, users: int = 8000) -> tuple[Trial, np.ndarray, np.ndarray]:
    """A trial, the chances without the coupon and the uplift: who buys anyway gains nothing, some are put off."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(users, 4))
    chance = 1 / (1 + np.exp(1.5 - 1.5 * features[:, 0]))
    uplift = np.where(features[:, 0] < 0, 0.25 / (1 + np.exp(-3 * features[:, 1])) - 0.05, 0.0)
    propensity = np.where(features[:, 2] > 0, 0.7, 0.4)
    treated = rng.random(users) < propensity
    outcome = (rng.random(users) < np.clip(chance + treated * uplift, 0, 1)).astype(np.float64)
    return Trial(features, treated, outcome, propensity), chance, uplift


def area_of(score: np.ndarray, uplift: np.ndarray) -> float:
    """The true area, by summing the curve user by user."""
    curve = np.append(0, np.cumsum(uplift[np.argsort(-score, kind="stable")])) / len(score)
    line = np.linspace(0, curve[-1], len(curve))
    return float(np.mean((curve - line)[:-1] + (curve - line)[1:]) / 2)


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.few(1)
def test_a_ranking_by_uplift_beats_one_by_probability(learner: Learner) -> None:
    trial, chance, uplift = shop(1)
    found = cross_fitted(trial, learner)
    assert np.corrcoef(found, uplift)[0, 1] > 0.5
    difference = qini_difference(trial, found, chance)
    assert difference.low > 0
    assert area_of(found, uplift) > 0.6 * area_of(uplift, uplift) > 0 > area_of(chance, uplift)


@pytest.mark.parametrize("learner", LEARNERS)
def test_linear_effects_are_found(learner: Learner) -> None:
    rng = np.random.default_rng(5)
    features = rng.normal(size=(4000, 2))
    treated = rng.random(4000) < 0.5
    outcome = features[:, 1] + treated * (1 + 2 * features[:, 0]) + rng.normal(0, 0.1, 4000)
    trial = Trial(features, treated, outcome, np.full(4000, 0.5))
    found = cross_fitted(trial, learner, make=LinearRegression)
    assert found == pytest.approx(1 + 2 * features[:, 0], abs=0.2)


@pytest.mark.parametrize("learner", LEARNERS)
def test_nobody_is_judged_by_a_model_that_knows_the_outcome(learner: Learner) -> None:
    """Of pure noise a learner that has seen a user's own outcome seems to know the uplift."""
    rng = np.random.default_rng(2)
    noise = Trial(rng.normal(size=(3000, 3)), rng.random(3000) < 0.5, rng.normal(size=3000), np.full(3000, 0.5))
    knowing = fit(noise, learner).uplift(noise.features, noise.propensity)
    assert qini(noise, knowing, resamples=300).low > 0
    assert qini(noise, cross_fitted(noise, learner), resamples=300).low < 0


def test_the_curve_is_the_sum_of_effects() -> None:
    outcome, treated = np.array([1.0, 0, 1, 1]), np.array([True, False, False, True])
    trial = Trial(np.zeros((4, 1)), treated, outcome, np.array([0.5, 0.5, 0.5, 0.25]))
    shares, gains = qini_curve(trial, np.array([4, 3, 2, 1]))
    assert shares.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert gains.tolist() == [0, 0.5, 0.5, 0, 1]
    tied = qini_curve(trial, np.array([2, 2, 1, 1]))
    assert [side.tolist() for side in tied] == [[0, 0.5, 1], [0, 0.5, 1]]
    assert qini(trial, np.array([4, 3, 2, 1])).value == pytest.approx(np.trapezoid(gains, shares) - 0.5)
    assert qini(trial, np.zeros(4)).value == 0


def test_the_area_is_right_in_the_mean_and_its_interval_holds() -> None:
    estimates, held = [], 0
    for seed in range(100):
        trial, chance, uplift = shop(seed, users=1500)
        score = uplift + 0.1 * chance
        truth = area_of(score, uplift)
        found = qini(trial, score, resamples=200, seed=seed)
        estimates.append(found.value - truth)
        held += found.low <= truth <= found.high
    assert abs(np.mean(estimates)) < 3 * np.std(estimates) / 10
    assert held >= 88


def test_the_same_users_give_the_same_numbers() -> None:
    trial, _, _ = shop(3, users=1000)
    one, other = (cross_fitted(trial, "dr", seed=4) for _ in range(2))
    assert one.tobytes() == other.tobytes()
    assert qini(trial, one, seed=1) == qini(trial, one, seed=1)


def test_who_cannot_teach_is_refused() -> None:
    trial, _, _ = shop(1, users=20)
    with pytest.raises(ValueError, match="a propensity must be above 0"):
        Trial(trial.features, trial.treated, trial.outcome, np.ones(20))
    alone = Trial(trial.features, np.arange(20) == 3, trial.outcome, trial.propensity)
    with pytest.raises(ValueError, match="nobody who was treated"):
        cross_fitted(alone, "t", make=LinearRegression)
