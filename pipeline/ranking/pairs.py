"""Candidate pairs of a block of users: the union of what the sources listed, with every source's rank and score.

A pair is held as one int64 key, row x items + item, ascending, so that looking a pair up in a source is a binary search
and memory grows with the candidates, not with users x items.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Listed:
    """Ranked lists of a block of users, as pairs.

    Attributes:
        keys: [M] int64, ascending.
        ranks: [M] float32, 1-based.
        scores: [M] float32.
        length: n, how many items a list may hold.
    """

    keys: np.ndarray
    ranks: np.ndarray
    scores: np.ndarray
    length: int

    @classmethod
    def of(cls, items: np.ndarray, scores: np.ndarray, width: int) -> "Listed":
        """Lists [B, n] of item indices < `width` (-1 pads) and their scores."""
        row, column = np.nonzero(items >= 0)
        keys = row.astype(np.int64) * width + items[row, column]
        order = np.argsort(keys, kind="stable")
        ranks = (column[order] + 1).astype(np.float32)
        return cls(keys[order], ranks, scores[row, column][order].astype(np.float32), items.shape[1])

    def at(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Ranks and scores of pairs, float32; NaN where a pair is not listed."""
        found, place = position(self.keys, keys)
        absent = np.float32(np.nan)
        if not len(self.keys):
            return np.full(len(keys), absent), np.full(len(keys), absent)
        return np.where(found, self.ranks[place], absent), np.where(found, self.scores[place], absent)


@dataclass(frozen=True)
class Pairs:
    """Candidates of a block of users.

    Attributes:
        users: [B] int32 user indices of the block's rows.
        width: I, how many items there are.
        keys: [N] int64, row x width + item, ascending.
    """

    users: np.ndarray
    width: int
    keys: np.ndarray

    @property
    def rows(self) -> np.ndarray:
        """[N] int64 row in the block."""
        return self.keys // self.width

    @property
    def items(self) -> np.ndarray:
        """[N] int64 item index."""
        return self.keys % self.width

    def of(self, rows: slice) -> slice:
        """Where the pairs of some of the block's rows are."""
        start, stop = np.searchsorted(self.keys, [rows.start * self.width, rows.stop * self.width]).tolist()
        return slice(start, stop)

    @property
    def history_keys(self) -> np.ndarray:
        """[N] int64, user_index x width + item."""
        keys: np.ndarray = self.users[self.rows].astype(np.int64) * self.width + self.items
        return keys


def position(ascending: np.ndarray, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether each asked key is in an ascending array, and where (an arbitrary valid place if not)."""
    if not len(ascending):
        return np.zeros(len(asked), dtype=bool), np.zeros(len(asked), dtype=np.int64)
    place = np.minimum(np.searchsorted(ascending, asked), len(ascending) - 1)
    found: np.ndarray = ascending[place] == asked
    return found, place


def union(users: np.ndarray, width: int, sources: Mapping[str, Listed], depth: int) -> Pairs:
    """All pairs that at least one source ranks within its `depth` best."""
    keys = [listed.keys[listed.ranks <= depth] for listed in sources.values()]
    ascending = np.sort(np.concatenate([np.empty(0, dtype=np.int64), *keys]), kind="stable")  # merges what is sorted
    return Pairs(users, width, ascending[np.diff(ascending, prepend=-1) != 0])


def best_source(keys: np.ndarray, sources: Mapping[str, Listed], codes: Mapping[str, int]) -> np.ndarray:
    """Code of the source that ranks each pair best: [N] int8, -1 where none lists it; ties go to the lower code."""
    best = np.full(len(keys), np.inf, dtype=np.float32)
    code = np.full(len(keys), -1, dtype=np.int8)
    for name in sorted(sources, key=lambda name: codes[name]):
        rank = sources[name].at(keys)[0]
        better = rank < best  # false where the rank is NaN
        best[better], code[better] = rank[better], codes[name]
    return code


def _ranked(rows: np.ndarray, items: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Places of the pairs with a finite score, by row, falling score, and item.

    Pairs that come by row and item, as nearly all do, are sorted as one number each: the row, the bits of the score
    (turned, so that they rise as the score falls), and the place within the row. That takes about a third of the time
    of a sort by three columns, and comes to the same.
    """
    there = np.flatnonzero(np.isfinite(scores))
    rows, items, scores = rows[there], items[there], scores[there]
    step, up = np.diff(rows), np.diff(items)
    if scores.dtype != np.float32 or not ((step > 0) | (step == 0) & (up > 0)).all():
        return np.asarray(there[np.lexsort((items, -scores, rows))])
    first = np.concatenate([[True], step > 0])[: len(rows)]
    group = np.cumsum(first) - 1
    starts = np.flatnonzero(first)
    within = np.arange(len(rows)) - starts[group]
    bits = int(within.max(initial=0)).bit_length()
    if len(starts).bit_length() + 32 + bits > 64:
        return np.asarray(there[np.lexsort((items, -scores, rows))])
    raw = (scores + np.float32(0)).view(np.uint32)  # -0.0 becomes 0.0
    falling = np.where(raw >> 31 > 0, raw, raw ^ np.uint32(0x7FFFFFFF)).astype(np.uint64)
    key = group.astype(np.uint64) << np.uint64(32 + bits) | falling << np.uint64(bits) | within.astype(np.uint64)
    key.sort()
    within = (key & np.uint64((1 << bits) - 1)).astype(np.int64)
    return np.asarray(there[starts[(key >> np.uint64(32 + bits)).astype(np.int64)] + within])


def to_lists(
    rows: np.ndarray, items: np.ndarray, scores: np.ndarray, users: int, n: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rank pairs within their row; equal scores rank by item index.

    Args:
        rows, items, scores: [N]; -inf excludes a pair.
        users: B, number of rows.
        n: length of the lists.
    Returns:
        items int32 [B, n] (-1 pads), scores float32 [B, n] (-inf pads), and place int64 [B, n] of each listed pair in
        the arguments (-1 pads).
    """
    order = _ranked(rows, items, scores)
    starts = np.searchsorted(rows[order], np.arange(users))
    rank = np.arange(len(order)) - starts[rows[order]]
    kept, rank = order[rank < n], rank[rank < n]
    place = np.full((users, n), -1, dtype=np.int64)
    place[rows[kept], rank] = kept
    best = np.full((users, n), -np.inf, dtype=np.float32)
    best[rows[kept], rank] = scores[kept]
    listed = np.full((users, n), -1, dtype=np.int32)
    listed[rows[kept], rank] = items[kept]
    return listed, best, place
