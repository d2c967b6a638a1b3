"""One assortment's lists out of the scores of all items."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.arrays import top_k
from pipeline.ground import lists

if TYPE_CHECKING:
    from scipy.sparse import coo_matrix, csr_matrix

Lists = tuple[np.ndarray, np.ndarray]
"""Items [B, n] (-1 pads) and scores [B, n] (-inf pads)."""


@dataclass(frozen=True)
class Shelf:
    """The items of one assortment.

    Attributes:
        assortment: its name.
        places: [E] where they stand among the columns that are scored, ascending; None: all of these.
        items: [E] their ascending indices; None: all there are.
        changing: [U, E] by kind of pool: what is added in `all`, what is left out in `new`; None: nothing.
    """

    assortment: str
    places: np.ndarray | None
    items: np.ndarray | None
    changing: "dict[lists.Kind, csr_matrix | None]"

    @classmethod
    def of(
        cls,
        name: str,
        eligible: np.ndarray | None,
        changing: "dict[lists.Kind, csr_matrix | None]",
        among: np.ndarray | None = None,
    ) -> "Shelf":
        """The shelf of an assortment.

        Args:
            name: of the assortment.
            eligible: bool [I]; None: all.
            changing: as the attribute, of all items [U, I].
            among: [K] ascending indices of the items that are scored; None: all.
        """
        places = None if eligible is None else np.flatnonzero(eligible if among is None else eligible[among])
        items = places if among is None or places is None else among[places]
        items = among if places is None else items
        if items is None:
            return cls(name, None, None, changing)
        narrow = {kind: None if m is None else m[:, items] for kind, m in changing.items()}
        return cls(name, places, items, narrow)

    def pool(self, kind: lists.Kind) -> lists.Pool:
        """The assortment's pool of a kind."""
        return lists.pool_of(self.assortment, kind)

    def listed(self, scores: np.ndarray, users: np.ndarray, n: int, above: float) -> dict[lists.Pool, Lists]:
        """The n best items of each user in each pool.

        Args:
            scores: [B, K] float32 of the items that are scored; changed for a while, and put back.
            users: [B] their indices.
            n: length of the lists.
            above: only greater scores are taken.
        Raises:
            FloatingPointError: a score is not a number.
        """
        mine = scores if self.places is None else scores.take(self.places, axis=1)
        tops = top_k.peaks(mine, n)
        if mine.size and (tops.has_nan(mine) if tops else np.isnan(mine.max())):  # no maximum is, if any is not
            raise FloatingPointError
        found = {}
        for kind, matrix in self.changing.items():
            changed = None if matrix is None else matrix[users].tocoo()
            found[self.pool(kind)] = self._back(_in_pool(mine, tops, kind, changed, n=n, above=above))
        return found

    def listed_sparse(self, scores: "csr_matrix", n: int, above: float) -> Lists:
        """The n best items of each user, of [B, K] scores of which only what is stored can be taken."""
        return self._back(top_k.top_n_sparse(scores if self.places is None else scores[:, self.places], n, above))

    def _back(self, found: Lists) -> Lists:
        """Lists of places on the shelf as lists of items."""
        places, scores = found
        if self.items is None:
            return found
        return np.append(self.items, -1)[places].astype(np.int32), scores  # a pad reads the appended -1


def _in_pool(
    scores: np.ndarray,
    tops: top_k.Peaks | None,
    kind: lists.Kind,
    changed: "coo_matrix | None",
    *,
    n: int,
    above: float,
) -> Lists:
    """The lists of one pool: `all` with what `changed` holds added, `new` without the pairs it holds.

    The scores [B, E] are changed where needed and put back: they are the largest thing in memory.
    """
    if changed is None:
        return top_k.top_n(scores, n, above, tops)
    at = (changed.row, changed.col)
    before = scores[at]
    scores[at] = before + changed.data if kind == "all" else -np.inf
    found = top_k.top_n(scores, n, above, tops and tops.after(scores, *at))
    scores[at] = before
    return found
