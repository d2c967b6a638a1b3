"""What drawn slots are worth in the long run, by policy: a made-up shop whose true chances are known.

    python -m benchmarks.exploration [--seeds 2 3 4] [--nights 30] [--users 3000]

Users of some groups with tastes of their own are shown five items each, look at all of them, and click by a true chance
that belongs to the group and the item. Tastes drift from night to night, and every night some items give way to new
ones. The table of a night ranks by what the nights before showed: clicks over looks by group and item, drawn towards
the item's own rate, and that towards everybody's; older nights count less. Of an item that was never shown nothing is
known but the mean of all. Before the first night there are ten of lists drawn from all items. Slots are drawn by the
pipeline's own `Exploration`; "never" draws none.

What is compared is what the lists truly get, the sum of the true chances, so that no luck of clicks is in it: over all
nights, and over the first five, which is what exploration costs before it pays. The models of a real night generalise
over items, as these counts do not: this says what the policies do, not what a shop gains. Seed 1 is for choosing.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from pipeline.publication.exploring import Exploration
from pipeline.publication.surfaces import Block
from pipeline.settings.sections.publication import Explore

ITEMS, GROUPS, K, TOP = 300, 12, 5, 100
NEW_A_NIGHT, DRIFT, KEPT = 6, 0.1, 0.93
"""Items that are replaced, standard deviation by which a taste moves, and what counts are worth a night later."""
BEFORE = 10
"""Nights before the first one, of lists drawn from all items: what the shop knows when it begins."""
PRIOR = 20.0
"""Looks that a rate is drawn towards the one above it by."""
POLICIES: dict[str, dict[str, object] | None] = {
    "never": None,
    "uniform": {"policy": "uniform", "slots": [5]},
    "uniform, share 0.2": {"policy": "uniform", "slots": [5], "share": 0.2},
    "softmax": {"policy": "softmax", "slots": [5], "temperature": 0.5},
    "new": {"policy": "new", "slots": [5]},
    "thompson": {"policy": "thompson", "slots": [5]},
    "thompson, temperature 0.5": {"policy": "thompson", "slots": [5], "temperature": 0.5},
    "thompson, temperature 0.25": {"policy": "thompson", "slots": [5], "temperature": 0.25},
}


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Of log-odds."""
    return np.asarray(1 / (1 + np.exp(-x)))


@dataclass
class World:
    """The truth, night by night.

    Attributes:
        seed: of everything; the same for every policy.
        worth: [I] log-odds of the items; taste: [G, I] what a group adds.
        born: [I] the night each item came.
    """

    seed: int
    worth: np.ndarray = field(init=False)
    taste: np.ndarray = field(init=False)
    born: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng([self.seed, 1])
        self.worth = self._rng.normal(-3.0, 0.7, ITEMS)
        self.taste = self._rng.normal(0, 0.7, (GROUPS, ITEMS))
        self.born = np.full(ITEMS, -99)

    def chances(self) -> np.ndarray:
        """[G, I]."""
        return sigmoid(self.worth + self.taste)

    def next(self, night: int) -> np.ndarray:
        """Go on to a night; the items that are new."""
        self.taste = 0.995 * self.taste + self._rng.normal(0, DRIFT, self.taste.shape)
        gone = self._rng.choice(ITEMS, NEW_A_NIGHT, replace=False)
        self.worth[gone] = self._rng.normal(-3.0, 0.7, NEW_A_NIGHT)
        self.taste[:, gone] = self._rng.normal(0, 0.7, (GROUPS, NEW_A_NIGHT))
        self.born[gone] = night
        return gone


@dataclass
class Model:
    """What the log of the nights before says: [G, I] looks and clicks."""

    looks: np.ndarray = field(default_factory=lambda: np.zeros((GROUPS, ITEMS)))
    clicks: np.ndarray = field(default_factory=lambda: np.zeros((GROUPS, ITEMS)))

    def estimates(self) -> np.ndarray:
        """[G, I] chances."""
        mean = (self.clicks.sum() + 1) / (self.looks.sum() + 20)
        of_items = (self.clicks.sum(axis=0) + PRIOR * mean) / (self.looks.sum(axis=0) + PRIOR)
        return np.asarray((self.clicks + PRIOR * of_items) / (self.looks + PRIOR))

    def forget(self, items: np.ndarray) -> None:
        """Age what is known; of replaced items nothing is."""
        for counts in (self.looks, self.clicks):
            np.multiply(counts, KEPT, out=counts)
            counts[:, items] = 0

    def see(self, group: np.ndarray, shown: np.ndarray, chances: np.ndarray, luck: np.random.Generator) -> None:
        """Count a night: users of the groups [U] were shown items [U, k], and clicked or did not."""
        who = np.broadcast_to(group[:, None], shown.shape)
        clicked = luck.random(shown.shape) < chances[who, shown]
        np.add.at(self.looks, (who, shown), 1)
        np.add.at(self.clicks, (who[clicked], shown[clicked]), 1)


def nights(settings: dict[str, object] | None, seed: int, number: int, users: int) -> Iterator[float]:
    """What the lists of each night truly get, clicks a user in the mean."""
    world, model, luck = World(seed), Model(), np.random.default_rng([seed, 2])
    group = np.random.default_rng([seed, 3]).integers(0, GROUPS, users)
    explore = None if settings is None else Explore.model_validate({"top": TOP} | settings)
    for night in range(-BEFORE, 0):
        model.forget(world.next(night))
        model.see(group, luck.integers(0, ITEMS, (users, K)), world.chances(), luck)
    for night in range(number):
        model.forget(world.next(night))
        estimates, chances = model.estimates(), world.chances()
        order = np.argsort(-estimates, axis=1, kind="stable")[:, :TOP]
        pool = _block(order[group], estimates, group)
        best = Block(pool.items[:, :K], pool.scores[:, :K], pool.sources[:, :K])
        shown = best.items
        if explore is not None:
            acted = model.clicks.sum(axis=0)
            drawn = Exploration.of(explore, f"{seed} {night}", night - world.born < 3, acted, ())
            shown = drawn.draw(best, pool, np.zeros(best.items.shape, bool), np.arange(users))[0].items
        yield float(chances[group[:, None], shown].sum(axis=1).mean())
        model.see(group, shown, chances, luck)


def _block(items: np.ndarray, estimates: np.ndarray, group: np.ndarray) -> Block:
    scores = estimates[group[:, None], items].astype(np.float32)
    return Block(items.astype(np.int32), scores, np.zeros(items.shape, np.int8))


def main() -> None:
    """Print what each policy gets against a table that never explores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[2, 3, 4])
    parser.add_argument("--nights", type=int, default=30)
    parser.add_argument("--users", type=int, default=3000)
    args = parser.parse_args()
    got = {
        name: np.array([list(nights(settings, seed, args.nights, args.users)) for seed in args.seeds])
        for name, settings in POLICIES.items()
    }
    print("| policy | clicks a user and night | all nights against never, by seed | the first five |")
    print("|---|---:|---|---|")
    for name, found in got.items():
        gained = found.sum(axis=1) / got["never"].sum(axis=1) - 1
        first = found[:, :5].sum(axis=1) / got["never"][:, :5].sum(axis=1) - 1
        said = (" ".join(f"{share:+.1%}" for share in shares) for shares in (gained, first))
        print(f"| {name} | {found.mean():.3f} | {' | '.join(said)} |", flush=True)


if __name__ == "__main__":
    main()
