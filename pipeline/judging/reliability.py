"""How far probabilities can be trusted: what was foretold beside what came true.

Pure functions on pairs of a probability and an outcome.
"""

from dataclasses import dataclass

import numpy as np

BINS = 12
TINY = 1e-7
"""Logarithms are of no less than this, so that a certainty that fails costs much, not everything."""


@dataclass(frozen=True)
class Reliability:
    """Probabilities against outcomes.

    Attributes:
        predicted, observed: [b] float64 means of the bins that hold something, ascending by `predicted`.
        count: [b] int64, pairs in each.
        error: expected calibration error, the mean of |predicted - observed| over the pairs.
        brier: mean squared error; log_loss: mean negative log-likelihood, in nats.
        base_brier, base_log_loss: the same for whoever foretells the observed rate for every pair.
    """

    predicted: np.ndarray
    observed: np.ndarray
    count: np.ndarray
    error: float
    brier: float
    log_loss: float
    base_brier: float
    base_log_loss: float


def measure(probability: np.ndarray, outcome: np.ndarray, bins: int = BINS) -> Reliability | None:
    """Bin pairs by probability and compare; None without pairs.

    Args:
        probability: [N] in 0..1.
        outcome: bool [N].
        bins: how many of equal size; probabilities that are equal share one, so there may be fewer.
    Source: Naeini, Cooper & Hauskrecht, AAAI 2015 (expected calibration error); Brier, Monthly Weather Review 1950.
    """
    if not len(probability):
        return None
    given, came = probability.astype(np.float64), outcome.astype(np.float64)
    edges = np.unique(np.quantile(given, np.arange(1, bins) / bins, method="higher"))
    code = np.searchsorted(edges, given, "right")
    count = np.bincount(code)
    there = count > 0
    predicted, observed = (np.bincount(code, weights=x)[there] / count[there] for x in (given, came))
    count = count[there]
    base = np.full(1, came.mean())
    return Reliability(
        predicted=predicted,
        observed=observed,
        count=count,
        error=float((np.abs(predicted - observed) * count).sum() / count.sum()),
        brier=float(((given - came) ** 2).mean()),
        log_loss=_log_loss(given, came),
        base_brier=float((base * (1 - base))[0]),
        base_log_loss=_log_loss(np.broadcast_to(base, came.shape), came),
    )


def _log_loss(given: np.ndarray, came: np.ndarray) -> float:
    sure = np.clip(given, TINY, 1 - TINY)
    return float(-(came * np.log(sure) + (1 - came) * np.log1p(-sure)).mean())
