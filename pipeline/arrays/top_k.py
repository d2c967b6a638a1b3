"""The best scores of each row: exact, ties by index, fast on wide rows and on sparse ones."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.arrays.blocks import blocks, rows_for

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


# From this many times the length of a list, a row is wide enough for `_best_of_wide` to be the faster one.
WIDE = 16
# Scores of wide rows that are looked through at a time, as many as the processor holds near.
LOOKED_THROUGH = 2**18


def _down_to(scores: np.ndarray, worst: np.ndarray, n: int) -> np.ndarray:
    """Where the n best scores of each row stand, of which the least is known; of those that equal it the first ones.

    Args:
        scores: [B, I], none nan.
        worst: [B, 1] the n-th best score of each row.
        n: how many, at most I.
    Returns:
        [B, n] ascending indices.
    """
    rows, width = scores.shape
    place = np.flatnonzero(scores >= worst)
    row = place // width
    column = place - row * width
    if len(place) > rows * n:
        equal = scores.ravel()[place] == worst[row, 0]
        equals = np.bincount(row[equal], minlength=rows)
        missing = n - (np.bincount(row, minlength=rows) - equals)
        before = np.cumsum(equals) - equals
        column = column[~equal | (np.cumsum(equal) - before[row] <= missing[row])]
    return np.asarray(column.reshape(rows, n))


def _best(scores: np.ndarray, n: int) -> np.ndarray:
    """[B, n] ascending indices of the n < I best scores of each row, ties by index: by partition of the whole row."""
    least = scores.shape[1] - n
    return _down_to(scores, np.partition(scores, least, axis=1)[:, least : least + 1], n)


@dataclass(frozen=True)
class Peaks:
    """The maxima of groups of columns, which tell where in a wide row the best scores are.

    Column j belongs to group j mod m, so that the maxima are made of contiguous runs, at the speed of memory. The last
    columns, fewer than m, are in no group.

    Attributes:
        maxima: [B, m] float32, nan where a group holds one.
        size: columns of a group.
    """

    maxima: np.ndarray
    size: int

    @property
    def grouped(self) -> int:
        """Columns that are in a group."""
        return self.size * int(self.maxima.shape[1])

    def has_nan(self, scores: np.ndarray) -> bool:
        """Whether a score is not a number."""
        return any(bool(np.isnan(part).any()) for part in (self.maxima, scores[:, self.grouped :]))

    def after(self, scores: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> "Peaks":
        """The maxima after the scores of some cells were changed, at the cost of those cells' groups."""
        inside = columns < self.grouped
        rows, group = rows[inside], columns[inside] % self.maxima.shape[1]
        members = group[:, None] + self.maxima.shape[1] * np.arange(self.size)
        maxima = self.maxima.copy()
        maxima[rows, group] = scores[rows[:, None], members].max(axis=1)
        return Peaks(maxima, self.size)


def peaks(scores: np.ndarray, n: int) -> Peaks | None:
    """The peaks of [B, I] scores for lists of n; None where a row is so short that it is faster taken whole."""
    rows, width = scores.shape
    if n == 0 or rows == 0 or width < WIDE * n:
        return None
    size = max(2, int((width / n) ** 0.5))
    groups = width // size
    return Peaks(scores[:, : size * groups].reshape(rows, size, groups).max(axis=1), size)


