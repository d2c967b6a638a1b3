"""Pairs ranked within their rows, against Python's own sort."""

import numpy as np
import pytest

from pipeline.ranking.pairs import to_lists


def by_hand(rows: np.ndarray, items: np.ndarray, scores: np.ndarray, users: int, n: int) -> list[list[int]]:
    """The places of each row's list."""
    found: list[list[int]] = []
    for user in range(users):
        mine = [p for p in range(len(rows)) if rows[p] == user and np.isfinite(scores[p])]
        found.append(sorted(mine, key=lambda p: (-float(scores[p]), int(items[p])))[:n])
    return found


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("shuffled", [False, True])
def test_lists_fall_by_score_and_ties_go_by_item(kind: type, shuffled: bool) -> None:
    """Scores alike, of both signs, both zeros, the smallest and largest there are, none, and rows without a pair."""
    rng = np.random.default_rng(8)
    edge = np.array([0.0, -0.0, 1e-45, -1e-45, 3.4e38, -3.4e38, np.inf, -np.inf, np.nan])
    for _ in range(200):
        users, most = int(rng.integers(1, 9)), int(rng.integers(0, 12))
        sizes = rng.integers(0, most + 1, users)
        rows = np.repeat(np.arange(users), sizes)
        items = np.concatenate([np.empty(0, int), *(np.sort(rng.choice(40, size, replace=False)) for size in sizes)])
        scores = np.where(rng.random(len(rows)) < 0.4, rng.choice(edge, len(rows)), rng.integers(-2, 3, len(rows)) / 4)
        scores = scores.astype(kind)
        if shuffled:
            order = rng.permutation(len(rows))
            rows, items, scores = rows[order], items[order], scores[order]
        n = int(rng.integers(1, 6))
        listed, best, place = to_lists(rows, items, scores, users, n)
        for user, wanted in enumerate(by_hand(rows, items, scores, users, n)):
            pads = [-1] * (n - len(wanted))
            assert place[user].tolist() == wanted + pads
            assert listed[user].tolist() == [items[p] for p in wanted] + pads
            assert best[user, : len(wanted)].tolist() == scores[wanted].astype(np.float32).tolist()
            assert np.isneginf(best[user, len(wanted) :]).all()


def test_of_very_many_rows_the_order_is_the_same() -> None:
    rng = np.random.default_rng(9)
    rows = np.repeat(np.arange(70_000), 3)
    items = np.tile([1, 5, 9], 70_000)
    scores = rng.integers(0, 3, len(rows)).astype(np.float32)
    place = to_lists(rows, items, scores, 70_000, 3)[2]
    assert place.ravel().tolist() == np.lexsort((items, -scores, rows)).tolist()
