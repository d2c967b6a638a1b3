"""The made-up shop: what is true of its items, night by night, and the table that ranks by what was seen of them."""

from dataclasses import dataclass, field

import numpy as np

ITEMS, GROUPS, K, TOP = 300, 12, 5, 100
NEW_A_NIGHT, DRIFT, KEPT = 6, 0.1, 0.93
"""Items that are replaced, standard deviation by which a taste moves, and what counts are worth a night later."""
BEFORE = 10
"""Nights before the first one, of lists drawn from all items: what the shop knows when it begins."""
PRIOR = 20.0
"""Looks that a rate is drawn towards the one above it by."""


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Of log-odds."""
    return np.asarray(1 / (1 + np.exp(-x)))


@dataclass
class World:
    """The truth, night by night.

    Attributes:
        seed: of everything; the same for every policy.
        worth: [I] log-odds of the items; taste: [G, I] what a group adds.
        born: [I] the night each item came.
    """

    seed: int
    worth: np.ndarray = field(init=False)
    taste: np.ndarray = field(init=False)
    born: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng([self.seed, 1])
        self.worth = self._rng.normal(-3.0, 0.7, ITEMS)
        self.taste = self._rng.normal(0, 0.7, (GROUPS, ITEMS))
        self.born = np.full(ITEMS, -99)

    def chances(self) -> np.ndarray:
        """[G, I]."""
        return sigmoid(self.worth + self.taste)

    def next(self, night: int) -> np.ndarray:
        """Go on to a night; the items that are new."""
        self.taste = 0.995 * self.taste + self._rng.normal(0, DRIFT, self.taste.shape)
        gone = self._rng.choice(ITEMS, NEW_A_NIGHT, replace=False)
        self.worth[gone] = self._rng.normal(-3.0, 0.7, NEW_A_NIGHT)
        self.taste[:, gone] = self._rng.normal(0, 0.7, (GROUPS, NEW_A_NIGHT))
        self.born[gone] = night
        return gone


@dataclass
class Model:
    """What the log of the nights before says: [G, I] looks and clicks."""

    looks: np.ndarray = field(default_factory=lambda: np.zeros((GROUPS, ITEMS)))
    clicks: np.ndarray = field(default_factory=lambda: np.zeros((GROUPS, ITEMS)))

    def estimates(self) -> np.ndarray:
        """[G, I] chances."""
        mean = (self.clicks.sum() + 1) / (self.looks.sum() + 20)
        of_items = (self.clicks.sum(axis=0) + PRIOR * mean) / (self.looks.sum(axis=0) + PRIOR)
        return np.asarray((self.clicks + PRIOR * of_items) / (self.looks + PRIOR))

    def forget(self, items: np.ndarray) -> None:
        """Age what is known; of replaced items nothing is."""
        for counts in (self.looks, self.clicks):
            np.multiply(counts, KEPT, out=counts)
            counts[:, items] = 0

    def see(self, group: np.ndarray, shown: np.ndarray, chances: np.ndarray, luck: np.random.Generator) -> np.ndarray:
        """Count a night: users of the groups [U] were shown items [U, k], and clicked or did not: bool [U, k]."""
        who = np.broadcast_to(group[:, None], shown.shape)
        clicked = luck.random(shown.shape) < chances[who, shown]
        np.add.at(self.looks, (who, shown), 1)
        np.add.at(self.clicks, (who[clicked], shown[clicked]), 1)
        return np.asarray(clicked)
