"""The linear bandit's closed form against a direct solve, and its bounds against what they promise."""

import numpy as np
import pytest

from benchmarks.exploration.linear import Ridge


def test_the_closed_form_is_least_squares_with_a_ridge() -> None:
    rng = np.random.default_rng(3)
    features, weight = rng.normal(size=(60, 4)), rng.integers(1, 5, 60).astype(float)
    reward = features @ [1.0, -2.0, 0.5, 0.0] + rng.normal(0, 0.1, 60)
    found = Ridge.nothing(4, 2.0).seen(features[:25], reward[:25], weight[:25])
    found = found.seen(features[25:], reward[25:], weight[25:])
    rows = np.concatenate([np.sqrt(weight)[:, None] * features, np.sqrt(2.0) * np.eye(4)])
    wanted = np.concatenate([np.sqrt(weight) * reward, np.zeros(4)])
    (direct, *_) = np.linalg.lstsq(rows, wanted, rcond=None)
    asked = rng.normal(size=(7, 4))
    mean, deviation = found.expected(asked)
    assert mean == pytest.approx(asked @ direct)
    assert deviation**2 == pytest.approx(np.diag(asked @ np.linalg.inv(rows.T @ rows) @ asked.T))
    assert found.upper(asked, 1.5) == pytest.approx(mean + 1.5 * deviation)


def test_older_nights_count_less() -> None:
    one = np.ones((1, 1))
    found = Ridge.nothing(1).seen(one, np.array([1.0]), np.array([10.0])).seen(one, np.array([0.0]), np.ones(1), 0.5)
    assert found.expected(one)[0] == pytest.approx(5 / (0.5 * 11 + 1))
