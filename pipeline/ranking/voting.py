"""An order where nothing was learned: every list that proposes an item has a vote, and popularity settles ties."""

import numpy as np

from pipeline.ranking.frames import Frame

CONSTANT = 60
"""A vote is 1 / (this + rank), as in reciprocal rank fusion."""
STEP = 32
"""By how many of float32's smallest steps one of two equal votes is lowered: few enough to mean nothing, enough to
outlive standardisation."""
POPULARITY = ("item_buyers_28", "item_buyers_91", "item_buyers_total")


def votes(frame: Frame, kept: np.ndarray, seed: int) -> np.ndarray:
    """Sum the reciprocal ranks of every pair in all lists, no two of a user's alike.

    Equal votes go to the item with more buyers (of 28 days, of 91, ever), then by a salted hash of the item: never by
    its index, which says when it became known.

    Args:
        frame: candidate pairs [N].
        kept: bool [N], the pairs that are ranked.
        seed: the salt.
    Returns:
        [N] float32, above 0 and different within a row; -inf where not kept.
    Source: Cormack, Clarke & Buettcher, "Reciprocal rank fusion outperforms Condorcet", SIGIR 2009.
    """
    scores = np.full(len(kept), -np.inf, dtype=np.float32)
    ranks = [n for n, name in enumerate(frame.names) if name.endswith((".rank", ".rank_new"))]
    scores[kept] = np.nansum(1 / (CONSTANT + frame.features[kept][:, ranks]), axis=1)
    popular = [-np.nan_to_num(frame.column(name)[kept]) for name in POPULARITY if name in frame.names]
    tied = [salted(frame.pairs.items[kept], seed), *reversed(popular)]
    scores[kept] = _apart(frame.pairs.rows[kept], scores[kept], tied)
    return scores


def salted(items: np.ndarray, seed: int) -> np.ndarray:
    """[N] uint64 hashes of item indices, other ones for another seed.

    Source: Steele, Lea & Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014 (SplitMix64).
    """
    golden = 0x9E3779B97F4A7C15
    mixed = items.astype(np.uint64) + np.uint64((seed + 1) * golden % 2**64)  # wraps around, as it should
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))


def _apart(rows: np.ndarray, scores: np.ndarray, tied: list[np.ndarray]) -> np.ndarray:
    """Lower scores [N] float32, above 0, as little as makes them fall along the order (score, then `tied`) of a row.

    The bits of positive floats are ordered as the floats are, so the steps are counted in whole numbers.
    """
    order = np.lexsort((*tied, -scores, rows))
    steps = STEP * np.arange(len(order))
    below = rows[order] << 40  # more than any float has steps: a row begins anew
    bits = scores[order].view(np.int32).astype(np.int64) + steps - below
    fallen = np.minimum.accumulate(bits) - steps + below
    apart = np.empty_like(scores)
    apart[order] = np.maximum(fallen, 1).astype(np.int32).view(np.float32)
    return apart
