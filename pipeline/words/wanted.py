"""Which documents to label next: those whose label is least sure, and that are unlike one another.

Source: margin-based active learning with a farthest-first choice, as in Settles, "Active Learning", 2012, ch. 3 and 5.
"""

import numpy as np

POOL = 20
"""The least sure documents, so many times as many as are wanted, are chosen from."""


def choose(unsure: np.ndarray, vectors: np.ndarray, number: int) -> np.ndarray:
    """Places of documents to label, the most useful first.

    Each is the one with the highest product of what is not known of it and its distance to those chosen before it.

    Args:
        unsure: [N] 1 - probability that the best label is right.
        vectors: [N, h] unit vectors; with h = 0 only `unsure` counts.
        number: at most so many.
    """
    pool = np.argsort(-unsure, kind="stable")[: POOL * number]
    if not vectors.shape[1]:
        return pool[:number]
    among, distance = vectors[pool].astype(np.float64), np.ones(len(pool))
    chosen: list[int] = []
    for _ in range(min(number, len(pool))):
        value = unsure[pool] * distance
        value[chosen] = -1
        chosen.append(int(value.argmax()))
        nearness = (among * among[chosen[-1]]).sum(axis=1)  # in one order, whatever BLAS is there
        distance = np.minimum(distance, np.clip(1 - nearness, 0, 1))
    return pool[chosen]