def _best_of_wide(scores: np.ndarray, n: int, above: float, tops: Peaks) -> np.ndarray:
    """`_best` of rows much wider than n: looks closely only where a group of columns has a great maximum.

    The n groups with the greatest maxima hold every score greater than t, the least of these maxima, and n scores not
    below t; so only their columns are partitioned. Scores equal to t may stand elsewhere too: rows whose last place is
    one of them, and above `above`, are looked through whole.
    """
    rows, width = scores.shape
    maxima, groups = tops.maxima, tops.maxima.shape[1]
    best = np.argpartition(maxima, groups - n, axis=1)[:, groups - n :]
    least = np.take_along_axis(maxima, best, axis=1).min(axis=1)
    columns = (best[:, None, :] + (groups * np.arange(tops.size))[None, :, None]).reshape(rows, -1)
    rest = np.broadcast_to(np.arange(tops.grouped, width), (rows, width - tops.grouped))
    columns = np.concatenate([columns, rest], axis=1)
    values = scores.ravel().take(columns + (width * np.arange(rows))[:, None])
    place = np.argpartition(values, values.shape[1] - n, axis=1)[:, values.shape[1] - n :]
    taken = np.take_along_axis(values, place, axis=1)
    worst = taken.min(axis=1, keepdims=True)
    tied = (values == worst).sum(axis=1) > (taken == worst).sum(axis=1)
    elsewhere = (worst[:, 0] == least) & ((maxima >= least[:, None]).sum(axis=1) > n)
    unsure = np.flatnonzero((tied | elsewhere) & (worst[:, 0] > above))
    chosen = np.take_along_axis(columns, place, axis=1)
    chosen.sort(axis=1)
    for part in blocks(len(unsure), rows_for(width, len(unsure), LOOKED_THROUGH)):
        chosen[unsure[part]] = _down_to(scores[unsure[part]], worst[unsure[part]], n)
    return chosen


def top_n(
    scores: np.ndarray, n: int, above: float = -np.inf, tops: Peaks | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The n best items of each row, best first; equal scores rank by item index, -inf is never taken.

    Args:
        scores: [B, I] float32, none nan; -inf excludes an item.
        n: length of the lists.
        above: only greater scores are taken.
        tops: `peaks` of these scores and this n, where they are known already.
    Returns:
        items int32 [B, n] with -1 pads, scores float32 [B, n] with -inf pads.
    """
    rows, width = scores.shape
    kept = min(n, width)
    items = np.full((rows, n), -1, dtype=np.int32)
    best = np.full((rows, n), -np.inf, dtype=np.float32)
    if kept == 0 or rows == 0:
        return items, best
    tops = tops or peaks(scores, kept)
    if tops is not None:
        chosen = _best_of_wide(scores, kept, above, tops)
    elif kept < width:
        chosen = _best(scores, kept)
    else:
        chosen = np.broadcast_to(np.arange(width), (rows, width))
    values = np.take_along_axis(scores, chosen, axis=1)  # by index, so the stable sort breaks ties by index
    order = np.argsort(-values, axis=1, kind="stable")
    best[:, :kept] = np.take_along_axis(values, order, axis=1)
    items[:, :kept] = np.take_along_axis(chosen, order, axis=1)
    best[best <= above] = -np.inf
    items[np.isneginf(best)] = -1
    return items, best


def top_n_sparse(scores: "csr_matrix", n: int, above: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """`top_n` of a [B, I] CSR matrix in canonical form, of which only the entries that are stored can be taken."""
    rows = scores.shape[0]
    items = np.full((rows, n), -1, dtype=np.int32)
    best = np.full((rows, n), -np.inf, dtype=np.float32)
    row = np.repeat(np.arange(rows), np.diff(scores.indptr))
    kept = np.flatnonzero(scores.data > above)
    kept = kept[np.lexsort((scores.indices[kept], -scores.data[kept], row[kept]))]
    rank = np.arange(len(kept)) - np.searchsorted(row[kept], np.arange(rows))[row[kept]]
    listed = rank < n
    kept, rank = kept[listed], rank[listed]
    items[row[kept], rank], best[row[kept], rank] = scores.indices[kept], scores.data[kept]
    return items, best


def without_one(items: np.ndarray, scores: np.ndarray, left_out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lists [B, n - 1] of lists [B, n]: without the one place of a row that is left out, else without the last.

    Args:
        items, scores: [B, n].
        left_out: bool [B, n], at most one place in a row.
    """
    kept = ~left_out
    kept[:, -1] &= ~kept.all(axis=1)
    shape = (len(items), items.shape[1] - 1)
    return items[kept].reshape(shape), scores[kept].reshape(shape)
