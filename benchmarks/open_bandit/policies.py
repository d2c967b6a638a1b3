"""Policies of one slot that learn from a log, and the chances with which they then show each item.

Each is what `benchmarks.exploration` has of that name, as far as one slot of a campaign without a ranker goes: the
ranker's place takes a table of click rates, which learned from the same slots. Nothing is tuned on this log.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.exploration import opening, trust
from benchmarks.exploration.linear import Ridge
from benchmarks.exploration.trust import Drawn, Region
from benchmarks.exploration.weights import Softmax
from pipeline.policies import learned
from pipeline.publication import thompson


@dataclass(frozen=True)
class Slots:
    """Slots of one campaign that were drawn uniformly.

    Attributes:
        item: [N] int64; day: [N] int64, ascending; click: [N] float64.
        users: [N, F] float64 of 0 and 1, what is known of whose slot it is; F may be 0.
        items: [I, G] float64 of 0 and 1, what is known of each item; G may be 0.
    """

    item: np.ndarray
    day: np.ndarray
    click: np.ndarray
    users: np.ndarray
    items: np.ndarray

    def of(self, rows: np.ndarray) -> "Slots":
        """Some of the slots."""
        return Slots(self.item[rows], self.day[rows], self.click[rows], self.users[rows], self.items)

    def counts(self, kept: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """[I] slots and clicks of each item; those of each day before the last count `kept` of the next one's."""
        weight = kept ** (self.day.max(initial=0) - self.day)
        number = len(self.items)
        return (
            np.bincount(self.item, weight, number),
            np.bincount(self.item, weight * self.click, number),
        )

    def rates(self) -> np.ndarray:
        """[I] click rates, drawn towards everybody's as if by one click more."""
        slots, clicks = self.counts()
        mean = (clicks.sum() + 1) / (slots.sum() + 20)
        return np.asarray((clicks + 1) / (slots + 1 / mean))


Policy = Callable[[Slots, np.ndarray], np.ndarray]
"""Of the slots to learn from and users [U, F] the chances [U, I] of each item."""


def _everybody(chances: np.ndarray, users: np.ndarray) -> np.ndarray:
    return np.broadcast_to(chances, (len(users), len(chances)))


def _only(place: np.ndarray | np.integer, number: int) -> np.ndarray:
    return np.asarray(np.eye(number)[place])


def uniform(known: Slots, users: np.ndarray) -> np.ndarray:
    """Each item alike: the policy of the log."""
    return _everybody(np.full(len(known.items), 1 / len(known.items)), users)


def best(known: Slots, users: np.ndarray) -> np.ndarray:
    """The item of the highest click rate alone."""
    return _everybody(_only(known.rates().argmax(), len(known.items)), users)


def softmax(known: Slots, users: np.ndarray, temperature: float) -> np.ndarray:
    """Click rates to the power of 1 / temperature, as the pipeline's policy of that name."""
    return _everybody(_softmax(known.rates(), temperature), users)


def _softmax(rates: np.ndarray, temperature: float) -> np.ndarray:
    weights = (rates / rates.max()) ** (1 / temperature)
    return np.asarray(weights / weights.sum())


def by_actions(known: Slots, users: np.ndarray) -> np.ndarray:
    """The pipeline's `thompson`: by click rates, the surer the more clicks an item has."""
    means, deviations = thompson.log_odds(known.rates()), thompson.uncertainty(known.counts()[1])
    return _everybody(_to_be_best(means, deviations), users)


def by_slots(known: Slots, users: np.ndarray, temperature: float = 1.0, whole: bool = False) -> np.ndarray:
    """The pipeline's `learned`; `whole`: all of the slots are drawn, however few were logged."""
    slots, clicks = known.counts(0.5 ** (1 / learned.HALF_LIFE))
    found = learned.learn(slots, clicks)
    said = thompson.log_odds(known.rates())
    belief = learned.blend(found, said, known.counts()[1])  # no user's word differs: the anchor is what is said
    means = said + belief.shift
    share = 1.0 if whole else belief.opened
    drawn = _to_be_best(means, temperature * belief.deviation)
    return _everybody(share * drawn + (1 - share) * _only(means.argmax(), len(means)), users)


