"""Logged slots and how well they support the judgement of another policy.

A policy draws what a slot shows; its log says with which chance it drew what was shown. Another policy would have shown
the same item with another chance, perhaps none. Their ratio, the weight, is what every estimate turns on.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

EFFECTIVE = 1_000.0
"""Below so many rows that count, there is no verdict."""
USERS = 1_000
"""Of fewer users intervals are too narrow where weights are large (`python -m benchmarks.off_policy --users 500`)."""
OVERLAP = 0.8
"""Below this share of what the judged policy shows, the log says too little of it."""
DOUBT = 4.0
"""Standard errors by which the mean weight may miss 1 before the logged chances are not believed."""


def clipped(weights: np.ndarray) -> np.ndarray:
    """Weights of which none is above the square root of how many there are.

    Where a policy shows one item in every slot, and the log one of fifty, all weights that are not 0 are 50: a fixed
    limit would cut the estimate itself. This one rises with the log, so that what it takes away goes to nothing.
    Source: Ionides, "Truncated importance sampling", Journal of Computational and Graphical Statistics 17 (2008).
    """
    return np.asarray(np.minimum(weights, max(1.0, len(weights) ** 0.5)))


@dataclass(frozen=True)
class Logged:
    """Slots that were shown, one row each; of several policies they are the same rows.

    Attributes:
        reward: [N] float64, what came of it: 1 for a click, or money.
        chance: [N] float64 in (0, 1], with which the logging policy drew what was shown.
        target: [N] float64 in [0, 1], with which the judged policy would have.
        user: [N] int64, whose slot it is; what one user does hangs together.
    Raises:
        ValueError: the arrays are not of one length, or a chance is none.
    """

    reward: np.ndarray
    chance: np.ndarray
    target: np.ndarray
    user: np.ndarray

    def __post_init__(self) -> None:
        if len({len(self.reward), len(self.chance), len(self.target), len(self.user)}) != 1:
            raise ValueError("reward, chance, target and user are not of one length")
        if not (np.isfinite(self.chance) & (self.chance > 0) & (self.chance <= 1)).all():
            raise ValueError("a logged chance must be above 0 and at most 1")
        if not (np.isfinite(self.target) & (self.target >= 0) & (self.target <= 1)).all():
            raise ValueError("a judged chance must be at least 0 and at most 1")

    @cached_property
    def raw_weights(self) -> np.ndarray:
        """[N] how often the judged policy shows this for every time that the log has it."""
        return np.asarray(self.target / self.chance, dtype=np.float64)

    @cached_property
    def weights(self) -> np.ndarray:
        """[N] raw_weights, the largest clipped: few rows must not decide alone."""
        return clipped(self.raw_weights)


@dataclass(frozen=True)
class Support:
    """How far a log can judge a policy.

    Attributes:
        rows: N.
        effective: how many rows of equal weight would say as much: (sum of weights)^2 / sum of squares, of raw weights.
        overlap: share of what the judged policy shows that the log has, as far as clipping leaves it.
        mean_weight: of raw weights, which is 1 where all the judged policy shows can be in the log.
        doubt: its distance from 1 in standard errors.
        clipped: share of the judged policy's weight that clipping takes away.
        largest: weight.
        users: how many.
    Source: Kish, Survey Sampling, 1965 (effective sample); the mean weight's test: Lefortier et al., "Large-scale
        validation of counterfactual learning methods", arXiv:1612.00367.
    """

    rows: int
    effective: float
    overlap: float
    mean_weight: float
    doubt: float
    clipped: float
    largest: float
    users: int

    @classmethod
    def of(cls, logged: Logged) -> "Support":
        """The support of a log."""
        raw, kept = logged.raw_weights, logged.weights
        rows, users, total = len(raw), len(np.unique(logged.user)), float(raw.sum())
        if not rows or total <= 0:
            return cls(rows, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, users)
        mean, spread = total / rows, float(raw.std()) / rows**0.5
        doubt = (mean - 1) / spread if spread > 0 else (0.0 if mean == 1 else float(np.inf) * (mean - 1))
        effective = total**2 / float((raw**2).sum())
        overlap = min(1.0, float(kept.sum()) / rows)
        clip = 1 - float(kept.sum()) / total
        return cls(rows, effective, overlap, mean, doubt, clip, float(raw.max()), users)

    def refusal(self) -> str | None:
        """Why there is no verdict; None where there is one."""
        if not self.rows:
            return "nothing was logged"
        if self.effective < EFFECTIVE:
            return f"an effective sample of {self.effective:,.0f} of {self.rows:,} rows; {EFFECTIVE:,.0f} are needed"
        if self.users < USERS:
            return f"{self.users:,} users; {USERS:,} are needed"
        if self.doubt > DOUBT:
            return f"a mean weight of {self.mean_weight:.2f}, where 1 is to be expected: the logged chances are wrong"
        if self.overlap < OVERLAP:
            return f"the log has {self.overlap:.0%} of what it shows; {OVERLAP:.0%} are needed"
        return None
