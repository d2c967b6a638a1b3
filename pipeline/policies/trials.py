"""What a treatment that was given by chance adds, and whether a score finds those whom it adds most to.

One row is a pair of user and item that could have been given the treatment, with a known chance, and was or was not.
Every estimate here is a mean over pairs, so that one bootstrap by user serves all (`intervals`): what one user does
hangs together, and so does what was drawn for one user.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from pipeline.policies import reward_model
from pipeline.policies.estimators import Terms
from pipeline.policies.logged import DOUBT, EFFECTIVE, OVERLAP, USERS, clipped

ACTED = 30
"""Pairs with an outcome, in each arm, below which an interval is not believed."""
ROUNDING = 1e-9
"""Of what is added up, below which a sum is 0."""
POINTS = 50
"""Of a curve that is drawn."""


@dataclass(frozen=True)
class Pairs:
    """The pairs of a trial.

    Attributes:
        treated: bool [N].
        outcome: [N] float64.
        chance: [N] float64, of being treated, above 0 and below 1.
        user: [N] int64.
    Raises:
        ValueError: a chance is 0 or 1.
    """

    treated: np.ndarray
    outcome: np.ndarray
    chance: np.ndarray
    user: np.ndarray

    def __post_init__(self) -> None:
        if not ((self.chance > 0) & (self.chance < 1)).all():
            raise ValueError("a chance must be above 0 and below 1: what is always or never given teaches nothing")

    def of(self, rows: np.ndarray) -> "Pairs":
        """Some of the pairs, bool [N]."""
        return Pairs(self.treated[rows], self.outcome[rows], self.chance[rows], self.user[rows])

    @cached_property
    def raw_weights(self) -> tuple[np.ndarray, np.ndarray]:
        """[N] each, 1 / the chance of what happened: of those without the treatment, and with it; 0 for the others."""
        return np.where(self.treated, 0, 1 / (1 - self.chance)), np.where(self.treated, 1 / self.chance, 0)

    @cached_property
    def weights(self) -> tuple[np.ndarray, np.ndarray]:
        """raw_weights, the largest clipped: few rows must not decide alone."""
        without, given = (clipped(weights) for weights in self.raw_weights)
        return without, given

    @cached_property
    def means(self) -> tuple[float, float]:
        """The mean outcome without and with the treatment, had all pairs had it. Source: Hajek, 1971."""
        without, given = (
            float((weights * self.outcome).sum() / weights.sum()) if weights.any() else float("nan")
            for weights in self.weights
        )
        return without, given


@dataclass(frozen=True)
class Expected:
    """[N] the outcome expected of each pair without and with the treatment, by models that do not know its user."""

    without: np.ndarray
    given: np.ndarray

    @classmethod
    def by_mean(cls, pairs: Pairs) -> Self:
        """The same for all pairs: the mean of each arm."""
        without, given = (np.full(len(pairs.outcome), mean) for mean in pairs.means)
        return cls(without, given)

    @classmethod
    def learned(cls, pairs: Pairs, features: np.ndarray, seed: int, threads: int = 1) -> Self:
        """By a model of each arm (T-learner), learned for each fifth of the users from the others.

        Args:
            pairs: the pairs; features: [N, F], what was known of each before.
            seed: of the folds and the trees; threads: CPU threads.
        """
        without, given = (
            reward_model.across(pairs.outcome, pairs.user, features, seed=seed, threads=threads, rows=rows)(features)
            for rows in (~pairs.treated, pairs.treated)
        )
        return cls(without, given)

    @property
    def uplift(self) -> np.ndarray:
        """[N] what the treatment is expected to add."""
        return np.asarray(self.given - self.without)


def foretold(pairs: Pairs, features: np.ndarray, seed: int, threads: int = 1) -> np.ndarray:
    """[N] the place of each pair's foretold uplift among its fifth of the users, 0..1, by models of those before it.

    What a Qini curve goes by. Models learned of all other fifths know, among them, every outcome: with no effect at all
    the intervals of their area leave out 0 twice as often as they say. Of the first fifth nothing is foretold.
    Source: Wager, "Sequential validation of treatment heterogeneity" (2024).

    Args:
        pairs: the pairs; features: [N, F], what was known of each before.
        seed: of the folds and the trees; threads: CPU threads.
    """
    without, given = (
        reward_model.across(pairs.outcome, pairs.user, features, seed=seed, threads=threads, rows=rows, earlier=True)(
            features
        )
        for rows in (~pairs.treated, pairs.treated)
    )
    found, fold = given - without, reward_model.folds(pairs.user, seed)
    for fifth in np.unique(fold):
        mine = np.flatnonzero(fold == fifth)
        _, tie, size = np.unique(found[mine], return_inverse=True, return_counts=True)
        found[mine] = (np.cumsum(size) - size / 2)[tie] / len(mine)
    return np.asarray(found)


def effects(pairs: Pairs, expected: Expected) -> np.ndarray:
    """[N] what is, in the mean of many pairs, the effect of the treatment on them, whatever the model expects.

    By the mean of each arm it is Hajek's estimate, row by row; by a model it is doubly robust.
    Source: Robins, Rotnitzky & Zhao, JASA 89 (1994).
    """
    (without, given), off = pairs.weights, pairs.outcome
    added = given * (off - expected.given) - without * (off - expected.without)
    return np.asarray(expected.uplift + added)


def average(pairs: Pairs, gained: np.ndarray) -> Terms:
    """The mean effect on a pair, of `effects`."""
    return Terms(gained, np.ones(len(gained)), pairs.user)


def qini(pairs: Pairs, gained: np.ndarray, score: np.ndarray) -> Terms:
    """The area between the Qini curve of a score and the line of treating pairs by chance.

    The area is a mean over pairs of pairs, (1/N^2) sum_ij gained_i (score_j < score_i, half where equal, - 1/2). A row
    of the terms has what its pair adds on either side, which is what the area's error follows from.

    Args:
        pairs: the pairs; gained: [N] of `effects`; score: [N], the highest is treated first.
    Returns:
        In outcomes per pair; 0 for a score that says nothing.
    Source: Radcliffe, Direct Marketing Analytics Journal 2007; the projection: Hoeffding, Ann. Math. Stat. 19 (1948).
    """
    number = max(len(score), 1)
    size, gain, tie = _by_score(gained, score)
    below = 1 - (np.cumsum(size) - size / 2) / number  # share of the pairs with a lower score, half of the equal ones
    above = (np.cumsum(gain) - gain / 2) / number  # what those with a higher score gain
    mine, others = gained * (below[tie] - 0.5), above[tie] - gained.mean() / 2
    return Terms(mine + others - mine.mean(), np.ones(len(score)), pairs.user)


def less(one: Terms, other: Terms) -> Terms:
    """The difference of two means over the same rows."""
    return Terms(one.above - other.above, one.below, one.user)


def curve(gained: np.ndarray, score: np.ndarray, points: int = POINTS) -> tuple[np.ndarray, np.ndarray]:
    """Shares of the pairs that are treated, the best by a score first, and what each share brings per pair of all.

    At most about `points` of them, the first and last always; between pairs of the same score the curve is straight.
    """
    size, gain, _ = _by_score(gained, score)
    number = max(len(score), 1)
    shares, gains = np.append(0, np.cumsum(size)) / number, np.append(0, np.cumsum(gain)) / number
    kept = np.unique(np.append(np.searchsorted(shares, np.linspace(0, 1, points + 1)[:-1]), len(shares) - 1))
    return shares[kept], gains[kept]


def _by_score(gained: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each different score, the highest first: how many pairs have it, what they gain; and [N] whose is which."""
    _, tie = np.unique(-score, return_inverse=True)
    return np.bincount(tie), np.bincount(tie, gained), tie


