"""What drawn slots say of each item: how often it is clicked where it is drawn, and how sure that is.

Items differ; how much is learned from the slots themselves, and an item of few slots is drawn towards the level of all:

    clicks_i  ~  Binomial(slots_i, sigmoid(theta_i)),    theta_i  ~  Normal(level, spread^2)

Each theta is taken for normal around its mode (Laplace), level and spread by expectation and maximisation over them.
A slot counts whatever its propensity, as what is drawn follows from the user and not from the click: that an item was
drawn for users who like it is told apart by what the ranker says of the very users it was drawn for (`blend`).
Source: empirical Bayes: Efron, Large-Scale Inference, 2010, ch. 1; Tierney & Kadane, JASA 81 (1986).
"""

from dataclasses import dataclass

import numpy as np

HALF_LIFE = 10.0
"""Days after which a slot counts half: tastes drift."""
USUAL_SPREAD, USUAL_ITEMS = 0.7, 20.0
"""Spread of the log-odds that is believed before anything is seen, as if of so many items."""
ROUNDS, STEPS = 30, 4
"""Of expectation and maximisation; Newton's, of each item's mode in a round."""
RANKER = 10.0
"""Actions that the ranker's word on an item counts for at most: beyond, it is off by more than their number says."""
PERSONAL = 0.2
"""Deviation of a user's own log-odds from what item and ranker say."""
ANCHORED = 20.0
"""Slots that the mean of everybody's scores of an item weighs as much as, beside those it was drawn for."""
NEEDED, LEAST_SHARE = 10_000.0, 0.1
"""Drawn slots of which on all of the share is drawn; before, in proportion, but at least this much of it."""


def log_odds(chances: np.ndarray) -> np.ndarray:
    """Of chances above 0 and below 1."""
    return np.asarray(np.log(chances) - np.log1p(-chances))


def _chance(log_odds: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-log_odds)))


@dataclass(frozen=True)
class Learned:
    """What drawn slots say of items.

    Attributes:
        level, spread: mean and standard deviation of the items' log-odds.
        log_odds: [I] of a click in a drawn slot; of an item without a slot the level.
        deviation: [I] how far they may be off; without a slot the spread.
        slots: how many were drawn, the older counting less.
    """

    level: float
    spread: float
    log_odds: np.ndarray
    deviation: np.ndarray
    slots: float

    @property
    def opened(self) -> float:
        """Of the share that a surface gives to drawing, how much so many slots allow."""
        return max(LEAST_SHARE, min(1.0, self.slots / NEEDED))


def learn(slots: np.ndarray, clicks: np.ndarray) -> Learned:
    """Learn from drawn slots.

    Args:
        slots, clicks: [I] float64, how often each item was drawn and clicked then, older slots counting less.
    """
    seen = np.flatnonzero(slots > 0)
    often, clicked = slots[seen].astype(np.float64), clicks[seen].astype(np.float64)
    level = float(log_odds(np.array((clicked.sum() + 1) / (often.sum() + 20))))
    spread, theta, variance = USUAL_SPREAD, np.full(len(seen), level), np.full(len(seen), USUAL_SPREAD**2)
    for _ in range(ROUNDS if len(seen) else 0):
        theta, variance = _modes(often, clicked, theta, level, spread)
        level = float(theta.mean())
        squares = float(((theta - level) ** 2 + variance).sum()) + USUAL_ITEMS * USUAL_SPREAD**2
        spread = (squares / (len(seen) + USUAL_ITEMS)) ** 0.5
    theta, variance = _modes(often, clicked, theta, level, spread)
    means, deviations = np.full(len(slots), level), np.full(len(slots), spread)
    means[seen], deviations[seen] = theta, np.sqrt(variance)
    return Learned(level, spread, means, deviations, float(often.sum()))


def _modes(
    slots: np.ndarray, clicks: np.ndarray, start: np.ndarray, level: float, spread: float
) -> tuple[np.ndarray, np.ndarray]:
    """The likeliest log-odds of items, by Newton's method, and the variance there."""
    theta = start
    for _ in range(STEPS):
        theta = theta + np.clip(gradient(slots, clicks, theta, level, spread) / _bend(slots, theta, spread), -1, 1)
    return theta, 1 / _bend(slots, theta, spread)


def gradient(slots: np.ndarray, clicks: np.ndarray, theta: np.ndarray, level: float, spread: float) -> np.ndarray:
    """[I] of the log posterior density of the items' log-odds."""
    return np.asarray(clicks - slots * _chance(theta) - (theta - level) / spread**2)


def _bend(slots: np.ndarray, theta: np.ndarray, spread: float) -> np.ndarray:
    chance = _chance(theta)
    return np.asarray(slots * chance * (1 - chance) + 1 / spread**2)


def anchors(item: np.ndarray, said: np.ndarray, weight: np.ndarray, everybody: np.ndarray) -> np.ndarray:
    """[I] the ranker's log-odds of each item for the users it was drawn for, drawn towards everybody's.

    Args:
        item: [N] of the drawn slots; said: [N] the ranker's log-odds tonight of the slot's user and item.
        weight: [N] how much each slot counts.
        everybody: [I] the mean of the ranker's log-odds of each item.
    """
    items = len(everybody)
    above = np.bincount(item, weights=weight * said, minlength=items) + ANCHORED * everybody
    return np.asarray(above / (np.bincount(item, weights=weight, minlength=items) + ANCHORED))


@dataclass(frozen=True)
class Belief:
    """What is drawn by: of a user and an item whose ranker's log-odds are x it is believed that they are x + shift.

    Attributes:
        shift: [I]; deviation: [I] how far they may be off.
        opened: how much of the share of drawing is used.
        slope: what x counts for, where what is believed is no log-odds but a reward (`valued`): slope x + shift.
    """

    shift: np.ndarray
    deviation: np.ndarray
    opened: float
    slope: float = 1.0


def blend(learned: Learned, anchor: np.ndarray, actions: np.ndarray) -> Belief:
    """The ranker's word and that of the slots, each as much as it is sure.

    The ranker counts for the actions that it knows of an item, at most RANKER: of a new item it knows nothing, and the
    level of all items stands. How users differ of an item is the ranker's to say, and everything is before any slot.

    Args:
        learned: what the slots say.
        anchor: [I] the ranker's log-odds, see `anchors`.
        actions: [I] how many acted on each item lately.
    """
    known = 1 / learned.deviation**2 - 1 / learned.spread**2
    ranker = RANKER * np.maximum(actions, 0) / (np.maximum(actions, 0) + RANKER)
    both = known * ranker / np.maximum(known + ranker, 1e-12)
    apart = float((both * (learned.log_odds - anchor)).sum() / both.sum()) if both.sum() > 0 else 0.0
    sure = 1 / learned.deviation**2 + ranker
    means = (learned.log_odds / learned.deviation**2 + ranker * (anchor + apart)) / sure
    shift = means - anchor if learned.slots > 0 else np.zeros(len(anchor))
    return Belief(shift, np.sqrt(1 / sure + PERSONAL**2), learned.opened)
