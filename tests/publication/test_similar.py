"""Similar items against brute force."""

import numpy as np
import pytest

from pipeline.arrays import nearest
from pipeline.publication import similar


def brute_force(vectors: np.ndarray, query: int, candidates: list[int], k: int) -> list[int]:
    def cosine(other: int) -> float:
        lengths = np.linalg.norm(vectors[query]) * np.linalg.norm(vectors[other])
        return float(vectors[query] @ vectors[other] / lengths) if lengths else 0.0

    scored = [(-cosine(c), c) for c in candidates if c != query and cosine(c) > 0]
    return [item for _, item in sorted(scored)[:k]]


@pytest.mark.parametrize("cells", [2**25, 7])
def test_neighbours_are_those_of_brute_force(monkeypatch: pytest.MonkeyPatch, cells: int) -> None:
    monkeypatch.setattr(nearest, "SCORES_PER_BLOCK", cells)
    rng = np.random.default_rng(0)
    factors, vectors = rng.standard_normal((2, 40, 6))
    factors[3], vectors[4], vectors[5, 0] = 0, 0, np.nan
    sold, shown = rng.random(40) < 0.6, rng.random(40) < 0.8
    sold[[3, 4, 5]] = True, False, False
    items, cosines = similar.similar_items(factors, vectors, sold, shown, 5)
    clean = np.where(np.isfinite(vectors).all(axis=1, keepdims=True), vectors, 0)
    warm = sold & factors.any(axis=1)
    for item in range(40):
        space, usable = (factors, shown & warm) if warm[item] else (clean, shown & clean.any(axis=1))
        expected = brute_force(space, item, np.flatnonzero(usable).tolist(), 5)
        assert items[item].tolist() == expected + [-1] * (5 - len(expected))
    assert (items[4] == -1).all()
    assert (cosines[:, 1:] <= cosines[:, :-1]).all()


def test_nothing_to_choose_from() -> None:
    zero = np.zeros((3, 2))
    items, cosines = similar.similar_items(zero, zero, np.ones(3, bool), np.ones(3, bool), 2)
    assert (items == -1).all()
    assert np.isneginf(cosines).all()
