"""What a surface may show, and its lists: the ensemble's candidates that pass the filters, then popular items.

All functions work on a block of users and look up only the pairs of user and item that are asked about; nothing here is
as large as users times items.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.arrays.blocks import blocks, indptr_of
from pipeline.features.read import Cutoff

UNTOLD = -1
"""Source code of a candidate whose source the ensemble did not write down."""
TOPPED_UP = -2
"""Source code of an item that no model chose for the user."""
FIRST, WIDER = 64, 4
"""Popular items that short lists are filled from at first, and how many times more where that was not enough."""
FILTER = 16
"""Bits of a filter, each a byte, per pair in it: one in 16 to 32 of the pairs that are not in it passes."""
CELLS = 2**18
"""Pairs looked at together where there are many for a user: at most 100 bytes are held for each, 25 MiB."""
PairPredicate = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Answers (place in the block, item), arrays that broadcast against each other, with a bool for each pair."""


@dataclass(frozen=True)
class OwnHistory:
    """What users had acted on at the end of the night: the rows of one CSR matrix.

    Attributes:
        indptr: [U + 1] int64, user u's rows are indptr[u]:indptr[u + 1].
        items: [N] int32, ascending within a user.
        count: [N] int16, days on which the user acted on the item.
        last_age: [N] float32, days since the last of them.
    """

    indptr: np.ndarray
    items: np.ndarray
    count: np.ndarray
    last_age: np.ndarray

    @classmethod
    def read(cls, cutoff: Cutoff) -> "OwnHistory":
        """Read the interactions of a cut-off, 10 bytes per row."""
        names = ("item_index", "count", "last_age")
        with cutoff.history(["user_index", *names]) as history:
            kinds = (np.int32, np.int16, np.float32)
            columns = [np.empty(history.rows, dtype) for dtype in kinds]
            counts, start = np.zeros(cutoff.users, dtype=np.int64), 0
            for table in history.groups():
                counts += np.bincount(table.column(0).to_numpy(), minlength=cutoff.users)
                for column, name in zip(columns, names, strict=True):
                    column[start : start + len(table)] = table.column(name).to_numpy()
                start += len(table)
        return cls(indptr_of(counts), *columns)

    def rows(self, users: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(place in `users`, row) of every interaction of the users, both int64."""
        counts = self.indptr[users + 1] - self.indptr[users]
        place = np.repeat(np.arange(len(users)), counts)
        before = np.cumsum(counts) - counts
        return place, np.arange(len(place)) - np.repeat(before - self.indptr[users], counts)

    def of(self, users: np.ndarray, items: int) -> "Had":
        """What a block of users had.

        Args:
            users: [B] user indices, in any order.
            items: I, how many items there are.
        """
        width = items | 1  # odd: were it a power of 2, one item of many users would be one bit of the filter
        place, row = self.rows(users)
        keys = place * width + self.items[row]
        likely = np.zeros(1 << (FILTER * len(keys)).bit_length(), dtype=bool)
        likely[keys & (len(likely) - 1)] = True
        return Had(users, width, np.append(keys, np.iinfo(np.int64).max), np.append(row, -1), likely)


@dataclass(frozen=True)
class Had:
    """The rows of the history of a block of users, found by place in the block and item.

    Most pairs that are asked about are in no history: a Bloom filter of one hash answers for nearly all of these, a
    binary search for the others.

    Attributes:
        users: [B] user indices.
        width: above every item index.
        keys: [M + 1] int64 ascending, place x width + item; the last is above every pair's.
        row: [M + 1] int64, the row of each key, -1 for the last.
        likely: bool [a power of 2], whether there is a key with these lowest bits.
    """

    users: np.ndarray
    width: int
    keys: np.ndarray
    row: np.ndarray
    likely: np.ndarray

    def rows(self, place: np.ndarray, items: np.ndarray) -> np.ndarray:
        """The row of each pair, -1 where the user never acted on the item and where the item is -1.

        Args:
            place: int64 places in the block; items: item indices or -1. They broadcast against each other.
        Returns:
            int64, in their common shape.
        """
        wanted = np.where(items >= 0, place * self.width + items, -1)
        asked = self.likely[wanted & (len(self.likely) - 1)]
        keys = wanted[asked]
        at = np.searchsorted(self.keys, keys)
        found = np.full(wanted.shape, -1)
        found[asked] = np.where(self.keys[at] == keys, self.row[at], -1)
        return found

    def owned(self, place: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Whether the user acted on the item, see `rows`."""
        return np.asarray(self.rows(place, items) >= 0)


@dataclass(frozen=True)
class Block:
    """Lists of a block of users; an absent item is -1.

    Attributes:
        items: [B, k] int32.
        scores: [B, k] float32, not ascending along a row.
        sources: [B, k] int8 codes; TOPPED_UP where no model chose the item.
    """

    items: np.ndarray
    scores: np.ndarray
    sources: np.ndarray


@dataclass(frozen=True)
class Cap:
    """How many items of one group, a category or a product, a list may hold.

    Attributes:
        groups: [I] int32 codes, -1: of no group, which is never too many.
        most: the number.
    """

    groups: np.ndarray
    most: int

    def exceeded(self, items: np.ndarray, counted: np.ndarray) -> np.ndarray:
        """Whether enough items of its group stand before each item: bool [B, m].

        Args:
            items: [B, m] item indices, best first.
            counted: bool [B, m], the others are looked past and never too many.
        """
        codes = np.where(counted, self.groups[items], -1)
        order = np.argsort(codes, axis=1, kind="stable")
        ordered = np.take_along_axis(codes, order, axis=1)
        place = np.broadcast_to(np.arange(items.shape[1]), items.shape)
        begins = np.ones(items.shape, dtype=bool)
        begins[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
        first = np.maximum.accumulate(np.where(begins, place, 0), axis=1)
        over = np.zeros(items.shape, dtype=bool)
        np.put_along_axis(over, order, (ordered >= 0) & (place - first >= self.most), axis=1)
        return over


def exceeded(caps: Sequence[Cap], items: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Which items one of the caps leaves out, in their order, a cap counting what those before it leave; see Cap."""
    over = np.zeros(items.shape, dtype=bool)
    for cap in caps:
        over |= cap.exceeded(items, counted & ~over)
    return over


def pick(candidates: Block, shown: np.ndarray, k: int, hidden: np.ndarray | None = None) -> Block:
    """The first k candidates of each row that may be shown.

    Args:
        candidates: [B, n], best first.
        shown: bool [I].
        k: length of the lists.
        hidden: bool [B, n], which candidates a row must not show besides.
    """
    items = candidates.items
    good = (items >= 0) & shown[items]
    if hidden is not None:
        good &= ~hidden
    order = np.argsort(~good, axis=1, kind="stable")[:, :k]
    kept = np.take_along_axis(good, order, axis=1)
    short = ((0, 0), (0, k - order.shape[1]))

    def column(values: np.ndarray, pad: float) -> np.ndarray:
        chosen = np.where(kept, np.take_along_axis(values, order, axis=1), np.asarray(pad, values.dtype))
        return np.pad(chosen, short, constant_values=pad)

    return Block(column(items, -1), column(candidates.scores, -np.inf), column(candidates.sources, TOPPED_UP))


def top_up(block: Block, popular: np.ndarray, seen: PairPredicate | None, caps: Sequence[Cap] = ()) -> Block:
    """Fill rows that are too short from the popular items, in their order.

    A topped-up item scores below everything chosen for the user: one less than the last chosen score or zero,
    whichever is lower, and one less again for each further item.

    Args:
        block: from `pick`; items are at the front of a row.
        popular: [P] int32 items that may be shown, best first.
        seen: which items a row must not get; None: every item may be given.
        caps: how many of one group a list may hold, those there counted.
    Returns:
        The block; a row stays short only when nothing is left to give it.
    """
    k = block.items.shape[1]
    have = (block.items >= 0).sum(axis=1)
    short = np.flatnonzero(have < k)
    if not len(short) or not len(popular):
        return block
    items, scores = block.items.copy(), block.scores.copy()
    position = np.full(max(popular.max(), items.max()) + 2, len(popular))  # in `popular`; the last is the pads'
    position[popular] = np.arange(len(popular))
    width = max(FIRST, WIDER * k)
    while len(short):  # what is free among the first popular items does not depend on those after them
        given = popular[:width]
        for part in blocks(len(short), max(1, CELLS // (k + len(given)))):
            rows = short[part]
            taken = _listed(position[block.items[rows]], len(given))
            if seen is not None:
                taken |= seen(rows[:, None], given[None, :])
            items[rows], scores[rows] = _filled(block.items[rows], block.scores[rows], given, taken, caps)
        short = short[items[short, -1] < 0] if width < len(popular) else short[:0]
        width *= WIDER
    return Block(items, scores, block.sources)


def _listed(position: np.ndarray, width: int) -> np.ndarray:
    """bool [S, P], which of the first P popular items stand in a list, of its items' positions [S, k]."""
    listed = np.zeros((len(position), width), dtype=bool)
    row, slot = np.nonzero(position < width)
    listed[row, position[row, slot]] = True
    return listed


def _filled(
    items: np.ndarray, scores: np.ndarray, popular: np.ndarray, taken: np.ndarray, caps: Sequence[Cap]
) -> tuple[np.ndarray, np.ndarray]:
    """The items and scores [S, k] of lists, filled from the popular items [P] that are not `taken`, bool [S, P]."""
    k, have = items.shape[1], (items >= 0).sum(axis=1)
    if caps:
        everything = np.concatenate([items, np.broadcast_to(popular, taken.shape)], axis=1)
        taken = taken | exceeded(caps, everything, np.concatenate([items >= 0, ~taken], axis=1))[:, k:]
    free = np.argsort(taken, axis=1, kind="stable")[:, :k]  # positions in `popular`, free ones first
    wanted = np.arange(k)[None, :] - have[:, None]  # [S, k] which free item a slot gets; negative: slot is full
    row, slot = np.nonzero((wanted >= 0) & (wanted < (~taken).sum(axis=1)[:, None]))
    last = scores[np.arange(len(scores)), np.maximum(have - 1, 0)]
    floor = np.where(have > 0, np.minimum(last, 0), 0)
    items[row, slot] = popular[free[row, wanted[row, slot]]]
    scores[row, slot] = floor[row] - 1 - wanted[row, slot]
    return items, scores
