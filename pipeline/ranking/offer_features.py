"""What the learned hybrid knows of an item that is offered to some alone, and of one that belongs to others.

    item_offered    to how many users it was offered
    item_taken      the share of them who acted on it: near that of all offers where it was offered to few
    item_links      how many items it is linked with, either way, as the products that a coupon is for

A coupon that many were sent is redeemed by many: what it is worth is how many of them did. The columns follow from what
the shop gives, not from what was known at a cut-off; where nothing was, they are NaN.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.features.offers import Offers
from pipeline.features.read import Cutoff
from pipeline.ranking.pair_features import Columns
from pipeline.ranking.pairs import Pairs
from pipeline.settings.config import Config

PRIOR = 50
"""Users who were offered an item that the share of all offers weighs as much as."""


@dataclass(frozen=True)
class OfferFacts:
    """The offers and links at one cut-off.

    Attributes:
        item: columns [I] float32 by name; none where the shop gives neither.
    """

    item: Columns

    @classmethod
    def read(cls, cutoff: Cutoff, config: Config, offers: Offers | None) -> "OfferFacts":
        """Read those of a cut-off."""
        found: Columns = {}
        if config.ingest.offers is not None:
            found |= _taken(cutoff, offers)
        if config.ingest.links is not None:
            found["item_links"] = _linked(cutoff)
        return cls(found)

    def of_pairs(self, pairs: Pairs) -> Columns:
        """All columns of this module: [N] float32 by name."""
        items = pairs.items
        return {name: values[items] for name, values in self.item.items()}


def _taken(cutoff: Cutoff, offers: Offers | None) -> Columns:
    """item_offered and item_taken [I] float32, NaN of what is open to all."""
    if offers is None:
        return {name: np.full(cutoff.items, np.nan, np.float32) for name in ("item_offered", "item_taken")}
    offered = np.where(offers.closed, np.bincount(offers.open_to.indices, minlength=cutoff.items), np.nan)
    buyers = cutoff.item_stats().column("buyers_total").to_numpy()
    overall = np.nansum(np.where(offers.closed, buyers, 0)) / max(np.nansum(offered), 1)
    taken = (buyers + PRIOR * overall) / (offered + PRIOR)
    return {"item_offered": offered.astype(np.float32), "item_taken": taken.astype(np.float32)}


def _linked(cutoff: Cutoff) -> np.ndarray:
    """[I] float32, with how many items each is linked; NaN where nothing is linked at all."""
    links = cutoff.links()
    if links is None:
        return np.full(cutoff.items, np.nan, np.float32)
    both = (links + links.T).sign().tocsr()
    return np.diff(both.indptr).astype(np.float32)
