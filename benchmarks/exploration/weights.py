"""Weights of the ensemble that follow what drawn slots earned: how much each source's score counts in the final one.

The final score of an item is a weighted sum of what four sources say of it: the table's estimate, everybody's clicks,
whether it is new, how seldom the group saw it (a fifth, any item, says nothing: it is all weights being 0). The last
slot is drawn by the softmax of that score. It begins as `softmax, temperature 0.25`: the table alone counts, by 4.
Every night the weights take a step (`trust`) by the slots of two weeks, each with the scores of its own night, which
know nothing of its clicks. The share that a single source's list has in the final one is the case of two sources.

What decides was fixed before the recorded seeds were run. It is kept if on them, in what the whole thirty nights get,
the whole list by weights ("weights, list"), or the list by weights with the slot drawn by `learned` ("weights,
learned"), gains more than `learned`, by a two-sided t-test of the differences by seed at 2.5 % each, as there are two.
Seeds 1 and 11 to 13 are for choosing. By this rule "weights, learned" is kept and "weights, list" is not; what that
says of a real table, and what not: benchmarks/README.md. No part of the pipeline.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from benchmarks.exploration import trust
from benchmarks.exploration.policies import Fixed, Learned, Tonight
from benchmarks.exploration.trust import Drawn, Family, Region
from benchmarks.exploration.world import GROUPS, PRIOR, TOP, K
from pipeline.publication import thompson
from pipeline.publication.surfaces import Block
from pipeline.settings.sections.publication import Explore

NAMES = ("table", "everybody", "new", "seldom")
"""The sources that have a score."""
MIXED = ("table", "everybody")
"""How much of a single list the final one takes: two sources."""
REGION, NARROW = Region(), Region(divergence=0.03)
"""How far from the log weights may go; and where `learned` draws."""
BEGIN = (4.0, 0.0, 0.0, 0.0)
"""Weights of the first night: the table's alone, temperature 0.25."""
FOUND = (12.0, -1.0, -1.5, -0.4)
ADDED = (0.0, -0.5, -0.1)
"""About what the gradient has found after thirty nights on the seeds for choosing; and where `learned` draws."""
NIGHTS = 14
"""Nights of slots that are learned from."""
NUDGE = 1e-3
"""By which a number is moved where a derivative is a difference."""


def features(tonight: Tonight, sources: Sequence[str] = NAMES) -> np.ndarray:
    """[G, I, S] what each source says of each item: logarithms of rates, 1 for what is new, less log(1 + looks)."""
    looks, clicks = tonight.model.looks, tonight.model.clicks
    mean = (clicks.sum() + 1) / (looks.sum() + 20)
    everybody = (clicks.sum(axis=0) + PRIOR * mean) / (looks.sum(axis=0) + PRIOR)
    said = {
        "table": np.log(tonight.estimates),
        "everybody": np.log(everybody),
        "new": tonight.is_new.astype(np.float64),
        "seldom": -np.log1p(looks),
    }
    return np.stack([np.broadcast_to(said[name], looks.shape) for name in sources], axis=-1)


@dataclass(frozen=True)
class Softmax:
    """Draws by the softmax of weighted scores.

    Attributes:
        features: [C, I, S]; able: bool [C, I], what may be drawn, of which every context has something.
    """

    features: np.ndarray
    able: np.ndarray

    def chances(self, at: np.ndarray) -> np.ndarray:
        """See Family."""
        score = np.where(self.able, self.features @ at, -np.inf)
        size = np.exp(score - score.max(axis=1, keepdims=True))
        return np.asarray(size / size.sum(axis=1, keepdims=True))

    def slopes(self, at: np.ndarray) -> np.ndarray:
        """See Family."""
        mean = np.einsum("ci,cis->cs", self.chances(at), self.features)
        return np.asarray(np.where(self.able[..., None], self.features - mean[:, None], 0))


@dataclass(frozen=True)
class ByBelief:
    """Draws as `learned` does, where other sources' scores are added to the table's log-odds.

    Attributes:
        features: [C, I, S] of the other sources; able: bool [C, I].
        said: [C, I] the table's log-odds; shift, deviation: [C, I] what was believed that night.
        share: [C] of the slots that are drawn.
    """

    features: np.ndarray
    able: np.ndarray
    said: np.ndarray
    shift: np.ndarray
    deviation: np.ndarray
    share: np.ndarray

    def chances(self, at: np.ndarray) -> np.ndarray:
        """See Family."""
        said = self.said + self.features @ at
        drawn = thompson.chance_to_be_best(said + self.shift, self.deviation, self.able)
        best = np.eye(said.shape[1])[np.where(self.able, said, -np.inf).argmax(axis=1)]
        return np.asarray(self.share[:, None] * drawn + (1 - self.share[:, None]) * best)

    def slopes(self, at: np.ndarray) -> np.ndarray:
        """See Family; by differences."""
        chances, found = self.chances(at), np.zeros((*self.able.shape, len(at)))
        there = chances > LEAST
        for place, nudge in enumerate(NUDGE * np.eye(len(at))):
            rises = (self.chances(at + nudge) - self.chances(at - nudge)) / (2 * NUDGE)
            found[..., place] = np.where(there, rises / np.where(there, chances, 1), 0)
        return found


LEAST = 1e-6
"""Chances below this have no slope: nobody draws by them."""


