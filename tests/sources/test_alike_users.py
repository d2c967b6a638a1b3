"""Neighbours of users of whom many have the same profile: against loops, ties by index, and how much is compared."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from pipeline.arrays import top_k
from pipeline.sources import user_knn


def profiles(rng: np.random.Generator, passers: int, items: int = 5) -> np.ndarray:
    """[U, I]: regulars with several items, each twice, users of one item each, and some with nothing, in any order."""
    regulars = np.repeat(np.where(rng.random((6, items)) < 0.6, rng.random((6, items)), 0), 2, axis=0)
    of_one = np.eye(items)[rng.integers(0, items, passers)] * rng.choice([0.25, 1, 3], (passers, 1))
    return rng.permutation(np.concatenate([regulars, of_one, np.zeros((2, items))])).astype(np.float32)


def plain(matrix: np.ndarray, among: np.ndarray, user: int, neighbours: int) -> dict[int, float]:
    """Places and weights of a user's neighbours, by a loop over the references."""
    unit = user_knn.normalised(csr_matrix(matrix)).toarray()
    cosines = {place: float(unit[other] @ unit[user]) for place, other in enumerate(among) if other != user}
    best = sorted(cosines, key=lambda place: (-round(cosines[place], 5), place))[:neighbours]
    kept = {place: cosines[place] for place in best if cosines[place] > 0}
    return {place: cosine / sum(kept.values()) for place, cosine in kept.items()}


@pytest.mark.parametrize("seed", range(8))
def test_users_who_are_alike_have_the_neighbours_they_would_have_alone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = profiles(rng, passers=20)
    among = np.sort(rng.choice(len(matrix), 18, replace=False))
    for neighbours in (1, 4, 40):
        search = user_knn.Neighbourhood(csr_matrix(matrix)[among], among, neighbours)
        for users in (np.arange(len(matrix)), rng.permutation(len(matrix))[:7]):  # the second finds what is remembered
            found = search.of(users, csr_matrix(matrix)[users]).toarray()
            for row, user in enumerate(users):
                expected = np.zeros(len(among))
                for place, weight in plain(matrix, among, int(user), neighbours).items():
                    expected[place] = weight
                assert found[row] == pytest.approx(expected, abs=1e-5)


def compared(monkeypatch: pytest.MonkeyPatch, passers: int, kept: int | None = None) -> int:
    """How many profiles are compared with the references, for lists of everybody made in blocks of 10."""
    rows: list[int] = []
    best = top_k.top_n

    def counted(scores: np.ndarray, *args: object, **named: object) -> tuple[np.ndarray, np.ndarray]:
        rows.append(len(scores))
        return best(scores, *args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(top_k, "top_n", counted)
    if kept is not None:
        monkeypatch.setattr(user_knn, "KEPT", kept)
    matrix = csr_matrix(profiles(np.random.default_rng(3), passers))
    search = user_knn.Neighbourhood(matrix, np.arange(matrix.shape[0]), 3)
    for start in range(0, matrix.shape[0], 10):
        users = np.arange(start, min(start + 10, matrix.shape[0]))
        search.of(users, matrix[users])
    monkeypatch.undo()
    return sum(rows)


def test_as_many_profiles_are_compared_however_many_users_have_them(monkeypatch: pytest.MonkeyPatch) -> None:
    few, many = compared(monkeypatch, passers=50), compared(monkeypatch, passers=500)
    assert few == many <= 6 + 5 + 1  # regulars, items, and nothing


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert compared(monkeypatch, passers=50) < compared(monkeypatch, passers=50, kept=4 * 2) < 58
    assert compared(monkeypatch, passers=50, kept=0) > 30  # once a block all the same
