"""What the learned hybrid knows about a pair besides the sources: own history, activity, popularity, age and price.

Every function returns named columns [N] float32; a value that does not exist is NaN, which the trees treat as a value
of its own. Ages and intervals are in days, prices in logarithms of the shop's currency.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from pipeline.features.read import Cutoff, History, rows_matrix
from pipeline.ranking.pairs import Pairs, position

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Columns = dict[str, np.ndarray]

_OWN = ("count", "quantity", "first_age", "last_age", "decay_7", "decay_30", "decay_90", "decay_365", "returns")
_ITEM = (
    "buyers_7",
    "buyers_28",
    "buyers_91",
    "buyers_365",
    "buyers_total",
    "buyers_year_ago",
    "first_age",
    "last_age",
)
_USER = ("actions", "days_active", "items", "first_age", "last_age", "mean_interval", "basket_items")


def _floats(table: pa.Table, names: tuple[str, ...]) -> Columns:
    columns = {name: table.column(name).to_numpy() for name in names}
    return {name: column.astype(np.float32) for name, column in columns.items()}


@dataclass(frozen=True)
class Own:
    """The interactions of a block of users.

    Attributes:
        users: [B] ascending user indices.
        width: I, how many items there are.
        table: the rows [N] of the users: user_index, item_index, the columns of `_OWN`, and kept.
    """

    users: np.ndarray
    width: int
    table: pa.Table

    @cached_property
    def keys(self) -> np.ndarray:
        """[N] int64, user_index x items + item_index, ascending."""
        users, items = (self.table.column(i).to_numpy().astype(np.int64) for i in range(2))
        keys: np.ndarray = users * self.width + items
        return keys

    @cached_property
    def columns(self) -> Columns:
        """[N] float32 by name."""
        return _floats(self.table, _OWN)

    @cached_property
    def returned(self) -> np.ndarray:
        """bool [N], what the user has taken back as often as they did what the recommendations are for."""
        returns, kept = (self.table.column(name).to_numpy() for name in ("returns", "kept"))
        return np.asarray((returns > 0) & (kept <= 0))

    def matrix(self, name: str) -> "csr_matrix":
        """[B, I] CSR float32 of one column."""
        return rows_matrix(self.table, self.columns[name], self.users, self.width)


@dataclass(frozen=True)
class CutoffFacts:
    """The features of one cut-off: 40 bytes per user and per item in memory, interactions read a block at a time.

    Attributes:
        history: the interactions.
        width: I, how many items there are.
        item: columns of the item statistics [I], with the share of its buyers who came back.
        user: columns of the user statistics [U].
    """

    history: History
    width: int
    item: Columns
    user: Columns

    @classmethod
    def read(cls, cutoff: Cutoff) -> "CutoffFacts":
        """Read the features of a cut-off."""
        buyers, again = np.zeros(cutoff.items), np.zeros(cutoff.items)
        with cutoff.history(["item_index", "count"]) as history:
            for table in history.groups():
                items, count = (column.to_numpy() for column in table.columns)
                buyers += np.bincount(items, minlength=cutoff.items)
                again += np.bincount(items, weights=count > 1, minlength=cutoff.items)
        stats = cutoff.item_stats()
        item = _floats(stats, _ITEM) | {"log_price": _log(stats.column("price"))}
        item["repeat_share"] = (again / (buyers + 5)).astype(np.float32)
        stats = cutoff.user_stats()
        user = _floats(stats, _USER) | {"log_price": _log(stats.column("mean_price"))}
        return cls(cutoff.history(["user_index", "item_index", *_OWN, "kept"]), cutoff.items, item, user)

    def own(self, users: np.ndarray) -> Own:
        """What a block of users (ascending) acted on."""
        return Own(users, self.width, self.history.of(users))


def _log(prices: pa.ChunkedArray) -> np.ndarray:
    values = prices.to_numpy().astype(np.float32)
    logarithms: np.ndarray = np.log1p(np.maximum(values, 0))
    return logarithms


def own_history(pairs: Pairs, own: Own, known: CutoffFacts) -> Columns:
    """What the user did with the item: how often, how recently, and whether it is due again.

    `own_due` is the time since the last action over the usual interval between two; `own_since_visit` is 0 for what the
    last visit contained; `own_visit_share` is the share of the user's active days that contained the item.
    """
    has, place = position(own.keys, pairs.history_keys)
    absent = np.float32(np.nan)
    found = (
        {name: np.where(has, column[place], absent) for name, column in own.columns.items()} if len(own.keys) else {}
    )
    found = {name: found.get(name, np.full(len(has), absent)) for name in _OWN}
    count, last, users = found["count"], found["last_age"], pairs.users[pairs.rows]
    with np.errstate(divide="ignore", invalid="ignore"):
        interval = np.where(count > 1, (found["first_age"] - last) / (count - 1), absent)
        derived = {
            "own_interval": interval,
            "own_due": last / np.maximum(interval, 1),
            "own_since_visit": last - known.user["last_age"][users],
            "own_visit_share": count / known.user["days_active"][users],
        }
    return {f"own_{name}": column for name, column in found.items()} | derived


def user_activity(pairs: Pairs, known: CutoffFacts) -> Columns:
    """How active the user is, and how much of it is repetition."""
    users = pairs.users[pairs.rows]
    found = {f"user_{name}": known.user[name][users] for name in (*_USER, "log_price")}
    with np.errstate(divide="ignore", invalid="ignore"):
        found["user_repetition"] = found["user_actions"] / found["user_items"]
        found["user_due"] = found["user_last_age"] / np.maximum(found["user_mean_interval"], 1)
    return found


def item_popularity(pairs: Pairs, known: CutoffFacts) -> Columns:
    """How popular the item is, whether that is growing, how old it is, and its price against the user's usual one."""
    items, users = pairs.items, pairs.users[pairs.rows]
    found = {f"item_{name}": column[items] for name, column in known.item.items()}
    week, month = found["item_buyers_7"], found["item_buyers_28"]
    quarter, year = found["item_buyers_91"], found["item_buyers_365"]
    days = np.clip(found["item_first_age"] + 1, 28, 365)  # an item is not older than it is
    return found | {
        "item_trend_week": (week + 1) / (month / 4 + 1),
        "item_trend_month": (month + 1) / (quarter * 28 / np.minimum(days, 91) + 1),
        "item_trend_quarter": (month + 1) / (year * 28 / days + 1),
        "price_gap": found["item_log_price"] - known.user["log_price"][users],
    }


def of_pairs(pairs: Pairs, own: Own, known: CutoffFacts) -> Columns:
    """All columns of this module."""
    return own_history(pairs, own, known) | user_activity(pairs, known) | item_popularity(pairs, known)