@dataclass(frozen=True)
class Support:
    """How far a trial can tell.

    Attributes:
        pairs, users: how many.
        treated: how many pairs were.
        acted: pairs with an outcome, in the arm that has fewer.
        effective: how many pairs of equal weight would say as much, in the arm that has fewer (Kish).
        overlap: share of all pairs that the arm which speaks for fewer speaks for, as far as clipping leaves it.
        doubt: how far an arm's mean weight is from 1, in standard errors over users, the larger.
    """

    pairs: int
    users: int
    treated: int
    acted: int
    effective: float
    overlap: float
    doubt: float

    @classmethod
    def of(cls, pairs: Pairs) -> Self:
        """The support of a trial."""
        number, treated = len(pairs.outcome), pairs.treated
        users, who = np.unique(pairs.user, return_inverse=True)
        if not number:
            return cls(0, 0, 0, 0, 0.0, 0.0, 0.0)
        acted = min(int((pairs.outcome[arm] != 0).sum()) for arm in (treated, ~treated))
        squares = [(raw.sum() ** 2, (raw**2).sum()) for raw in pairs.raw_weights]
        effective = min(float(total / each) if each > 0 else 0.0 for total, each in squares)
        overlap = min(1.0, *(float(kept.sum()) / number for kept in pairs.weights))
        doubt = max(_doubt(raw - 1, who, len(users)) for raw in pairs.raw_weights)
        return cls(number, len(users), int(treated.sum()), acted, effective, overlap, doubt)

    def refusal(self) -> str | None:
        """Why there is no verdict; None where there is one."""
        wrong = "items stood in the lists more or less often than the record's chances say: they are wrong"
        faults = (
            (self.pairs > 0, "nothing is recorded whose days are over"),
            (
                self.effective >= EFFECTIVE,
                f"an effective sample of {self.effective:,.0f} of {self.pairs:,} pairs; {EFFECTIVE:,.0f} are needed",
            ),
            (self.users >= USERS, f"{self.users:,} users; {USERS:,} are needed"),
            (
                self.overlap >= OVERLAP,
                f"what was listed, or not, speaks for {self.overlap:.0%} of the pairs; {OVERLAP:.0%} are needed",
            ),
            (self.doubt <= DOUBT, wrong),
            (self.acted >= ACTED, f"{self.acted} pairs of one side that acted; {ACTED} are needed"),
        )
        return next((fault for holds, fault in faults if not holds), None)


def _doubt(off: np.ndarray, who: np.ndarray, users: int) -> float:
    """How far the mean of what should have none is from 0, in standard errors over users.

    Where all pairs of a user have one chance, as uniform draws give, a user's weights add up to their number whatever
    is drawn: what is left then is rounding, which is as large as its own error.
    """
    by_user = np.bincount(who, off, users)
    by_user[np.abs(by_user) <= ROUNDING * np.bincount(who, np.abs(off), users)] = 0
    error = float(np.sqrt((by_user**2).sum()))
    return abs(float(by_user.sum())) / error if error > 0 else 0.0
