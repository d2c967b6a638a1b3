"""Why a user is shown an item, in words a customer understands and that are true.

Which reason holds is decided on arrays, a block of users at a time; sql/publish/reasons.sql writes the sentence.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from pipeline.arrays.blocks import blocks
from pipeline.publication.surfaces import CELLS, PairPredicate
from pipeline.settings.sections.data import EventType


class Kind(IntEnum):
    """The kinds of reason; sql/publish/reasons.sql has a sentence for each."""

    BOUGHT = 0  # "You bought it 5 times, last on 12 Sep 2011"
    NEW_LIKE = 1  # "New, like X you bought"
    LIKE = 2  # "Because you bought X"
    NEW = 3  # "New this month"
    PEERS = 4  # "Customers like you bought it", "People like you viewed it"
    POPULAR = 5  # "Popular this month"
    FAVOURITE = 6  # "Many customers bought it"
    PICKED = 7  # "Picked for you from what you bought"
    CHOSEN = 8  # "Chosen by our editors"


NAMING = (Kind.NEW_LIKE, Kind.LIKE)
"""The kinds that name another item, one that the user has."""
PURCHASE = "purchase"
_PAST = {
    PURCHASE: "bought",
    "view": "viewed",
    "click": "viewed",
    "like": "liked",
    "rating": "rated",
    "comment": "commented on",
    "share": "shared",
    "cart": "picked",
}


def verb(event_types: Mapping[str, EventType]) -> str:
    """What a history says the user did: exact where one type of event makes it, "chose" where several do."""
    positive = {_PAST.get(name, "chose") for name, kind in event_types.items() if kind.weight > 0}
    return positive.pop() if len(positive) == 1 else "chose"


def people(event_types: Mapping[str, EventType]) -> str:
    """What a reason calls the others: customers where recommendations are for what is bought, else people."""
    return "customers" if (kind := event_types.get(PURCHASE)) and kind.label else "people"


@dataclass(frozen=True)
class Facts:
    """What is known about items when reasons are given.

    Attributes:
        similar: [I, s] int32 similar items of each item that a reason may name, nearest first, -1 pads and gaps.
        is_new: bool [I], first seen in the last days.
        is_popular: bool [I], among the items most bought in the last month.
        peers: source codes of models that look at similar users.
        popularity: source codes of models that look at what is popular, and of topped-up rows.
        every: whether all kinds that are true are told, and not the first of them alone.
    """

    similar: np.ndarray
    is_new: np.ndarray
    is_popular: np.ndarray
    peers: tuple[int, ...]
    popularity: tuple[int, ...]
    every: bool = False


def nearest_owned(place: np.ndarray, items: np.ndarray, similar: np.ndarray, owned: PairPredicate) -> np.ndarray:
    """For each shown item, the most similar item that the user has.

    Args:
        place: [A] places of users in the block.
        items: [A] items shown to them.
        similar: [I, s] int32 similar items, nearest first, -1 pads and gaps.
        owned: whether a user has an item; never the item -1.
    Returns:
        [A] int32 item indices, -1 where none of the similar items is owned.
    """
    nearest = np.full(len(items), -1, dtype=np.int32)
    for part in blocks(len(items), max(1, CELLS // similar.shape[1])):
        near = similar[items[part]]  # [a, s]
        has = owned(place[part, None], near)
        found = near[np.arange(len(near)), has.argmax(axis=1)]
        nearest[part] = np.where(has.any(axis=1), found, -1)
    return nearest


def explain(
    items: np.ndarray, sources: np.ndarray, bought: np.ndarray, owned: PairPredicate, facts: Facts
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The reason of each shown item; the first that holds in the order of the conditions below.

    Args:
        items: [B, k] shown items, -1 pads.
        sources: [B, k] source codes.
        bought: bool [B, k], the shown items with a history.
        owned: whether a user of the block has a history with an item.
        facts: about the items.
    Returns:
        kind int8 [B, k]; because int32 [B, k], the owned item that a reason names (-1: none); and where all are told
        can int16 [B, k], with bit k set where kind k is true, else 0.
    """
    new, popular = facts.is_new[items], facts.is_popular[items]
    from_popularity = np.isin(sources, facts.popularity)
    names_one = facts.every | (~bought & ~(from_popularity & popular))
    place, column = np.nonzero((items >= 0) & names_one)
    because = np.full(items.shape, -1, dtype=np.int32)
    because[place, column] = nearest_owned(place, items[place, column], facts.similar, owned)
    like = because >= 0
    holds = {
        Kind.BOUGHT: bought,
        Kind.POPULAR: from_popularity & popular,
        Kind.NEW_LIKE: new & like,
        Kind.LIKE: like,
        Kind.NEW: new,
        Kind.PEERS: np.isin(sources, facts.peers),
        Kind.FAVOURITE: from_popularity,
    }
    otherwise = np.where(popular, Kind.POPULAR, Kind.PICKED)
    kind = np.select(list(holds.values()), list(holds), default=otherwise).astype(np.int8)
    can = np.zeros(items.shape, dtype=np.int16)
    for one, true in {**holds, Kind.POPULAR: popular, Kind.PICKED: items >= 0}.items() if facts.every else ():
        can |= true.astype(np.int16) << np.int16(one)
    return kind, because, can


def evidence(kind: np.ndarray, item: np.ndarray, because: np.ndarray) -> np.ndarray:
    """The item of the user's own history that each reason names, -1: none."""
    return np.where(kind == Kind.BOUGHT, item, np.where(np.isin(kind, NAMING), because, -1))
