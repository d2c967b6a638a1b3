"""Rows of unit length, and the nearest of them by cosine.

All are compared with all, exactly, where there are few; of more, what is alike is compared once; and where what is
different is still too much, only with the cells around it (pipeline.arrays.cells), which misses some of the nearest.
"""

import numpy as np

from pipeline.arrays import alike, top_k
from pipeline.arrays.blocks import blocks, rows_for
from pipeline.arrays.cells import Cells

SCORES_PER_BLOCK = 2**25
"""Similarities held at a time: 128 MiB of float32."""
AT_A_TIME = 2**18
"""Numbers of vectors that are brought to length 1 at a time: they stay in a processor's cache."""
FEW, MANY = 2**26, 2**28
"""Up to the first number of comparisons, as of 8,192 items with each other, nobody looks what is alike; beyond the
second, of 16,384 with each other, not all are made."""


def unit(vectors: np.ndarray) -> np.ndarray:
    """[I, d] float32 rows of length 1; a row of zeros, or one that is not finite, stays (or becomes) zero."""
    found = np.zeros(vectors.shape, dtype=np.float32)
    for rows in blocks(len(vectors), rows_for(vectors.shape[1], len(vectors), AT_A_TIME)):
        part = vectors[rows]
        clean = np.where(np.isfinite(part).all(axis=1, keepdims=True), part, 0).astype(np.float32)
        length = np.linalg.norm(clean, axis=1, keepdims=True)
        np.divide(clean, length, out=found[rows], where=length > 0)
    return found


def nearest(
    vectors: np.ndarray, queries: np.ndarray, candidates: np.ndarray, k: int, *, rows_at_a_time: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The k most similar candidates of each query item, never the item itself.

    Args:
        vectors: [I, d] rows of length 1 or 0.
        queries: [Q] item indices.
        candidates: [C] item indices, ascending.
        k: how many; only cosines above 0 count.
        rows_at_a_time: query items compared together at most; default: as many as SCORES_PER_BLOCK allows.
    Returns:
        items int32 [Q, k] (-1 pads), cosines float32 [Q, k] (-inf pads), descending.
    """
    if len(queries) * len(candidates) > FEW:
        return _nearest_of_many(vectors, queries, candidates, k)
    items = np.full((len(queries), k), -1, dtype=np.int32)
    cosines = np.full((len(queries), k), -np.inf, dtype=np.float32)
    if not len(candidates):
        return items, cosines
    transposed = vectors[candidates].T  # [d, C]
    column = np.full(len(vectors), -1)
    column[candidates] = np.arange(len(candidates))
    size = max(1, min(rows_at_a_time or len(queries), SCORES_PER_BLOCK // len(candidates)))
    for rows in blocks(len(queries), size):
        scores = vectors[queries[rows]] @ transposed  # [B, C]
        own = column[queries[rows]]
        scores[np.flatnonzero(own >= 0), own[own >= 0]] = -np.inf
        best, cosines[rows] = top_k.top_n(scores, k, above=0.0)
        items[rows] = np.where(best >= 0, candidates[best], -1)
    return items, cosines


def _nearest_of_many(
    vectors: np.ndarray, queries: np.ndarray, candidates: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """`nearest`, comparing what is alike once, and at most MANY pairs with each other."""
    places, cosines = alike.nearest_rows(vectors[queries], vectors[candidates], k + 1, _best)
    items = np.where(places >= 0, candidates[places], -1).astype(np.int32)
    return top_k.without_one(items, cosines, items == queries[:, None])


def _best(queries: np.ndarray, vectors: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The vectors [C, d] most like each of some queries [Q, d]: places and cosines [Q, k], ties by place."""
    if len(queries) * len(vectors) > MANY:
        return Cells.of(vectors).best(queries, k)
    places = np.full((len(queries), k), -1, dtype=np.int32)
    cosines = np.full((len(queries), k), -np.inf, dtype=np.float32)
    for rows in blocks(len(queries), max(1, SCORES_PER_BLOCK // len(vectors))):
        places[rows], cosines[rows] = top_k.top_n(queries[rows] @ vectors.T, k, above=0.0)
    return places, cosines
