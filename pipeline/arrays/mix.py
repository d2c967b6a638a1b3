"""Lists that keep a mix: as much of each category as somebody's history has, against how good the items are.

How far a list is from a mix p is KL(p || q), q the shares of the categories in the list, where a place counts with
DCG's discount. A list that lacks a category would be infinitely far from it, so a little of q is p (SMOOTHING).

Source: Steck, Calibrated Recommendations, RecSys 2018, eqs. 3, 6 and 7, and its greedy maximisation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SMOOTHING = 0.01
"""The share of p in q, as the paper has it: who misses all of p is log(100) = 4.6 nats from it."""


def divergence(wanted: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """float64 [B] nats, KL(p || (1 - SMOOTHING) q + SMOOTHING p) of lists; nan where p is of nothing.

    Args:
        wanted: float64 [B, C] p, whose rows sum to 1, or to 0 where nothing is known.
        codes: int [B, k] categories of the lists' items, best first; -1: a pad, or an item of no category, as if its
            place were not there.
    """
    worth = np.broadcast_to(1 / np.log2(np.arange(2, codes.shape[1] + 2)), codes.shape)
    held, there = np.zeros(wanted.shape), codes >= 0
    np.add.at(held, (np.nonzero(there)[0], codes[there]), worth[there])
    total = held.sum(axis=1, keepdims=True)
    shares = np.divide(held, total, out=np.zeros_like(held), where=total > 0)
    near = SMOOTHING * wanted + (1 - SMOOTHING) * shares
    each = wanted * np.log(np.divide(wanted, near, out=np.ones_like(wanted), where=wanted > 0))
    return np.asarray(np.where(wanted.sum(axis=1) > 0, each.sum(axis=1), np.nan))


def calibrate(
    values: np.ndarray,
    codes: np.ndarray,
    wanted: np.ndarray,
    k: int,
    *,
    strength: float,
    caps: Sequence[tuple[np.ndarray, int]] = (),
) -> np.ndarray:
    """The next item is good and brings the list nearer to the mix, place by place; of equals the first.

    Each step takes the candidate with the highest (1 - strength) x value - strength x KL(p || q) of the list with it.
    An item of no category changes nothing in q. Where all of p is 0 the best is taken.

    Args:
        values: float64 [B, n] of candidates; -inf: may not be taken.
        codes: int [B, n] their categories, -1 for none.
        wanted: float64 [B, n] what p has of the candidate's category; 0 where it has none.
        k: how many are taken.
        strength: the paper's lambda, 0 to 1.
        caps: int [B, n] groups of the candidates, -1 for none, and how many of one may be taken.
    Returns:
        int64 [B, min(k, n)] columns of the candidates, -1 at the end where nothing may be taken.
    """
    rows, n = np.arange(len(values)), values.shape[1]
    free, wanted = np.isfinite(values), np.where(codes >= 0, wanted, 0)
    good = np.where(free, (1 - strength) * np.where(free, values, 0), -np.inf)
    counts = [np.zeros(values.shape, dtype=np.int32) for _ in caps]
    order = np.full((len(values), min(k, n)), -1, dtype=np.int64)
    held = _Held.nothing(codes, wanted)
    for step in range(order.shape[1]):
        worth = 1 / np.log2(step + 2)
        taken = np.where(free, good + strength * held.nearer(worth), -np.inf).argmax(axis=1)
        there = free[rows, taken]
        order[there, step] = taken[there]
        free[rows, taken] = False
        held.take(rows, taken, there, worth)
        for (groups, most), count in zip(caps, counts, strict=True):
            own = groups[rows, taken][:, None]
            np.add(count, there[:, None] & (groups == own) & (own >= 0), out=count)
            free &= count < most
    return order


@dataclass(frozen=True)
class _Held:
    """What lists hold so far, by candidate.

    Attributes:
        codes, wanted: as of `calibrate`; unwanted: 1 where p has nothing of the category, so that 0 divides nothing.
        mass: [B, n] what the places of the candidate's category are worth; total: [B, 1] of all categories.
        first: bool [B, n], what was taken as the first of its category: each category that is held, once.
    """

    codes: np.ndarray
    wanted: np.ndarray
    unwanted: np.ndarray
    mass: np.ndarray
    total: np.ndarray
    first: np.ndarray

    @classmethod
    def nothing(cls, codes: np.ndarray, wanted: np.ndarray) -> "_Held":
        """Of empty lists."""
        mass, total = np.zeros(codes.shape), np.zeros((len(codes), 1))
        return cls(codes, wanted, (wanted <= 0).astype(np.float64), mass, total, np.zeros(codes.shape, dtype=bool))

    def nearer(self, worth: float) -> np.ndarray:
        """[B, n] by how much less KL(p || q) is with each candidate at the next place; the same constant less for all.

        With an item of a category, all others' shares fall, whichever it is: that is what all are spared but those of
        no category. They leave it as it is, and so are given what is lost by the fall.
        """
        grown = self.total + worth
        floor = SMOOTHING * self.wanted * grown + (1 - SMOOTHING) * self.mass
        gain = np.asarray(self.wanted * np.log(1 + (1 - SMOOTHING) * worth / (floor + self.unwanted)))
        if (self.codes >= 0).all():
            return gain
        total = np.maximum(self.total, worth)  # where any is held it is more, as worth falls with the places
        before = SMOOTHING * self.wanted + (1 - SMOOTHING) * self.mass / total
        fall = self.wanted * np.log((before + self.unwanted) * grown / (floor + self.unwanted * grown))
        return np.asarray(np.where(self.codes >= 0, gain, (fall * self.first).sum(axis=1)[:, None]))

    def take(self, rows: np.ndarray, taken: np.ndarray, there: np.ndarray, worth: float) -> None:
        """Count the candidates taken, [B], where there was one."""
        own = self.codes[rows, taken]
        counted = there & (own >= 0)
        self.first[rows, taken] |= counted & (self.mass[rows, taken] == 0)
        self.mass[...] += worth * (counted[:, None] & (self.codes == own[:, None]))
        self.total[...] += worth * counted[:, None]
