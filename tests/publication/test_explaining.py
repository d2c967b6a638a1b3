"""Which rows tell of shares."""

import numpy as np
import pytest

from pipeline.publication.explaining import folded


def test_what_is_small_is_told_together_and_what_rounding_loses_is_with_it() -> None:
    shares = np.array([[1.0, -0.04, 0.03, 0.7, 0.0], [0.0, 0.0, 2.0, -0.5, 0.0], [0.01, 0.0, 0.3, 0.0, 0.0]])
    place, driver, adds = folded(shares, shares.sum(axis=1), 0, 0.05)
    assert list(zip(place.tolist(), driver.tolist(), strict=True)) == [
        (0, 0), (0, 3), (0, 4), (1, 0), (1, 2), (1, 3), (2, 0), (2, 2)
    ]  # fmt: skip
    assert adds.tolist() == pytest.approx([1.0, 0.7, -0.01, 0.0, 2.0, -0.5, 0.01, 0.3], abs=1e-7)
    assert adds.dtype == np.float32
    every = folded(shares, shares.sum(axis=1), 0, 0.0)
    assert len(every[0]) == 4 + 3 + 2
    nothing = folded(np.array([[1.0, 0.03, -0.03, 0.0]]), np.array([1.0]), 0, 0.05)
    assert [one.tolist() for one in nothing] == [[0], [0], [1.0]]
