"""Logistic curves by Newton's method, for calibration: few weights, many pairs.

Source: Platt, "Probabilistic outputs for support vector machines", 1999.
"""

import numpy as np

from pipeline.arrays.determinism import blas_threads

FURTHEST = 30.0
"""Log-odds beyond this are as good as certain; kept within, so that nothing overflows."""


def sigmoid(log_odds: np.ndarray) -> np.ndarray:
    """Probabilities float64 of log-odds, any shape."""
    return np.asarray(1 / (1 + np.exp(-np.clip(log_odds, -FURTHEST, FURTHEST))))


def fit(
    columns: np.ndarray,
    label: np.ndarray,
    start: np.ndarray,
    *,
    ridge: np.ndarray,
    towards: np.ndarray,
    iterations: int,
    longest_step: float = np.inf,
) -> np.ndarray:
    """Weights [C] of a logistic regression.

    Args:
        columns: [N, C] float64, a column of ones among them where there is a constant.
        label: [N] float64, 0 or 1.
        start: [C] weights to begin from.
        ridge: [C] L2 weight with which each weight is drawn to `towards`.
        towards: [C].
        iterations: Newton steps.
        longest_step: no weight moves by more in one step; guards against a start that is far off.
    """
    weights = start
    with blas_threads(1):  # the last bits of a sum over many pairs depend on how many threads share it
        for _ in range(iterations):
            p = sigmoid(columns @ weights)
            gradient = columns.T @ (label - p) - ridge * (weights - towards)
            curvature = columns.T @ (columns * (p * (1 - p))[:, None]) + np.diag(ridge)
            step = np.linalg.solve(curvature, gradient)
            weights = weights + step * min(1.0, longest_step / max(np.abs(step).max(), 1e-12))
    return weights
