"""Thompson sampling in closed form: an item is drawn with the chance that it is the best of those it competes with.

Of an item that many acted on it is known how good it is; one that few acted on may be better than it looks. So its
log-odds are taken for normal around what the models say, with the variance 1 / (1 + its actions): that is about what as
many actions leave uncertain of a rate. Sampling once from every item and showing the greatest is then to draw by the
chance of each to be the greatest. These chances are worked out here, and drawn by, so that a row's propensity is exact,
where it would be a count of simulated draws.
Source: Thompson, Biometrika 25 (1933); Russo et al., "A Tutorial on Thompson Sampling", FTML 2018.
"""

import numpy as np

NODES = 64
"""Intervals of the sum that stands for an integral: the chances of fifty items alike are right to a thousandth."""
REACH = 4.0
"""Standard deviations beyond which nothing is looked for."""
LEAST = 1e-6
"""Chances are kept so far from 0 and 1."""


def log_odds(chances: np.ndarray) -> np.ndarray:
    """Of chances; what is no chance is taken for the nearest one."""
    kept = np.clip(np.nan_to_num(chances.astype(np.float64), neginf=0.0), LEAST, 1 - LEAST)
    return np.asarray(np.log(kept / (1 - kept)))


def uncertainty(actions: np.ndarray) -> np.ndarray:
    """[I] standard deviation of the log-odds of items that so many acted on."""
    return np.asarray(1 / np.sqrt(1 + np.maximum(actions, 0)))


def chance_to_be_best(means: np.ndarray, deviations: np.ndarray, among: np.ndarray) -> np.ndarray:
    """With which chance each of some independent normal values is the greatest.

    Args:
        means, deviations: [R, C].
        among: bool [R, C], which take part.
    Returns:
        [R, C] float64: rows sum to 1; 0 where an item, or nothing in the row, takes part.
    """
    from scipy.special import log_ndtr, ndtr

    deviations = np.maximum(deviations, 1e-9)
    low, high = (
        np.max(means + side * deviations, axis=1, initial=-np.inf, where=among)[:, None] for side in (-REACH, REACH)
    )
    rows, items = np.nonzero(among & (means + REACH * deviations >= low))  # the others never are the greatest
    if not len(rows):
        return np.zeros(means.shape)
    edges = low[rows] + (high[rows] - low[rows]) * np.linspace(0, 1, NODES + 1)  # [N, NODES + 1]
    places = (edges - means[rows, items, None]) / deviations[rows, items, None]
    falls_into = np.diff(ndtr(places), axis=1)
    below = log_ndtr((places[:, 1:] + places[:, :-1]) / 2)
    first = np.flatnonzero(np.diff(rows, prepend=-1))
    everybody = np.repeat(np.add.reduceat(below, first), np.diff([*first, len(rows)]), axis=0)
    found = np.zeros(means.shape)
    found[rows, items] = (falls_into * np.exp(everybody - below)).sum(axis=1)
    total = found.sum(axis=1, keepdims=True)
    return np.asarray(found / np.where(total > 0, total, 1))
