"""Each customer is judged by the factors of the own branch, and means are over nights."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from benchmarks import federated
from benchmarks.federated import Night


def night() -> Night:
    """Four customers of two branches, who come back to what they had, and take one item more."""
    had = np.array([[1, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 1, 0, 1]], dtype=np.float32)
    known = had > 0
    later = np.array([[1, 0, 0, 0], [0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 0]], dtype=bool)
    branch = np.array([0, 1, 0, 1])
    return Night(csr_matrix(5 * had), branch, np.arange(4), list("abcd"), known, later, np.zeros((4, 4), bool))


def test_alone_each_customer_is_judged_by_the_own_branchs_factors() -> None:
    board = np.array([[1, 0], [0, 1], [1, 0], [0, 1]], dtype=np.float32)
    nothing = np.zeros_like(board)
    everything, new = federated.measure(night(), {"pooled": [board], "alone": [board, nothing]}, reg=0.1)
    np.testing.assert_array_equal(everything["alone"], everything["pooled"] * [1, 0, 1, 0])
    assert everything["pooled"].min() > 0.5
    assert np.isnan(new["pooled"]).tolist() == [True, False, False, True], "a and d came back to what they had"


def test_a_branchs_mean_is_of_its_own_customers() -> None:
    values = {"pooled": np.array([1, 0.5, 0, np.nan]), "federated": np.array([1, 0.7, 0.2, np.nan])}
    found = federated.summary([(night(), values), (night(), values)], 0)
    assert (found["lists"], found["customers"]) == (4, 2)
    assert found["ndcg"] == pytest.approx({"pooled": 0.5, "federated": 0.6})
    assert federated.summary([(night(), values)], 1)["lists"] == 1
