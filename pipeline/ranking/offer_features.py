"""What the learned hybrid knows of an item that is offered to some alone, and of one that belongs to others.

    item_offered    to how many users it is offered
    item_taken      the share of them who acted on it: near that of all offers where it was offered to few
    item_links      how many items it is linked with, either way, as the products that a coupon is for
    linked_lift     logarithm of what the user did lately with those, against what somebody as active is expected to
    category_lift   the same of their categories

A coupon that many were sent is redeemed by many: what it is worth is how many of them did. One for all that a shop
sells is for what everybody has: what it is worth to somebody is what they buy of it, and of such things, more than
others. The columns follow from what the shop gives, not from what was known at a cut-off; where nothing was, they are
NaN.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.arrays.blocks import blocks, rows_for
from pipeline.features.offers import Offers
from pipeline.features.read import Cutoff
from pipeline.ranking.pair_features import Columns
from pipeline.ranking.pairs import Pairs, position
from pipeline.settings.config import Config

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

PRIOR = 50
"""Users who were offered an item that the share of all offers weighs as much as."""
SMOOTHED = 1
"""Actions that are added to those of the user and to those expected: of a few nothing is concluded."""


@dataclass(frozen=True)
class OfferFacts:
    """The offers and links at one cut-off.

    Attributes:
        item: columns [I] float32 by name; none where the shop gives neither.
        links: where it gives links, what is known of them.
    """

    item: Columns
    links: "Links | None"

    @classmethod
    def read(cls, cutoff: Cutoff, config: Config, offers: Offers | None) -> "OfferFacts":
        """Read those of a cut-off."""
        found: Columns = {}
        if config.ingest.offers is not None:
            found |= _taken(cutoff, offers)
        if config.ingest.links is None:
            return cls(found, None)
        links = Links.read(cutoff)
        return cls(found | {"item_links": links.number}, links)

    def of_pairs(self, pairs: Pairs, profiles: "csr_matrix") -> Columns:
        """All columns of this module: [N] float32 by name.

        Args:
            pairs: of a block of users.
            profiles: [B, I] CSR, what they acted on, decayed.
        """
        found = {name: values[pairs.items] for name, values in self.item.items()}
        if self.links is None:
            return found
        links, categories = self.links.lift(pairs, profiles), self.links.categories.lift(pairs, profiles)
        return found | {"linked_lift": links, "category_lift": categories}


@dataclass(frozen=True)
class Links:
    """What items are linked with at one cut-off.

    Attributes:
        both: [I, I] CSR, 1 where two items are linked, either way; None: nothing was by then.
        usual: [I] the share that the items an item is linked with have of what everybody did, decayed.
        categories: of the items that each is linked with.
    """

    both: "csr_matrix | None"
    usual: np.ndarray
    categories: "Categories"

    @classmethod
    def read(cls, cutoff: Cutoff) -> "Links":
        """Read those of a cut-off."""
        links = cutoff.links()
        if links is None:
            return cls(None, np.zeros(cutoff.items), Categories(None, None, np.zeros(cutoff.items)))
        both = (links + links.T).sign().tocsr()
        done = np.zeros(cutoff.items)
        with cutoff.history(["item_index", "decay_90"]) as history:
            for table in history.groups():
                items, decayed = (column.to_numpy() for column in table.columns)
                done += np.bincount(items, weights=decayed, minlength=cutoff.items)
        return cls(both, (both @ done) / max(done.sum(), 1e-12), Categories.of(cutoff, both, done))

    @property
    def number(self) -> np.ndarray:
        """[I] float32, with how many items each is linked; NaN where nothing is linked at all."""
        if self.both is None:
            return np.full(len(self.usual), np.nan, np.float32)
        return np.asarray(np.diff(self.both.indptr), dtype=np.float32)

    def lift(self, pairs: Pairs, profiles: "csr_matrix") -> np.ndarray:
        """[N] float32, what the user did with what the item is linked with, against what is usual; NaN: no link."""
        if self.both is None or not len(pairs.keys):
            return np.full(len(pairs.keys), np.nan, np.float32)
        rows, items = pairs.rows, pairs.items
        own = _at((profiles @ self.both).tocsr(), rows, items)
        total = np.asarray(profiles.sum(axis=1), dtype=np.float64).ravel()
        return _lift(own, total[rows] * self.usual[items], np.diff(self.both.indptr)[items] > 0)


@dataclass(frozen=True)
class Categories:
    """Of which categories the items are that an item is linked with, at one cut-off.

    Attributes:
        of_item: [I, C] CSR, 1 at an item's category; None: nothing is linked.
        linked: [I, C] CSR, the share that each category has of the items an item is linked with.
        usual: [I] what of everybody's history is in them, weighted so.
    """

    of_item: "csr_matrix | None"
    linked: "csr_matrix | None"
    usual: np.ndarray

    @classmethod
    def of(cls, cutoff: Cutoff, both: "csr_matrix", done: np.ndarray) -> "Categories":
        """Those of a cut-off; of an item whose category nobody knows nothing follows."""
        from scipy.sparse import csr_matrix, diags

        coded = cutoff.trends().column("category").combine_chunks().dictionary_encode()
        known = np.flatnonzero(np.asarray(coded.indices.is_valid()))
        codes = coded.indices.drop_null().to_numpy()
        shape = (cutoff.items, max(len(coded.dictionary), 1))
        of_item = csr_matrix((np.ones(len(known), np.float32), (known, codes)), shape=shape)
        counted = (both @ of_item).tocsr()
        linked = (diags(1 / np.maximum(np.asarray(counted.sum(axis=1)).ravel(), 1)) @ counted).tocsr()
        shares = of_item.T @ done
        return cls(of_item, linked, np.asarray(linked @ (shares / max(shares.sum(), 1e-12))))

    def lift(self, pairs: Pairs, profiles: "csr_matrix") -> np.ndarray:
        """[N] float32, as Links.lift, of the categories; NaN where none is known."""
        own = np.zeros(len(pairs.keys))
        if self.of_item is None or self.linked is None or not len(own):
            return np.full(len(own), np.nan, np.float32)
        of_user = np.asarray((profiles @ self.of_item).toarray(), dtype=np.float64)  # [B, C]
        rows, items = pairs.rows, pairs.items
        for part in blocks(len(of_user), rows_for(pairs.width, len(of_user))):
            here = pairs.of(part)
            asked, place = np.unique(items[here], return_inverse=True)
            own[here] = (self.linked[asked] @ of_user[part].T)[place, rows[here] - part.start]
        usual = of_user.sum(axis=1)[rows] * self.usual[items]
        return _lift(own, usual, np.diff(self.linked.indptr)[items] > 0)


def _lift(own: np.ndarray, usual: np.ndarray, known: np.ndarray) -> np.ndarray:
    """[N] float32, the logarithm of what is done against what is usual; NaN of what is not known."""
    return np.where(known, np.log((own + SMOOTHED) / (usual + SMOOTHED)), np.nan).astype(np.float32)


def _at(matrix: "csr_matrix", rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """[N] float64, the entries of a CSR matrix at some places; 0 where it has none."""
    matrix.sort_indices()
    width = matrix.shape[1]
    there = np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr)) * width + matrix.indices
    found, place = position(there, rows * width + columns)
    return np.where(found, matrix.data[place], 0.0) if len(there) else np.zeros(len(rows))


def _taken(cutoff: Cutoff, offers: Offers | None) -> Columns:
    """item_offered and item_taken [I] float32, NaN of what is open to all."""
    if offers is None:
        return {name: np.full(cutoff.items, np.nan, np.float32) for name in ("item_offered", "item_taken")}
    offered = np.where(offers.closed, np.bincount(offers.open_to.indices, minlength=cutoff.items), np.nan)
    takers = np.zeros(cutoff.items)
    with cutoff.history(["user_index", "item_index"]) as history:
        for table in history.groups():
            users, items = (column.to_numpy() for column in table.columns)
            theirs = position(offers.keys, users.astype(np.int64) * cutoff.items + items)[0]
            takers += np.bincount(items[theirs], minlength=cutoff.items)
    taken = (takers + PRIOR * takers.sum() / max(np.nansum(offered), 1)) / (offered + PRIOR)
    return {"item_offered": offered.astype(np.float32), "item_taken": taken.astype(np.float32)}
