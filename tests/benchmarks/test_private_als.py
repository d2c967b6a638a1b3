"""The parts of the benchmark of private factors: what a person moves in the alternation, and a planted attack."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from benchmarks.private_als import alternating, attack
from benchmarks.private_als.alternating import Budget, Shape
from pipeline.arrays.private_moments import bounded, user_factors
from pipeline.privacy import accountant
from pipeline.privacy.noise import Noise
from pipeline.privacy.pseudonyms import Key
from tests.sources import shop

NOISE = Noise(Key(b"of a test: everybody knows it"), "test")


@pytest.mark.parametrize("user", range(4))
def test_a_whole_person_moves_each_sum_of_a_turn_by_exactly_one(user: int) -> None:
    rng = np.random.default_rng(user)
    weights = bounded(csr_matrix(np.where(rng.random((12, 20)) < 0.4, rng.random((12, 20)), 0)), 6)
    users = alternating.of_length_one(rng.standard_normal((12, 4)))
    there = (np.arange(12) != user)[:, None]
    left = (csr_matrix(weights.toarray() * there), users * there)
    pairs = zip(alternating.sums_for_items(weights, users), alternating.sums_for_items(*left), strict=True)
    assert [np.linalg.norm(one - other) for one, other in pairs] == pytest.approx([1, 1])


def test_no_eigenvalue_is_negative_and_others_stay() -> None:
    turned, _ = np.linalg.qr(np.random.default_rng(1).standard_normal((4, 4)))
    found = alternating.not_negative((turned * [3, 1, -2, -0.5]) @ turned.T)
    assert found == pytest.approx((turned * [3, 1, 0, 0]) @ turned.T)


def test_mere_noise_is_zero_and_much_more_than_noise_stays() -> None:
    rows = np.array([[0.5, 0.5], [100.0, 0.0], [0.0, 2.0]])
    assert alternating.shrunk(rows, 1.0) == pytest.approx(np.array([[0, 0], [99.98, 0], [0, 1.0]]))
    assert np.array_equal(alternating.shrunk(rows, 0.0), rows)


def test_without_noise_the_alternation_gives_back_the_boards_missing_squares() -> None:
    board = csr_matrix(shop.checkerboard(20))
    confidence = board * np.float32(5)
    shape = Shape(factors=2, iterations=6, reg=0.1, item_reg=0.1, contributions=20, tail=0.5, seed=0)
    items = alternating.item_factors(confidence, shape, Budget(0, 0, 0), NOISE, 1)
    scores = user_factors(confidence, items, 0.1, 1) @ items.T
    assert np.where(board.toarray() > 0, -np.inf, scores).argmax(axis=1).tolist() == list(range(20))


def test_auc_counts_pairs_and_half_of_ties() -> None:
    scores, positive = np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, True, False, True])
    assert attack.auc(scores, positive) == pytest.approx((1 + 0.5 + 1 + 1) / 4)


def test_the_attack_finds_what_is_planted_and_nothing_where_nothing_is() -> None:
    """Numbers that a person's presence moves by one deviation have the AUC of two such normals: Phi(1 / sqrt 2)."""
    rng = np.random.default_rng(2)
    there = rng.random((40, 800)) < 0.5
    blank = rng.standard_normal((40, 800))
    found = [
        np.mean([attack.auc(attack.likelihood_ratios(numbers, there, m), there[m]) for m in range(40)])
        for numbers in (blank, blank + there)
    ]
    assert found == pytest.approx([0.5, accountant.most_auc(1.0)], abs=0.02)


def test_factors_that_hold_everything_of_a_person_are_caught() -> None:
    """Of users who are all alone with their items, factors of the ALS say who was there."""
    alone = csr_matrix(np.kron(np.eye(12, dtype=np.float32), np.full((1, 6), 3, dtype=np.float32)))
    assert attack.attacked(alone, 12, attack.plain) > 0.9
    nothing = np.random.default_rng(0).standard_normal((72, 4)).astype(np.float32)
    assert attack.attacked(alone, 12, lambda half, model: nothing) == pytest.approx(0.5, abs=0.05)
