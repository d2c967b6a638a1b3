"""The lopsided logs and their even twins, with as many events, by the laws of `benchmarks.synthetic`."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from benchmarks.synthetic import Drawn, Shop, share_of, word, zipf

PURCHASE = 1
"""Position in synthetic.KINDS."""
KINDS_OF_CLUSTER, SIZES = 20, 6
"""Words that a grocer's titles are made of: 93,274 items have 22,656 texts; Complete Journey's 92,331 have 20,770."""


class Even(Shop):
    """A shop in which users do equally much, and items and clusters are equally liked."""

    @cached_property
    def _starts(self) -> np.ndarray:
        return np.arange(self.clusters + 1) * self.items // self.clusters

    @cached_property
    def home(self) -> np.ndarray:
        """[U] the users' clusters."""
        return np.arange(self.users) % self.clusters

    @cached_property
    def _activity(self) -> np.ndarray:
        return np.arange(1, self.users + 1, dtype=np.float64)

    def _in_cluster(self, clusters: np.ndarray, luck: np.ndarray, day: int) -> np.ndarray:
        size = np.diff(self._starts)[clusters]
        items = self._starts[clusters] + (luck * size).astype(np.int64)
        return np.asarray(np.where(self.born[items] <= day, items, self._starts[clusters]))


class Grocer(Shop):
    """A shop in which, as at a grocer's, several items share a text: a kind of their cluster's, and a size."""

    def catalogue(self, day: int) -> pa.Table:
        """The items born on a day."""
        table = super().catalogue(day)
        rng = np.random.default_rng([self.seed, 8, day])
        kinds = self.cluster[np.flatnonzero(self.born == day)] * KINDS_OF_CLUSTER
        kinds += rng.integers(0, KINDS_OF_CLUSTER, len(kinds))
        sizes = rng.integers(0, SIZES, len(kinds))
        titles = [f"{word(kind)} {word(100_000 + size)}" for kind, size in zip(kinds, sizes, strict=True)]
        return table.set_column(table.schema.get_field_index("title"), "title", pa.array(titles, pa.string()))


@dataclass(frozen=True)
class Passers(Shop):
    """A shop of few regulars and many who came once and clicked on one item, which is the goal.

    Attributes:
        regulars: of the users; the others have one event each.
    """

    regulars: int = 300

    @cached_property
    def _regulars(self) -> Shop:
        return Shop(self.regulars, self.items, self.events, self.seed)

    def draw(self, day: int, number: int | None = None) -> Drawn:
        """One day's events, in the order of time; see `Shop.draw`."""
        number = share_of(self.events, day) if number is None else number
        passers, rng = self._passing(day), np.random.default_rng([self.seed, 7, day])
        clicked = np.searchsorted(zipf(self.items), rng.random(len(passers)))
        clicked = np.where(self.born[clicked] <= day, clicked, 0)
        users, items, kinds, seconds = self._regulars.draw(day, number - len(passers))
        users, items = np.concatenate([users, passers]), np.concatenate([items, clicked])
        kinds = np.concatenate([kinds, np.full(len(passers), PURCHASE)])
        seconds = np.concatenate([seconds, rng.integers(0, 86_400, len(passers))])
        order = np.argsort(seconds, kind="stable")
        return users[order], items[order], kinds[order], seconds[order]

    def _passing(self, day: int) -> np.ndarray:
        """Users of the one click who come on a day."""
        total = self.users - self.regulars
        first = sum(share_of(total, before) for before in range(day))
        return self.regulars + first + np.arange(share_of(total, day))


@dataclass(frozen=True)
class Twins:
    """A lopsided log, and the even one it is compared with.

    Attributes:
        lopsided, even: with equally many events.
    """

    lopsided: Shop
    even: Shop


LOGS = {
    "catalogue": Twins(Grocer(users=600, items=93_274, events=300_000), Even(users=2_000, items=2_000, events=300_000)),
    "passers": Twins(
        Passers(users=27_685 + 300, items=437, events=40_000), Even(users=2_000, items=2_000, events=40_000)
    ),
}
"""By name: 600 households before a catalogue of which most was never bought; 27,685 users of one click."""
