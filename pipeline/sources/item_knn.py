"""Items that go with what the user acted on: each item's nearest items, by who acted on both.

The item-to-item model for catalogues that are too large for EASE: only an item's nearest neighbours are kept, and
nothing of the size items x items exists. A user's strongest `max_history` actions count, so one robot with the whole
catalogue in its history costs no more than a good customer, and time grows with the interactions.

    similarity(i, j) = x_i . x_j / (d_i d_j) with d_i^2 = |x_i|^2 + shrinkage
    score(u, j) = sum of u_i similarity(i, j) over the user's items i

where x_i is an item's column of the weighted history. Pool `all` adds the user's own history.
Source: Sarwar et al., WWW 2001; Deshpande & Karypis, TOIS 2004; the nearest are found by implicit.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import NonNegativeFloat, PositiveInt

from pipeline.arrays.blocks import indptr_of
from pipeline.arrays.determinism import blas_threads
from pipeline.engine import Bound
from pipeline.features.read import Cutoff
from pipeline.ground.artifacts import Memo
from pipeline.settings.config import Config
from pipeline.settings.sections.base import Decay, RepeatingSection
from pipeline.sources.candidates import Score, make_parts, narrowed, reached, write_source
from pipeline.sources.contract import CandidateList, Source

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


class ItemKnn(RepeatingSection):
    """What goes with the items that the user acted on: each item's nearest items (Sarwar et al., WWW 2001)."""

    values: Decay = "decay_30"
    """Column of the interactions that items are compared by."""
    user_power: NonNegativeFloat = 0.5
    """A user counts with the number of items in the history to minus this power."""
    shrinkage: NonNegativeFloat = 0.1
    """Added to the denominator of the similarity, so that few common users make no neighbours."""
    neighbours: PositiveInt = 200
    """How many of the most similar items an item keeps; memory grows with items x this x 8 bytes."""
    max_history: PositiveInt = 500
    """Strongest actions of a user that count; time grows with interactions x this."""
    profile: Decay = "decay_30"
    """Column of the interactions that speaks for a user."""
    own_weight: NonNegativeFloat = 1.0
    """Weight of the own history in pool `all`."""


SOURCE = Source(
    ItemKnn,
    lists=(CandidateList("item_knn", "Item to item (neighbours)"),),
    made_of={"interactions": ("{values}", "{profile}")},
)


def strongest(matrix: "csr_matrix", n: int) -> "csr_matrix":
    """The n largest positive values of each row, [R, C] CSR; equal values go to the lower column."""
    from scipy.sparse import csr_matrix

    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    kept = matrix.data > 0
    counts = np.bincount(row[kept], minlength=matrix.shape[0])
    long = np.flatnonzero(kept & (counts > n)[row])  # where nothing is left out, nothing is sorted
    order = long[np.lexsort((matrix.indices[long], -matrix.data[long], row[long]))]
    starts = np.searchsorted(row[order], np.arange(matrix.shape[0]))
    kept[order[np.arange(len(order)) - starts[row[order]] >= n]] = False
    indptr = indptr_of(np.minimum(counts, n))
    found = csr_matrix((matrix.data[kept], matrix.indices[kept], indptr), shape=matrix.shape)
    found.sort_indices()
    return found


def comparable(history: "csr_matrix", user_power: float, shrinkage: float) -> "csr_matrix":
    """[U, I] CSR float32 whose columns have similarities as products: each user and item with its weight.

    Args:
        history: [U, I] CSR float32, > 0.
        user_power: a user's row is divided by its number of items to this power.
        shrinkage: added to an item's squared length.
    """
    per_user = np.diff(history.indptr)
    values = history.data * np.repeat(np.maximum(per_user, 1.0) ** -user_power, per_user)
    length = np.sqrt(np.bincount(history.indices, values**2, minlength=history.shape[1]) + shrinkage)
    matrix = history.copy()
    matrix.data = (values / np.where(length > 0, length, 1)[history.indices]).astype(np.float32)
    return matrix


