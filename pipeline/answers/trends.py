"""Whether something is asked more than before: counts of two spans of as many days, with what chance alone may do.

Of n questions in both spans, k in the later: k ~ Binomial(n, p), ratio = p / (1 - p). Sources: Clopper & Pearson 1934
for the interval of p; Benjamini & Hochberg 1995 for how many of all clusters may be said to rise or fall by chance.
"""

import numpy as np
import pyarrow as pa

LEVEL = 0.95
FALSE_SHARE = 0.05
"""Of those that are said to rise or fall, so many may do neither."""


def interval(later: np.ndarray, before: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[N] float64 ends of the ratio of two counts; inf where there is no upper end.

    Args:
        later, before: [N] counts, not both 0.
    """
    from scipy.special import betaincinv

    tail = (1 - LEVEL) / 2
    later, before = later.astype(np.float64), before.astype(np.float64)
    low = np.where(later > 0, betaincinv(np.maximum(later, 1), before + 1, tail), 0.0)
    high = np.where(before > 0, betaincinv(later + 1, np.maximum(before, 1), 1 - tail), 1.0)
    with np.errstate(divide="ignore"):
        return low / (1 - low), high / (1 - high)


def chance(later: np.ndarray, before: np.ndarray) -> np.ndarray:
    """[N] float64 two-sided chance of counts as far apart, were as many to be expected in both."""
    from scipy.special import bdtr

    both = later + before
    return np.asarray(np.minimum(1.0, 2 * bdtr(np.minimum(later, before).astype(np.float64), both, 0.5)))


def directions(later: np.ndarray, before: np.ndarray) -> np.ndarray:
    """[N] int: 1 rising, -1 falling, 0 neither is sure; of those told apart at most FALSE_SHARE by chance."""
    found = chance(later, before)
    order = np.argsort(found, kind="stable")
    below = found[order] <= FALSE_SHARE * np.arange(1, len(found) + 1) / max(len(found), 1)
    sure = np.zeros(len(found), dtype=bool)
    if below.any():
        sure[order[: np.flatnonzero(below)[-1] + 1]] = True
    return np.asarray(np.where(sure, np.sign(later.astype(np.int64) - before), 0))


def columns(later: np.ndarray, before: np.ndarray, goes_back: bool) -> tuple[pa.Array, ...]:
    """What a table says of counts: those before, the ratio, the ends of its interval, and the direction in words.

    Args:
        later, before: [N] counts.
        goes_back: whether it is known what was before; else all of it is null.
    """
    if not goes_back or not len(later):
        kinds = (pa.int32(), pa.float32(), pa.float32(), pa.float32(), pa.string())
        return tuple(pa.nulls(len(later), kind) for kind in kinds)
    any_of = later + before > 0
    low, high = interval(later, np.where(any_of, before, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = later / before
    words = {1: "rising", -1: "falling"}
    return (
        pa.array(before.astype(np.int32)),
        numbers(ratio),
        numbers(np.where(any_of, low, np.nan)),
        numbers(np.where(any_of, high, np.nan)),
        pa.array([words.get(int(one)) for one in directions(later, before)], pa.string()),
    )


def numbers(values: np.ndarray) -> pa.Array:
    """Numbers, null where there is none or no end."""
    return pa.array(values.astype(np.float32), pa.float32(), mask=~np.isfinite(values))
