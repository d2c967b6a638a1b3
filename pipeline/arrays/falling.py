"""Probabilities of a ranking: they do not rise with the rank."""

import numpy as np


def falling(probability: np.ndarray, there: np.ndarray) -> np.ndarray:
    """The nearest probabilities, by squared error, that do not rise along a row.

    All rows are one regression: each is moved down by more than a probability can be, so that none is pooled with
    the next.

    Args:
        probability: [B, n] in 0..1.
        there: bool [B, n], the others are pads.
    Returns:
        float32 [B, n], 0 at pads.
    """
    from scipy.optimize import isotonic_regression

    fitted = np.zeros(probability.shape, dtype=np.float32)
    row, column = np.nonzero(there)
    if len(row):
        apart = 2.0 * row
        even = isotonic_regression(probability[row, column] - apart, increasing=False).x + apart
        fitted[row, column] = np.clip(even, 0, 1)
    return fitted
