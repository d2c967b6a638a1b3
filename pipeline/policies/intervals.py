"""How far an estimate can be off, by drawing users anew."""

from dataclasses import dataclass

import numpy as np

from pipeline.arrays.blocks import blocks
from pipeline.policies.estimators import Terms

GROUPS = 10_000
"""More users are drawn in so many groups, each user's by chance: the interval is as wide, the time bounded."""
CELLS = 4_000_000
"""Counts held at a time; 8 bytes each."""


@dataclass(frozen=True)
class Estimate:
    """An estimate with its interval; all nan where nothing was logged."""

    value: float
    low: float
    high: float


def interval(terms: Terms, resamples: int, seed: int, level: float = 0.95) -> Estimate:
    """The percentile interval of a ratio of sums, users drawn with replacement.

    Args:
        terms: of every row.
        resamples: how often users are drawn.
        seed: of the draws.
        level: how often the interval is to hold.
    Source: Efron & Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13; by clusters: Field & Welsh, JRSS B 2007.
    """
    sums = _by_group(terms, seed)
    groups = len(sums)
    if not groups:
        return Estimate(float("nan"), float("nan"), float("nan"))
    rng = np.random.default_rng(seed)
    drawn = []
    for rows in blocks(resamples, max(1, CELLS // groups)):
        number = rows.stop - rows.start
        who = rng.integers(0, groups, (number, groups)) + np.arange(number)[:, None] * groups
        counts = np.bincount(who.ravel(), minlength=number * groups).reshape(number, groups)
        above, below = (counts.astype(np.float64) @ sums).T
        drawn.append(np.divide(above, below, out=np.full(number, np.nan), where=below > 0))
    low, high = np.nanquantile(np.concatenate(drawn), [(1 - level) / 2, (1 + level) / 2])
    return Estimate(terms.value, float(low), float(high))


def _by_group(terms: Terms, seed: int) -> np.ndarray:
    """[G, 2] the sums of users, or of groups of them."""
    users, number = np.unique(terms.user, return_inverse=True)
    if len(users) > GROUPS:
        place = np.random.default_rng([seed, 1]).permutation(len(users)) % GROUPS
        number = place[number]
    size = min(len(users), GROUPS)
    return np.stack([np.bincount(number, values, minlength=size) for values in (terms.above, terms.below)], axis=1)
