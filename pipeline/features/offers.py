"""Who may never be shown what: what a user dislikes, and what was offered to others alone."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from pipeline.features.read import Cutoff

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class Offers:
    """The offers of one cut-off; an item that is offered to anybody is closed to all others.

    Attributes:
        closed: bool [I], items that are offered.
        open_to: [U, I] CSR float32, 1 where the item was offered to the user.
    """

    closed: np.ndarray
    open_to: "csr_matrix"

    @classmethod
    def read(cls, cutoff: Cutoff) -> "Offers | None":
        """The offers of a cut-off; None: no log names any."""
        from scipy.sparse import csr_matrix

        table = cutoff.offers()
        if table is None:
            return None
        closed = np.zeros(cutoff.items, dtype=bool)
        closed[table.column("item_index").to_numpy()] = True
        known = table.filter(table.column("user_index").is_valid())
        users, items = (known.column(name).to_numpy() for name in ("user_index", "item_index"))
        shape = (cutoff.users, cutoff.items)
        return cls(closed, csr_matrix((np.ones(len(users), np.float32), (users, items)), shape=shape))

    @cached_property
    def keys(self) -> np.ndarray:
        """[N] int64 ascending, user_index x items + item_index of what was offered."""
        users = np.repeat(np.arange(self.open_to.shape[0], dtype=np.int64), np.diff(self.open_to.indptr))
        return np.asarray(users * self.open_to.shape[1] + self.open_to.indices)

    def forbidden(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Whether each user may not be shown each item: bool, in the common shape of both.

        Args:
            users: user indices.
            items: item indices; -1 is nobody's to be shown, and not forbidden.
        """
        users, items = np.broadcast_arrays(users, items)
        asked = (items >= 0) & self.closed[items]
        found = np.zeros(items.shape, dtype=bool)
        keys = users[asked].astype(np.int64) * self.open_to.shape[1] + items[asked]
        place = np.minimum(np.searchsorted(self.keys, keys), max(len(self.keys) - 1, 0))
        found[asked] = self.keys[place] != keys if len(self.keys) else True
        return found

    def possible(self, shown: np.ndarray) -> np.ndarray:
        """[U] int64, how many items each user may be shown of those in `shown`, bool [I]."""
        open_to_all = int((shown & ~self.closed).sum())
        return np.asarray(self.open_to @ shown.astype(np.float32)).astype(np.int64) + open_to_all


@dataclass(frozen=True)
class Never:
    """The pairs that no list may hold, a block of users at a time.

    Attributes:
        disliked: [U, I] CSR, what users dislike.
        offers: what was offered; None: everything to everybody.
    """

    disliked: "csr_matrix"
    offers: Offers | None

    @classmethod
    def read(cls, cutoff: Cutoff) -> "Never":
        """The pairs of a cut-off."""
        return cls(cutoff.disliked(), Offers.read(cutoff))

    @property
    def closed(self) -> int:
        """How many items are offered to some alone: so many more than a user's own may be skipped."""
        return 0 if self.offers is None else int(self.offers.closed.sum())

    def of(self, users: np.ndarray) -> "csr_matrix":
        """[B, I] CSR float32, above 0 where the user may not be shown the item."""
        from scipy.sparse import csr_matrix

        disliked = self.disliked[users]
        if self.offers is None:
            return disliked
        items = np.flatnonzero(self.offers.closed)
        shut = self.offers.open_to[users][:, items].toarray() == 0  # [B, closed]
        row, place = np.nonzero(shut)
        closed = csr_matrix((np.ones(len(row), np.float32), (row, items[place])), shape=disliked.shape)
        return (disliked + closed).tocsr()
