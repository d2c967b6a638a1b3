"""First sales: recall and category popularity against hand-made tables, and newcomers are told from the rest."""

import numpy as np
import pytest
from scipy import sparse

from benchmarks import first_sales, scoring
from benchmarks.first_sales import Newcomers


def test_recall_counts_the_first_fifty_of_what_may_be_shown() -> None:
    scores = -np.arange(60, dtype=float)[None, :].repeat(2, axis=0)
    scores[1, :49] = -np.inf
    truth = np.zeros((2, 60), dtype=bool)
    truth[0, [0, 49, 50, 59]] = True
    truth[1, [3, 55]] = True
    np.testing.assert_allclose(scoring.recall_of_scores(scores, truth), [0.5, 0.5])


def test_a_category_is_the_last_word_and_an_unknown_one_has_the_mean() -> None:
    texts = ["RED MUG", "blue mug", "tall lamp", "green Mug", "odd thing", ""]
    known = np.array([True, True, True, False, False, False])
    found = first_sales.category_popularity(texts, np.array([4, 2, 9, 0, 0, 0]), known)
    assert found.tolist() == pytest.approx([3, 3, 9, 3, 5, 5])


def test_items_bought_before_are_left_out_only_among_everything() -> None:
    history = sparse.csr_matrix(np.array([[1, 0, 0, 0]], dtype=np.float32))
    night = Newcomers(
        texts=["a", "b", "c", "d"],
        new=np.array([2, 3]),
        history=history,
        recent=history,
        popularity=np.zeros(4),
        users=np.array([0]),
        truth=np.array([[True, False]]),
    )
    scores = np.array([[9.0, 3.0, 1.0, 2.0]])  # the true newcomer is second of the two
    assert first_sales.judge(night, scores) == pytest.approx((1 / np.log2(3), 1.0))
    assert first_sales.sold(history).tolist() == [1, 0, 0, 0]
