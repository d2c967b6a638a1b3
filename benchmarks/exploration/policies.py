"""How the shop's slots are drawn: by fixed settings, by what earlier slots taught, by where items come from."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol
from unittest import mock

import numpy as np

from benchmarks.exploration import opening
from benchmarks.exploration.linear import Ridge
from benchmarks.exploration.world import GROUPS, ITEMS, KEPT, TOP, K, Model
from pipeline.arrays.metrics import repeated
from pipeline.policies import learned
from pipeline.publication import thompson
from pipeline.publication.exploring import Exploration
from pipeline.publication.surfaces import Block
from pipeline.settings.sections.publication import Explore

Chances = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Tonight:
    """What is known before the lists of a night are made.

    Attributes:
        seed, night: of the draws.
        group: [U] whose the lists are.
        best, pool: the lists that draw nothing, and what may be drawn.
        estimates: [G, I] the table's chances; model: what they are of.
        is_new: bool [I], of the last three nights.
    """

    seed: int
    night: int
    group: np.ndarray
    best: Block
    pool: Block
    estimates: np.ndarray
    model: Model
    is_new: np.ndarray

    def drawn(self, settings: Explore, belief: learned.Belief | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Lists [U, K] whose slots the pipeline draws, and the chances of what they show."""
        acted, salt = self.model.clicks.sum(axis=0), f"{self.seed} {self.night}"
        by = Exploration.of(settings, salt, self.is_new, acted, (), belief=belief)
        pinned = np.zeros(self.best.items.shape, bool)
        with mock.patch.object(thompson, "chance_to_be_best", _once):  # a group's rows are alike: 50 times faster
            block, chance = by.draw(self.best, self.pool, pinned, np.arange(len(self.group)))
        return block.items, chance


def _once(
    means: np.ndarray, deviations: np.ndarray, among: np.ndarray, found: Chances = thompson.chance_to_be_best
) -> np.ndarray:
    """The same chances, worked out once for rows that are alike."""
    rows = np.ascontiguousarray(np.concatenate([means, deviations, among], axis=1))
    _, first, which = np.unique(rows.view(f"V{rows.itemsize * rows.shape[1]}"), return_index=True, return_inverse=True)
    return found(means[first], deviations[first], among[first])[which.ravel()]


class Policy(Protocol):
    """Makes the lists of every night, and may learn of them."""

    def lists(self, tonight: Tonight) -> tuple[np.ndarray, np.ndarray]:
        """[U, K] items and the chances of what they show."""
        ...

    def begin(self, gone: np.ndarray) -> None:
        """A night goes by: of replaced items nothing is known."""
        ...

    def see(self, group: np.ndarray, shown: np.ndarray, chance: np.ndarray, clicked: np.ndarray) -> None:
        """What was shown, with which chances, and whether it was clicked: all [U, K]."""
        ...


@dataclass
class Fixed:
    """Draws by settings that stay; None: draws nothing."""

    settings: dict[str, object] | None

    def lists(self, tonight: Tonight) -> tuple[np.ndarray, np.ndarray]:
        if self.settings is None:
            return tonight.best.items, np.ones(tonight.best.items.shape)
        return tonight.drawn(Explore.model_validate({"top": TOP} | self.settings))

    def begin(self, gone: np.ndarray) -> None:
        pass

    def see(self, group: np.ndarray, shown: np.ndarray, chance: np.ndarray, clicked: np.ndarray) -> None:
        pass


@dataclass
class Learned(Fixed):
    """The pipeline's policy "learned": by the score and what drawn slots said. Of groups it knows only the scores."""

    slots: np.ndarray = field(default_factory=lambda: np.zeros((GROUPS, ITEMS)))
    clicks: np.ndarray = field(default_factory=lambda: np.zeros((GROUPS, ITEMS)))

    @property
    def explore(self) -> Explore:
        """How slots are drawn."""
        return Explore.model_validate({"top": TOP, "policy": "learned"} | (self.settings or {}))

    def lists(self, tonight: Tonight) -> tuple[np.ndarray, np.ndarray]:
        return tonight.drawn(self.explore, self.belief(tonight))

    def belief(self, tonight: Tonight) -> learned.Belief:
        """What the drawn slots of the nights before and the scores of tonight say."""
        said = thompson.log_odds(tonight.estimates)
        item = np.broadcast_to(np.arange(ITEMS), said.shape).ravel()
        anchor = learned.anchors(item, said.ravel(), self.slots.ravel(), said.mean(axis=0))
        known = learned.learn(self.slots.sum(axis=0), self.clicks.sum(axis=0))
        return learned.blend(known, anchor, tonight.model.clicks.sum(axis=0))

    def begin(self, gone: np.ndarray) -> None:
        for counts in (self.slots, self.clicks):
            np.multiply(counts, 0.5 ** (1 / learned.HALF_LIFE), out=counts)
            counts[:, gone] = 0

    def see(self, group: np.ndarray, shown: np.ndarray, chance: np.ndarray, clicked: np.ndarray) -> None:
        who, place = np.nonzero(chance < 1)
        np.add.at(self.slots, (group[who], shown[who, place]), 1)
        np.add.at(self.clicks, (group[who], shown[who, place]), clicked[who, place])


