"""What it costs an item to be shown much, so that the attention of all lists together is shared out more evenly.

A list is the user's best items by value. Where every item pays a price for what it is shown already, over all users'
lists together, those who lose least by it get something else: the price is one for all, the values are their own. That
is the dual of the linear program of most value under limits on exposure, which is solved without its primal: lists by
value less price, prices by the exposure that these lists give, and again.

Source: Singh & Joachims, Fairness of Exposure in Rankings, KDD 2018 (limits on exposure as a linear program);
    Bertsekas, Nonlinear Programming, 1999, 6.3 (subgradients of the dual).
"""

from dataclasses import dataclass

import numpy as np

from pipeline.arrays.blocks import blocks
from pipeline.arrays.exposure import worth

ROUNDS = 8
"""How often lists and prices are made in turn."""
LEAST_STEP = 0.15
"""How much the newest exposure counts in a price, at least: at first a half, then a third, ..."""
TURNS, STEP, AIM, MOST = 32, 0.5, 1.01, 20.0
"""How often lists and payments to groups are made in turn; by how many mean values a payment rises at first where all
of a share is lacking; how much more than the least is aimed at; and how many mean values are paid at most."""
LACKING = 100
"""Parts of its least share in which it is told how much a group lacks."""
FASTER, SLOWER = 1.5, 0.5
"""What a group's next step is of its last, where it goes on in the same direction, and where it turns."""
SAMPLE = 50_000
"""Of more lists so many, evenly spaced, say what is shown how much."""
CELLS = 2**20
"""Candidates that are sorted at a time; about 40 bytes each."""


def prices(items: np.ndarray, values: np.ndarray, may: np.ndarray, k: int, strength: float) -> np.ndarray:
    """What each item's exposure costs it in the lists by value less price, float32 [I].

    A price rises with the share of the items that are shown less, which is the slope of the Gini coefficient of
    exposure: from nothing for what nobody is shown to `strength` times a unit for what is shown most. The unit is the
    mean value of what the lists show without prices, so that a strength says the same in every shop.

    Args:
        items: [T, n] candidates, best first, -1 pads.
        values: [T, n] what showing each is worth to its user, such as the probability that the user acts on it.
        may: bool [I], what may be shown; candidates that may not are passed by.
        k: how many places count.
        strength: 0 for no prices.
    """
    free = np.zeros(len(may), dtype=np.float32)
    if not len(items) or not may.any() or not strength:
        return free
    lists = _Lists(items, values, may, k)
    exposure, mean = lists.shown(free)
    unit = np.float32(strength * mean)
    found = _slope(exposure, may)
    for turn in range(ROUNDS):
        step = np.float32(max(LEAST_STEP, 1 / (turn + 2)))
        found = (1 - step) * found + step * _slope(lists.shown(unit * found)[0], may)
    return np.asarray(unit * found, dtype=np.float32)


def supported(
    lists: tuple[np.ndarray, np.ndarray],
    may: np.ndarray,
    k: int,
    groups: tuple[np.ndarray, np.ndarray],
    price: np.ndarray,
) -> np.ndarray:
    """Prices that give every group of items its least share of all exposure, at the least cost in value: float32 [I].

    A group that is shown too little is paid for: its items cost less, all alike, by the multiplier of its constraint in
    the dual of the linear program, found by the shortfall that is left (projected subgradients, whose steps grow while
    they go one way). Of all turns that one counts whose worst group lacks least, to a hundredth of what it is to have,
    of those the one whose next worst does, and so on, so that what cannot be given to one group is no loss for another;
    of such as lack the same the one whose lists are worth most.

    Args:
        lists: everybody's candidates and their values, [T, n] each, as of `prices`.
        may, k: as of `prices`.
        groups: [I] int codes, -1 of none; and [G] the least share of each, 0 for none.
        price: [I] float32, what items cost before.
    Source: Singh & Joachims, KDD 2018 (limits on the exposure of groups); Bertsekas, as above.
    """
    everybody, (code, least) = _Lists(*lists, may, k), groups
    exposure, mean = everybody.shown(price)
    unit, charged, best, key = np.float32(mean), price, price, ([np.inf], 0.0)
    paid = np.zeros(len(least) + 1)  # the last is of no group, which the code -1 reads
    steps, before = np.full(len(least), STEP), np.zeros(len(least))
    for _ in range(TURNS):
        share = np.bincount(code + 1, exposure, minlength=len(least) + 1)[1:] / max(int(exposure.sum()), 1)
        short = np.divide(least * AIM - share, least, out=np.zeros(len(least)), where=least > 0)
        lacking = np.sort(np.ceil(np.maximum(short, 0) * LACKING) / LACKING)[::-1].tolist()
        if (found := (lacking, -mean)) < key:
            key, best = found, charged
        steps = steps * np.where(short * before > 0, FASTER, np.where(short * before < 0, SLOWER, 1))
        paid[:-1] = np.clip(paid[:-1] + steps * np.clip(short, -1, 1), 0, MOST)
        before = short
        charged = price - unit * paid.astype(np.float32)[code]
        exposure, mean = everybody.shown(charged)
    return np.asarray(best, dtype=np.float32)


def mean_value(items: np.ndarray, values: np.ndarray, may: np.ndarray, k: int) -> float:
    """The mean value of what everybody's lists show in their first k places, 0 where they show nothing: the unit in
    which a setting says the same in every shop. Arguments as of `prices`.
    """
    return _Lists(items, values, may, k).shown(np.zeros(len(may), dtype=np.float32))[1]


def order(items: np.ndarray, values: np.ndarray, price: np.ndarray) -> np.ndarray:
    """The columns of each row by value less price, the highest first, of equals as they stood: int64 [B, n]; pads last.

    Args:
        items: [B, n], -1 pads; values: [B, n]; price: [I].
    """
    net = np.where(items >= 0, values.astype(np.float32) - price[items], -np.inf)
    return np.argsort(-net, axis=1, kind="stable")


@dataclass(frozen=True)
class _Lists:
    """Everybody's candidates, as `prices` has them."""

    items: np.ndarray
    values: np.ndarray
    may: np.ndarray
    k: int

    def shown(self, price: np.ndarray) -> tuple[np.ndarray, float]:
        """int64 [I] exposure of the lists that the prices give, and the mean value of what they show."""
        rows = np.linspace(0, len(self.items) - 1, min(len(self.items), SAMPLE)).astype(np.int64)
        exposure, total, places, value_of = np.zeros(len(self.may), dtype=np.int64), 0.0, 0, worth(self.k)
        for block in blocks(len(rows), max(1, CELLS // max(1, self.items.shape[1]))):
            items, values = (np.asarray(array[rows[block]]) for array in (self.items, self.values))
            items = np.where((items >= 0) & self.may[items], items, -1)
            best = order(items, values, price)[:, : self.k]
            taken = np.take_along_axis(items, best, axis=1)
            there = taken >= 0
            np.add.at(exposure, taken[there], np.broadcast_to(value_of[: taken.shape[1]], taken.shape)[there])
            total += float(np.take_along_axis(values, best, axis=1)[there].sum(dtype=np.float64))
            places += int(there.sum())
        return exposure, total / max(places, 1)


def _slope(exposure: np.ndarray, may: np.ndarray) -> np.ndarray:
    """float32 [I], the share of the items that may be shown and have less exposure; 0 for what may not."""
    ascending = np.sort(exposure[may])
    less = np.searchsorted(ascending, exposure, side="left") / len(ascending)
    return np.where(may, less, 0).astype(np.float32)
