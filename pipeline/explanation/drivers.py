"""What a feature of the rankers speaks for: a source's list, or one kind of knowledge about the user and the item."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

ANYBODY, PLACE, ACTIVITY, RULES = "anybody", "place", "activity", "rules"
"""Drivers that no feature is: where everybody starts; the place in the list, where no knowledge alone made it; that
this user acts at all; and what publication did (probabilities that must not rise along a list, editors, limits)."""
KINDS = {
    "history": "what the user did with the item",
    "habits": "how active the user is, and how much of it is repetition",
    "popularity": "how many act on the item, and whether they grow",
    "age": "how old the item is, and when it was last chosen",
    "price": "the price, and how far it is from the user's usual one",
    "text": "how near the item's text is to what the user had",
    "neighbours": "what users with a similar history did lately",
    "attributes": "what the shop declares of the user and of the item",
    "offers": "what the item is offered with, and to whom",
    "impressions": "where the item was shown, and whether in vain",
    ANYBODY: "what holds for any user and any item",
    ACTIVITY: "how likely the user is to act on anything",
    PLACE: "its place in the list, which several rankings made together",
    RULES: "publication: no score rises along a list, editors, limits",
}
"""The drivers that are no lists, and what each of them is."""
_OF_LIST = ("rank", "rank_new", "score")
_OF_ATTRIBUTE = ("of_user", "of_item", "taste", "share")
_WHOLE = {
    "text_affinity": "text",
    "user_log_price": "price",
    "item_log_price": "price",
    "price_gap": "price",
    "item_first_age": "age",
    "item_last_age": "age",
    "item_offered": "offers",
    "item_taken": "offers",
    "item_links": "offers",
    "linked_lift": "offers",
    "category_lift": "offers",
    "item_examined": "impressions",
    "item_appeal": "impressions",
}
_BEGINS = {
    "own_": "history",
    "user_": "habits",
    "neighbours_": "neighbours",
    "shown_": "impressions",
    "item_": "popularity",
}


def driver_of(feature: str, lists: Collection[str]) -> str:
    """The driver that a feature speaks for.

    Args:
        feature: its name, see pipeline.ranking.frames.
        lists: names of the sources' lists; a source's rank and score speak for itself.
    Raises:
        ValueError: nobody has said what such a feature speaks for.
    """
    head, _, tail = feature.rpartition(".")
    if tail in _OF_LIST and head in lists:
        return head
    if head and tail in _OF_ATTRIBUTE:
        return "attributes"
    if feature in _WHOLE:
        return _WHOLE[feature]
    for beginning, name in _BEGINS.items():
        if feature.startswith(beginning):
            return name
    raise ValueError(f"feature '{feature}' speaks for no driver: say in {__name__} for which")


@dataclass(frozen=True)
class Drivers:
    """The drivers of one night's scores.

    Attributes:
        names: [D] of all of them: lists, then KINDS.
    """

    names: tuple[str, ...]

    @classmethod
    def of(cls, lists: Sequence[str]) -> "Drivers":
        """Those of a night with these lists."""
        return cls((*dict.fromkeys(name for name in lists if name not in KINDS), *KINDS))

    def place(self, name: str) -> int:
        """The column of a driver; of a list that nobody named, that of the place in the list."""
        return self.names.index(name if name in self.names else PLACE)

    def gather(self, features: Sequence[str], lists: Collection[str]) -> np.ndarray:
        """[F, D] float64, 1 where a feature speaks for a driver."""
        found = np.zeros((len(features), len(self.names)))
        for row, feature in enumerate(features):
            found[row, self.names.index(driver_of(feature, lists))] = 1
        return found
