"""Which of an item's similar items a reason may name: only those that are clearly more alike than two items at random.

The nearest item that a user has need not be near: of few items, or to an item like no other, the nearest is any. What
is near differs from catalogue to catalogue and from model to model, so the floor is measured every night on its
own vectors: a cosine that all but one in a hundred pairs of items stay below. Readers judge a reason by its two titles;
so the texts' vectors decide, where items have them, and who acts on what only where they have none.
"""

import numpy as np

from pipeline.arrays.blocks import blocks
from pipeline.arrays.nearest import unit

ALIKE = 0.99
"""The share of pairs of items that are less alike than what is called alike."""
PAIRS = 2**16
"""Pairs that are drawn to find the floor where there are more: about 650 lie above it."""
ROWS = 2**12
"""Pairs whose vectors are held together: 12 MiB of 768 numbers each, and both."""
MARGIN = 1e-5
"""By how much a cosine has to be above the floor: float32 sums of the same vectors differ by less."""


def floor(unit_vectors: np.ndarray, among: np.ndarray, seed: int) -> float:
    """The cosine that ALIKE of the pairs of items stay below.

    Args:
        unit_vectors: [I, d] item vectors of length 1.
        among: [n] the items that pairs are made of.
        seed: for the draw.
    Returns:
        Of all pairs where there are at most PAIRS, else of so many drawn ones; infinity where there is no pair.
    """
    n = len(among)
    if n < 2:
        return float("inf")
    if n * (n - 1) // 2 <= PAIRS:
        one, other = np.triu_indices(n, 1)
    else:
        rng = np.random.default_rng(seed)
        one = rng.integers(n, size=PAIRS)
        other = (one + rng.integers(1, n, size=PAIRS)) % n  # never the same item
    return float(np.quantile(_cosines(unit_vectors, among[one], among[other]), ALIKE))


def _cosines(unit_vectors: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """float32 [n], the cosine of each pair of items; 0 where one of them has no vector."""
    found = np.empty(len(one), dtype=np.float32)
    for part in blocks(len(one), ROWS):
        found[part] = np.einsum("nd,nd->n", unit_vectors[one[part]], unit_vectors[other[part]])
    return found


def nameable(similar: np.ndarray, vectors: np.ndarray, named: np.ndarray, seed: int) -> np.ndarray:
    """The similar items that a reason may name, each in its place.

    Args:
        similar: [I, s] int32 similar items of each item, nearest first, -1 pads.
        vectors: [I, d] what decides how alike two items are, of any length; a row of zeros is like nothing.
        named: bool [I], the items that have a title.
        seed: for the pairs that are drawn.
    Returns:
        [I, s] int32, -1 also where an item is not clearly alike or has no title.
    """
    compared = unit(vectors)
    least = floor(compared, np.flatnonzero(compared.any(axis=1)), seed)
    row, column = np.nonzero((similar >= 0) & named[similar])
    alike = _cosines(compared, row, similar[row, column]) > max(least + MARGIN, 0.0)
    kept = np.full_like(similar, -1)
    kept[row[alike], column[alike]] = similar[row[alike], column[alike]]
    return kept