def together(parts: Sequence[Family]) -> Family:
    """Families of several nights as one."""
    kind, names = type(parts[0]), list(vars(parts[0]))
    return kind(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


@dataclass(frozen=True)
class Night:
    """The slots of a night: the policies that it could have had, and [G, I] the chances by which they were drawn."""

    family: Family
    logged: np.ndarray
    slots: tuple[np.ndarray, ...] = ()


@dataclass
class Memory:
    """The slots of the last nights, and the weights that they taught.

    Attributes:
        weights: of tonight; begin: of the first night.
    """

    begin: np.ndarray
    region: Region
    moves: bool = True
    nights: list[Night] = field(default_factory=list)
    weights: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.weights = self.begin

    def learn(self, seed: int) -> None:
        """Take a step."""
        done = [night for night in self.nights if night.slots]
        if not self.moves or not done:
            return
        group, item, user, clicked, chance = (
            np.concatenate(parts) for parts in zip(*(night.slots for night in done), strict=True)
        )
        context = group + GROUPS * np.repeat(np.arange(len(done)), [len(night.slots[0]) for night in done])
        logged = np.concatenate([night.logged for night in done])
        drawn = Drawn(context, item, user, clicked, chance, logged)
        family = together([night.family for night in done])
        self.weights = trust.step(drawn, family, self.weights, self.region, seed)

    def make(self, family: Family) -> None:
        """Tonight's policies."""
        self.nights = [*self.nights, Night(family, family.chances(self.weights))][-NIGHTS:]

    def see(self, group: np.ndarray, shown: np.ndarray, chance: np.ndarray, clicked: np.ndarray) -> None:
        """What was seen of tonight's slots, the last of each list; see Policy.see."""
        if not self.nights:  # the nights before: nothing was drawn by scores
            return
        slots = (group, shown[:, -1], np.arange(len(group)), clicked[:, -1].astype(np.float64), chance[:, -1])
        self.nights[-1] = replace(self.nights[-1], slots=slots)


def reordered(tonight: Tonight, order: np.ndarray, size: np.ndarray) -> tuple[Tonight, np.ndarray]:
    """Lists by another order, and bool [G, I] what the last slot may show.

    Args:
        tonight: the night; order: [G, I] items, the best first; size: [G, I] their scores.
    """
    items = order[tonight.group, :TOP]
    scores = size[tonight.group[:, None], items].astype(np.float32)
    pool = Block(items.astype(np.int32), scores, np.zeros(items.shape, np.int8))
    best = Block(pool.items[:, :K], pool.scores[:, :K], pool.sources[:, :K])
    able = np.zeros(order.shape, bool)
    np.put_along_axis(able, order[:, K - 1 : TOP], True, axis=1)
    return replace(tonight, best=best, pool=pool), able


def ranked(score: np.ndarray) -> np.ndarray:
    """[G, I] items, the best first."""
    return np.argsort(-score, axis=1, kind="stable")


@dataclass
class Weighted(Fixed):
    """The last slot, or the `whole` list with it, by weights; see the module."""

    whole: bool = False
    sources: Sequence[str] = NAMES
    region: Region = REGION
    start: Sequence[float] = BEGIN
    moves: bool = True

    def __post_init__(self) -> None:
        self.memory = Memory(np.array(self.start[: len(self.sources)]), self.region, self.moves)

    def lists(self, tonight: Tonight) -> tuple[np.ndarray, np.ndarray]:
        self.memory.learn(tonight.night)
        said = features(tonight, self.sources)
        score = said @ self.memory.weights
        order = ranked(score if self.whole else tonight.estimates)
        made, able = reordered(tonight, order, np.exp(score - score.max(axis=1, keepdims=True)))
        self.memory.make(Softmax(said, able))
        given = {"top": TOP, "policy": "softmax", "temperature": 1.0}
        return made.drawn(Explore.model_validate(given | (self.settings or {})))

    def see(self, group: np.ndarray, shown: np.ndarray, chance: np.ndarray, clicked: np.ndarray) -> None:
        self.memory.see(group, shown, chance, clicked)


@dataclass
class WeightedLearned(Learned):
    """The list by weights, the table's log-odds counting once, and its slot drawn by `learned` from these scores."""

    sources: Sequence[str] = NAMES
    region: Region = NARROW
    start: Sequence[float] = (0.0, 0.0, 0.0)
    moves: bool = True

    def __post_init__(self) -> None:
        self.memory = Memory(np.array(self.start[: len(self.sources) - 1]), self.region, self.moves)

    def lists(self, tonight: Tonight) -> tuple[np.ndarray, np.ndarray]:
        self.memory.learn(tonight.night)
        said, others = thompson.log_odds(tonight.estimates), features(tonight, self.sources)[..., 1:]
        score = said + others @ self.memory.weights
        estimates = 1 / (1 + np.exp(-score))
        made, able = reordered(replace(tonight, estimates=estimates), ranked(score), estimates)
        belief = self.belief(made)
        shift, deviation = (np.broadcast_to(of, said.shape) for of in (belief.shift, belief.deviation))
        share = np.full(GROUPS, self.explore.share * belief.opened)
        unsure = self.explore.temperature * deviation
        self.memory.make(ByBelief(others, able, said, shift, unsure, share))
        return made.drawn(self.explore, belief)

    def see(self, group: np.ndarray, shown: np.ndarray, chance: np.ndarray, clicked: np.ndarray) -> None:
        super().see(group, shown, chance, clicked)
        self.memory.see(group, shown, chance, clicked)
