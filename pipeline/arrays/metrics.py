"""How good ranked lists are: pure functions on padded arrays, one row per user.

Every per-user metric takes the hit matrix `hit` bool [B, n] (whether the item at rank r is one the user acted on in the
label window) and `wanted` int [B], the number of such items, at least 1: users who acted on nothing are not judged. A
user without a list has a row without hits and counts as 0. k beyond n counts as misses.

Two protocols, which are the two pools: `all` counts every item acted on, `new` only items never acted on before; there,
items already acted on are taken out of the lists and the ranks close up (`close_up`).
"""

import numpy as np

from pipeline.arrays.determinism import blas_threads

Intervals = tuple[np.ndarray, np.ndarray]

# Bootstrap counts held at a time; memory is about 32 bytes each.
BOOTSTRAP_CELLS = 4_000_000


def member(items: np.ndarray, starts: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Whether each item of a list belongs to its user's set.

    Args:
        items: [B, n] int item indices, -1 pads (never members).
        starts: [B + 1] int, row b's set is members[starts[b]:starts[b + 1]].
        members: int item indices, ascending within a row.
    Returns:
        bool [B, n].
    """
    members = members[starts[0] : starts[-1]]
    if not len(members) or not items.size:
        return np.zeros(items.shape, dtype=bool)
    size = int(max(members.max(), items.max())) + 1
    rows = np.arange(len(items), dtype=np.int64)
    keys = np.repeat(rows, np.diff(starts)) * size + members  # ascending
    asked = rows[:, None] * size + items
    at = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    found: np.ndarray = (keys[at] == asked) & (items >= 0)
    return found


def repeated(items: np.ndarray) -> np.ndarray:
    """Whether an item already stands at a better rank of the same list: bool [B, n]; pads are not repeats."""
    order = np.argsort(items, axis=1, kind="stable")
    ordered = np.take_along_axis(items, order, axis=1)
    again = np.zeros(items.shape, dtype=bool)
    again[:, 1:] = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)
    result = np.zeros_like(again)
    np.put_along_axis(result, order, again, axis=1)
    return result


def close_up(items: np.ndarray, dropped: np.ndarray) -> np.ndarray:
    """Take items out of ranked lists and let the ranks below move up.

    Args:
        items: [B, n] int item indices, -1 pads.
        dropped: bool [B, n], what to take out.
    Returns:
        [B, n], -1 at the end of a row for each item taken out.
    """
    if not dropped.any():
        return items
    order = np.argsort(dropped, axis=1, kind="stable")
    closed = np.take_along_axis(items, order, axis=1)
    closed[np.take_along_axis(dropped, order, axis=1)] = -1
    return closed


def ndcg(hit: np.ndarray, wanted: np.ndarray, k: int) -> np.ndarray:
    """NDCG@k, float64 [B]: sum over hits of 1 / log2(rank + 1), over its value for min(k, wanted) hits on top.

    Source: Jarvelin & Kekalainen, TOIS 2002, with binary gain; the ideal list is cut at k.
    """
    discount = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.array([discount[:n].sum() for n in range(1, k + 1)])
    top = hit[:, :k]
    gained: np.ndarray = top @ discount[: top.shape[1]] / ideal[np.minimum(wanted, k) - 1]
    return gained


def weighted_gain(hit: np.ndarray, counts: np.ndarray, k: int) -> np.ndarray:
    """Discounted gain of the first k, float64 [B], where hits count differently: sum of counts / log2(rank + 1).

    Args:
        hit: bool [B, n]; counts: float64 [B, n], what a hit at each place counts.
    Source: Yang et al., "Unbiased offline recommender evaluation for missing-not-at-random implicit feedback",
        RecSys 2018, eq. 6, not normalised, as only differences of lists are looked at.
    """
    top = np.where(hit[:, :k], counts[:, :k], 0.0)
    return np.asarray(top @ (1 / np.log2(np.arange(2, top.shape[1] + 2))))


def recall(hit: np.ndarray, wanted: np.ndarray, k: int) -> np.ndarray:
    """Recall@k, float64 [B]: hits among the first k over wanted (not over min(k, wanted)).

    Source: Manning, Raghavan & Schutze, Introduction to Information Retrieval, 2008, 8.3.
    """
    share: np.ndarray = np.divide(hit[:, :k].sum(axis=1), wanted)
    return share


def average_precision(hit: np.ndarray, wanted: np.ndarray, k: int) -> np.ndarray:
    """AP@k, float64 [B]; its mean over users is MAP@k: mean over min(k, wanted) of the precision at each hit's rank.

    Source: Manning, Raghavan & Schutze, 2008, 8.4, cut at k.
    """
    top = hit[:, :k]
    precision_at = np.cumsum(top, axis=1) / np.arange(1, top.shape[1] + 1)
    averaged: np.ndarray = (precision_at * top).sum(axis=1) / np.minimum(wanted, k)
    return averaged


def reciprocal_rank(hit: np.ndarray, k: int) -> np.ndarray:
    """RR@k, float64 [B]; its mean over users is MRR@k: 1 / rank of the first hit, 0 if none is among the first k.

    Source: Voorhees, TREC-8, 1999.
    """
    top = hit[:, :k]
    if not top.shape[1]:
        return np.zeros(len(top))
    first: np.ndarray = np.where(top.any(axis=1), 1 / (np.argmax(top, axis=1) + 1), 0.0)
    return first


def hit_rate(hit: np.ndarray, k: int) -> np.ndarray:
    """Whether at least one of the first k is a hit, float64 [B]; its mean is HitRate@k."""
    return np.asarray(hit[:, :k].any(axis=1), dtype=np.float64)


def precision(hit: np.ndarray, k: int) -> np.ndarray:
    """Precision@k, float64 [B]: hits among the first k over k, however short the list is.

    Source: Manning, Raghavan & Schutze, 2008, 8.4.
    """
    share: np.ndarray = hit[:, :k].sum(axis=1) / k
    return share


def decision(hits: int, shown: int, wanted: int) -> dict[str, float]:
    """The relevance decision, micro-averaged: is this (user, item) candidate relevant, answered by showing it.

    Args:
        hits: (user, item) pairs shown among the first k and acted on.
        shown: pairs shown among the first k.
        wanted: pairs acted on.
    Returns:
        precision = hits / shown, recall = hits / wanted, f1 = their harmonic mean; 0 where nothing was shown or wanted.
    Source: Manning, Raghavan & Schutze, 2008, 8.3; micro-averaging pools the pairs of all users, 13.6.
    """
    return {
        "precision": hits / shown if shown else 0.0,
        "recall": hits / wanted if wanted else 0.0,
        "f1": 2 * hits / (shown + wanted) if shown + wanted else 0.0,
    }


def coverage(shown: np.ndarray, known: int) -> float:
    """Coverage@k: distinct items shown among the first k to anyone over distinct items in the history.

    Args:
        shown: item indices, any shape, -1 pads.
        known: number of distinct items somebody acted on up to the cut-off, at least 1.
    Source: Ge, Delgado-Battenfeld & Jannach, RecSys 2010 (catalogue coverage).
    """
    return int((np.unique(shown) >= 0).sum()) / known


def self_information(users_of_item: np.ndarray, users: int) -> np.ndarray:
    """-log2 of the share of users who acted on an item, float64 [I], in bits; an item of nobody counts as of one.

    Source: Zhou, Kuscsik, Liu, Medo, Wakeling & Zhang, PNAS 2010.
    """
    bits: np.ndarray = -np.log2(np.maximum(users_of_item, 1) / max(users, 1))
    return bits


def novelty(items: np.ndarray, information: np.ndarray) -> np.ndarray:
    """Mean self-information of a list, float64 [B], in bits; nan for an empty list.

    Args:
        items: [B, k] item indices, -1 pads.
        information: [I] from `self_information`.
    """
    there = items >= 0
    count = there.sum(axis=1)
    total = np.where(there, information[items], 0.0).sum(axis=1)
    mean: np.ndarray = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return mean


def diversity(items: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Intra-list diversity, float64 [B]: 1 - mean cosine over the pairs of a list; nan with fewer than two items.

    The pairs' sum comes from |sum v|^2 = sum |v|^2 + 2 x (sum over pairs), so no [k, k] matrix is made.

    Args:
        items: [B, k] item indices, -1 pads.
        vectors: [I, h] item vectors; one of length 0 is unlike everything.
    Source: Ziegler, McNee, Konstan & Lausen, WWW 2005.
    """
    there = items >= 0
    picked = vectors[items] * there[:, :, None].astype(np.float64)  # [B, k, h]
    length = np.linalg.norm(picked, axis=2, keepdims=True)
    picked /= np.where(length > 0, length, 1)
    total = (picked.sum(axis=1) ** 2).sum(axis=1)
    own = (length[:, :, 0] > 0).sum(axis=1)
    count = there.sum(axis=1)
    pairs = np.maximum(count * (count - 1), 1)
    result: np.ndarray = np.where(count > 1, 1 - (total - own) / pairs, np.nan)
    return result


def bootstrap(values: np.ndarray, resamples: int, seed: int, level: float = 0.95) -> Intervals:
    """Percentile intervals of the columns' means over users; all columns share each resample, so it is paired.

    Args:
        values: [T, C] one row per user; give differences per user for a paired comparison.
        resamples: how many times T users are drawn with replacement.
        seed: of the draws.
        level: how often an interval holds.
    Returns:
        low, high, float64 [C]; nan if T is 0.
    Source: Efron & Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13.
    """
    users, columns = values.shape
    if not users:
        return np.full(columns, np.nan), np.full(columns, np.nan)
    rng = np.random.default_rng(seed)
    size = max(1, BOOTSTRAP_CELLS // users)
    means = []
    with blas_threads(1):  # a product's last bits depend on their number
        for start in range(0, resamples, size):
            rows = min(size, resamples - start)
            drawn = rng.integers(0, users, (rows, users))
            drawn += np.arange(rows)[:, None] * users
            counts = np.bincount(drawn.ravel(), minlength=rows * users).reshape(rows, users)
            means.append(counts.astype(np.float64) @ values / users)  # as floats, or BLAS has no part in it
    low, high = np.quantile(np.concatenate(means), [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high
