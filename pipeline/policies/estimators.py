"""Estimates of what a policy earns a slot, from another one's log.

Each is a ratio of two sums over rows, so that one bootstrap by user serves all (`intervals`).
"""

from dataclasses import dataclass

import numpy as np

from pipeline.policies.logged import Logged

SWITCH = 10.0
"""Rows with larger weights are left to the reward model by `switch`."""


@dataclass(frozen=True)
class Terms:
    """A ratio of sums: what each row adds above and below.

    Attributes:
        above: [N] float64.
        below: [N] float64.
        user: [N] int64.
    """

    above: np.ndarray
    below: np.ndarray
    user: np.ndarray

    @property
    def value(self) -> float:
        """The estimate; nan where nothing is below."""
        below = float(self.below.sum())
        return float(self.above.sum()) / below if below > 0 else float("nan")


@dataclass(frozen=True)
class Expected:
    """What a reward model expects; made for users whom it has not seen (`reward_model`).

    Attributes:
        shown: [N] of what was shown.
        judged: [N] of what the judged policy shows in the same slot, by its chances.
    """

    shown: np.ndarray
    judged: np.ndarray


def _mean(above: np.ndarray, logged: Logged) -> Terms:
    return Terms(above, np.ones(len(above)), logged.user)


def on_policy(logged: Logged) -> Terms:
    """What the logging policy earned."""
    return _mean(logged.reward.astype(np.float64), logged)


def ips(logged: Logged) -> Terms:
    """Inverse propensity scores. Source: Horvitz & Thompson, JASA 47 (1952); Bottou et al., JMLR 14 (2013)."""
    return _mean(logged.weights * logged.reward, logged)


def snips(logged: Logged) -> Terms:
    """The same, divided by the weights' sum. Source: Swaminathan & Joachims, NIPS 2015."""
    return Terms(logged.weights * logged.reward, logged.weights, logged.user)


def direct(logged: Logged, expected: Expected) -> Terms:
    """What the reward model expects of what the judged policy shows."""
    return _mean(expected.judged.astype(np.float64), logged)


def doubly_robust(logged: Logged, expected: Expected) -> Terms:
    """The reward model, corrected where the log knows better. Source: Dudik, Langford & Li, ICML 2011."""
    return _mean(expected.judged + logged.weights * (logged.reward - expected.shown), logged)


def switch(logged: Logged, expected: Expected, most: float = SWITCH) -> Terms:
    """Doubly robust, but where weights are large the model alone. Source: Wang, Agarwal & Dudik, ICML 2017."""
    weights = np.where(logged.raw_weights <= most, logged.raw_weights, 0.0)
    return _mean(expected.judged + weights * (logged.reward - expected.shown), logged)


def difference(logged: Logged, other: Logged) -> Terms:
    """What the judged policy of `logged` earns more than that of `other`, which has the same rows, as one estimate.

    Where both show the same it says 0 without noise. From every reward the same number is taken, as the weights'
    differences have mean 0, the one that makes the variance least.

    Raises:
        ValueError: the rows are not the same.
    Source: Jeunen & Ustimenko, "Delta-OPE", arXiv:2405.10024.
    """
    if logged.reward is not other.reward and not np.array_equal(logged.reward, other.reward):
        raise ValueError("two policies are compared on the same rows")
    weights = logged.weights - other.weights
    squares = weights**2
    base = float((squares * logged.reward).sum() / squares.sum()) if squares.any() else 0.0
    return _mean(weights * (logged.reward - base), logged)


def doubly_robust_difference(logged: Logged, expected: Expected) -> Terms:
    """What the judged policy earns more than the log, as one estimate: `doubly_robust` less `on_policy`, row by row."""
    return _mean(doubly_robust(logged, expected).above - logged.reward, logged)
