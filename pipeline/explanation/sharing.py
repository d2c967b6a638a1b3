"""Additive explanations of what is no sum: exact shares of trees, and of a curve of a sum. Pure functions on arrays.

Sources: Lundberg et al., "From local explanations to global understanding with explainable AI for trees", Nature
Machine Intelligence 2 (2020), TreeSHAP; Aumann & Shapley, "Values of non-atomic games", 1974, for curves of a sum.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lightgbm import Booster

SURE = 1e-9
"""Probabilities nearer to 0 or 1 are taken for this: their log-odds are no longer told apart."""
STEP = 1e-6
"""Sums that differ by less: the curve's slope stands for what it did between them."""


def log_odds(chance: np.ndarray) -> np.ndarray:
    """float64 log-odds of probabilities, any shape; see SURE."""
    kept = np.clip(chance.astype(np.float64), SURE, 1 - SURE)
    return np.asarray(np.log(kept) - np.log1p(-kept))


def of_trees(boosters: "Sequence[Booster]", features: np.ndarray, threads: int) -> np.ndarray:
    """Each feature's share of a ranker's score, by exact TreeSHAP.

    Args:
        boosters: the models whose mean is the score, at least one.
        features: [N, F] float32.
        threads: of LightGBM.
    Returns:
        [N, F + 1] float64; the last column is what the score is for pairs of which nothing is known, and a row's sum is
        the score.
    """
    if not len(features):
        return np.zeros((0, features.shape[1] + 1))
    found = [np.asarray(one.predict(features, pred_contrib=True, num_threads=threads)) for one in boosters]
    return np.asarray(np.mean(found, axis=0), dtype=np.float64)


def of_curve(curve: Callable[[np.ndarray], np.ndarray], start: np.ndarray, terms: np.ndarray) -> np.ndarray:
    """Each term's share of what a curve of their sum changes by.

    The shares of Aumann and Shapley: along the straight way from `start` to `start` plus all terms each of them gets
    what the curve rises by, in proportion to its own size, as the curve's slope is the same for all of them.

    Args:
        curve: float64 [N] of sums [N].
        start: [N], where the sum begins.
        terms: [N, D].
    Returns:
        [N, D]; a row's sum is curve(start + its terms) - curve(start).
    """
    total = terms.sum(axis=1)
    apart = np.abs(total) > STEP
    slope = (curve(start + STEP) - curve(start - STEP)) / (2 * STEP)
    changed = curve(start + total) - curve(start)
    rate = np.where(apart, changed / np.where(apart, total, 1), slope)
    shares = terms * rate[:, None]
    return np.asarray(shares + np.where(apart, 0, (changed - shares.sum(axis=1)) / terms.shape[1])[:, None])
