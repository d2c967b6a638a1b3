"""Why a user is shown an item, in words a customer understands and that are true.

Which reason holds is decided on arrays, a block of users at a time; sql/publish/reasons.sql writes the sentence.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from pipeline.config import EventType


class Kind(IntEnum):
    """The kinds of reason; sql/publish/reasons.sql has a sentence for each."""

    BOUGHT = 0  # "You bought it 5 times, last on 12 Sep 2011"
    NEW_LIKE = 1  # "New, like X you bought"
    LIKE = 2  # "Because you bought X"
    NEW = 3  # "New this month"
    PEERS = 4  # "Customers like you bought it"
    POPULAR = 5  # "Popular this month"
    FAVOURITE = 6  # "Many customers bought it"
    PICKED = 7  # "Picked for you from what you bought"
    CHOSEN = 8  # "Chosen by our editors"


_PAST = {
    "purchase": "bought",
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


@dataclass(frozen=True)
class Facts:
    """What is known about items when reasons are given.

    Attributes:
        similar: [I, s] int32 similar items of each item, nearest first, -1 pads.
        is_new: bool [I], first seen in the last days.
        is_popular: bool [I], among the items most bought in the last month.
        peers: source codes of models that look at similar users.
        popularity: source codes of models that look at what is popular, and of topped-up rows.
    """

    similar: np.ndarray
    is_new: np.ndarray
    is_popular: np.ndarray
    peers: tuple[int, ...]
    popularity: tuple[int, ...]


def nearest_owned(items: np.ndarray, similar: np.ndarray, owned: np.ndarray) -> np.ndarray:
    """For each shown item, the most similar item that the user has.

    Args:
        items: [B, k] shown items, -1 pads.
        similar: [I, s] int32 similar items, nearest first, -1 pads.
        owned: bool [B, I].
    Returns:
        [B, k] int32 item indices, -1 where none of the similar items is owned.
    """
    near = similar[items]  # [B, k, s]; a pad reads the last item's row and is dropped below
    row = np.arange(len(items))[:, None, None]
    has = (near >= 0) & owned[row, near]
    first = has.argmax(axis=2)[:, :, None]
    found = np.take_along_axis(near, first, axis=2)[:, :, 0]
    return np.where(has.any(axis=2) & (items >= 0), found, -1).astype(np.int32)


def explain(items: np.ndarray, sources: np.ndarray, owned: np.ndarray, facts: Facts) -> tuple[np.ndarray, np.ndarray]:
    """The reason of each shown item; the first that holds in the order of the conditions below.

    Args:
        items: [B, k] shown items, -1 pads.
        sources: [B, k] source codes.
        owned: bool [B, I], items with a history.
        facts: about the items.
    Returns:
        kind int8 [B, k] and because int32 [B, k], the owned item a reason names (-1: none).
    """
    because = nearest_owned(items, facts.similar, owned)
    like, new, popular = because >= 0, facts.is_new[items], facts.is_popular[items]
    from_popularity = np.isin(sources, facts.popularity)
    holds = {
        Kind.BOUGHT: np.take_along_axis(owned, np.maximum(items, 0), axis=1),
        Kind.POPULAR: from_popularity & popular,
        Kind.NEW_LIKE: new & like,
        Kind.LIKE: like,
        Kind.NEW: new,
        Kind.PEERS: np.isin(sources, facts.peers),
        Kind.FAVOURITE: from_popularity,
    }
    otherwise = np.where(popular, Kind.POPULAR, Kind.PICKED)
    kind = np.select(list(holds.values()), list(holds), default=otherwise).astype(np.int8)
    named = (kind == Kind.NEW_LIKE) | (kind == Kind.LIKE)
    return kind, np.where(named, because, -1).astype(np.int32)
