"""Assignments against every one that there is, against integer programmes, and against what they must keep."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.publication.allotment.problem import Limit, Problem
from pipeline.publication.allotment.solving import allot
from tests.publication.allotment.world import KINDS, best_by_integers, best_of_all, keeps, world

COUNTS = (("capacity",), ("all",), ("capacity", "all"))


@pytest.mark.parametrize("seed", range(6))
def test_a_few_rows_are_the_best_of_all_assignments(seed: int) -> None:
    small = world(np.random.default_rng(seed), 3, 4, ("capacity", "all"), items=5)
    found = allot(small)
    assert keeps(small, found.chosen)
    assert found.worth == pytest.approx(best_of_all(small))


@pytest.mark.parametrize("kinds", COUNTS)
@pytest.mark.parametrize("seed", range(3))
def test_with_counts_alone_nothing_is_missing(kinds: tuple[str, ...], seed: int) -> None:
    shop = world(np.random.default_rng(seed), 60, 6, kinds, items=15)
    found = allot(shop)
    assert found.worth == pytest.approx(best_by_integers(shop), rel=1e-7)
    assert found.gap < 1e-7


@pytest.mark.parametrize("kinds", [("cost",), ("spend",), ("capacity", "cost")])
def test_with_costs_little_is_missing_and_the_bound_says_how_much(kinds: tuple[str, ...]) -> None:
    shop = world(np.random.default_rng(2), 200, 8, kinds, items=20)
    found = allot(shop)
    assert keeps(shop, found.chosen)
    assert found.gap < 0.01
    assert found.worth <= found.bound * (1 + 1e-9)


@pytest.mark.parametrize("kinds", [*COUNTS, ("cost",), ("spend",), ("capacity", "cost")])
@pytest.mark.few(2)
def test_a_sample_and_the_descent_come_near_the_whole_programme(kinds: tuple[str, ...]) -> None:
    shop = world(np.random.default_rng(4), 400, 8, kinds, items=20)
    whole, parts = allot(shop), allot(shop, largest=shop.items.size // 8)
    assert keeps(shop, parts.chosen)
    assert parts.bound >= whole.worth * (1 - 1e-9)
    assert parts.worth > 0.985 * whole.worth
    assert parts.gap < 0.02


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    users=st.integers(1, 25),
    candidates=st.integers(1, 6),
    kinds=st.lists(st.sampled_from(KINDS), unique=True).map(tuple),
    k=st.integers(1, 4),
    tight=st.sampled_from([0.001, 0.1, 0.5, 5.0]),
    split=st.sampled_from([1, 3]),
)
def test_no_limit_is_ever_exceeded(
    *, seed: int, users: int, candidates: int, kinds: tuple[str, ...], k: int, tight: float, split: int
) -> None:
    shop = world(np.random.default_rng(seed), users, candidates, kinds, items=8, k=k, tight=tight)
    found = allot(shop, largest=max(1, shop.items.size // split))
    assert keeps(shop, found.chosen)
    assert found.worth <= found.bound * (1 + 1e-9) + 1e-12
    assert (found.prices >= 0).all()


@pytest.mark.parametrize("largest", [10**6, 200])
def test_the_assignment_is_the_same_in_blocks_of_any_size(largest: int) -> None:
    shop = world(np.random.default_rng(6), 120, 6, ("capacity", "cost"), items=15)
    first = allot(shop, largest)
    for size in (1, 17, 120):
        other = allot(replace(shop, block=size), largest)
        assert other.chosen.tobytes() == first.chosen.tobytes()
        assert other.prices.tobytes() == first.prices.tobytes()
        assert (other.worth, other.bound) == (first.worth, first.bound)


def test_a_lopsided_shop() -> None:
    """All want one item that ten may have, a second one that nobody may have, and there is a third without end."""
    users = 3000
    items = np.tile(np.array([0, 1, 2], np.int32), (users, 1))
    chances = np.tile(np.array([0.9, 0.8, 0.001], np.float32), (users, 1))
    chances[:, 0] -= np.linspace(0, 0.1, users, dtype=np.float32)
    limit = Limit(np.array([0, 1, -1], np.int32), np.array([10.0, 0.0]), np.ones(3))
    shop = Problem(items, chances, np.ones(3), (limit,), 1)
    for largest in (10**6, 500):
        found = allot(shop, largest)
        assert found.chosen.sum(axis=0).tolist() == [10, 0, users - 10]
        assert found.chosen[:10, 0].all()
        assert found.gap < 1e-3


def test_a_greedy_list_is_beaten_where_users_compete() -> None:
    """One takes the coupon that another needs: the likelier first gets .9 + 0, together they can have .8 + .85."""
    items = np.array([[0, 1], [0, -1]], np.int32)
    chances = np.array([[0.9, 0.8], [0.85, 0]], np.float32)
    shop = Problem(items, chances, np.ones(2), (Limit(np.arange(2, dtype=np.int32), np.ones(2), np.ones(2)),), 1)
    found = allot(shop)
    assert found.chosen.tolist() == [[False, True], [True, False]]
    assert found.worth == pytest.approx(1.65, rel=1e-6)
    assert found.prices[0] == pytest.approx(0.1, abs=0.76)  # between what the first and the second would pay for it


@pytest.mark.parametrize("shape", [(0, 3), (4, 3)])
def test_nothing_to_give(shape: tuple[int, int]) -> None:
    limit = Limit(np.zeros(1, np.int32), np.array([5.0]), np.ones(1))
    found = allot(Problem(np.full(shape, -1, np.int32), np.zeros(shape, np.float32), np.ones(1), (limit,), 2))
    assert (found.chosen.shape, found.chosen.sum(), found.worth, found.gap) == (shape, 0, 0, 0)
