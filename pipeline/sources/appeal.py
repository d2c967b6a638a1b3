"""How much items are wanted, beyond how many people were there and what else they could have chosen.

Who comes in an hour h chooses among what is there, by her categories and the fresher the likelier:

    chance of item i  ~  share of its category in her history x appeal_i x 0.5 ^ (age of i at h / lifetime)

An item's appeal is how often it was chosen over how often one of appeal 1 would have been: what came up at night,
beside strong ones, or in a small category is not held for weak. The chances need every appeal: they are found by turns.
Source: Gamma-Poisson shrinkage, as DuMouchel, The American Statistician 53 (1999).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.arrays.blocks import blocks

PRIOR = 0.5
"""Choices, and expected ones, that are added: where few are expected, an item is like any other."""
ROUNDS = 2
"""Turns; a third moves nothing that is seen in a list."""
CELLS = 1 << 22
"""Shares that are held at a time."""

Read = Callable[[], Iterator[pa.RecordBatch]]


@dataclass(frozen=True)
class Choices:
    """What was there when, and who chose.

    Attributes:
        read: schemas.LATELY in batches, the hours in order.
        of_users: [U, C] float32, each category's share of a user's history.
        codes: [I] the items' categories.
        age: [I] hours since the first action; nan: there was none.
        lifetime: hours in which an item's freshness halves.
        lives: lifetimes after which an item is no choice.
    """

    read: Read
    of_users: np.ndarray
    codes: np.ndarray
    age: np.ndarray
    lifetime: float
    lives: float

    def appeal(self) -> np.ndarray:
        """[I] float64, above 0; 1 where nothing tells."""
        chosen = np.zeros(len(self.codes))
        for hour, _, items in self._hours():
            there, _ = self._there(hour)
            chosen += np.bincount(items, minlength=len(chosen)) * there
        # an item is there because somebody began with it: that says nothing of the others
        chosen = np.maximum(chosen - 1, 0)
        found = np.ones(len(self.codes))
        for _ in range(ROUNDS):
            found = (chosen + PRIOR) / (self._expected(found) + PRIOR)
        return found

    def _hours(self) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Hours ago, the users (-1: a guest) and the items of their actions; an hour of two batches comes twice."""
        for batch in self.read():
            hour, item = (batch.column(name).to_numpy() for name in ("hours_ago", "item_index"))
            user = batch.column("user_index").fill_null(-1).to_numpy()
            starts = np.flatnonzero(np.diff(hour, prepend=-1))
            for start, stop in zip(starts, [*starts[1:], len(hour)], strict=True):
                yield int(hour[start]), user[start:stop], item[start:stop]

    def _there(self, hours_ago: int) -> tuple[np.ndarray, np.ndarray]:
        """bool [I], the items there were, and how fresh they were, [I], 0 where there were none."""
        age = self.age - hours_ago
        there = (age >= 0) & (age <= self.lives * self.lifetime)
        return there, np.where(there, 0.5 ** (np.where(there, age, 0) / self.lifetime), 0.0)

    def _expected(self, appeal: np.ndarray) -> np.ndarray:
        """[I] how often each item had been chosen if its appeal were 1, and the others' as given."""
        expected, categories = np.zeros(len(appeal)), self.of_users.shape[1]
        for hour, users, items in self._hours():
            _, fresh = self._there(hour)
            weight = np.bincount(self.codes, fresh * appeal, minlength=categories)
            guests = int((users < 0).sum())
            wanted = np.zeros(categories)
            if guests:  # as everybody in that hour
                usual = np.bincount(self.codes[items], minlength=categories) / len(items)
                wanted += guests * usual / max(float(usual @ weight), 1e-12)
            who, times = np.unique(users[users >= 0], return_counts=True)
            for part in blocks(len(who), max(1, CELLS // categories)):
                shares = self.of_users[who[part]].astype(np.float64)
                total = shares @ weight
                wanted += (np.where(total > 0, times[part] / np.maximum(total, 1e-12), 0.0)) @ shares
            expected += fresh * wanted[self.codes]
        return expected
