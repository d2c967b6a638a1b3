"""Tastes: against sums over single pairs, and towards 1 where little is known."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.features.attributes import Words
from pipeline.features.read import read_cutoffs
from pipeline.features.tastes import PRIOR, Tastes
from tests.sources import shop

USERS, ITEMS = 40, 12


def planted(home: Path) -> tuple[np.ndarray, Words, Tastes]:
    """[U, I] who had what, the users' words, and the tastes that are counted from a folder."""
    rng = np.random.default_rng(3)
    had = (rng.random((USERS, ITEMS)) < 0.3).astype(np.float32)
    had[:, 11] = 0
    code = rng.integers(-1, 3, USERS).astype(np.int32)
    (cutoff,) = read_cutoffs(shop.write_features(home, {shop.NIGHT: had}))
    words = Words(("a", "b", "c", "d"), code)  # nobody has d
    return had, words, Tastes.read(cutoff, words)


def test_a_ratio_is_what_was_had_over_what_was_expected(tmp_path: Path) -> None:
    had, words, tastes = planted(tmp_path)
    users, items = (part.ravel() for part in np.indices((USERS, ITEMS)))
    found = tastes.ratios_at(users, items).reshape(USERS, ITEMS)
    known = had[words.code >= 0]
    for user in range(USERS):
        if words.code[user] < 0:
            assert np.isnan(found[user]).all()
            continue
        alike = had[words.code == words.code[user]]
        for item in range(ITEMS):
            expected = alike.sum() * known[:, item].sum() / known.sum()
            assert found[user, item] == pytest.approx((alike[:, item].sum() + PRIOR) / (expected + PRIOR), rel=1e-5)
    assert (found[words.code >= 0, 11] == 1).all(), "of what nobody had nothing is said"


def test_the_ratios_of_words_are_those_of_their_users(tmp_path: Path) -> None:
    _, words, tastes = planted(tmp_path)
    for code in range(3):
        user = np.flatnonzero(words.code == code)[0]
        pairs = tastes.ratios_at(np.full(ITEMS, user), np.arange(ITEMS))
        assert tastes.ratios(np.array([code]))[0] == pytest.approx(pairs, rel=1e-6)
    assert tastes.ratios(np.array([3]))[0] == pytest.approx(1), "a word that nobody has"


def test_a_large_prior_says_nothing(tmp_path: Path) -> None:
    _, _, tastes = planted(tmp_path)
    assert tastes.ratios(np.arange(3), prior=1e9) == pytest.approx(1)
