"""What drawn slots say of each item by a reward that is the user's, such as days on which they came back.

Most of such a reward is the user's own, whatever was shown. So a slot is taken for

    reward  =  level  +  habit x (what the user was like before)  +  slope x said  +  effect_item  +  noise
    effect_i  ~  Normal(0, spread^2)

where `said` is by how much the ranker puts the item above the others of the user's list, in log-odds. An item is worth
slope x said + effect: what the ranker says, as far as it has turned out to be worth anything by this reward, and what
slots say beyond it. What is clicked and regretted has an effect below 0, and where all is, the slope is. All are found
together, by expectation and maximisation; before anything is seen, they are as in `learned`, in units of the noise.
Source: empirical Bayes: Efron, Large-Scale Inference, 2010, ch. 1; random effects: Laird & Ware, Biometrics 38 (1982).
"""

from dataclasses import dataclass

import numpy as np

from pipeline.policies.learned import LEAST_SHARE, NEEDED, PERSONAL, USUAL_ITEMS, USUAL_SPREAD, Belief

USUAL_SLOPE = 0.1
"""What a log-odd of the ranker is believed to be worth before anything is seen, in deviations of the noise, give or
take as much."""
ROUNDS = 100
"""Of expectation and maximisation."""


@dataclass(frozen=True)
class Slots:
    """Drawn slots.

    Attributes:
        item: [N] int64.
        reward: [N] float64.
        said: [N] float64, the ranker's log-odds of the item above the mean of the user's list.
        before: [N] float64, what the user was like before the slot, such as on how many days they came.
        weight: [N] float64, how much each counts.
    """

    item: np.ndarray
    reward: np.ndarray
    said: np.ndarray
    before: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True)
class Valued:
    """What drawn slots say.

    Attributes:
        slope: what a log-odd of the ranker is worth, in rewards.
        effects, deviation: [I] what an item is worth beyond it, and how far that may be off; without a slot 0, and the
            spread.
        spread: how far items differ.
        slots: how many there are, the older counting less.
    """

    slope: float
    effects: np.ndarray
    deviation: np.ndarray
    spread: float
    slots: float

    @property
    def opened(self) -> float:
        """See Learned.opened."""
        return max(LEAST_SHARE, min(1.0, self.slots / NEEDED))

    @property
    def belief(self) -> Belief:
        """What is drawn by: of a user and an item it is believed that it is worth slope x log-odds + shift."""
        deviation = np.sqrt(self.deviation**2 + (PERSONAL * self.slope) ** 2)
        return Belief(self.effects, deviation, self.opened, self.slope)


def learn(slots: Slots, items: int) -> Valued:
    """Learn from drawn slots what items, I of them, are worth."""
    weight, total = slots.weight, float(slots.weight.sum())
    often = np.bincount(slots.item, weight, items)
    noise = _spread_of(slots.reward, weight) or 1.0
    usual = USUAL_SLOPE * noise
    slope, effects, variance = usual, np.zeros(items), np.full(items, (USUAL_SPREAD * usual) ** 2)
    spread = USUAL_SPREAD * usual
    habits = np.column_stack([np.ones(len(weight)), slots.before])
    if total <= 0:
        return Valued(slope, effects, np.sqrt(variance), spread, 0.0)
    seen = often > 0
    for _ in range(ROUNDS):
        left = slots.reward - slope * slots.said - effects[slots.item]
        left = slots.reward - habits @ _least_squares(habits, left, weight)
        apart = float((weight * slots.said * (left - effects[slots.item])).sum())
        slope = (apart + noise**2 / usual) / (float((weight * slots.said**2).sum()) + (noise / usual) ** 2)
        left -= slope * slots.said
        variance = 1 / (often / noise**2 + 1 / spread**2)
        effects = np.bincount(slots.item, weight * left, items) / noise**2 * variance
        squares = float((effects**2 + variance)[seen].sum()) + USUAL_ITEMS * (USUAL_SPREAD * usual) ** 2
        spread = (squares / (seen.sum() + USUAL_ITEMS)) ** 0.5
        noise = max(_spread_of(left - effects[slots.item], weight), 1e-9)
    return Valued(slope, effects, np.sqrt(variance), spread, total)


def _least_squares(of: np.ndarray, values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The coefficients of columns [N, F] that come nearest to values [N]."""
    weighted = of * weight[:, None]
    return np.asarray(np.linalg.lstsq(weighted.T @ of, weighted.T @ values, rcond=None)[0])


def _spread_of(values: np.ndarray, weight: np.ndarray) -> float:
    """The standard deviation of weighted values."""
    total = weight.sum()
    if total <= 0:
        return 0.0
    mean = (weight * values).sum() / total
    return float(((weight * (values - mean) ** 2).sum() / total) ** 0.5)
