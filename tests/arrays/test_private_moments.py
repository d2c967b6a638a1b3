"""What a person moves is bounded as promised, sums are those written out, and a planted taste is found beside noise."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from pipeline.arrays import private_moments as private
from pipeline.arrays.private_moments import Bounds, Deviations
from tests.sources import shop

SILENT = Deviations(0, 0)


class Drawn:
    """Noise of a seed that everybody knows; it keeps what was asked for."""

    def __init__(self, seed: int = 0) -> None:
        self.rng, self.asked = np.random.default_rng(seed), list[tuple[int, ...]]()

    def normal(self, *shape: int) -> np.ndarray:
        self.asked.append(shape)
        return self.rng.standard_normal(shape)

    def symmetric(self, size: int) -> np.ndarray:
        square = self.normal(size, size)
        return (square + square.T) / 2


def history(users: int, items: int, seed: int = 11) -> csr_matrix:
    rng = np.random.default_rng(seed)
    found = np.where(rng.random((users, items)) < 0.4, rng.random((users, items)) * 9, 0)
    return csr_matrix(found.astype(np.float32))


def test_the_largest_values_are_kept_and_one_unit_long() -> None:
    matrix = csr_matrix(np.array([[3, 0, 4, 1], [0, 0, 0, 0], [2, 2, 0, 2], [0, 5, 0, 0]], dtype=np.float32))
    expected = [[0.6, 0, 0.8, 0], [0, 0, 0, 0], [0.5**0.5, 0.5**0.5, 0, 0], [0, 1, 0, 0]]
    assert private.bounded(matrix, 2).toarray() == pytest.approx(np.array(expected))


def test_counts_are_of_kept_items_each_alike() -> None:
    matrix = csr_matrix(np.array([[9, 1, 0, 0], [3, 2, 1, 0], [0, 0, 1, 0]], dtype=np.float32))
    assert private.counted(matrix, 2) == pytest.approx([2 * 0.5**0.5, 2 * 0.5**0.5, 1, 0])


def test_moments_are_the_sum_over_users() -> None:
    rows = private.bounded(history(9, 5), 3)
    expected = sum(np.outer(row, row) for row in rows.toarray())
    assert private.second_moments(rows) == pytest.approx(np.asarray(expected))


@pytest.mark.parametrize("user", range(6))
def test_a_whole_person_moves_each_release_by_exactly_one(user: int) -> None:
    """With and without one user, over all items together: the neighbours of the guarantee. No less noise would do."""
    matrix = history(12, 20)
    there = np.arange(12) != user
    without = csr_matrix(matrix.toarray() * there[:, None])
    counts = private.counted(matrix, 6) - private.counted(without, 6)
    assert np.linalg.norm(counts) == pytest.approx(1)
    scale = np.random.default_rng(user).random(20)  # whatever the noised counts make of it
    moments = [private.second_moments(private.bounded(csr_matrix(m.multiply(scale)), 6)) for m in (matrix, without)]
    assert np.linalg.norm(moments[0] - moments[1]) == pytest.approx(1)


def test_eigenvalues_beside_noise_are_brought_back() -> None:
    """Eight directions of known strength in noise of which the largest eigenvalue is 200."""
    size, deviation, strengths = 400, 5.0, np.arange(250.0, 650.0, 50.0)
    vectors, _ = np.linalg.qr(np.random.default_rng(1).standard_normal((size, 8)))
    noised = (vectors * strengths) @ vectors.T + deviation * Drawn().symmetric(size)
    found = private.beside_noise(np.linalg.eigvalsh(noised), deviation, size)
    assert np.count_nonzero(found) in (8, 9)  # noise alone just reaches its edge
    assert found[-8:] == pytest.approx(strengths, rel=0.06)


def test_without_noise_eigenvalues_stay() -> None:
    assert private.beside_noise(np.array([-1.0, 0.0, 2.0, 7.0]), 0.0, 4).tolist() == [0, 0, 2, 7]


def test_factors_are_the_leading_eigenvectors() -> None:
    matrix = history(60, 9)
    bounds = Bounds(contributions=5, items=9, factors=3, tail=0.0, damping=2.0)
    found = private.item_factors(matrix, bounds, SILENT, Drawn())
    moments = sum(np.outer(row, row) for row in private.bounded(matrix, 5).toarray())
    values, vectors = np.linalg.eigh(moments)
    values, vectors = values[::-1][:3], vectors[:, ::-1][:, :3]
    expected = (vectors * (values / (values + 2.0))) @ vectors.T  # signs are chance, and gone in the product
    assert found @ found.T == pytest.approx(expected * (9 / np.trace(expected)), abs=1e-5)
    assert (found.sum(axis=0) >= 0).all()


def test_items_that_take_no_part_are_zero() -> None:
    matrix = csr_matrix(np.array([[1, 1, 0, 0]] * 5 + [[1, 0, 1, 0]] * 3 + [[0, 0, 0, 1]], dtype=np.float32))
    bounds = Bounds(contributions=5, items=2, factors=4, tail=0.5, damping=1.0)
    found = private.item_factors(matrix, bounds, SILENT, Drawn())
    assert found.any(axis=1).tolist() == [True, True, False, False]


def test_mere_noise_makes_no_factors() -> None:
    bounds = Bounds(contributions=5, items=40, factors=4, tail=0.5, damping=1.0)
    found = private.item_factors(history(3, 40), bounds, Deviations(100.0, 1000.0), Drawn(3))
    assert found.shape == (40, 1)
    assert not found.any()


def test_two_releases_are_all_that_is_noised() -> None:
    noise = Drawn()
    bounds = Bounds(contributions=5, items=6, factors=4, tail=0.5, damping=1.0)
    private.item_factors(history(30, 20), bounds, Deviations(0.1, 0.1), noise)
    assert noise.asked == [(20,), (6, 6)]


def test_a_users_factors_solve_the_users_own_system() -> None:
    matrix, items = history(6, 8), np.random.default_rng(5).standard_normal((8, 3)).astype(np.float32)
    found = private.user_factors(matrix, items, 0.7, 2)
    for user, row in enumerate(matrix.toarray()):
        weight = np.where(row > 0, row, 1)
        left = (items * weight[:, None]).T @ items + 0.7 * np.eye(3)
        assert found[user] == pytest.approx(np.linalg.solve(left, items.T @ row), abs=1e-4)


def test_a_users_factors_say_nothing_of_others() -> None:
    matrix, items = history(6, 8), np.random.default_rng(5).standard_normal((8, 3)).astype(np.float32)
    assert np.array_equal(
        private.user_factors(matrix, items, 0.7, 2)[2], private.user_factors(matrix[2], items, 0.7, 1)[0]
    )


def test_a_board_gives_back_its_missing_squares() -> None:
    board = csr_matrix(np.tile(shop.checkerboard(20), (40, 1)))
    bounds = Bounds(contributions=20, items=20, factors=2, tail=0.15, damping=1.0)
    items = private.item_factors(board, bounds, Deviations(1.0, 1.0), Drawn())
    users = private.user_factors(board, items, 0.1, 1)
    scores = np.where(board.toarray() > 0, -np.inf, users @ items.T)
    own = scores[np.arange(800), np.tile(np.arange(20), 40)]
    assert (own > np.where(np.isfinite(scores), scores, -9).mean(axis=1)).all()
    assert (scores.argmax(axis=1) == np.tile(np.arange(20), 40)).mean() > 0.9
