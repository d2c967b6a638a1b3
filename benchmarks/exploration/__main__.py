"""What drawn slots are worth in the long run, by policy: a made-up shop whose true chances are known.

    python -m benchmarks.exploration [--seeds 2 3 4 5 6 7] [--nights 30] [--users 10000] [--only NAME ...]
        [--against NAME]

Users of some groups with tastes of their own are shown five items each, look at all of them, and click by a true chance
that belongs to the group and the item. Tastes drift from night to night, and every night some items give way to new
ones. The table of a night ranks by what the nights before showed: clicks over looks by group and item, drawn towards
the item's own rate, and that towards everybody's; older nights count less. Of an item that was never shown nothing is
known but the mean of all. Before the first night there are ten of lists drawn from all items. Slots are drawn by the
pipeline's own `Exploration`; "never" draws none.

What is compared is what the lists truly get, the sum of the true chances, so that no luck of clicks is in it: over all
nights, over the first five, which is what exploration costs before it pays, and over the last five. The models of a
real night generalise over items, as these counts do not: this says what the policies do, not what a shop gains. Seeds 1
and 11 to 13 are for choosing. With `--against` it is also said how far each policy is above that one, by a paired
t-test over seeds.
"""

import argparse
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from benchmarks.exploration.policies import Fixed, Learned, Opened, Policy, Sources, Tonight
from benchmarks.exploration.reinforce import Reinforce
from benchmarks.exploration.weights import ADDED, FOUND, MIXED, Weighted, WeightedLearned
from benchmarks.exploration.world import BEFORE, GROUPS, ITEMS, TOP, K, Model, World
from pipeline.publication.surfaces import Block


def fixed(**settings: object) -> Callable[[], Policy]:
    """A policy whose last slot is drawn by settings that stay."""
    return lambda: Fixed({"slots": [K], **settings})


LAST: dict[str, object] = {"slots": [K]}
POLICIES: dict[str, Callable[[], Policy]] = {
    "never": lambda: Fixed(None),
    "uniform": fixed(policy="uniform"),
    "uniform, share 0.2": fixed(policy="uniform", share=0.2),
    "softmax, temperature 0.5": fixed(policy="softmax", temperature=0.5),
    "softmax, temperature 0.25": fixed(policy="softmax", temperature=0.25),
    "new": fixed(policy="new"),
    "thompson": fixed(policy="thompson"),
    "thompson, temperature 0.5": fixed(policy="thompson", temperature=0.5),
    "thompson, temperature 0.25": fixed(policy="thompson", temperature=0.25),
    "learned": lambda: Learned(LAST),
    "learned, temperature 0.5": lambda: Learned(LAST | {"temperature": 0.5}),
    "learned, temperature 0.01": lambda: Learned(LAST | {"temperature": 0.01}),
    "learned, share 0.2": lambda: Learned(LAST | {"share": 0.2}),
    "softmax, by a gradient": lambda: Opened(LAST),
    "weights, slot": lambda: Weighted(LAST),
    "weights, list": lambda: Weighted(LAST, whole=True),
    "weights, list, kept": lambda: Weighted(LAST, whole=True, start=FOUND, moves=False),
    "weights, mixing": lambda: Weighted(LAST, whole=True, sources=MIXED),
    "weights, learned": lambda: WeightedLearned(LAST),
    "weights, learned, kept": lambda: WeightedLearned(LAST, start=ADDED, moves=False),
    "sources, LinUCB": lambda: Sources(LAST, "ucb", 0.1),
    "sources, Thompson": lambda: Sources(LAST, "thompson", 1.0),
    "REINFORCE": Reinforce,
    "REINFORCE, on the table": partial(Reinforce, anchored=True),
    "REINFORCE, all slots": partial(Reinforce, places=K),
    "REINFORCE, all slots, top-K": partial(Reinforce, places=K, top=K),
    "REINFORCE, all slots, top-K, on the table": partial(Reinforce, places=K, top=K, anchored=True),
    "cross-entropy": partial(Reinforce, imitates=True),
    "cross-entropy, on the table": partial(Reinforce, imitates=True, anchored=True),
    "cross-entropy, all slots": partial(Reinforce, places=K, imitates=True),
}


def nights(policy: Policy, seed: int, number: int, users: int) -> Iterator[float]:
    """What the lists of each night truly get, clicks a user in the mean."""
    world, model, luck = World(seed), Model(), np.random.default_rng([seed, 2])
    group = np.random.default_rng([seed, 3]).integers(0, GROUPS, users)
    for night in range(-BEFORE, 0):
        gone = world.next(night)
        model.forget(gone)
        policy.begin(gone)
        shown = luck.integers(0, ITEMS, (users, K))
        policy.see(group, shown, np.full(shown.shape, 1 / ITEMS), model.see(group, shown, world.chances(), luck))
    for night in range(number):
        gone = world.next(night)
        model.forget(gone)
        policy.begin(gone)
        estimates, chances = model.estimates(), world.chances()
        order = np.argsort(-estimates, axis=1, kind="stable")[:, :TOP]
        pool = _block(order[group], estimates, group)
        best = Block(pool.items[:, :K], pool.scores[:, :K], pool.sources[:, :K])
        tonight = Tonight(seed, night, group, best, pool, estimates, model, night - world.born < 3)
        shown, chance = policy.lists(tonight)
        yield float(chances[group[:, None], shown].sum(axis=1).mean())
        policy.see(group, shown, chance, model.see(group, shown, chances, luck))


def _block(items: np.ndarray, estimates: np.ndarray, group: np.ndarray) -> Block:
    scores = estimates[group[:, None], items].astype(np.float32)
    return Block(items.astype(np.int32), scores, np.zeros(items.shape, np.int8))


def main() -> None:
    """Print what each policy gets against a table that never explores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[2, 3, 4, 5, 6, 7])
    parser.add_argument("--nights", type=int, default=30)
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--only", nargs="+", default=list(POLICIES), choices=list(POLICIES), metavar="NAME")
    parser.add_argument("--against", choices=list(POLICIES), metavar="NAME", help="what the others are tested against")
    args = parser.parse_args()
    names = dict.fromkeys(["never", *([args.against] if args.against else []), *args.only])
    print("| policy | clicks a user and night | against never, all nights | by seed | first five | last five |")
    print("|---|---:|---:|---|---|---:|")
    never, gains = np.zeros(0), {}
    for name in names:
        found = np.array([list(nights(POLICIES[name](), seed, args.nights, args.users)) for seed in args.seeds])
        never = found if name == "never" else never
        whole, first, last = (
            found[:, part].sum(axis=1) / never[:, part].sum(axis=1) - 1
            for part in (slice(None), slice(5), slice(-5, None))
        )
        gains[name] = whole
        by_seed = (" ".join(f"{share:+.1%}" for share in shares) for shares in (whole, first))
        print(
            f"| {name} | {found.mean():.3f} | {whole.mean():+.1%} | {' | '.join(by_seed)} | {last.mean():+.1%} |",
            flush=True,
        )
    for name in names if args.against else ():
        print(above(name, gains[name] - gains[args.against]))


def above(name: str, more: np.ndarray) -> str:
    """How far a policy is above another one: [S] by seed, in shares of what `never` gets."""
    from scipy.special import stdtr

    error = float(more.std(ddof=1)) / len(more) ** 0.5 if len(more) > 1 else 0.0
    p = 2 * float(stdtr(len(more) - 1, -abs(more.mean()) / error)) if error > 0 else 1.0
    return f"{name}: {100 * more.mean():+.1f} points, p = {p:.2g}"


if __name__ == "__main__":
    main()
