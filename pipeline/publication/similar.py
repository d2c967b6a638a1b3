"""Items like an item: by who buys them where enough people did, by what their text says elsewhere."""

import numpy as np

from pipeline import data, lists

SCORES_PER_BLOCK = 2**25
"""Similarities held at a time: 128 MiB of float32."""


def unit(vectors: np.ndarray) -> np.ndarray:
    """[I, d] float32 rows of length 1; a row of zeros, or one that is not finite, stays (or becomes) zero."""
    clean = np.where(np.isfinite(vectors).all(axis=1, keepdims=True), vectors, 0).astype(np.float32)
    length = np.linalg.norm(clean, axis=1, keepdims=True)
    return np.asarray(np.divide(clean, length, out=np.zeros_like(clean), where=length > 0))


def nearest(vectors: np.ndarray, queries: np.ndarray, candidates: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k most similar candidates of each query item, never the item itself.

    Args:
        vectors: [I, d] rows of length 1 or 0.
        queries: [Q] item indices.
        candidates: [C] item indices, ascending.
        k: how many; only cosines above 0 count.
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
    for rows in data.blocks(len(queries), max(1, SCORES_PER_BLOCK // len(candidates))):
        scores = vectors[queries[rows]] @ transposed  # [B, C]
        own = column[queries[rows]]
        scores[np.flatnonzero(own >= 0), own[own >= 0]] = -np.inf
        best, cosines[rows] = lists.top_n(scores, k, above=0.0)
        items[rows] = np.where(best >= 0, candidates[best], -1)
    return items, cosines


def similar_items(
    item_factors: np.ndarray, item_vectors: np.ndarray, sold: np.ndarray, shown: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Similar items of every item.

    Args:
        item_factors: [I, d] of ALS.
        item_vectors: [I, e] of the language model.
        sold: bool [I], enough people bought it to be compared by its buyers.
        shown: bool [I], may be given as somebody's similar item.
        k: how many.
    Returns:
        items int32 [I, k] (-1 pads), cosines float32 [I, k] (-inf pads). Within a row all come from the same
        vectors, so they compare; between rows of sold and unsold items they do not.
    """
    factors, vectors = unit(item_factors), unit(item_vectors)
    by_buyers = sold & factors.any(axis=1)
    items = np.full((len(sold), k), -1, dtype=np.int32)
    cosines = np.full((len(sold), k), -np.inf, dtype=np.float32)
    for space, asked in ((factors, by_buyers), (vectors, ~by_buyers)):
        usable = shown & space.any(axis=1) & (by_buyers if space is factors else True)
        queries = np.flatnonzero(asked)
        items[queries], cosines[queries] = nearest(space, queries, np.flatnonzero(usable), k)
    return items, cosines
