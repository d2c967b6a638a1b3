"""Prices of exposure: against lists sorted by hand, and against every way to give out a few places."""

from itertools import permutations, product

import numpy as np
import pytest

from pipeline.arrays import attention
from pipeline.arrays.exposure import gini, worth

RNG = np.random.default_rng(7)
USERS, CANDIDATES, ITEMS, K = 60, 12, 30, 5


def candidates() -> tuple[np.ndarray, np.ndarray]:
    """Users who want much the same items, some of them hardly anything."""
    appeal = np.sort(RNG.random(ITEMS))[::-1] ** 2
    wants = appeal[None, :] * RNG.uniform(0.7, 1.3, (USERS, ITEMS)) * RNG.choice([0.02, 0.5], (USERS, 1))
    items = np.argsort(-wants, axis=1)[:, :CANDIDATES].astype(np.int32)
    values = np.take_along_axis(wants, items, axis=1).astype(np.float32)
    short = np.arange(CANDIDATES)[None, :] >= RNG.integers(3, CANDIDATES + 1, USERS)[:, None]
    return np.where(short, -1, items), np.where(short, -np.inf, values).astype(np.float32)


def exposure(items: np.ndarray, values: np.ndarray, may: np.ndarray, price: np.ndarray) -> tuple[np.ndarray, float]:
    """The exposure of everybody's lists, and their value, one user at a time."""
    found, total = np.zeros(ITEMS, dtype=np.int64), 0.0
    for row, value in zip(items.tolist(), values.tolist(), strict=True):
        open_ = [(float(np.float32(v) - price[i]), v, i) for v, i in zip(value, row, strict=True) if i >= 0 and may[i]]
        for place, (_, v, item) in enumerate(sorted(open_, key=lambda one: -one[0])[:K]):
            found[item] += worth(K)[place]
            total += v
    return found, total


def test_lists_are_sorted_by_value_less_price_and_equals_stay() -> None:
    items, values = np.array([[4, 2, 0, 1, -1]]), np.array([[0.5, 0.5, 0.4, 0.1, -np.inf]], np.float32)
    price = np.array([0.0, 0, 0.2, 0, 0.2], np.float32)
    assert attention.order(items, values, price).tolist() == [[2, 0, 1, 3, 4]]
    assert attention.order(items, values, np.zeros(5, np.float32)).tolist() == [[0, 1, 2, 3, 4]]


def test_more_strength_shares_attention_out_more_evenly_at_a_higher_cost() -> None:
    items, values = candidates()
    may = np.arange(ITEMS) != 3
    unequal, worths = [], []
    for strength in (0, 0.25, 0.5, 1.0):
        shown, total = exposure(items, values, may, attention.prices(items, values, may, K, strength))
        assert shown[3] == 0
        unequal.append(gini(shown[may]))
        worths.append(total)
    assert unequal == sorted(unequal, reverse=True)
    assert worths == sorted(worths, reverse=True)
    assert unequal[2] < 0.9 * unequal[0]
    assert worths[2] > 0.95 * worths[0], "those lose who have least to lose"


def test_at_its_prices_no_other_lists_of_the_same_exposure_are_worth_more() -> None:
    """Three users, one place each: the dual's lists against all 27."""
    items = np.array([[0, 1, 2], [0, 2, 1], [0, 1, 2]])
    values = np.array([[0.9, 0.2, 0.1], [0.5, 0.45, 0.1], [0.6, 0.3, 0.2]], np.float32)
    price = attention.prices(items, values, np.ones(3, bool), 1, 0.5)
    chosen = [int(items[u, attention.order(items[[u]], values[[u]], price)[0, 0]]) for u in range(3)]
    worths = [dict(zip(items[u].tolist(), values[u].tolist(), strict=True)) for u in range(3)]
    same = {one for one in product(range(3), repeat=3) if sorted(one) == sorted(chosen)}
    assert same == set(permutations(chosen))
    best = max(sum(worths[u][item] for u, item in enumerate(one)) for one in same)
    assert sum(worths[u][item] for u, item in enumerate(chosen)) == pytest.approx(best)
    assert len(set(chosen)) > 1


