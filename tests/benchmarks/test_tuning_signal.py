"""The pairs that the rival learns from."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from benchmarks import tuning_signal


def test_pairs_are_of_one_user_and_drawn_by_weight() -> None:
    bought = csr_matrix(np.array([[1, 3, 0, 0], [0, 0, 5, 0], [0, 0, 2, 2], [0, 0, 0, 0]], dtype=np.float32))
    found = tuning_signal.pairs(bought, 40_000, np.random.default_rng(0))
    sets = {frozenset(pair) for pair in found.tolist()}
    assert sets == {frozenset({0, 1}), frozenset({2, 3})}
    # A pair of unequal items: 2 x 1/4 x 3/4 of the first user's half, 2 x 1/2 x 1/2 of the second's.
    share = np.mean([0 in pair for pair in found.tolist()])
    assert share == pytest.approx((3 / 8) / (3 / 8 + 1 / 2), abs=0.02)
