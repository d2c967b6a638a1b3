"""What a treatment, such as a coupon, changes in what a user does: learners of it, and how good a ranking by it is.

Who acts most likely anyway is not who should be sent a coupon. The data are users of whom some were treated by chance,
with chances that are known. A learner says of each user by how much the treatment raises the expected outcome; it is
fitted on other users than those it speaks of. The Qini curve judges any ranking by what was saved up to each place.

Surfaces that go by what a row adds have their models from here (`added`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from pipeline.arrays.blocks import blocks
from pipeline.policies.intervals import Estimate

Learner = Literal["t", "x", "dr"]
Make = Callable[[], Any]
"""Makes a regressor with `fit(features, outcome)`, which gives it back, and `predict(features)`."""
Models = tuple[Any, ...]
CELLS = 4_000_000
"""Counts held at a time; 8 bytes each."""


@dataclass(frozen=True)
class Trial:
    """Users of whom some were treated, by chance.

    Attributes:
        features: [N, d] what was known of each before.
        treated: bool [N].
        outcome: [N] float64, what came of it: 1 where the user acted, or money.
        propensity: [N] float64, the chance with which each was treated, above 0 and below 1.
    """

    features: np.ndarray
    treated: np.ndarray
    outcome: np.ndarray
    propensity: np.ndarray

    def __post_init__(self) -> None:
        if not ((self.propensity > 0) & (self.propensity < 1)).all():
            raise ValueError("a propensity must be above 0 and below 1: who is always or never treated teaches nothing")

    def of(self, rows: np.ndarray) -> "Trial":
        """Some of the users."""
        return Trial(self.features[rows], self.treated[rows], self.outcome[rows], self.propensity[rows])

    @property
    def effects(self) -> np.ndarray:
        """[N] what is, in the mean of many users, the effect of the treatment: outcomes over the chances of the arm."""
        treated, others = self.outcome / self.propensity, -self.outcome / (1 - self.propensity)
        return np.asarray(np.where(self.treated, treated, others))


def trees() -> Any:
    """A regressor that serves most data: boosted trees, small and slow, as effects are small beside the noise."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(
        max_iter=80, learning_rate=0.05, max_leaf_nodes=8, min_samples_leaf=50, early_stopping=False, random_state=0
    )


def cross_fitted(trial: Trial, learner: Learner, *, folds: int = 5, seed: int = 0, make: Make = trees) -> np.ndarray:
    """[N] float64, the uplift of every user, by models that were fitted on others.

    Args:
        trial: the users.
        learner: "t": two models, one of each arm, and their difference. "x": the differences to the other arm's model
            are learned, weighted by the propensity. "dr": a model of an estimate of each user's effect that is right
            in the mean if either the propensities or the models of the arms are (doubly robust).
        folds: into how many parts the users are cut, at least 2.
        seed: of the parts.
        make: the regressor.
    Raises:
        ValueError: a part of the users has nobody of an arm.
    Source: T and X: Künzel, Sekhon, Bickel & Yu, PNAS 2019; DR: Kennedy, Electronic Journal of Statistics 2023.
    """
    found = np.empty(len(trial.outcome))
    for apart, rest in _parts(len(found), folds, seed):
        found[apart] = fit(trial.of(rest), learner, make).uplift(trial.features[apart], trial.propensity[apart])
    return found


