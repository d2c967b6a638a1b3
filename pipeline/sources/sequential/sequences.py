"""What users did, in order, as padded arrays: the input of a sequence model.

Made from the interactions of a cut-off, which hold a pair's first and last day: an item acted on more often stands
twice in the sequence, the days between are not known. What was acted on the same day is a basket and has no order.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.features.read import Cutoff


@dataclass(frozen=True)
class ActionLog:
    """Users' actions, sorted by user, oldest first, then item: [N] each.

    Attributes:
        users: int32 user indices.
        items: int32 item indices.
        ages: int32 days before the end of the cut-off.
    """

    users: np.ndarray
    items: np.ndarray
    ages: np.ndarray


@dataclass(frozen=True)
class Sequences:
    """The latest actions of R users, and baskets to predict.

    Attributes:
        users: [R] user indices.
        items: [R, L] int32 item indices, oldest first; -1 pads in front.
        ages: [R, L] int32 days; 0 where padded.
        asked: [R, Q] int32, the age of each basket to predict, oldest first; -1 pads in front.
        starts: [R * Q + 1] int64, where each basket's items begin in `wanted`.
        wanted: [W] int32 item indices of the baskets.
    """

    users: np.ndarray
    items: np.ndarray
    ages: np.ndarray
    asked: np.ndarray
    starts: np.ndarray
    wanted: np.ndarray


def action_log(cutoff: Cutoff) -> ActionLog:
    """The first and the last day of every pair with a history."""
    table = cutoff.interactions(["user_index", "item_index", "first_age", "last_age"])
    users, items, first, last = (column.to_numpy() for column in table.columns)
    twice = first > last
    users, items = np.concatenate([users, users[twice]]), np.concatenate([items, items[twice]])
    ages = np.concatenate([last, first[twice]]).astype(np.int32)
    order = np.lexsort((items, -ages, users))
    return ActionLog(users[order].astype(np.int32), items[order].astype(np.int32), ages[order])


def _from_the_end(groups: np.ndarray) -> np.ndarray:
    """[N] how many of the same group follow; groups [N] ascending."""
    ends = np.searchsorted(groups, groups, side="right")
    return np.asarray(ends - 1 - np.arange(len(groups)))


def latest(actions: ActionLog, users: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Items and ages [R, L] of the latest actions of users (ascending), -1 and 0 where there are fewer."""
    items = np.full((len(users), length), -1, dtype=np.int32)
    ages = np.zeros((len(users), length), dtype=np.int32)
    first, last = users[:1], users[-1:] + 1
    start, stop = (int(np.searchsorted(actions.users, one)[0]) if len(one) else 0 for one in (first, last))
    theirs = actions.users[start:stop]  # of a long log only what can be theirs is looked through
    back = _from_the_end(theirs)
    kept = np.flatnonzero((back < length) & np.isin(theirs, users))
    row, column = np.searchsorted(users, theirs[kept]), length - 1 - back[kept]
    items[row, column], ages[row, column] = actions.items[start:stop][kept], actions.ages[start:stop][kept]
    return items, ages


def is_first(actions: ActionLog) -> np.ndarray:
    """bool [N], the first time that the user acted on the item."""
    order = np.lexsort((-actions.ages, actions.items, actions.users))
    user, item = actions.users[order], actions.items[order]
    found = np.zeros(len(order), dtype=bool)
    found[order] = (np.diff(user, prepend=-1) != 0) | (np.diff(item, prepend=-1) != 0)
    return found


def sequences_of(actions: ActionLog, length: int, baskets: int, new_only: bool = False) -> Sequences:
    """Sequences of the users with more than one basket, and their latest baskets but the very first.

    Args:
        actions: what users did.
        length: L, most actions of a user.
        baskets: Q, most baskets of a user.
        new_only: a basket is asked for what the user had never acted on before only.
    """
    basket_of = np.cumsum(np.r_[True, (np.diff(actions.users) != 0) | (np.diff(actions.ages) != 0)]) - 1
    if not len(actions.users):
        basket_of = np.empty(0, dtype=np.int64)
    begins = np.flatnonzero(np.r_[True, np.diff(basket_of) != 0]) if len(basket_of) else np.empty(0, dtype=np.int64)
    owner, age = actions.users[begins], actions.ages[begins]
    first = np.r_[True, np.diff(owner) != 0] if len(owner) else np.empty(0, dtype=bool)
    back = _from_the_end(owner)
    chosen = np.flatnonzero(~first & (back < baskets))
    users = np.unique(owner[chosen])
    slot = np.searchsorted(users, owner[chosen]) * baskets + baskets - 1 - back[chosen]  # ascending, as the baskets are
    asked = np.full(len(users) * baskets, -1, dtype=np.int32)
    asked[slot] = age[chosen]
    kept = np.isin(basket_of, chosen) & (is_first(actions) | (not new_only))
    sizes = np.zeros(len(users) * baskets + 1, dtype=np.int64)
    sizes[slot + 1] = np.bincount(basket_of[kept], minlength=len(begins))[chosen]
    items, ages = latest(actions, users, length)
    wanted = actions.items[kept]
    return Sequences(users, items, ages, asked.reshape(-1, baskets), np.cumsum(sizes), wanted)