def _to_be_best(means: np.ndarray, deviations: np.ndarray) -> np.ndarray:
    return np.asarray(thompson.chance_to_be_best(means[None], deviations[None], np.ones((1, len(means)), bool))[0])


def linear(known: Slots, users: np.ndarray, how: str, width: float) -> np.ndarray:
    """LinUCB ("ucb": the highest bound) or Thompson sampling ("thompson") of a model linear in items, and pairs.

    Its features are the item, what is known of it, and that times what is known of the user; `width` is of deviations
    in units of a click's own, (rate x (1 - rate)) ** 0.5.
    """
    rate = float(known.rates().mean())
    noise = (rate * (1 - rate)) ** 0.5
    model = Ridge.nothing(_features(known, known.users[:1], known.item[:1]).shape[1])
    model = model.seen(_features(known, known.users, known.item), known.click / noise, np.ones(len(known.item)))
    kinds, which = np.unique(users, axis=0, return_inverse=True)
    number = len(known.items)
    pairs = _features(known, np.repeat(kinds, number, axis=0), np.tile(np.arange(number), len(kinds)))
    mean, deviation = (x.reshape(len(kinds), number) for x in model.expected(pairs))
    if how == "ucb":
        chances = _only((mean + width * deviation).argmax(axis=1), number)
    else:
        chances = thompson.chance_to_be_best(mean, width * deviation, np.ones(mean.shape, bool))
    return np.asarray(chances[which.ravel()])


def _features(known: Slots, users: np.ndarray, items: np.ndarray) -> np.ndarray:
    """[N, D] of users [N, F] and items [N]."""
    own = known.items[items]
    pairs = (own[:, :, None] * users[:, None, :]).reshape(len(items), own.shape[1] * users.shape[1])
    return np.concatenate([_only(items, len(known.items)), own, pairs], axis=1)


def by_a_gradient(known: Slots, users: np.ndarray, rate: float = 20.0, budget: float = 0.1) -> np.ndarray:
    """Softmax whose share and temperature take a step after each day: `opening`, as in the simulation."""
    share, temperature, number = opening.LEAST, 0.25, len(known.items)
    for night in np.unique(known.day):
        seen = known.of(known.day <= night)
        size, drawn = np.log(seen.rates()), _softmax(seen.rates(), temperature)
        at_best = (seen.item == size.argmax()).astype(np.float64)
        chance = np.full(len(seen.item), 1 / number)
        slots = opening.Slots(seen.click, chance, at_best, drawn[seen.item], np.arange(len(seen.item)))
        score = (float(drawn @ size) - size)[seen.item] / temperature
        step = rate * opening.gradient(slots.by(slots.drawn), score)
        temperature = float(np.clip(temperature * np.exp(np.clip(step, -0.2, 0.2)), 0.05, 2.0))
        share = opening.share(slots, share, budget, int(night))
    rates = known.rates()
    chances = share * _softmax(rates, temperature) + (1 - share) * _only(rates.argmax(), number)
    return _everybody(chances, users)


def reinforced(known: Slots, users: np.ndarray, top: int = 1, steps: int = 100, cap: float = 20.0) -> np.ndarray:
    """REINFORCE with the top-K correction, of a softmax linear in items and pairs; slots say nothing of earlier ones.

    Begins at the uniform policy and goes `steps` uphill, each by the gradient of a click in units of the mean's.
    Source: Chen et al., WSDM 2019.
    """
    clicked = known.click > 0
    state = np.concatenate([np.ones((len(known.item), 1)), known.users], axis=1)[clicked]
    shown, number = _only(known.item[clicked], len(known.items)), len(known.items)
    weights = np.zeros((state.shape[1], number))
    for _ in range(steps if clicked.any() else 0):
        chances = _softmaxes(state @ weights)
        mine = (chances * shown).sum(axis=1)
        worth = np.minimum(mine * number, cap) * top * (1 - mine) ** (top - 1)
        weights += 0.1 * state.T @ (worth[:, None] * (shown - chances)) / len(state)
    return _softmaxes(np.concatenate([np.ones((len(users), 1)), users], axis=1) @ weights)