def test_blocks_of_any_size_give_the_same_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    items, values = candidates()
    whole = attention.prices(items, values, np.ones(ITEMS, bool), K, 0.5)
    monkeypatch.setattr(attention, "CELLS", 1)
    np.testing.assert_allclose(attention.prices(items, values, np.ones(ITEMS, bool), K, 0.5), whole, rtol=1e-6)


def test_without_strength_or_lists_nothing_is_paid() -> None:
    items, values = candidates()
    assert not attention.prices(items, values, np.ones(ITEMS, bool), K, 0.0).any()
    assert not attention.prices(items[:0], values[:0], np.ones(ITEMS, bool), K, 1.0).any()
    assert not attention.prices(items, values, np.zeros(ITEMS, bool), K, 1.0).any()


def test_of_many_lists_some_say_what_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    items, values = candidates()
    monkeypatch.setattr(attention, "SAMPLE", 20)
    rows = np.linspace(0, USERS - 1, 20).astype(int)
    some = attention.prices(items[rows], values[rows], np.ones(ITEMS, bool), K, 0.5)
    assert (attention.prices(items, values, np.ones(ITEMS, bool), K, 0.5) == some).all()


@pytest.mark.parametrize("least", [0.2, 0.5, 0.8])
def test_a_group_gets_its_least_share_at_nearly_the_least_cost(least: float) -> None:
    users = 500
    of_both = np.stack([RNG.uniform(0.2, 1, users), RNG.uniform(0, 0.8, users)], axis=1)  # one item of each group
    order = np.argsort(-of_both, axis=1)
    lists = order.astype(np.int32), np.take_along_axis(of_both, order, axis=1).astype(np.float32)
    code, shares = np.array([0, 1, -1]), np.array([0, least])
    free, may = np.zeros(3, dtype=np.float32), np.array([True, True, False])
    price = attention.supported(lists, may, 1, (code, shares), free)
    first = np.take_along_axis(lists[0], attention.order(*lists, price)[:, :1], axis=1)[:, 0]
    plain = (lists[0][:, 0] == 1).mean()
    assert (first == 1).mean() >= max(least, plain)
    # the cheapest way: those who lose least by it are shown the second item
    gain = np.sort(of_both[:, 1] - of_both[:, 0])[::-1]
    cheapest = of_both[:, 0].sum() + gain[: max(int(np.ceil(1.03 * least * users)), int((gain > 0).sum()))].sum()
    assert of_both[np.arange(users), first].sum() >= cheapest - 1e-6
    assert price[2] == 0, "of no group"
    if plain >= least * attention.AIM:
        assert price.tolist() == free.tolist()


def test_what_candidates_do_not_have_cannot_be_given() -> None:
    lists = np.zeros((20, 1), dtype=np.int32), np.full((20, 1), 0.5, dtype=np.float32)
    asked = np.array([0, 1]), np.array([0.0, 0.5])
    price = attention.supported(lists, np.array([True, True]), 1, asked, np.zeros(2, np.float32))
    assert np.isfinite(price).all()


def test_what_cannot_be_given_to_one_group_is_given_to_the_others() -> None:
    """The third group is in nobody's candidates, the fourth in those of few: the second gets its share all the same."""
    users = 200
    values = np.tile(np.array([[0.9, 0.5, 0.4]], dtype=np.float32), (users, 1)) + RNG.uniform(-0.2, 0.2, (users, 3))
    items = np.tile(np.array([[0, 1, 3]], dtype=np.int32), (users, 1))
    items[10:, 2] = -1
    code, least = np.arange(4), np.array([0.0, 0.3, 0.3, 0.3])
    lists = items, values.astype(np.float32)
    price = attention.supported(lists, np.ones(4, dtype=bool), 1, (code, least), np.zeros(4, dtype=np.float32))
    first = np.take_along_axis(items, attention.order(*lists, price)[:, :1], axis=1)[:, 0]
    assert (first == 1).mean() >= 0.29
    assert (first == 3).sum() == 10
