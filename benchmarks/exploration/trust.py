"""A step of a policy's numbers uphill by logged slots, never further than the log supports.

The gradient of the self-normalised estimate says which way; in units of how fast the policy itself changes (the natural
gradient) it says how the numbers go together. A step ends where the policy is as far from those that drew the log as
the region allows: in Kullback-Leibler divergence, and in effective sample and overlap of the weights, which are the
chi-square divergence and what it misses (effective / N = 1 / (1 + chi-square)). It is taken if the slots of the other
half of the users, which it was not learned of, do not say that it may lose: by the lower end of the interval of the
difference, as one estimate with a control variate. Else half of it is tried, and half of that; else nothing moves.
Source: Swaminathan & Joachims, NIPS 2015 (the estimate); Kakade, "A natural policy gradient", NIPS 2001; Schulman et
    al., "Trust region policy optimization", ICML 2015.
No part of the pipeline: see `weights`.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from benchmarks.exploration import opening
from pipeline.policies import estimators, intervals
from pipeline.policies.logged import Logged, Support

HALVINGS = 5
"""Of a step, before it is left."""
RESAMPLES = 200
"""Draws of users for the interval."""
LEAST = 1e-9
"""Chances of the log below this are taken for it where a divergence is measured."""
RIDGE = 1e-6
"""Of the mean of the Fisher information's diagonal, added to it."""


class Family(Protocol):
    """Policies that differ by P numbers, in C contexts of I items."""

    def chances(self, at: np.ndarray) -> np.ndarray:
        """[C, I] with which each item is drawn; 0 where it may not be."""
        ...

    def slopes(self, at: np.ndarray) -> np.ndarray:
        """[C, I, P] derivatives of the chances' logarithms; 0 where a chance is 0."""
        ...


@dataclass(frozen=True)
class Region:
    """How far from the log a policy may go.

    Attributes:
        divergence: of the policy from the log's, in the mean of the slots, in nats.
        effective: share of the log's rows that must count; 1,000 rows must in any case (`Support`).
        guarded: a step is taken only if the interval's lower end says that nothing is lost.
    """

    divergence: float = 0.1
    effective: float = 0.3
    guarded: bool = True


@dataclass(frozen=True)
class Drawn:
    """Slots that were drawn.

    Attributes:
        context, item, user: int64 [N], which of the contexts, what was shown, and whose slot it is.
        reward, chance: [N], 1 for a click, and the chance of what was shown.
        logged: [C, I] the chances of all items in each context, by the policies that drew.
    """

    context: np.ndarray
    item: np.ndarray
    user: np.ndarray
    reward: np.ndarray
    chance: np.ndarray
    logged: np.ndarray

    def of(self, rows: np.ndarray) -> "Drawn":
        """Some of the slots."""
        context, item, user = self.context[rows], self.item[rows], self.user[rows]
        return Drawn(context, item, user, self.reward[rows], self.chance[rows], self.logged)

    def by(self, chances: np.ndarray) -> Logged:
        """The slots as a policy's that draws with chances [C, I]."""
        return Logged(self.reward, self.chance, np.clip(chances[self.context, self.item], 0, 1), self.user)

    @property
    def share(self) -> np.ndarray:
        """[C] of the slots that each context has."""
        return np.bincount(self.context, minlength=len(self.logged)) / max(1, len(self.context))

    def divergence(self, chances: np.ndarray) -> float:
        """Of a policy from those that drew, in the mean of the slots, nats."""
        there = chances > 0
        ratio = np.log(np.where(there, chances, 1) / np.where(there, np.maximum(self.logged, LEAST), 1))
        return float(self.share @ (chances * ratio).sum(axis=1))


def uphill(drawn: Drawn, family: Family, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[P] the gradient of what a policy earns a slot, self-normalised, and [P, P] its Fisher information."""
    chances, slopes = family.chances(at), family.slopes(at)
    logged, score = drawn.by(chances), slopes[drawn.context, drawn.item]
    gradient = np.array([opening.gradient(logged, column) for column in score.T])
    fisher = np.einsum("ci,cip,ciq->pq", drawn.share[:, None] * chances, slopes, slopes, optimize=True)
    return gradient, fisher


def longest(gradient: np.ndarray, fisher: np.ndarray, divergence: float) -> np.ndarray:
    """[P] the natural gradient, as long as a policy so far away is, to the second order: d F d / 2 = divergence."""
    way = np.linalg.solve(fisher + RIDGE * np.trace(fisher) / len(fisher) * np.eye(len(fisher)), gradient)
    length = float(gradient @ way)
    return np.asarray(way * (2 * divergence / length) ** 0.5) if length > 0 else np.zeros(len(gradient))


def supported(drawn: Drawn, chances: np.ndarray, region: Region) -> bool:
    """Whether the log supports a policy that draws with chances [C, I]."""
    support = Support.of(drawn.by(chances))
    near = drawn.divergence(chances) <= region.divergence
    return near and support.refusal() is None and support.effective >= region.effective * support.rows


def loses(drawn: Drawn, chances: np.ndarray, before: np.ndarray, seed: int) -> bool:
    """Whether a policy may earn less than the one before, both [C, I], by the interval's unfavourable end."""
    more = estimators.difference(drawn.by(chances), drawn.by(before))
    return not intervals.interval(more, RESAMPLES, seed).low >= 0


def step(drawn: Drawn, family: Family, at: np.ndarray, region: Region, seed: int) -> np.ndarray:
    """A policy's numbers after a night.

    Args:
        drawn: what is learned from.
        family: the policies, in the same contexts.
        at: [P] before.
        region: how far they may go.
        seed: the night: which half of the users is learned of, and the interval's draws.
    Returns:
        [P]; the same numbers where no step is supported.
    """
    learns = (drawn.user + seed) % 2 == 0
    learned, judge = drawn.of(learns), drawn.of(~learns)
    if not len(learned.item) or not len(judge.item):
        return at
    gradient, fisher = uphill(learned, family, at)
    if not np.isfinite(gradient).all() or not np.trace(fisher) > 0:
        return at
    way, before = longest(gradient, fisher, region.divergence), family.chances(at)
    for halved in range(HALVINGS + 1):
        tried = at + way / 2**halved
        chances = family.chances(tried)
        if supported(judge, chances, region) and not (region.guarded and loses(judge, chances, before, seed)):
            return np.asarray(tried)
    return at
