"""Most of the nearest of very many vectors: only those in the cells around a query are compared with it.

Cells are those of k-means on the sphere. Queries of one cell are compared together, with the members of the PROBED
nearest cells, so all is products of matrices, the same bytes every time, and time grows with the root of the candidates
for each query. What is missed: 3 of 1,000 of the nearest 50 of 400 queries among 93,274 planted titles of three words
(tests/arrays/test_cells.py holds the share on small ones).
Source: Jegou, Douze & Schmid, "Product quantization for nearest neighbor search", TPAMI 2011 (inverted file, without
the quantization); Dhillon & Modha, Machine Learning 42 (2001), spherical k-means.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipeline.arrays import top_k
from pipeline.arrays.blocks import CELLS, blocks, indptr_of, rows_for

PER_ROOT = 1.7
"""Cells, in roots of the number of vectors."""
PROBED = 64
"""Nearest cells that a query is compared with."""
LEARNED_FROM, ROUNDS = 40, 6
"""Vectors a cell that k-means learns from, and how often they are given to cells anew."""


@dataclass(frozen=True)
class Cells:
    """Vectors by their cell.

    Attributes:
        vectors: [C, d] float32 rows of length 1 or 0.
        centres: [M, d] float32 rows of length 1 or 0.
    """

    vectors: np.ndarray
    centres: np.ndarray

    @classmethod
    def of(cls, vectors: np.ndarray) -> "Cells":
        """Learn cells from a sample of the vectors [C, d]."""
        number = max(1, int(PER_ROOT * len(vectors) ** 0.5))
        rng = np.random.default_rng(0)
        drawn = np.sort(rng.choice(len(vectors), min(len(vectors), LEARNED_FROM * number), replace=False))
        sample = vectors[drawn]
        centres = sample[np.sort(rng.choice(len(sample), min(len(sample), number), replace=False))]
        for _ in range(ROUNDS):
            centres = _means(sample, _cell(sample, centres), centres)
        return cls(vectors, centres)

    @cached_property
    def _members(self) -> tuple[np.ndarray, np.ndarray]:
        """[C] vectors by cell, ascending within one, and [M + 1] where each cell begins."""
        cell = _cell(self.vectors, self.centres)
        return np.argsort(cell, kind="stable"), indptr_of(np.bincount(cell, minlength=len(self.centres)))

    def _around(self, cells: np.ndarray) -> np.ndarray:
        """Ascending places of the vectors in some cells."""
        order, starts = self._members
        return np.sort(np.concatenate([order[starts[cell] : starts[cell + 1]] for cell in cells]))

    def best(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The vectors most like each query, as far as they are in the cells around it.

        Args:
            queries: [Q, d] float32 rows of length 1 or 0.
            k: how many; only cosines above 0 count.
        Returns:
            places int32 [Q, k] (-1 pads), cosines float32 [Q, k] (-inf pads), descending, equal ones by place.
        """
        places = np.full((len(queries), k), -1, dtype=np.int32)
        cosines = np.full((len(queries), k), -np.inf, dtype=np.float32)
        cell = _cell(queries, self.centres)
        for asked in np.unique(cell):
            near = np.argsort(-(self.centres @ self.centres[asked]), kind="stable")[:PROBED]
            around, rows = self._around(near), np.flatnonzero(cell == asked)
            columns = self.vectors[around].T
            for part in blocks(len(rows), rows_for(len(around), len(rows))):
                best, cosines[rows[part]] = top_k.top_n(queries[rows[part]] @ columns, k, above=0.0)
                places[rows[part]] = np.where(best >= 0, around[best], -1) if len(around) else -1
        return places, cosines


def _cell(vectors: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """[N] the nearest centre of each vector."""
    found = np.zeros(len(vectors), dtype=np.int64)
    for part in blocks(len(vectors), rows_for(len(centres), len(vectors), CELLS)):
        found[part] = np.argmax(vectors[part] @ centres.T, axis=1)
    return found


def _means(vectors: np.ndarray, cell: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """[M, d] directions of the cells' sums; a cell without a sum keeps its centre."""
    from scipy.sparse import csr_matrix

    ones = np.ones(len(vectors), np.float32)
    sums = np.asarray(csr_matrix((ones, (cell, np.arange(len(vectors)))), (len(centres), len(vectors))) @ vectors)
    length = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.where(length > 0, sums / np.where(length > 0, length, 1), centres).astype(np.float32)