def neighbours(matrix: "csr_matrix", n: int, threads: int) -> "csr_matrix":
    """[I, I] CSR float32: the n largest products of each column with the others.

    Args:
        matrix: [U, I] CSR float32, see `comparable`.
        n: neighbours kept per item.
        threads: CPU threads.
    """
    from implicit.nearest_neighbours import ItemItemRecommender
    from scipy.sparse import csr_matrix

    width = matrix.shape[1]
    known = np.flatnonzero(np.bincount(matrix.indices, minlength=width))  # an item that nobody had is near nothing
    if not len(known):
        return csr_matrix((width,) * 2, dtype=np.float32)
    place = np.zeros(width, dtype=matrix.indices.dtype)
    place[known] = np.arange(len(known))
    narrow = (matrix.data.astype(np.float64), place[matrix.indices], matrix.indptr)
    with blas_threads(1):  # implicit threads over items itself
        model = ItemItemRecommender(K=n + 1, num_threads=threads)  # an item is its own nearest
        model.fit(csr_matrix(narrow, shape=(matrix.shape[0], len(known))), show_progress=False)
    found, counts = _others(model.similarity.tocsr(), n), np.zeros(width, dtype=np.int64)
    counts[known] = np.diff(found.indptr)
    return csr_matrix((found.data, known[found.indices], indptr_of(counts)), shape=(width,) * 2)


def _others(similar: "csr_matrix", n: int) -> "csr_matrix":
    """[K, K] CSR float32: `strongest` of rows of at most n + 1 values, where the item's own is left out.

    Nothing is sorted: of a row of n + 1 others the weakest goes, of equal ones the last column.
    """
    from scipy.sparse import csr_matrix

    data, column, number = similar.data.astype(np.float32), similar.indices, similar.shape[0]
    row = np.repeat(np.arange(number, dtype=column.dtype), np.diff(similar.indptr))
    others = np.flatnonzero((data > 0) & (column != row))
    data, column, row = data[others], column[others], row[others]
    counts = np.bincount(row, minlength=number)
    long = np.flatnonzero(counts > n)
    if len(long):
        within = np.flatnonzero((counts > n)[row])
        starts = indptr_of(counts[long])[:-1]
        weakest = data[within] == np.repeat(np.minimum.reduceat(data[within], starts), counts[long])
        last = np.maximum.reduceat(np.where(weakest, column[within], -1), starts)
        left_out = within[weakest & (column[within] == np.repeat(last, counts[long]))]
        data, column, counts = np.delete(data, left_out), np.delete(column, left_out), np.minimum(counts, n)
    return csr_matrix((data, column, indptr_of(counts)), shape=similar.shape)


def scoring(profiles: "csr_matrix", similar: "csr_matrix") -> Score:
    """A function users [B] -> scores [B, I] CSR; an item that goes with nothing of the user's is absent."""

    def score(users: np.ndarray) -> "csr_matrix":
        return (profiles[users] @ similar).tocsr()

    return score


def fit(cutoff: Cutoff, section: ItemKnn, threads: int, among: np.ndarray | None = None) -> Bound[Score]:
    """The model of one cut-off: a function users [B] -> scores [B, K] of some items; None: [B, I] of all."""
    values, profiles = (narrowed(cutoff.matrix(name), among) for name in (section.values, section.profile))
    history = comparable(strongest(values, section.max_history), section.user_power, section.shrinkage)
    similar = neighbours(history, section.neighbours, threads)
    return Bound(scoring, {"profiles": strongest(profiles, section.max_history), "similar": similar})


def run(*, features: Path, config: Config, section: ItemKnn, memo: Memo) -> dict[str, Any]:
    """Write the list `item_knn` of every cut-off."""

    def make(cutoff: Cutoff, previous: Path | None, folder: Path) -> None:
        among = reached(cutoff)
        score = fit(cutoff, section, config.threads, among)
        given: dict[str, Any] = {"above": 0.0, "threads": config.threads, "among": among}
        write_source(folder, "item_knn", cutoff, score, section=section, config=config, **given)

    return make_parts("item_knn", make, features=features, memo=memo, config=config)