def _softmaxes(scores: np.ndarray) -> np.ndarray:
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def sources(known: Slots) -> np.ndarray:
    """[I, 3] logarithms of three rates of each item, less their means: its own by all days, that of what is known of it
    (the geometric mean over its words), and its own on the last day."""
    slots, clicks = known.counts()
    of_words, mean = known.items.T @ np.stack([slots, clicks], axis=1), (clicks.sum() + 1) / (slots.sum() + 20)
    words = np.log((of_words[:, 1] + 1) / (of_words[:, 0] + 1 / mean))
    shares = known.items / np.maximum(known.items.sum(axis=1, keepdims=True), 1)
    latest = known.of(known.day == known.day.max(initial=0)).rates()
    said = np.stack([np.log(known.rates()), shares @ words, np.log(latest)], axis=1)
    return np.asarray(said - said.mean(axis=0))


def by_weights(known: Slots, users: np.ndarray, guarded: bool = True) -> np.ndarray:
    """Softmax of weighted sources, as `benchmarks.exploration.weights`; begins at the log's policy, all weights 0.

    Takes a step after each day, by the slots of all days that have one before them, each by what was known then.
    """
    days, number, at = np.unique(known.day), len(known.items), np.zeros(3)
    said = [sources(known.of(known.day < day)) for day in days[1:]]
    for last in range(1, len(days)):
        slots = known.of((known.day > days[0]) & (known.day <= days[last]))
        logged, rows = np.full((last, number), 1 / number), len(slots.item)
        context = np.searchsorted(days, slots.day) - 1
        drawn = Drawn(context, slots.item, np.arange(rows), slots.click, np.full(rows, 1 / number), logged)
        family = Softmax(np.stack(said[:last]), np.ones(logged.shape, bool))
        at = trust.step(drawn, family, at, Region(guarded=guarded), int(days[last]))
    softmax = Softmax(sources(known)[None], np.ones((1, number), bool))
    return _everybody(softmax.chances(at)[0], users)


POLICIES: dict[str, Policy] = {
    "uniform": uniform,
    "best rate": best,
    "softmax, temperature 1": partial(softmax, temperature=1.0),
    "softmax, temperature 0.5": partial(softmax, temperature=0.5),
    "softmax, temperature 0.25": partial(softmax, temperature=0.25),
    "softmax, by a gradient": by_a_gradient,
    "weights, by a gradient": by_weights,
    "weights, by a gradient, unguarded": partial(by_weights, guarded=False),
    "thompson": by_actions,
    "learned": by_slots,
    "learned, all slots": partial(by_slots, whole=True),
    "learned, all slots, temperature 0.5": partial(by_slots, temperature=0.5, whole=True),
    "linear, Thompson": partial(linear, how="thompson", width=1.0),
    "LinUCB": partial(linear, how="ucb", width=1.0),
    "REINFORCE": reinforced,
    "REINFORCE, top-3": partial(reinforced, top=3),
}


def one_hot(columns: list[np.ndarray]) -> np.ndarray:
    """[N, D] of words [N] each; D counts all words of all columns."""
    return np.concatenate([np.zeros((len(columns[0]), 0)), *_one_hots(columns)], axis=1)


def _one_hots(columns: list[np.ndarray]) -> Iterator[np.ndarray]:
    for column in columns:
        words, place = np.unique(column.astype(str), return_inverse=True)
        yield _only(place, len(words))
