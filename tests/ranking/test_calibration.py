"""Probabilities against scikit-learn's curves, and against what was drawn."""

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from pipeline.arrays.falling import falling
from pipeline.ranking import calibration
from pipeline.ranking.calibration import Applied, Calibration, Chances, Fitted, ListedOdds, acting
from tests.planted import plant, window


def pairs(n: int = 20_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Log-odds, ranks, outcomes and their true probabilities."""
    rng = np.random.default_rng(seed)
    odds, rank = rng.normal(-2, 1.5, n), rng.integers(1, 51, n)
    truth = 1 / (1 + np.exp(-(0.3 + 0.8 * odds - 0.2 * np.log(rank))))
    return odds, rank, rng.random(n) < truth, truth


def test_rows_that_do_not_rise_are_scikit_learns_isotonic_regression_of_each():
    rng = np.random.default_rng(0)
    given = rng.random((50, 20))
    there = np.arange(20)[None, :] < rng.integers(0, 21, (50, 1))
    found = falling(given, there)
    for row, length in enumerate(there.sum(axis=1)):
        if length:
            expected = IsotonicRegression(increasing=False).fit_transform(np.arange(length), given[row, :length])
            assert found[row, :length] == pytest.approx(expected, abs=1e-6)
        assert not found[row, length:].any()
    assert (np.diff(np.where(there, found, 0), axis=1) <= 0).all()


def test_what_falls_already_stays():
    given = np.array([[0.9, 0.5, 0.5, 0.0], [1.0, 1.0, 0.2, 0.1]], dtype=np.float32)
    assert (falling(given, np.ones(given.shape, bool)) == given).all()
    assert falling(np.zeros((0, 3)), np.zeros((0, 3), bool)).shape == (0, 3)


def test_the_logistic_curve_is_scikit_learns():
    odds, rank, acted, truth = pairs()
    found = calibration.learn(odds, rank, acted, "platt")
    assert found is not None
    columns = np.column_stack([odds, np.log(rank)])
    expected = LogisticRegression(C=1e6).fit(columns, acted).predict_proba(columns)[:, 1]
    assert found.probability(odds, rank) == pytest.approx(expected, abs=1e-3)
    assert abs(found.probability(odds, rank) - truth).mean() < 0.01


def test_what_comes_later_in_a_list_is_never_the_likelier_for_its_place():
    """Where it was, on the pairs learned from, the curve is that of the log-odds alone."""
    rng = np.random.default_rng(4)
    odds, rank = rng.normal(-2, 1.5, 20_000), rng.integers(1, 51, 20_000)
    acted = rng.random(len(rank)) < 1 / (1 + np.exp(-(0.8 * odds + 0.3 * np.log(rank))))
    found = calibration.learn(odds, rank, acted, "platt")
    assert found is not None
    assert found.weights[2] == 0
    expected = LogisticRegression(C=1e6).fit(odds[:, None], acted).predict_proba(odds[:, None])[:, 1]
    assert found.probability(odds, rank) == pytest.approx(expected, abs=1e-3)


def test_the_steps_never_fall_and_are_near_the_truth():
    odds, rank, acted, truth = pairs()
    found = calibration.learn(odds, rank, acted, "isotonic")
    assert found is not None
    assert (np.diff(found.level) >= 0).all()
    assert abs(found.probability(odds, rank) - truth).mean() < 0.02
    assert Calibration(found.weights).z == ()


def test_pairs_alike_have_one_probability():
    """Where nothing tells them apart, as no ranker gives log-odds and the rank may not speak for what comes later."""
    rng = np.random.default_rng(5)
    rank = rng.integers(1, 51, 20_000)
    found = calibration.learn(np.zeros(len(rank)), rank, rng.random(len(rank)) < 0.001 * rank, "isotonic")
    assert found is not None
    assert found.probability(np.zeros(2), np.array([1, 50])) == pytest.approx(0.0255, abs=0.004)


def test_without_a_ranker_the_rank_speaks():
    _, rank, _, _ = pairs()
    acted = np.random.default_rng(1).random(len(rank)) < 0.4 / rank
    found = calibration.learn(np.zeros(len(rank)), rank, acted, "platt")
    assert found is not None
    first, tenth = found.probability(np.zeros(2), np.array([1, 10]))
    assert first == pytest.approx(0.4, abs=0.08)
    assert tenth == pytest.approx(0.04, abs=0.01)


def test_nobody_acted_is_nothing_learned():
    assert calibration.learn(np.zeros(3), np.arange(1, 4), np.zeros(3, bool), "platt") is None


def test_few_pairs_give_finite_probabilities():
    found = calibration.learn(np.array([9.0, -9.0]), np.array([1, 2]), np.array([True, False]), "platt")
    assert found is not None
    assert np.isfinite(found.weights).all()
    given = found.probability(np.array([500.0, -500.0]), np.array([1, 100]))
    assert ((given >= 0) & (given <= 1)).all()


def test_log_odds_are_looked_up_corrected_and_low_where_unlisted():
    listed = (np.array([[4, 2, -1], [1, 0, 3]]), np.array([[2.0, 1.0, -np.inf], [3.0, 0.5, 0.0]], np.float32))
    known = ListedOdds(listed, np.array([-1.0, 0.0], np.float32), 5)
    found = known.log_odds(np.array([[2, 4, 0], [3, -1, -1]]), np.array([0, 1]))
    assert found.tolist() == [[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]  # item 0 of user 0 is not listed: as the lowest
    assert not ListedOdds(None, np.zeros(0, np.float32), 5).log_odds(np.array([[1]]), slice(0, 1)).any()


def test_json_is_whole():
    fitted = Fitted(Calibration((1.0, 2.0, -0.5), (0.0, 1.0), (0.1, 0.2)), 0.25)
    assert Fitted.from_json(fitted.to_json()) == fitted
    assert Fitted.from_json(None) is None


def test_before_anything_is_learned_an_items_rate_stands_for_it(tmp_path):
    night = plant(tmp_path)
    cutoff = window(night, "publish")
    at = Applied("publish", cutoff, {"fusion": tmp_path})
    chances = Chances.of(None, acting(None, at, "all", night.config), at, "all", night.config)
    items = np.array([[5, 6, 7, -1]])
    found = chances.of_lists(items, slice(0, 1))
    buyers = cutoff.item_stats().column("buyers_28").to_numpy()
    expected = buyers[[5, 6, 7]] / cutoff.users * night.config.horizon_days / 28
    assert found[0, :3] == pytest.approx(IsotonicRegression(increasing=False).fit_transform(range(3), expected))
    assert found[0, 3] == 0
