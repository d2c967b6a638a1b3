"""How far drawing may be opened, by what the log says that it costs, and which way a policy's parameter should go.

A slot is drawn with the chance `share`, else it shows the best item. What both earn follows from logged slots by their
propensities. The share is opened as far as, by the unfavourable end of the interval, no more is lost than a budget; at
most twofold a night; and never further than the log supports (`Support`). A parameter takes steps uphill.
Immediate clicks are all that is seen here: what is learned by drawing, and earns later, is not.
Source: Wu, Shariff, Lattimore & Szepesvari, "Conservative bandits", ICML 2016; the trust region: Schulman et al., ICML
    2015; the gradient: Swaminathan & Joachims, NIPS 2015.
No part of the pipeline, as what is (`learned`) gains more.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.policies import estimators, intervals
from pipeline.policies.intervals import Estimate
from pipeline.policies.logged import Logged, Support

LEAST = 0.1
"""Share that is drawn while the log says nothing yet."""
FASTER = 2.0
"""The share of a night is at most so many times the last one's."""
RESAMPLES = 200
"""Draws of users for the interval."""


@dataclass(frozen=True)
class Slots:
    """Logged slots, one row each.

    Attributes:
        reward: [N] 1 for a click.
        chance: [N] with which the log shows what it shows.
        best: [N] 1 where that is tonight's best item, else 0.
        drawn: [N] with which chance tonight's draw would show it.
        user: [N] whose.
    """

    reward: np.ndarray
    chance: np.ndarray
    best: np.ndarray
    drawn: np.ndarray
    user: np.ndarray

    def by(self, target: np.ndarray) -> Logged:
        """The slots as a policy's that shows what they show with these chances."""
        return Logged(self.reward, self.chance, target, self.user)

    def at(self, share: float) -> Logged:
        """The slots as tonight's that are drawn with the chance `share`."""
        return self.by(share * self.drawn + (1 - share) * self.best)

    def gain(self, seed: int = 0) -> Estimate:
        """What a slot earns more that is drawn than one that shows the best: what a share of 1 would change."""
        return intervals.interval(estimators.difference(self.by(self.drawn), self.by(self.best)), RESAMPLES, seed)


def share(slots: Slots, last: float, budget: float, seed: int = 0) -> float:
    """The share of the slots that may be drawn tonight.

    Args:
        slots: what was logged.
        last: the share of the last night.
        budget: what share of a slot's clicks may be lost by drawing.
        seed: of the interval's draws.
    Returns:
        Between LEAST and 1. LEAST where the log supports no more.
    """
    if not len(slots.reward):
        return LEAST
    lost = -slots.gain(seed).low
    earned = estimators.snips(slots.by(slots.best)).value
    allowed = 1.0 if lost <= 0 else budget * earned / lost
    wanted = min(1.0, FASTER * last, allowed) if np.isfinite(allowed) else LEAST
    while wanted > LEAST and Support.of(slots.at(wanted)).refusal() is not None:
        wanted *= 0.8
    return max(LEAST, wanted)


def gradient(logged: Logged, score: np.ndarray) -> float:
    """Of what a policy earns a slot, self-normalised, by a parameter of it.

    Args:
        logged: the slots, with the policy's chances.
        score: [N] the derivatives of the logarithms of its chances.
    """
    weights = logged.raw_weights
    total = float(weights.sum())
    if total <= 0:
        return 0.0
    value = float((weights * logged.reward).sum()) / total
    return float((weights * (logged.reward - value) * score).sum()) / total
