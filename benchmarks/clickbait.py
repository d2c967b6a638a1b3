"""What a longer reward is worth where some items are clicked and regretted: a made-up shop whose truth is known.

    python -m benchmarks.clickbait [--seeds 2 3 4 5 6 7] [--nights 30] [--users 10000] [--only NAME ...]

The shop of `exploration`, whose tastes drift and whose items give way to new ones, and whose table ranks by clicks. A
fifth of the items is bait: clicked more (1.2 in log-odds), and who clicks it comes less often for some days; who clicks
another item comes more often. Only who comes sees a list. The policy `learned` draws some of the slots, by clicks or by
the days on which users came back within a week, of slots whose week is over; the first nights, of lists drawn from all
items, are known to all. Clicks are counted by luck, visits too: the luck of users is the same for every policy.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from benchmarks.exploration.policies import Fixed, Learned, Tonight
from benchmarks.exploration.reinforce import Reinforce
from benchmarks.exploration.world import BEFORE, GROUPS, ITEMS, NEW_A_NIGHT, TOP, K, Model, World, sigmoid
from pipeline.policies import learned, valued
from pipeline.publication import thompson
from pipeline.publication.surfaces import Block
from pipeline.settings.sections.publication import Explore

BAIT, LURE = 0.2, 1.2
"""Share of the items that are bait, and what is added to their log-odds of a click."""
PLEASED, KEPT = 0.6, 0.8
"""What a click adds to the log-odds of coming, or one on bait takes from them, and what is left of it a night later."""
DAYS, WINDOW = 7, 28
"""Days after a slot that count, and nights of slots that are learned from."""


@dataclass
class Shop(World):
    """The truth, with bait.

    Attributes:
        bait: bool [I].
    """

    bait: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.bait = self._rng.random(ITEMS) < BAIT

    def chances(self) -> np.ndarray:
        """[G, I]."""
        return sigmoid(self.worth + self.taste + LURE * self.bait)

    def next(self, night: int) -> np.ndarray:
        """Go on to a night; the items that are new."""
        gone = super().next(night)
        self.bait[gone] = self._rng.random(NEW_A_NIGHT) < BAIT
        return gone


@dataclass(frozen=True)
class Seen:
    """The drawn slots of a night.

    Attributes:
        night: which, counted from the first that is known.
        user, item: [N] int64; said: [N] what the table said of the item, above the mean of the group's list.
        before: [N] on how many of the nights before the user came, at most WINDOW of them.
    """

    night: int
    user: np.ndarray
    item: np.ndarray
    said: np.ndarray
    before: np.ndarray


@dataclass
class ByVisits(Fixed):
    """The pipeline's policy "learned" with the reward "visits".

    Attributes:
        log: the drawn slots of each night; came: bool [U] of each night.
    """

    log: list[Seen] = field(default_factory=list)
    came: list[np.ndarray] = field(default_factory=list)

    def lists(self, tonight: Tonight) -> tuple[np.ndarray, np.ndarray]:
        """See Policy.lists."""
        done = [seen for seen in self.log if seen.night + DAYS < len(self.came)][-WINDOW:]
        parts = [self._rewarded(seen) for seen in done]
        slots = valued.Slots(*(np.concatenate(part) for part in zip(*parts, strict=True)))
        given = {"top": TOP, "policy": "learned", "reward": "visits"} | (self.settings or {})
        return tonight.drawn(Explore.model_validate(given), valued.learn(slots, ITEMS).belief)

    def _rewarded(self, seen: Seen) -> list[np.ndarray]:
        days = np.sum(self.came[seen.night + 1 : seen.night + 1 + DAYS], axis=0)[seen.user].astype(np.float64)
        weight = np.full(len(days), 0.5 ** ((len(self.came) - 1 - seen.night - DAYS) / learned.HALF_LIFE))
        still = seen.item >= 0
        return [a[still] for a in (seen.item, days, seen.said, seen.before, weight)]

    def begin(self, gone: np.ndarray) -> None:
        """Slots of replaced items are forgotten."""
        for seen in self.log:
            seen.item[np.isin(seen.item, gone)] = -1

    def note(self, here: np.ndarray, shown: np.ndarray, chance: np.ndarray, above: np.ndarray) -> None:
        """What those who came, bool [U], were shown, [U, K], and what the table said of it, [U, K]."""
        before = np.sum(self.came[-WINDOW:], axis=0) if self.came else np.zeros(len(here))
        user, place = np.nonzero(here[:, None] & (chance < 1))
        told = above[user, place], np.asarray(before, dtype=np.float64)[user]
        self.log.append(Seen(len(self.came), user, shown[user, place].astype(np.int64), *told))
        self.came.append(here)


SLOTS: dict[str, dict[str, object]] = {"one slot": {"slots": [K]}, "two slots": {"slots": [K - 1, K]}}
POLICIES: dict[str, Callable[[], Fixed]] = {
    "never": lambda: Fixed(None),
    **{f"clicks, {name}": partial(Learned, given) for name, given in SLOTS.items()},
    **{f"visits, {name}": partial(ByVisits, given) for name, given in SLOTS.items()},
    "REINFORCE, clicks, one slot": partial(Reinforce, anchored=True),
    "REINFORCE, visits, one slot": partial(Reinforce, anchored=True, visits=True),
    "REINFORCE, visits, all slots, top-K": partial(Reinforce, places=K, top=K, anchored=True, visits=True),
    "cross-entropy, one slot": partial(Reinforce, anchored=True, imitates=True),
}


def nights(policy: Fixed, seed: int, number: int, users: int) -> Iterator[tuple[float, float, float]]:
    """Of each night: the share of users who come, clicks a user, and the share of bait in what is shown."""
    world, model, luck = Shop(seed), Model(), np.random.default_rng([seed, 2])
    people = np.random.default_rng([seed, 3])
    group, habit = people.integers(0, GROUPS, users), people.normal(-0.5, 1.0, users)
    mood = np.zeros(users)
    for night in range(-BEFORE, number):
        gone = world.next(night)
        model.forget(gone)
        policy.begin(gone)
        here, estimates = luck.random(users) < sigmoid(habit + mood), model.estimates()
        if night < 0:
            shown = luck.integers(0, ITEMS, (users, K))
            chance = np.full(shown.shape, 1 / ITEMS)
        else:
            shown, chance = policy.lists(_tonight(world, model, estimates, group, (seed, night)))
        clicked = np.zeros(shown.shape, dtype=bool)
        clicked[here] = model.see(group[here], shown[here], world.chances(), luck)
        if isinstance(policy, Reinforce):
            policy.note(here, shown, chance, clicked)
        elif isinstance(policy, ByVisits):
            odds = thompson.log_odds(estimates)
            odds -= np.sort(odds, axis=1)[:, -TOP:].mean(axis=1, keepdims=True)
            policy.note(here, shown, chance, odds[group[:, None], shown])
        else:
            policy.see(group[here], shown[here], chance[here], clicked[here])
        bait = world.bait[shown]
        mood = KEPT * mood + PLEASED * (np.where(bait, -1.0, 1.0) * clicked).sum(axis=1)
        if night >= 0:
            yield float(here.mean()), float(clicked.sum() / users), float(bait[here].mean())


def _tonight(world: Shop, model: Model, estimates: np.ndarray, group: np.ndarray, salt: tuple[int, int]) -> Tonight:
    order = np.argsort(-estimates, axis=1, kind="stable")[:, :TOP][group]
    scores = estimates[group[:, None], order].astype(np.float32)
    pool = Block(order.astype(np.int32), scores, np.zeros(order.shape, np.int8))
    best = Block(pool.items[:, :K], pool.scores[:, :K], pool.sources[:, :K])
    return Tonight(*salt, group, best, pool, estimates, model, salt[1] - world.born < 3)


def main() -> None:
    """Print what each policy gets against a table that never draws."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[2, 3, 4, 5, 6, 7])
    parser.add_argument("--nights", type=int, default=30)
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--only", nargs="+", default=list(POLICIES), choices=list(POLICIES), metavar="NAME")
    args = parser.parse_args()
    print("| learned by | visits | by seed | last five nights | clicks | bait in lists, last five |")
    print("|---|---:|---|---:|---:|---:|")
    never = np.zeros(0)
    for name in dict.fromkeys(["never", *args.only]):
        found = np.array([list(nights(POLICIES[name](), seed, args.nights, args.users)) for seed in args.seeds])
        never = found if name == "never" else never
        visits, clicks = (found[:, :, n].sum(axis=1) / never[:, :, n].sum(axis=1) - 1 for n in (0, 1))
        last = found[:, -5:, 0].sum() / never[:, -5:, 0].sum() - 1
        by_seed = " ".join(f"{share:+.1%}" for share in visits)
        bait = found[:, -5:, 2].mean()
        print(
            f"| {name} | {visits.mean():+.1%} | {by_seed} | {last:+.1%} | {clicks.mean():+.1%} | {bait:.0%} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
