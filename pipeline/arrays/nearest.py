"""Rows of unit length, and the nearest of them by cosine."""

import numpy as np

from pipeline.arrays import top_k
from pipeline.arrays.blocks import blocks

SCORES_PER_BLOCK = 2**25
"""Similarities held at a time: 128 MiB of float32."""


def unit(vectors: np.ndarray) -> np.ndarray:
    """[I, d] float32 rows of length 1; a row of zeros, or one that is not finite, stays (or becomes) zero."""
    clean = np.where(np.isfinite(vectors).all(axis=1, keepdims=True), vectors, 0).astype(np.float32)
    length = np.linalg.norm(clean, axis=1, keepdims=True)
    return np.asarray(np.divide(clean, length, out=np.zeros_like(clean), where=length > 0))


def nearest(
    vectors: np.ndarray, queries: np.ndarray, candidates: np.ndarray, k: int, *, rows_at_a_time: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The k most similar candidates of each query item, never the item itself.

    Args:
        vectors: [I, d] rows of length 1 or 0.
        queries: [Q] item indices.
        candidates: [C] item indices, ascending.
        k: how many; only cosines above 0 count.
        rows_at_a_time: query items compared together; default: as many as SCORES_PER_BLOCK allows.
    Returns:
        items int32 [Q, k] (-1 pads), cosines float32 [Q, k] (-inf pads), descending.
    """
    items = np.full((len(queries), k), -1, dtype=np.int32)
    cosines = np.full((len(queries), k), -np.inf, dtype=np.float32)
    if not len(candidates):
        return items, cosines
    transposed = vectors[candidates].T  # [d, C]
    column = np.full(len(vectors), -1)
    column[candidates] = np.arange(len(candidates))
    size = rows_at_a_time or max(1, SCORES_PER_BLOCK // len(candidates))
    for rows in blocks(len(queries), size):
        scores = vectors[queries[rows]] @ transposed  # [B, C]
        own = column[queries[rows]]
        scores[np.flatnonzero(own >= 0), own[own >= 0]] = -np.inf
        best, cosines[rows] = top_k.top_n(scores, k, above=0.0)
        items[rows] = np.where(best >= 0, candidates[best], -1)
    return items, cosines
