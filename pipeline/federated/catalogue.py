"""The items that the branches share: the union of their ids, sorted, so that every branch has the same row for each."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from pipeline.ground.errors import InputError

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

MOST, LONGEST = 5_000_000, 1000
"""More items, or longer ids, are nothing that a shop has."""


def require_ids(ids: object, whose: str) -> list[str]:
    """Ids that came from outside.

    Raises:
        InputError: they are no list of distinct short texts that can be encoded.
    """
    if not isinstance(ids, list) or len(ids) > MOST:
        raise InputError(f"{whose} sent no list of at most {MOST} item ids")
    for one in ids:
        if not isinstance(one, str) or not 0 < len(one) <= LONGEST or not one.isprintable():
            raise InputError(f"{whose} sent an item id that is no printable text of 1 to {LONGEST} characters")
    if len(set(ids)) < len(ids):
        raise InputError(f"{whose} sent an item id twice")
    return ids


def union(catalogues: Iterable[Sequence[str]]) -> list[str]:
    """The ids of all branches, each once, by code point."""
    return sorted({one for ids in catalogues for one in ids})


def placed(matrix: "csr_matrix", ids: Sequence[str], shared: Sequence[str]) -> "csr_matrix":
    """A branch's matrix with the shared items as columns.

    Args:
        matrix: [U, I] CSR of the branch's own items.
        ids: [I' >= I] its ids, item i in place i.
        shared: [S] ids of all branches, sorted.
    Returns:
        [U, S] CSR, columns ascending in each row.
    Raises:
        InputError: an item with a history is not among the shared ones.
    """
    from scipy.sparse import csr_matrix

    column = {one: number for number, one in enumerate(shared)}
    places = np.array([column.get(one, -1) for one in ids[: matrix.shape[1]]], dtype=np.int32)
    if matrix.nnz and (places[matrix.indices] < 0).any():
        raise InputError("the server left out an item that this branch named: run the fit again")
    found = csr_matrix((matrix.data, places[matrix.indices], matrix.indptr), shape=(matrix.shape[0], len(shared)))
    found.sort_indices()
    return found
