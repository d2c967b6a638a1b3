"""Rows that are alike: many items of a large catalogue say the same, so their nearest are looked for once."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.arrays.blocks import blocks, indptr_of

_EXPANDED = 1024

Best = Callable[[np.ndarray, np.ndarray, int], tuple[np.ndarray, np.ndarray]]
"""Queries [Q, d] and vectors [C, d] -> places int32 and cosines float32 [Q, k] of the most similar, ties by place."""


@dataclass(frozen=True)
class Alike:
    """Groups of equal rows, in the order of their first ones.

    Attributes:
        group: [N] the group of each row.
        members: [N] rows by group, ascending within one.
        starts: [G + 1] where each group's members begin.
    """

    group: np.ndarray
    members: np.ndarray
    starts: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray) -> "Alike":
        """Group rows [N, d] float32 that hold the same bytes."""
        width = rows.shape[1] * rows.itemsize
        group = np.zeros(len(rows), np.int64)
        if len(rows) and width:
            buffer = pa.py_buffer(np.ascontiguousarray(rows))
            whole = pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), len(rows), [None, buffer])
            group = whole.dictionary_encode().indices.to_numpy().astype(np.int64)  # numbered as they first come
        return cls(group, np.argsort(group, kind="stable"), indptr_of(np.bincount(group)))

    @property
    def first(self) -> np.ndarray:
        """[G] the first row of each group, ascending."""
        return np.asarray(self.members[self.starts[:-1]])

    def rows_of(self, groups: np.ndarray, scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The k best rows, of lists of groups.

        Args:
            groups: [Q, n] the n >= k best groups of each list, -1 pads, equal ones by group.
            scores: [Q, n] theirs.
            k: how many.
        Returns:
            rows int32 [Q, k] (-1 pads) and scores float32 [Q, k] (-inf pads), equal ones by row.
        """
        found = [(np.empty((0, k), np.int32), np.empty((0, k), np.float32))]
        found += [self._rows_of(groups[part], scores[part], k) for part in blocks(len(groups), _EXPANDED)]
        rows, best = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return rows, best

    def _rows_of(self, groups: np.ndarray, scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        query, place = np.nonzero(groups >= 0)
        group = groups[query, place]
        size = np.minimum(np.diff(self.starts)[group], k)  # of one group no more can be among the k best
        at = np.repeat(self.starts[group] - indptr_of(size)[:-1], size) + np.arange(size.sum())
        query, value, row = np.repeat(query, size), np.repeat(scores[query, place], size), self.members[at]
        order = np.lexsort((row, -value, query))
        query, value, row = query[order], value[order], row[order]
        rank = np.arange(len(query)) - np.searchsorted(query, np.arange(len(groups)))[query]
        kept = rank < k
        rows, best = np.full((len(groups), k), -1, np.int32), np.full((len(groups), k), -np.inf, np.float32)
        rows[query[kept], rank[kept]], best[query[kept], rank[kept]] = row[kept], value[kept]
        return rows, best


def nearest_rows(queries: np.ndarray, vectors: np.ndarray, k: int, best: Best) -> tuple[np.ndarray, np.ndarray]:
    """The rows of `vectors` most like each query, by comparing each different query with each different vector once.

    Args:
        queries: [Q, d] float32 rows of length 1 or 0.
        vectors: [C, d] likewise.
        k: how many.
        best: compares what is different.
    Returns:
        places int32 [Q, k] (-1 pads), cosines float32 [Q, k] (-inf pads), equal ones by place.
    """
    asked, known = Alike.of(queries), Alike.of(vectors)
    found = best(queries[asked.first], vectors[known.first], k)
    places, cosines = known.rows_of(*found, k)
    return places[asked.group], cosines[asked.group]
