"""Random numbers that follow from keys: of one seed, user and item always the same, whoever asks in which order."""

import numpy as np

GOLDEN = 0x9E3779B97F4A7C15
"""2^64 divided by the golden ratio."""


def uniform(seed: int, *keys: np.ndarray) -> np.ndarray:
    """Numbers in (0, 1), one for each combination of keys.

    Args:
        seed: of all of them.
        keys: integer arrays that broadcast against each other.
    Returns:
        float64, in their common shape.
    Source: Steele, Lea & Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014 (SplitMix64).
    """
    state = _mixed(np.full(np.broadcast_shapes(*(key.shape for key in keys)), seed % 2**64, dtype=np.uint64))
    for key in keys:
        state = _mixed(state ^ _mixed(np.asarray(key).astype(np.uint64)))
    return np.asarray(((state >> np.uint64(11)).astype(np.float64) + 0.5) / 2**53)


def _mixed(values: np.ndarray) -> np.ndarray:
    mixed = values + np.uint64(GOLDEN)  # wraps around, as it should
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))


def gumbel(seed: int, *keys: np.ndarray) -> np.ndarray:
    """Standard Gumbel noise: who adds it to logarithms of weights and takes the largest has drawn by these weights.

    Arguments as in `uniform`.
    Source: Yellott, Journal of Mathematical Psychology 15 (1977).
    """
    return np.asarray(-np.log(-np.log(uniform(seed, *keys))))
