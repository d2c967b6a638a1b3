"""Sides that are solved block by block are implicit's own, to the last bit."""

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix, random

from pipeline.arrays.factorisation import factorise
from pipeline.ground.errors import TrainingError
from pipeline.settings.config import Config
from pipeline.sources import shared_als

RNG = np.random.default_rng(7)


def confidences(users: int = 90, items: int = 40) -> csr_matrix:
    """A matrix with an empty row and an empty column."""
    matrix = random(users, items, 0.2, "lil", np.float32, random_state=RNG)
    matrix[3], matrix[:, 5] = 0, 0
    return csr_matrix(matrix)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_factors_are_those_of_implicit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    monkeypatch.setattr(shared_als, "ROWS", 16)
    matrix, begin = confidences(), RNG.random((40, 8), np.float32)
    expected = factorise(matrix, begin.copy(), 4, 0.3, 1)
    found = shared_als.factorise(matrix, begin.copy(), 4, 0.3, config=Config(workers=workers), folder=tmp_path)
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert not list(tmp_path.iterdir())


def test_a_matrix_without_pairs_leaves_the_factors_as_they_are(tmp_path: Path) -> None:
    begin = RNG.random((3, 2), np.float32)
    users, items = shared_als.factorise(
        csr_matrix((4, 3), dtype=np.float32), begin.copy(), 2, 1.0, config=Config(), folder=tmp_path
    )
    assert not users.any()
    np.testing.assert_array_equal(items, begin)


def test_factors_that_are_not_finite_are_an_error(tmp_path: Path) -> None:
    begin = np.full((40, 2), 1e20, dtype=np.float32)
    with pytest.raises(TrainingError, match=r"als\.reg"):
        shared_als.factorise(confidences(), begin, 2, 1.0, config=Config(), folder=tmp_path)


def test_only_a_cluster_shares_a_large_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = confidences()
    assert not shared_als.pays(matrix, Config(engine="spark"))
    monkeypatch.setattr(shared_als, "ENOUGH_PAIRS", 10)
    assert shared_als.pays(matrix, Config(engine="spark"))
    assert not shared_als.pays(matrix, Config(workers=4))
