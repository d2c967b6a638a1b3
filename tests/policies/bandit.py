"""A shop whose truth is known: users with tastes, policies that draw items with known chances, clicks."""

from dataclasses import dataclass

import numpy as np

from pipeline.policies.logged import Logged

ITEMS, TASTES = 8, 3


def softmax(scores: np.ndarray) -> np.ndarray:
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))


@dataclass(frozen=True)
class Shop:
    """Items' places in the space of tastes, and how often they are clicked at all."""

    items: np.ndarray
    ease: float

    @classmethod
    def of(cls, seed: int, ease: float = -2.0) -> "Shop":
        return cls(np.random.default_rng(seed).normal(size=(ITEMS, TASTES)), ease)

    def clicks(self, tastes: np.ndarray) -> np.ndarray:
        """[U, I] the chance that an item is clicked."""
        return np.asarray(1 / (1 + np.exp(-(self.ease + tastes @ self.items.T))))

    def policy(self, tastes: np.ndarray, warmth: float) -> np.ndarray:
        """[U, I] chances: the colder, the more of the best; 0 is uniform."""
        return softmax(warmth * (tastes @ self.items.T))

    def users(self, number: int, rng: np.random.Generator) -> np.ndarray:
        return rng.normal(size=(number, TASTES))

    def truth(self, warmth: float) -> float:
        """What a policy earns a slot."""
        tastes = self.users(400_000, np.random.default_rng(0))
        return float((self.policy(tastes, warmth) * self.clicks(tastes)).sum(axis=1).mean())

    def log(
        self, users: int, slots: int, logging: float, judged: float, seed: int
    ) -> tuple[Logged, np.ndarray, np.ndarray]:
        """Slots of users who are shown some each: the log, the users' tastes [N, d] and the items shown [N]."""
        rng = np.random.default_rng(seed)
        user = np.repeat(np.arange(users), slots)
        tastes = self.users(users, rng)[user]
        chance, target = self.policy(tastes, logging), self.policy(tastes, judged)
        shown = (chance.cumsum(axis=1) < rng.random((len(user), 1))).sum(axis=1).clip(max=ITEMS - 1)
        row = np.arange(len(user))
        reward = (rng.random(len(user)) < self.clicks(tastes)[row, shown]).astype(float)
        return Logged(reward, chance[row, shown], target[row, shown], user), tastes, shown
