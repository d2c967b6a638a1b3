"""Cosines without rounding: whole numbers small enough for float32 to add them exactly, in whatever order.

Who is compared beside whom, and how many threads share the sum, then moves no bit, so that what one night decided by a
cosine another night decides alike.
"""

import numpy as np

from pipeline.arrays.nearest import unit

STEPS = 2048
"""The length of a vector. A sum of products is at most its square, 2 ** 22; float32 holds all integers to 2 ** 24."""


def rounded(vectors: np.ndarray) -> np.ndarray:
    """[N, h] float32 whole numbers: the vectors of length STEPS, each number rounded; 0 where there is no vector."""
    return np.rint(unit(vectors) * np.float32(STEPS)).astype(np.float32)


def cosines(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """[N, M] float32, of rows of `rounded`; to within about 1 / STEPS."""
    return np.asarray(left @ right.T) / np.float32(STEPS * STEPS)