@dataclass
class Opened(Fixed):
    """Softmax whose share and temperature follow what the slots of the last nights say that they earn (`opening`)."""

    nights: int = 7
    budget: float = 0.1
    rate: float = 20.0
    share: float = opening.LEAST
    temperature: float = 0.25
    log: list[tuple[np.ndarray, ...]] = field(default_factory=list)

    def lists(self, tonight: Tonight) -> tuple[np.ndarray, np.ndarray]:
        if self.log:
            self._learn(tonight)
        given = {"top": TOP, "policy": "softmax", "share": self.share, "temperature": self.temperature}
        return tonight.drawn(Explore.model_validate(given | (self.settings or {})))

    def _learn(self, tonight: Tonight) -> None:
        group, item, chance, clicked = (np.concatenate(parts) for parts in zip(*self.log, strict=True))
        order = np.argsort(-tonight.estimates, axis=1, kind="stable")[:, K - 1 : TOP]
        able = np.zeros(tonight.estimates.shape)
        np.put_along_axis(able, order, 1, axis=1)
        size = np.log(tonight.estimates)
        weights = able * np.exp((size - size.max(axis=1, keepdims=True)) / self.temperature)
        drawn = weights / weights.sum(axis=1, keepdims=True)
        best = (order[group, 0] == item).astype(np.float64)
        slots = opening.Slots(clicked.astype(np.float64), chance, best, drawn[group, item], np.arange(len(group)))
        # of the log of a chance, by the logarithm of the temperature
        score = ((drawn * size).sum(axis=1, keepdims=True) - size)[group, item] / self.temperature
        step = self.rate * opening.gradient(slots.by(slots.drawn), score)
        self.temperature = float(np.clip(self.temperature * np.exp(np.clip(step, -0.2, 0.2)), 0.05, 2.0))
        self.share = opening.share(slots, self.share, self.budget, tonight.night)

    def see(self, group: np.ndarray, shown: np.ndarray, chance: np.ndarray, clicked: np.ndarray) -> None:
        who, place = np.nonzero(chance < 1)
        self.log.append((group[who], shown[who, place], chance[who, place], clicked[who, place]))
        self.log = self.log[-self.nights :]


SOURCES = 5


@dataclass
class Sources(Fixed):
    """The last slot is filled by one of five sources, chosen by a linear bandit for each group.

    The best of the table, the best by everybody's clicks, one of the new, the one the group was shown least, any. What
    a source is worth is linear in itself and in itself for the group. "ucb" takes the highest bound, "thompson" draws
    by the chance of each to be the best; `width` is of the deviations.
    """

    how: str = "ucb"
    width: float = 0.3
    known: Ridge = field(default_factory=lambda: Ridge.nothing(SOURCES * (1 + GROUPS)))
    chosen: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))

    def lists(self, tonight: Tonight) -> tuple[np.ndarray, np.ndarray]:
        mean, deviation = (x.reshape(GROUPS, SOURCES) for x in self.known.expected(_features()))
        rng = np.random.default_rng([tonight.seed, 4, tonight.night + 100])
        if self.how == "ucb":
            chances = np.eye(SOURCES)[(mean + self.width * deviation).argmax(axis=1)]
        else:
            chances = thompson.chance_to_be_best(mean, self.width * deviation, np.ones(mean.shape, bool))
        users, group = len(tonight.group), tonight.group
        uniform = rng.random((users, 1))
        self.chosen = np.minimum((uniform > np.cumsum(chances, axis=1)[group]).sum(axis=1), SOURCES - 1)
        items = tonight.best.items.copy()
        items[:, -1] = _of_sources(tonight, rng)[np.arange(users), self.chosen]
        chance = np.ones(items.shape)
        chance[:, -1] = np.where(repeated(items)[:, -1], 1, chances[group, self.chosen])
        return items, chance

    def see(self, group: np.ndarray, shown: np.ndarray, chance: np.ndarray, clicked: np.ndarray) -> None:
        if not len(self.chosen):  # the nights before: no source chose what was drawn
            return
        cell = group * SOURCES + self.chosen
        often = np.bincount(cell, minlength=GROUPS * SOURCES).astype(np.float64)
        rate = np.bincount(cell, clicked[:, -1], GROUPS * SOURCES) / np.maximum(often, 1)
        self.known = self.known.seen(_features(), rate, often, KEPT)


def _features() -> np.ndarray:
    """[G x S, S + G x S]: the source, and the source for the group."""
    return np.concatenate([np.tile(np.eye(SOURCES), (GROUPS, 1)), np.eye(GROUPS * SOURCES)], axis=1)


def _of_sources(tonight: Tonight, rng: np.random.Generator) -> np.ndarray:
    """[U, S] what each source would show each user in the last slot: nothing that stands above it."""
    users, group, model = len(tonight.group), tonight.group, tonight.model
    above = np.zeros((GROUPS, ITEMS), bool)
    np.put_along_axis(above, np.argsort(-tonight.estimates, axis=1, kind="stable")[:, : K - 1], True, axis=1)
    everybody = model.clicks.sum(axis=0) / (model.looks.sum(axis=0) + 20)
    best, popular, rare = (
        np.where(above, -np.inf, by).argmax(axis=1)
        for by in (tonight.estimates, np.broadcast_to(everybody, above.shape), -model.looks)
    )
    luck = rng.random((users, ITEMS), dtype=np.float32)
    luck[above[group]] = -1
    new = np.where(tonight.is_new, luck, luck - 2).argmax(axis=1)
    return np.stack([best[group], popular[group], new, rare[group], luck.argmax(axis=1)], axis=1)
