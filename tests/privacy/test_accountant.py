"""What noise costs, against sums written out and another accountant."""

import math
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest

from pipeline.privacy import accountant

PLD = [
    ([1.0], 1e-4, 3.8044359145451785),
    ([1.0], 1e-6, 4.886554124377032),
    ([0.8], 1e-5, 5.679586857552093),
    ([2.0, 3.0, 5.0], 1e-5, 2.5984444659926846),
    ([4.0] * 20, 1e-5, 4.983306481147262),
]
"""Noise multipliers of releases, delta, and epsilon by dp-accounting 0.6.0 (PLDAccountant, of GaussianDpEvents), which
wants older attrs than Airflow does: so it was asked in an environment of its own."""


@pytest.mark.parametrize(("multipliers", "delta", "epsilon"), PLD)
def test_epsilon_is_that_of_another_accountant(multipliers: list[float], delta: float, epsilon: float) -> None:
    mu = accountant.composed(1 / sigma for sigma in multipliers)
    assert accountant.epsilon_of(mu, delta) == pytest.approx(epsilon, rel=2e-4)
    assert accountant.epsilon_of(mu, delta) <= epsilon + 1e-9  # theirs rounds up


@pytest.mark.parametrize(("multipliers", "delta", "epsilon"), PLD)
def test_the_recorded_epsilons_are_that_accountants(multipliers: list[float], delta: float, epsilon: float) -> None:
    accounting = pytest.importorskip("dp_accounting")
    pld = pytest.importorskip("dp_accounting.pld")
    other = pld.PLDAccountant()
    for sigma in multipliers:
        other.compose(accounting.GaussianDpEvent(sigma))
    assert other.get_epsilon(delta) == pytest.approx(epsilon, rel=1e-6)


@pytest.mark.parametrize(("mu", "epsilon"), [(0.3, 0.1), (0.72, 3.0), (1.0, 0.0), (2.0, 10.0), (3.0, 1.0)])
def test_delta_is_the_integral_of_what_one_side_has_more_than_the_other(mu: float, epsilon: float) -> None:
    """Between N(mu, 1) and N(0, 1): the integral of max(0, p - e^epsilon q), by the trapezoid rule."""
    x = np.linspace(-15, 15 + mu, 400_001)
    p, q = np.exp(-((x - mu) ** 2) / 2), np.exp(-(x**2) / 2)
    more = np.maximum(0, p - math.exp(epsilon) * q) / math.sqrt(2 * math.pi)
    assert accountant.delta_of(mu, epsilon) == pytest.approx(np.trapezoid(more, x), rel=1e-6, abs=1e-15)


def test_delta_at_epsilon_zero_is_the_distance_of_two_normals() -> None:
    assert accountant.delta_of(1.4, 0.0) == pytest.approx(2 * NormalDist().cdf(0.7) - 1)


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 3.0, 10.0, 30.0])
@pytest.mark.parametrize("delta", [1e-3, 1e-5, 1e-8])
def test_the_noise_of_a_budget_costs_that_budget(epsilon: float, delta: float) -> None:
    mu = accountant.mu_of(epsilon, delta)
    assert accountant.epsilon_of(mu, delta) == pytest.approx(epsilon, rel=1e-6)
    shares = [0.1, 0.2, 0.7]
    multipliers = [accountant.multiplier(mu, share) for share in shares]
    assert accountant.composed(1 / sigma for sigma in multipliers) == pytest.approx(mu)


def test_little_noise_costs_much_and_nothing_costs_nothing() -> None:
    assert accountant.epsilon_of(0.0, 1e-5) == 0
    assert accountant.epsilon_of(1e-6, 1e-5) == 0  # delta alone pays for it
    assert accountant.epsilon_of(20.0, 1e-5) > 200
    assert math.isfinite(accountant.epsilon_of(1000.0, 1e-5))


@pytest.mark.parametrize("mu", [0.27, 0.72, 2.0])
def test_the_best_attack_names_the_right_one_of_two_logs(mu: float) -> None:
    """By drawing: with the person N(mu, 1), without N(0, 1), and the larger one is named."""
    rng = np.random.default_rng(0)
    right = np.mean(mu + rng.standard_normal(400_000) > rng.standard_normal(400_000))
    assert accountant.most_auc(mu) == pytest.approx(right, abs=3e-3)


def test_the_docs_costs_are_the_accountants() -> None:
    page = (Path(__file__).parents[2] / "docs" / "differential-privacy.md").read_text(encoding="utf-8")
    for fits in (1, 13, 30, 52, 365):
        costs = [accountant.epsilon_of(accountant.mu_of(one, 1e-5) * fits**0.5, 1e-5) for one in (1.0, 3.0)]
        assert f"| {fits} | {costs[0]:.1f} | {costs[1]:.1f} |" in page


def test_an_epsilon_beyond_anything_private_has_a_mu() -> None:
    assert accountant.mu_of(1e9, 1e-5) == accountant.MOST