def _parts(number: int, folds: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The users of each part, and all others, both in ascending order."""
    part = np.random.default_rng(seed).permutation(number) % folds
    for fold in range(folds):
        yield np.flatnonzero(part == fold), np.flatnonzero(part != fold)


def _arms(trial: Trial, make: Make) -> Models:
    """Models of the outcome without and with the treatment."""
    if trial.treated.all() or not trial.treated.any():
        raise ValueError("a part of the users has nobody who was treated, or nobody who was not: take fewer folds")
    rows = ~trial.treated, trial.treated
    without, treated = (make().fit(trial.features[arm], trial.outcome[arm]) for arm in rows)
    return without, treated


def _t(trial: Trial, make: Make) -> Models:
    return _arms(trial, make)


def _x(trial: Trial, make: Make) -> Models:
    without, treated = _arms(trial, make)
    arm, others = trial.treated, ~trial.treated
    gained = make().fit(trial.features[arm], trial.outcome[arm] - without.predict(trial.features[arm]))
    missed = make().fit(trial.features[others], treated.predict(trial.features[others]) - trial.outcome[others])
    return missed, gained


def _dr(trial: Trial, make: Make) -> Models:
    effects = np.empty(len(trial.outcome))
    for half, other in _parts(len(effects), 2, seed=1):  # whom the arms' models know must not be in what they correct
        without, treated = _arms(trial.of(other), make)
        mine = trial.of(half)
        low, high = without.predict(mine.features), treated.predict(mine.features)
        left = mine.outcome - np.where(mine.treated, high, low)
        effects[half] = high - low + Trial(mine.features, mine.treated, left, mine.propensity).effects
    return (make().fit(trial.features, effects),)


LEARNERS: dict[str, Callable[[Trial, Make], Models]] = {"t": _t, "x": _x, "dr": _dr}


@dataclass(frozen=True)
class Fitted:
    """A learner that has learned.

    Attributes:
        learner: which.
        models: t: of the outcome without and with the treatment; x: of what the others missed and the treated gained;
            dr: of the uplift.
    """

    learner: Learner
    models: Models

    def uplift(self, features: np.ndarray, propensity: np.ndarray | float) -> np.ndarray:
        """[N] the uplift of users with these features [N, d], who are treated with such a chance, [N] or of all."""
        found = [np.asarray(model.predict(features)) for model in self.models]
        if self.learner == "t":
            return np.asarray(found[1] - found[0])
        return np.asarray(found[0] if self.learner == "dr" else propensity * found[0] + (1 - propensity) * found[1])


def fit(trial: Trial, learner: Learner, make: Make = trees) -> Fitted:
    """Learn of all users of a trial; arguments and errors as `cross_fitted`."""
    return Fitted(learner, LEARNERS[learner](trial, make))


def qini_curve(trial: Trial, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What treating the best users by a score would bring, against treating nobody.

    Args:
        trial: the users; score: [N], the highest first.
    Returns:
        [M + 1] shares of the users who are treated, from 0 to 1, and what each share brings, per user of all; between
        users of the same score the curve is straight.
    Source: Radcliffe, Direct Marketing Analytics Journal 2007; with known propensities, by their inverse.
    """
    size, gain = _steps(trial, score)
    number = max(len(score), 1)
    return np.append(0, np.cumsum(size)) / number, np.append(0, np.cumsum(gain)) / number


def qini(trial: Trial, score: np.ndarray, *, resamples: int = 1000, seed: int = 0, level: float = 0.95) -> Estimate:
    """The area between the Qini curve of a score and the line of treating users by chance, with an interval.

    Args:
        trial: the users; score: [N].
        resamples: how often users are drawn anew; seed: of the draws; level: how often the interval is to hold.
    Returns:
        In outcomes per user; 0 for a score that says nothing. The interval is of this score, not of learning it again.
    """
    (found,) = _areas(trial, [score], np.ones((1, len(score))))
    return _estimate(found, _drawn(trial, [score], resamples, seed)[0], level)


def qini_difference(
    trial: Trial, score: np.ndarray, other: np.ndarray, *, resamples: int = 1000, seed: int = 0, level: float = 0.95
) -> Estimate:
    """By how much the area of a score is above another one's, on the same draws; arguments as `qini`."""
    one, two = _areas(trial, [score, other], np.ones((1, len(score))))
    drawn = _drawn(trial, [score, other], resamples, seed)
    return _estimate(one - two, drawn[0] - drawn[1], level)


def _estimate(found: np.ndarray, drawn: np.ndarray, level: float) -> Estimate:
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(float(found[0]), float(low), float(high))


def _drawn(trial: Trial, scores: list[np.ndarray], resamples: int, seed: int) -> np.ndarray:
    """[S, B] the areas of scores on users drawn with replacement."""
    number, rng, found = len(trial.outcome), np.random.default_rng(seed), []
    for rows in blocks(resamples, max(1, CELLS // number)):
        counts = rng.multinomial(number, np.full(number, 1 / number), rows.stop - rows.start).astype(np.float64)
        found.append(_areas(trial, scores, counts))
    return np.concatenate(found, axis=1)


def _areas(trial: Trial, scores: list[np.ndarray], counts: np.ndarray) -> np.ndarray:
    """[S, B] the areas, users counted so often each, counts [B, N]."""
    return np.stack([_area(*_weighted(trial, score, counts)) for score in scores])


def _weighted(trial: Trial, score: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[B, M] how many users there are of each score, the highest first, and what they gain together."""
    order = np.argsort(-score, kind="stable")
    begins = np.flatnonzero(np.append(True, np.diff(score[order]) != 0))
    counted = counts[:, order]
    return np.add.reduceat(counted, begins, axis=1), np.add.reduceat(counted * trial.effects[order], begins, axis=1)


def _steps(trial: Trial, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    size, gain = _weighted(trial, score, np.ones((1, len(score))))
    return size[0], gain[0]


def _area(size: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """[B] the area between curve and straight line: a gain counts from its middle place to the end, less a half."""
    number = size.sum(axis=1, keepdims=True)
    after = 1 - (np.cumsum(size, axis=1) - size / 2) / number
    return np.asarray((gain * (after - 0.5)).sum(axis=1) / number[:, 0])
