"""Who may never be shown what: what a user dislikes or is kept from, and what was offered to others alone."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from pipeline.features.limits import Limits
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
        return _keys(self.open_to)

    def forbidden(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Whether each user may not be shown each item: bool, in the common shape of both.

        Args:
            users: user indices.
            items: item indices; -1 is nobody's to be shown, and not forbidden.
        """
        users, items = np.broadcast_arrays(users, items)
        asked = (items >= 0) & self.closed[items]
        found = np.zeros(items.shape, dtype=bool)
        found[asked] = ~_among(users[asked].astype(np.int64) * self.open_to.shape[1] + items[asked], self.keys)
        return found

    def possible(self, shown: np.ndarray) -> np.ndarray:
        """[U] int64, how many items each user may be shown of those in `shown`, bool [I]."""
        open_to_all = int((shown & ~self.closed).sum())
        return np.asarray(self.open_to @ shown.astype(np.float32)).astype(np.int64) + open_to_all


@dataclass(frozen=True)
class Never:
    """The pairs that no list may hold.

    Attributes:
        disliked: [U, I] CSR, what users dislike or are kept from.
        offers: what was offered; None: everything to everybody.
        limits: items that only some users may be shown, which publication alone heeds; None: there are none.
    """

    disliked: "csr_matrix"
    offers: Offers | None
    limits: Limits | None = None

    @classmethod
    def read(cls, cutoff: Cutoff) -> "Never":
        """The pairs of a cut-off."""
        return cls(cutoff.disliked(), Offers.read(cutoff))

    def __bool__(self) -> bool:
        """Whether there are any."""
        return self.offers is not None or self.limits is not None or self.disliked.nnz > 0

    @cached_property
    def _keys(self) -> np.ndarray:
        return _keys(self.disliked)

    @cached_property
    def _anybody(self) -> np.ndarray:
        """bool [I], items that somebody dislikes."""
        found = np.zeros(self.disliked.shape[1], dtype=bool)
        found[self.disliked.indices] = True
        return found

    def forbidden(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Whether each user may not be shown each item; arguments as of `Offers`."""
        users, items = np.broadcast_arrays(users, items)
        asked = (items >= 0) & self._anybody[items]
        found = np.zeros(items.shape, dtype=bool)
        found[asked] = _among(users[asked].astype(np.int64) * self.disliked.shape[1] + items[asked], self._keys)
        if self.limits is not None:
            found |= self.limits.forbidden(users, items)
        return found if self.offers is None else found | self.offers.forbidden(users, items)

    def everybodys(self, shown: np.ndarray) -> np.ndarray:
        """bool [I], those of some items, bool [I], that a stranger may be shown."""
        shown = shown if self.offers is None else shown & ~self.offers.closed
        return shown if self.limits is None else shown & ~self.limits.limited

    def possible(self, shown: np.ndarray) -> np.ndarray:
        """[U] int64, how many items each user may be shown of those in `shown`, bool [I]; no more than there are."""
        disliked = np.asarray(self.disliked @ shown.astype(np.float32)).astype(np.int64)
        there = int(shown.sum()) if self.offers is None else self.offers.possible(shown)
        withheld = 0 if self.limits is None else self.limits.withheld(shown)
        return np.asarray(np.maximum(there - disliked - withheld, 0))

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


def _keys(pairs: "csr_matrix") -> np.ndarray:
    """[N] int64 ascending, row x columns + column of the entries of a matrix."""
    rows = np.repeat(np.arange(pairs.shape[0], dtype=np.int64), np.diff(pairs.indptr))
    return np.asarray(rows * pairs.shape[1] + pairs.indices)


def _among(wanted: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """bool, in the shape of `wanted`: which are among ascending keys."""
    if not len(keys):
        return np.zeros(wanted.shape, dtype=bool)
    return np.asarray(keys[np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)] == wanted)
