"""Lists that keep a mix, against the paper's greedy done with dictionaries, one user at a time."""

from itertools import pairwise
from math import inf, log

import numpy as np
import pytest

from pipeline.arrays import mix
from tests.mixed_by_hand import by_hand, far

RNG = np.random.default_rng(11)
USERS, CANDIDATES, CATEGORIES, K = 40, 14, 5, 8


def candidates() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values that fall along a row, categories of which some are none, and mixes of which some are of nothing."""
    values = np.sort(RNG.random((USERS, CANDIDATES)) * 3, axis=1)[:, ::-1].copy()
    values[np.arange(CANDIDATES)[None, :] >= RNG.integers(0, CANDIDATES + 1, USERS)[:, None]] = -np.inf
    codes = RNG.integers(-1, CATEGORIES, values.shape)
    wanted = RNG.dirichlet([0.4] * CATEGORIES, USERS) * RNG.choice([0, 1, 1, 1], USERS)[:, None]
    wanted[:, 0] = np.where(RNG.random(USERS) < 0.3, 0, wanted[:, 0])
    total = wanted.sum(axis=1, keepdims=True)
    return values, codes, np.divide(wanted, total, out=np.zeros_like(wanted), where=total > 0)


VALUES, CODES, WANTED = candidates()
OF_EACH = np.where(CODES >= 0, np.take_along_axis(WANTED, np.maximum(CODES, 0), axis=1), 0)


def lists(strength: float, caps: list[tuple[np.ndarray, int]] | None = None, k: int = K) -> np.ndarray:
    return mix.calibrate(VALUES, CODES, OF_EACH, k, strength=strength, caps=caps or [])


@pytest.mark.parametrize("strength", [0.0, 0.2, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("most", [None, 2])
def test_lists_are_those_a_greedy_hand_would_make(strength: float, most: int | None) -> None:
    parity = np.broadcast_to(np.arange(CANDIDATES) % 2, VALUES.shape)
    found = lists(strength, None if most is None else [(parity, most)])
    for user, row in enumerate(found.tolist()):
        wanted = dict(enumerate(WANTED[user].tolist()))
        hand = by_hand(VALUES[user].tolist(), CODES[user].tolist(), wanted, strength, k=K, most=most or inf)
        assert row == hand + [-1] * (K - len(hand))


def test_without_strength_or_mix_the_order_stays() -> None:
    plain = np.where(np.isfinite(VALUES), np.arange(CANDIDATES), -1)[:, :K]
    assert lists(0.0).tolist() == plain.tolist()
    nobody = WANTED.sum(axis=1) == 0
    assert nobody.any()
    for strength in (0.5, 1.0):
        assert lists(strength)[nobody].tolist() == plain[nobody].tolist()


def test_more_strength_is_nearer_and_a_longer_list_begins_with_the_shorter() -> None:
    means = []
    for strength in (0.0, 0.1, 0.3, 0.5, 0.8, 1.0):
        found = lists(strength)
        assert lists(strength, k=3).tolist() == found[:, :3].tolist()
        listed = np.where(found >= 0, np.take_along_axis(CODES, np.maximum(found, 0), axis=1), -1)
        means.append(np.nanmean(mix.divergence(WANTED, listed)))
    assert all(after <= before for before, after in pairwise(means))
    assert means[-1] < 0.8 * means[0]


def test_divergence_is_the_papers() -> None:
    found = mix.divergence(WANTED, CODES[:, :K])
    for user, value in enumerate(found.tolist()):
        if WANTED[user].sum() == 0:
            assert np.isnan(value)
        else:
            assert value == pytest.approx(far(dict(enumerate(WANTED[user].tolist())), CODES[user, :K].tolist()))
    assert mix.divergence(np.array([[0.5, 0.5]]), np.array([[-1, -1]])) == pytest.approx([log(100)])
    even = mix.divergence(np.array([[1.0, 0.0]]), np.array([[0, -1, 0]]))
    assert even == pytest.approx([0.0])


def test_one_user_alone_gets_the_same_list() -> None:
    found = lists(0.5)
    for user in range(0, USERS, 7):
        one = slice(user, user + 1)
        alone = mix.calibrate(VALUES[one], CODES[one], OF_EACH[one], K, strength=0.5)
        assert alone.tolist() == found[one].tolist()
