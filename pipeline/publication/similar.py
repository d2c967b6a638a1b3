"""Items like an item: by who buys them where enough people did, by what their text says elsewhere."""

import numpy as np

from pipeline.arrays.nearest import nearest, unit


def similar_items(
    item_factors: np.ndarray,
    item_vectors: np.ndarray,
    sold: np.ndarray,
    shown: np.ndarray,
    k: int,
    *,
    asked: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Similar items of every item.

    Args:
        item_factors: [I, d] of ALS.
        item_vectors: [I, e] of the language model.
        sold: bool [I], enough people bought it to be compared by its buyers.
        shown: bool [I], may be given as somebody's similar item.
        k: how many.
        asked: bool [I], the items whose similar ones are wanted; the others get none. None: all.
    Returns:
        items int32 [I, k] (-1 pads), cosines float32 [I, k] (-inf pads). Within a row all come from the same
        vectors, so they compare; between rows of sold and unsold items they do not.
    """
    items = np.full((len(sold), k), -1, dtype=np.int32)
    cosines = np.full((len(sold), k), -np.inf, dtype=np.float32)
    if asked is not None and not asked.any():
        return items, cosines
    factors, vectors = unit(item_factors), unit(item_vectors)
    by_buyers = sold & factors.any(axis=1)
    for space, compared in ((factors, by_buyers), (vectors, ~by_buyers)):
        usable = shown & space.any(axis=1) & (by_buyers if space is factors else True)
        queries = np.flatnonzero(compared if asked is None else compared & asked)
        items[queries], cosines[queries] = nearest(space, queries, np.flatnonzero(usable), k)
    return items, cosines
