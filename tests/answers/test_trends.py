"""Trends against scipy's exact test, and against draws of nothing but chance."""

import numpy as np
import pytest
from scipy import stats

from pipeline.answers import trends

LATER, BEFORE = np.array([0, 3, 10, 40, 5, 1]), np.array([4, 3, 2, 3, 0, 1])


def test_intervals_and_chances_are_those_of_the_exact_test() -> None:
    low, high = trends.interval(LATER, BEFORE)
    chance = trends.chance(LATER, BEFORE)
    for n, (later, before) in enumerate(zip(LATER.tolist(), BEFORE.tolist(), strict=True)):
        exact = stats.binomtest(later, later + before, 0.5).proportion_ci(0.95, "exact")
        assert low[n] == pytest.approx(exact.low / (1 - exact.low))
        assert high[n] == (np.inf if exact.high == 1 else pytest.approx(exact.high / (1 - exact.high)))
        twice = 2 * min(stats.binom.cdf(later, later + before, 0.5), stats.binom.sf(later - 1, later + before, 0.5))
        assert chance[n] == pytest.approx(min(1, twice))


def test_directions_are_those_of_benjamini_and_hochberg() -> None:
    found = trends.directions(LATER, BEFORE)
    sure = stats.false_discovery_control(trends.chance(LATER, BEFORE)) <= 0.05
    assert (found != 0).tolist() == sure.tolist()
    assert found.tolist() == [0, 0, 0, 1, 0, 0]
    assert trends.directions(np.array([1]), np.array([30])).tolist() == [-1]
    assert trends.directions(np.zeros(0, int), np.zeros(0, int)).tolist() == []


def test_where_nothing_changes_hardly_ever_anything_is_said_to() -> None:
    rng = np.random.default_rng(0)
    wrong = [trends.directions(*rng.poisson(20, (2, 100))).any() for _ in range(300)]
    assert np.mean(wrong) < 0.05
