"""The best of every row are those that a stable sort of the whole row gives, whatever stands level."""

import numpy as np
import pytest

from pipeline.arrays import top_k


def sorted_rows(scores: np.ndarray, n: int, above: float) -> tuple[np.ndarray, np.ndarray]:
    """`top_n` by sorting everything."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :n]
    best = np.take_along_axis(scores, order, axis=1)
    taken = best > above
    return np.where(taken, order, -1), np.where(taken, best, -np.inf)


@pytest.mark.parametrize("width", [50, 437, 5_000])
@pytest.mark.parametrize("levels", [1, 3, 40, 10_000])
@pytest.mark.parametrize("above", [-np.inf, 0.0])
def test_ties_go_to_the_lower_index(width: int, levels: int, above: float) -> None:
    rng = np.random.default_rng(width + levels)
    scores = rng.integers(-2, levels, (70, width)).astype(np.float32)
    scores[rng.random(scores.shape) < 0.2] = -np.inf
    scores[:3] = -np.inf
    items, best = top_k.top_n(scores, 40, above)
    expected = sorted_rows(scores, 40, above)
    np.testing.assert_array_equal(items, expected[0])
    np.testing.assert_array_equal(best, expected[1])


def test_columns_that_are_copies_of_each_other_are_all_level() -> None:
    """As the scores of items with the same text: of each kind 30 of a row of 6,000 are equal, more than are listed."""
    kinds = np.random.default_rng(0).random((200, 200), dtype=np.float32)
    scores = kinds[:, np.random.default_rng(1).permutation(6_000) % 200]
    items, best = top_k.top_n(scores, 100)
    expected = sorted_rows(scores, 100, -np.inf)
    np.testing.assert_array_equal(items, expected[0])
    np.testing.assert_array_equal(best, expected[1])
