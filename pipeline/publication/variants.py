"""Variants of one product, as the colours of a shirt: a list shows one of them, the best."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.publication.surfaces import Cap

WIDER = 4
"""How many times more items are looked for where too many were variants of those before them."""
Find = Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]]
"""The n best of some rows: items [R, n], -1 pads, and scores [R, n], -inf pads."""


def products(items: pa.Table) -> np.ndarray | None:
    """[I] int32 codes of what items are variants of, -1 of an item that is the only one; None: no item has others.

    Args:
        items: item_id and parent_id; a parent that is an item itself is a variant too, and so are its own parent and
            what names that.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ids = items.column("item_id")
    names = pa.chunked_array([*ids.chunks, *pc.coalesce(items.column("parent_id"), ids).chunks], pa.string())
    places = pc.dictionary_encode(names).combine_chunks()
    own, parent = np.split(places.indices.to_numpy(), 2)
    size = len(places.dictionary)
    named = coo_array((np.ones(len(own), dtype=bool), (own, parent)), shape=(size, size))
    codes = connected_components(named, directed=False)[1][own]
    several = np.bincount(codes, minlength=1)[codes] > 1
    return np.where(several, codes, -1).astype(np.int32) if several.any() else None


def with_others(chosen: np.ndarray, codes: np.ndarray | None) -> np.ndarray:
    """bool [I]: some items, and all variants of the same products."""
    if codes is None or not chosen.any():
        return chosen
    return np.asarray(chosen | (codes >= 0) & np.isin(codes, codes[chosen]))


def spare(codes: np.ndarray | None, shown: np.ndarray, most: int) -> int:
    """How many of the items in `shown`, bool [I], no list can hold, as it has so many variants of a product at most."""
    if codes is None:
        return 0
    return int(np.maximum(np.bincount(codes[shown & (codes >= 0)]) - most, 0).sum())


def once_each(
    found: tuple[np.ndarray, np.ndarray],
    codes: np.ndarray,
    find: Find,
    most: int,
    own: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Lists with one variant of a product, the best, as long as what there is allows.

    Args:
        found: items [R, k], -1 pads, and scores [R, k], -inf pads, best first.
        codes: [I] of `products`.
        find: finds more of some rows, the same ones first.
        most: how many items there are.
        own: [R] the item that a row is about, of whose product none is wanted; None: of none.
    Returns:
        As `found`.
    """
    k, size = found[0].shape[1], found[0].shape[1]
    items, scores = _first(*found, codes, k, own)
    short = np.flatnonzero((items[:, -1] < 0) & (found[0][:, -1] >= 0))
    while len(short) and size < most:
        size = min(WIDER * size, most)
        wider = find(short, size)
        items[short], scores[short] = _first(*wider, codes, k, None if own is None else own[short])
        short = short[(items[short, -1] < 0) & (wider[0][:, -1] >= 0)]
    return items, scores


def _first(
    items: np.ndarray, scores: np.ndarray, codes: np.ndarray, k: int, own: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """The first k of each row, without what is a variant of one before it, or of the row's own item."""
    out = (items < 0) | Cap(codes, 1).exceeded(items, items >= 0)
    if own is not None:
        out |= (codes[items] >= 0) & (codes[items] == codes[own][:, None])
    order = np.argsort(out, axis=1, kind="stable")[:, :k]
    gone = np.take_along_axis(out, order, axis=1)
    kept = np.where(gone, -1, np.take_along_axis(items, order, axis=1))
    return kept.astype(items.dtype), np.where(gone, -np.inf, np.take_along_axis(scores, order, axis=1)).astype(
        scores.dtype
    )
