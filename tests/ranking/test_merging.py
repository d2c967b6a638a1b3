"""Merging against the formulas, one user and one item at a time."""

import numpy as np
import pytest

from pipeline.arrays import top_k
from pipeline.ranking import merging

USERS, ITEMS, N = 7, 30, 8


@pytest.fixture
def members() -> list[tuple[np.ndarray, np.ndarray]]:
    """Three members' lists; the third is short for some users."""
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(3, USERS, ITEMS)).astype(np.float32)
    scores[2, :3, 4:] = -np.inf
    return [top_k.top_n(s, N) for s in scores]


def brute(members, per_member) -> dict[tuple[int, int], float]:
    """Sum over members of per_member(member, user, rank or None), for every listed pair."""
    found = {(u, int(i)) for items, _ in members for u in range(USERS) for i in items[u] if i >= 0}
    result = {}
    for user, item in found:
        total = 0.0
        for number, (items, _) in enumerate(members):
            place = np.flatnonzero(items[user] == item)
            total += per_member(number, user, int(place[0]) + 1 if len(place) else None)
        result[user, item] = total
    return result


def as_dict(merged: merging.Members, scores: np.ndarray) -> dict[tuple[int, int], float]:
    pairs = zip(merged.pairs.rows.tolist(), merged.pairs.items.tolist(), strict=True)
    return dict(zip(pairs, scores.tolist(), strict=True))


def test_reciprocal_rank_and_borda_are_their_formulas(members):
    merged = merging.gather(np.arange(USERS, dtype=np.int32), ITEMS, members)
    expected = brute(members, lambda m, u, rank: 1 / (60 + rank) if rank else 0)
    assert as_dict(merged, merging.reciprocal_rank(merged, 60)) == pytest.approx(expected)
    expected = brute(members, lambda m, u, rank: N + 1 - rank if rank else 0)
    assert as_dict(merged, merging.borda(merged)) == pytest.approx(expected)


def test_weighted_average_of_standardised_scores(members):
    weights = [0.5, 0.3, 0.2]

    def part(member: int, user: int, rank: int | None) -> float:
        scores = members[member][1][user].astype(float)
        scores = scores[np.isfinite(scores)]
        z = (scores - scores.mean()) / scores.std()
        return weights[member] * (z[rank - 1] if rank else z.min())

    merged = merging.gather(np.arange(USERS, dtype=np.int32), ITEMS, members)
    assert as_dict(merged, merging.weighted(merged, np.array(weights))) == pytest.approx(brute(members, part), abs=1e-5)


def test_a_row_without_spread_is_zero():
    scores = np.array([[2.0, 2.0, -np.inf], [-np.inf] * 3], dtype=np.float32)
    assert merging.standardise(scores).tolist() == [[0.0, 0.0, -np.inf], [-np.inf] * 3]


@pytest.mark.parametrize(("number", "step", "size"), [(1, 0.1, 1), (2, 0.1, 11), (3, 0.1, 66), (4, 0.25, 35)])
def test_the_simplex_is_whole_and_starts_near_equal(number, step, size):
    grid = merging.simplex(number, step)
    assert len(set(grid)) == size
    assert all(sum(w) == pytest.approx(1) and min(w) >= 0 for w in grid)
    assert max(abs(part - 1 / number) for part in grid[0]) <= step


def test_shrinkage_moves_weights_to_equal():
    assert merging.shrink((1.0, 0.0), 0.0).tolist() == [1.0, 0.0]
    assert merging.shrink((1.0, 0.0), 0.5).tolist() == [0.75, 0.25]
    assert merging.shrink((1.0, 0.0), 1.0).tolist() == [0.5, 0.5]


def worth(weights: tuple[float, ...]) -> float:
    """A smooth hill whose top lies on the grid."""
    return -sum((w - top) ** 2 for w, top in zip(weights, (0.5, 0.3, 0.2, 0.0, 0.0, 0.0, 0.0), strict=False))


@pytest.mark.parametrize("number", [3, 4, 7])
def test_the_search_finds_the_best_weights_however_many_members(number):
    looked_at = []

    def gains(grid) -> np.ndarray:
        looked_at.extend(grid)
        return np.array([worth(weights) for weights in grid])

    best = merging.best_weights(number, 0.1, gains)
    assert sum(best) == pytest.approx(1)
    reached = min(worth(w) - worth(best) for w in [(*(0.5, 0.3, 0.2), *[0.0] * (number - 3))])
    assert reached <= 0.02
    assert len(looked_at) <= 20 * number * number  # the whole grid of 7 has 8,008 points


def test_equals_are_settled_by_equal_weights():
    assert merging.best_weights(6, 0.1, lambda grid: np.zeros(len(grid))) == (1 / 6,) * 6
    assert merging.best_weights(2, 0.5, lambda grid: np.zeros(len(grid))) == (0.5, 0.5)


def test_a_transfer_moves_one_step():
    around = merging.transfers((0.5, 0.5, 0.0), 0.1)
    assert around[0] == (0.5, 0.5, 0.0)
    assert set(around[1:]) == {(0.4, 0.6, 0.0), (0.4, 0.5, 0.1), (0.6, 0.4, 0.0), (0.5, 0.4, 0.1)}
