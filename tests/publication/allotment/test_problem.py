"""What users take at given prices, against every set that they could take."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from pipeline.publication.allotment import problem as allotment
from pipeline.publication.allotment.problem import Limit, Problem, respond
from tests.publication.allotment.world import KINDS, best_by_integers, world


def best_set(reduced: np.ndarray, groups: np.ndarray, k: int, per_group: int) -> float:
    """What the best set of one user is worth."""
    best = 0.0
    for size in range(1, k + 1):
        for chosen in map(list, combinations(range(len(reduced)), size)):
            codes = groups[chosen][groups[chosen] >= 0]
            if not len(codes) or np.bincount(codes).max() <= per_group:
                best = max(best, reduced[chosen].sum())
    return best


def random_users(seed: int) -> tuple[np.ndarray, np.ndarray, int, int]:
    rng = np.random.default_rng(seed)
    reduced = rng.normal(0.3, 1, (20, 7))
    reduced[rng.random(reduced.shape) < 0.2] = -np.inf
    groups = rng.integers(-1, 3, reduced.shape).astype(np.int32)
    return reduced, groups, int(rng.integers(1, 5)), int(rng.integers(1, 3))


@pytest.mark.parametrize("seed", range(12))
def test_a_user_takes_the_best_set(seed: int) -> None:
    reduced, groups, k, per_group = random_users(seed)
    taken, _ = respond(reduced, groups, k, per_group)
    for row, chosen, codes in zip(reduced, taken, groups, strict=True):
        assert chosen.sum() <= k
        assert row[chosen].sum() == pytest.approx(best_set(np.maximum(row, -99), codes, k, per_group))


@pytest.mark.parametrize("seed", range(12))
def test_an_item_is_taken_above_what_is_said_and_not_below(seed: int) -> None:
    reduced, groups, k, per_group = random_users(seed)
    _, needed = respond(reduced, groups, k, per_group)
    assert (needed >= 0).all()
    for row, column in zip(*np.nonzero(reduced > -np.inf), strict=True):
        for change, expected in ((1e-6, True), (-1e-6, False)):
            changed = reduced[[row]].copy()
            changed[0, column] = needed[row, column] + change
            assert respond(changed, groups[[row]], k, per_group)[0][0, column] == expected


@pytest.mark.parametrize("kind", KINDS)
def test_no_assignment_is_worth_more_than_the_bound_at_any_prices(kind: str) -> None:
    rng = np.random.default_rng(3)
    found = world(rng, 8, 4, (kind,), items=6)
    best = best_by_integers(found)
    for _ in range(20):
        prices = np.append(rng.exponential(0.1, len(found.most) - 1), 0)
        assert allotment.bound(found, prices) >= best - 1e-9


def test_what_may_not_be_given_is_worth_nothing() -> None:
    """No item, nothing that anybody pays for, less than the reserve, an unknown cost, one row more than there is."""
    items = np.array([[-1, 0, 1, 2, 3, 4, 5]], dtype=np.int32)
    values = np.array([np.nan, 0.0, 0.1, 1.0, 1.0, 1.0])
    limit = Limit(np.arange(6, dtype=np.int32), np.full(6, 2.0), np.array([1, 1, 1, np.nan, 3.0, 2.0]))
    found = Problem(items, np.full(items.shape, 0.5, np.float32), values, (limit,), 7, reserve=0.1)
    assert (found.pairs(slice(0, 1)).worth > -np.inf).tolist() == [[False] * 6 + [True]]


def test_sums_are_the_same_in_blocks_of_any_size() -> None:
    found = world(np.random.default_rng(1), 50, 5, KINDS, items=9)
    prices = np.append(np.full(len(found.most) - 1, 0.05), 0)
    chosen = np.random.default_rng(2).random(found.items.shape) < 0.5
    chosen &= found.pairs(np.arange(50)).worth > -np.inf
    for size in (1, 7, 50):
        other = replace(found, block=size)
        assert allotment.bound(other, prices) == allotment.bound(found, prices)
        assert allotment.used(other, chosen).tobytes() == allotment.used(found, chosen).tobytes()
        assert allotment.worth_of(other, chosen) == allotment.worth_of(found, chosen)
