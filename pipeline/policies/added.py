"""What standing in a list adds to each of its pairs, learned of a trial; and whether going by it is better.

A list goes by the uplift that is foretold only where a trial says that this finds whom listing helps, better than the
probability does. Both are judged as a list uses them: by the place that they give a pair among those of its own list,
so that a score which knows users apart, and not items, wins nothing; or, where users compete for what there is, among
those of all users. What is foretold of a user is learned of users
before it alone (`trials.foretold` says why), and of the first fifth of the users, of whom nothing is, nothing counts.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from pipeline.policies import intervals, reward_model, trials, uplift
from pipeline.policies.boosted import Boosted
from pipeline.policies.intervals import Estimate
from pipeline.policies.trials import Expected, Pairs, Support
from pipeline.policies.uplift import Fitted, Learner, Trial

LEAST = 0.01
"""Chances count as no nearer to 0 or 1 than this where models learn: one pair must not count for a thousand."""


@dataclass(frozen=True)
class Known:
    """What a trial says, and what was known of its pairs before.

    Attributes:
        pairs: the pairs.
        features: [N, F].
        probability: [N], by which lists are ordered otherwise.
        of_list: [N] int64, the list of a user and night that each pair was of.
    """

    pairs: Pairs
    features: np.ndarray
    probability: np.ndarray
    of_list: np.ndarray


@dataclass(frozen=True)
class Asked:
    """How it is learned, and judged.

    Attributes:
        learner: which.
        apart: whether every list is made by itself; else what is given to one user is not given to another one.
        resamples: how often users are drawn for an interval.
        seed: of the folds, the draws and the trees; threads: CPU threads.
    """

    learner: Learner
    apart: bool = True
    resamples: int = 1000
    seed: int = 0
    threads: int = 1


@dataclass(frozen=True)
class Verdict:
    """Whether lists go by what is foretold.

    Attributes:
        support: how far the trial can tell.
        probability, foretold: areas between the Qini curve of each and listing by chance, in outcomes per pair.
        better: by how much the second is above the first. All nan where the trial is refused.
    """

    support: Support
    probability: Estimate
    foretold: Estimate
    better: Estimate

    @property
    def holds(self) -> bool:
        """Whether they do."""
        return self.support.refusal() is None and self.better.low > 0


_NOTHING = Estimate(float("nan"), float("nan"), float("nan"))


def judge(known: Known, asked: Asked) -> Verdict:
    """Whether what is foretold of a trial's pairs orders their lists better than the probability does."""
    support = Support.of(known.pairs)
    if support.refusal() is not None:
        return Verdict(support, _NOTHING, _NOTHING, _NOTHING)
    expected = Expected.learned(known.pairs, known.features, asked.seed, asked.threads)
    gained, score = trials.effects(known.pairs, expected), foretold(known, asked)
    told = np.isfinite(score)
    # a fifth of the users has models of its own, so that no others are compared with it
    among = known.of_list if asked.apart else reward_model.folds(known.pairs.user, asked.seed)
    pairs, among, gained = known.pairs.of(told), among[told], gained[told]
    by = [trials.qini(pairs, gained, places(one[told], among)) for one in (known.probability, score)]
    terms = (*by, trials.less(by[1], by[0]))
    return Verdict(support, *(intervals.interval(one, asked.resamples, asked.seed) for one in terms))


def learn(known: Known, asked: Asked) -> Fitted:
    """The models of all pairs."""
    return _fit(known, asked, np.ones(len(known.of_list), dtype=bool))


def foretold(known: Known, asked: Asked) -> np.ndarray:
    """[N] the uplift of each pair by models of the fifths of the users before its own; nan in the first one."""
    fold = reward_model.folds(known.pairs.user, asked.seed)
    found, chance = np.full(len(fold), np.nan), float(known.pairs.chance.mean())
    for fifth in range(1, reward_model.FOLDS):
        mine = fold == fifth
        found[mine] = _fit(known, asked, fold < fifth).uplift(known.features[mine], chance)
    return found


def _fit(known: Known, asked: Asked, rows: np.ndarray) -> Fitted:
    pairs = known.pairs.of(rows)
    chance = np.clip(pairs.chance, LEAST, 1 - LEAST)
    make = partial(Boosted, asked.seed, asked.threads)
    return uplift.fit(Trial(known.features[rows], pairs.treated, pairs.outcome, chance), asked.learner, make)


def places(score: np.ndarray, of_list: np.ndarray) -> np.ndarray:
    """[N] what share of its list's pairs have a lower score than each, half of the equal ones and itself, 0..1."""
    order = np.lexsort((score, of_list))
    held, sorted_ = of_list[order], score[order]
    new = np.append(True, np.diff(held) != 0)[: len(order)]
    other = new | np.append(True, np.diff(sorted_) != 0)[: len(order)]
    (first, length), (begins, size) = _runs(new), _runs(other)
    found = np.empty(len(order))
    found[order] = (begins - first + size / 2) / length
    return found


def _runs(begins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[N] where the run begins that each is of, and how long it is; begins: bool [N]."""
    start = np.flatnonzero(begins)
    size = np.diff(np.append(start, len(begins)))
    return np.repeat(start, size), np.repeat(size, size)
