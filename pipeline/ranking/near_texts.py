"""Which items are near in text to which, as far as it matters to the fusion: to what somebody had."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.arrays.blocks import indptr_of
from pipeline.arrays.nearest import FEW, nearest, unit
from pipeline.features.read import Cutoff
from pipeline.sources.item_knn import strongest

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

# Items whose texts are compared with all others at a time.
_COMPARED = 1024


@lru_cache(maxsize=2)
def of_file(path: Path, changed: int, known: tuple[tuple[int, bytes], ...], n: int) -> "csr_matrix":
    """`near_texts` in a file of vectors, kept, made from what is known of earlier ones where that is less work.

    Args:
        path: of the vectors; `changed` tells a rewritten file from the old.
        known: how many items there were and which of them somebody had, earlier and last.
        n: neighbours kept per row.
    """
    *earlier, (items, asked) = known
    vectors, rows = np.load(path, mmap_mode="r", allow_pickle=False)[:items], np.frombuffer(asked, dtype=np.int64)
    if not earlier or items**2 <= FEW:
        return near_texts(vectors, n, rows)
    return with_later(of_file(path, changed, tuple(earlier), n), vectors, n, rows)


def had(cutoffs: Sequence[Cutoff]) -> np.ndarray:
    """Ascending int64 indices of the items that some user had a history with at one of some cut-offs."""
    found = np.zeros(max(cutoff.items for cutoff in cutoffs), dtype=bool)
    for cutoff in cutoffs:
        with cutoff.history(["item_index"]) as history:
            for table in history.groups():
                found[table.column(0).to_numpy()] = True
    return np.flatnonzero(found)


def near_texts(vectors: np.ndarray, n: int, asked: np.ndarray) -> "csr_matrix":
    """[I, I] CSR float32 with the n largest positive cosines of each row, itself excluded, to the power 4.

    The power makes the near ones count and the crowd not. Only what somebody had speaks for other items, so in a large
    catalogue the other rows are not made; in a small one they are, and no bit of a row depends on who had what.

    Args:
        vectors: [I, h]; a zero row is near nothing.
        n: neighbours kept per row.
        asked: ascending indices of the rows that are needed.
    """
    everything = np.arange(len(vectors))
    return _near_among(unit(vectors), everything, n, everything if len(vectors) ** 2 <= FEW else asked)


def with_later(known: "csr_matrix", vectors: np.ndarray, n: int, asked: np.ndarray) -> "csr_matrix":
    """`near_texts` of more items, where that of the first of them is known: what was compared is not compared again.

    Args:
        known: [J, J] CSR of the first J items, for the rows that were needed then.
        vectors, n, asked: as `near_texts` takes them.
    """
    from scipy.sparse import csr_matrix

    directions, before, width = unit(vectors), known.shape[0], len(vectors)
    counts = np.append(np.diff(known.indptr), np.zeros(width - before, np.int64))
    earlier = csr_matrix((known.data, known.indices, indptr_of(counts)), shape=(width, width))
    have = counts > 0
    later = _near_among(directions, np.arange(before, width), n, asked[have[asked]])
    return strongest(earlier + later + _near_among(directions, np.arange(width), n, asked[~have[asked]]), n)


def _near_among(directions: np.ndarray, among: np.ndarray, n: int, asked: np.ndarray) -> "csr_matrix":
    """[I, I] CSR float32 of `near_texts` for some rows and columns, from vectors of length 1 or 0."""
    from scipy.sparse import csr_matrix

    items, cosines = nearest(directions, asked, among, n, rows_at_a_time=_COMPARED)
    counts = np.zeros(len(directions), dtype=np.int64)
    counts[asked] = (items >= 0).sum(axis=1)
    shape = (len(directions),) * 2
    return csr_matrix((cosines[items >= 0] ** 4, items[items >= 0], indptr_of(counts)), shape=shape)
