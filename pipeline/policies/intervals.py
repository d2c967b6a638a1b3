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
    """A bootstrap-t interval of a ratio of sums, users drawn with replacement.

    How far a draw is off is measured in its own standard errors, as large weights make sums and their errors large
    together; the plain percentiles of such sums are too narrow.

    Args:
        terms: of every row.
        resamples: how often users are drawn.
        seed: of the draws.
        level: how often the interval is to hold.
    Source: Efron & Tibshirani, An Introduction to the Bootstrap, 1993, ch. 12; by clusters: Field & Welsh, JRSS B 2007;
        the ratio's error: Cochran, Sampling Techniques, 1977, ch. 6.
    """
    sums = _by_group(terms, seed)
    value, error = (float(x[0]) for x in _ratio(np.ones((1, len(sums))), sums)) if len(sums) else (float("nan"),) * 2
    if not error > 0:  # all users alike, or nothing is there
        return Estimate(value, value, value)
    rng, off = np.random.default_rng(seed), []
    for rows in blocks(resamples, max(1, CELLS // len(sums))):
        number = rows.stop - rows.start
        who = rng.integers(0, len(sums), (number, len(sums))) + np.arange(number)[:, None] * len(sums)
        counts = np.bincount(who.ravel(), minlength=who.size).reshape(who.shape)
        values, errors = _ratio(counts.astype(np.float64), sums)
        off.append(np.divide(values - value, errors, out=np.full(number, np.nan), where=errors > 0))
    low, high = np.nanquantile(np.concatenate(off), [(1 - level) / 2, (1 + level) / 2])
    return Estimate(value, float(value - high * error), float(value - low * error))


def _ratio(counts: np.ndarray, sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[B] the ratio of each draw of groups, counts [B, G], and its standard error."""
    above, below = sums.T
    top, bottom = counts @ above, counts @ below
    value = np.divide(top, bottom, out=np.full(len(counts), np.nan), where=bottom > 0)
    squares = counts @ above**2 - 2 * value * (counts @ (above * below)) + value**2 * (counts @ below**2)
    error = np.sqrt(np.maximum(squares, 0) * (len(sums) / max(1, len(sums) - 1)))
    return value, np.divide(error, bottom, out=np.full(len(counts), np.nan), where=bottom > 0)


def _by_group(terms: Terms, seed: int) -> np.ndarray:
    """[G, 2] the sums of users, or of groups of them."""
    users, number = np.unique(terms.user, return_inverse=True)
    if len(users) > GROUPS:
        place = np.random.default_rng([seed, 1]).permutation(len(users)) % GROUPS
        number = place[number]
    size = min(len(users), GROUPS)
    return np.stack([np.bincount(number, values, minlength=size) for values in (terms.above, terms.below)], axis=1)
