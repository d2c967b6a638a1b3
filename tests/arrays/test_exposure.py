"""What places are worth, how unequal amounts are and which items are the head, against sums by hand."""

from itertools import product
from math import log2

import numpy as np
import pytest

from pipeline.arrays.exposure import UNIT, gini, head, worth


def test_a_place_is_worth_dcgs_discount() -> None:
    np.testing.assert_allclose(worth(10) / UNIT, [1 / log2(rank + 1) for rank in range(1, 11)], atol=1e-9)


@pytest.mark.parametrize("amounts", [[1, 1, 1], [0, 0, 7], [3, 1, 4, 1, 5, 9, 2, 6], [0, 2, 2, 0]])
def test_gini_is_the_mean_difference_of_pairs_over_twice_the_mean(amounts: list[int]) -> None:
    pairs = [abs(a - b) for a, b in product(amounts, repeat=2)]
    mean = sum(amounts) / len(amounts)
    assert gini(np.array(amounts)) == pytest.approx(sum(pairs) / len(pairs) / (2 * mean))


def test_nothing_is_shared_out_evenly() -> None:
    assert gini(np.zeros(5, dtype=np.int64)) == gini(np.zeros(0, dtype=np.int64)) == 0


def test_the_head_is_the_fewest_items_that_make_up_the_share() -> None:
    assert head(np.array([5, 0, 40, 30, 25]), 0.5).tolist() == [False, False, True, True, False]
    assert head(np.array([1, 1, 1, 1]), 0.5).tolist() == [True, True, False, False]
    assert not head(np.zeros(3, dtype=int), 0.5).any()
