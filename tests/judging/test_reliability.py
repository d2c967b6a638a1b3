"""Calibration error, Brier score and log loss against tables made by hand."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss

from pipeline.judging import reliability


def test_by_hand():
    given = np.array([0.1, 0.1, 0.1, 0.1, 0.8, 0.8, 0.8, 0.8])
    came = np.array([0, 0, 0, 1, 1, 1, 1, 0], dtype=bool)
    found = reliability.measure(given, came, bins=2)
    assert found is not None
    assert found.predicted == pytest.approx([0.1, 0.8])
    assert found.observed == pytest.approx([0.25, 0.75])
    assert found.count.tolist() == [4, 4]
    assert found.error == pytest.approx((0.15 + 0.05) / 2)
    assert found.brier == pytest.approx((3 * 0.01 + 0.81 + 3 * 0.04 + 0.64) / 8)
    assert found.base_brier == pytest.approx(0.25)
    assert found.base_log_loss == pytest.approx(np.log(2))


def test_scores_are_scikit_learns():
    rng = np.random.default_rng(0)
    given = rng.beta(1, 8, 5000)
    came = rng.random(5000) < given
    found = reliability.measure(given, came)
    assert found is not None
    assert found.brier == pytest.approx(brier_score_loss(came, given))
    assert found.log_loss == pytest.approx(log_loss(came, given))
    assert found.error < 0.02  # what is drawn from the probabilities bears them out
    assert found.brier < found.base_brier
    assert found.count.sum() == 5000
    assert (np.diff(found.predicted) > 0).all()
    halved = reliability.measure(given / 2, came)
    assert halved is not None
    assert halved.error == pytest.approx(given.mean() / 2, abs=0.01)


def test_equal_probabilities_share_a_bin_and_certainty_costs_much():
    found = reliability.measure(np.array([1.0, 1.0, 1.0]), np.array([True, True, False]))
    assert found is not None
    assert found.count.tolist() == [3]
    assert found.error == pytest.approx(1 / 3)
    assert 1 < found.log_loss < 10
    assert reliability.measure(np.zeros(0), np.zeros(0, bool)) is None
