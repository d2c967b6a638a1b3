"""What the learned hybrid knows of what users were shown (pipeline.features.shown), where events say so.

    item_examined    how often the item was looked at in the last weeks, by the places it was shown at
    item_appeal      how often it is acted on where it is looked at, smoothed
    shown_examined   how often this user looked at it
    shown_in_vain    the same since the user last acted on it
    shown_last_age   days since the user was last shown it

And of a label window: with which chance a user looked at an item there and left it. Such a pair teaches what is not
wanted, where all others tell only what nobody could have wanted without seeing it.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.features import shown
from pipeline.features.read import Cutoff, History
from pipeline.ranking.pair_features import Columns
from pipeline.ranking.pairs import Pairs, position
from pipeline.settings.config import Config

ITEM = {"item_examined": "examined", "item_appeal": "appeal"}
PAIR = {"shown_examined": "examined", "shown_in_vain": "in_vain", "shown_last_age": "last_age"}
"""Features, and the columns they are of schemas.SHOWN_ITEMS and SHOWN."""


@dataclass(frozen=True)
class ShownFacts:
    """What was shown by a cut-off and, at a label cut-off, in its window to no avail.

    Attributes:
        width: I, how many items there are.
        item: columns [I] float32 by name, NaN of what was not shown; none where no event says what is shown.
        shown, in_vain: rows of users and items, read a block of users at a time.
    """

    width: int
    item: Columns
    shown: History | None = None
    in_vain: History | None = None

    @classmethod
    def read(cls, cutoff: Cutoff, config: Config) -> "ShownFacts":
        """Read those of a cut-off."""
        if not any(kind.shown for kind in config.features.event_types.values()):
            return cls(cutoff.items, {})
        table = shown.read_items(cutoff)
        items, found = table.column("item_index").to_numpy(), {}
        for name, column in ITEM.items():
            found[name] = np.full(cutoff.items, np.nan, np.float32)
            found[name][items] = table.column(column).to_numpy()
        later = cutoff.folder / "shown_in_vain.parquet"
        return cls(
            cutoff.items,
            found,
            History(cutoff.folder / "shown.parquet", ["user_index", "item_index", *PAIR.values()]),
            History(later, ["user_index", "item_index", "examined"]) if cutoff.role == "label" else None,
        )

    @property
    def looks(self) -> np.ndarray | None:
        """[I] float32, how often each item had been looked at in the last weeks; None: no event says what is shown."""
        return np.nan_to_num(self.item["item_examined"]) if self.item else None

    def of_pairs(self, pairs: Pairs) -> Columns:
        """All columns of this module: [N] float32 by name; pairs of a block of users."""
        found = {name: values[pairs.items] for name, values in self.item.items()}
        if self.shown is None:
            return found
        there, rows = _rows(self.shown, pairs, self.width)
        return found | {name: _at(there, rows, column, np.nan) for name, column in PAIR.items()}

    def left(self, pairs: Pairs) -> np.ndarray | None:
        """[N] float32, the chance that the user looked at the item in the label window and left it; None: no window."""
        if self.in_vain is None:
            return None
        return np.asarray(np.minimum(_at(*_rows(self.in_vain, pairs, self.width), "examined", 0), 1))


def _rows(history: History, pairs: Pairs, width: int) -> tuple[tuple[np.ndarray, np.ndarray], pa.Table]:
    """Whether each pair has a row among those of its users, and which; and these rows."""
    table = history.of(pairs.users)
    users, items = (table.column(name).to_numpy().astype(np.int64) for name in ("user_index", "item_index"))
    return position(users * width + items, pairs.history_keys), table


def _at(there: tuple[np.ndarray, np.ndarray], table: pa.Table, column: str, absent: float) -> np.ndarray:
    """[N] float32, a column of the rows of pairs."""
    found, place = there
    if not len(table):
        return np.full(len(found), absent, np.float32)
    return np.where(found, table.column(column).to_numpy()[place], np.float32(absent)).astype(np.float32)
