"""What a surface gains that goes by what a row adds, and not by the probability: made-up shops whose truth is known.

    python -m benchmarks.uplift [--seeds 11 12 13 14 15 16] [--users 2000] [--nights 14] [--shops NAME ...]

Every user has fifty candidates with a probability each, and a list of ten. Three of its slots are drawn every night,
and recorded of a share of the users; what a user does with a pair has one chance where it is listed and one where it is
not. Of the record of so many nights the pipeline's own code learns, judges and orders the lists of the night after.
Counted is, by the truth, how many actions a list adds that its user would not have done without it.

The shops: `mixed`: what is bought again and again is bought anyway, what was just bought is bought less where it is
shown, and active users take popular things that they never had, if they see them; three pairs in ten are of any kind.
`proportional`: what a row adds is a share of its probability, so that lists by probability are best. `hidden`: the
kinds of `mixed`, in pairs by chance, so that nothing that is known tells them apart but the probability.
"""

import argparse
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np

from pipeline.arrays.blocks import indptr_of
from pipeline.policies import added as learning
from pipeline.policies.added import Asked, Known
from pipeline.policies.trials import Pairs
from pipeline.policies.uplift import Learner
from pipeline.publication import withheld
from pipeline.publication.added import BEFORE, Added, Before
from pipeline.publication.exploring import Exploration
from pipeline.publication.surfaces import Block, Had, OwnHistory
from pipeline.settings.sections.publication import Explore

ITEMS, TOP, OWNED, K = 300, 50, 15, 10
SLOTS = Explore(slots=(3, 6, 9), top=TOP, record=0.15)
SHOPS = ("mixed", "proportional", "hidden")
LEARNERS: tuple[Learner, ...] = get_args(Learner)
ANYWAY, PUT_OFF, PERSUADABLE, OTHER = range(4)
WITHOUT = np.array([0.20, 0.10, 0.01, 0.015])
ADDS = np.array([0.004, -0.04, 0.05, 0.004])
"""Chance of an action without the list, and what the list adds, by kind; both vary by a factor, see `_varied`."""
SHARE, NOISE = 0.25, 0.3
"""Of what a row adds the probability has so much, as the log it was learned of had lists; its error in log-odds."""


@dataclass(frozen=True)
class Shop:
    """The truth of one night.

    Attributes:
        pool: [U, TOP] candidates with the published probabilities, best first.
        history: what users had; acted: [I], how many acted on each item lately.
        without, adds: [U, TOP] the chance of an action without the list, and what standing in it adds.
    """

    pool: Block
    history: OwnHistory
    acted: np.ndarray
    without: np.ndarray
    adds: np.ndarray

    @property
    def had(self) -> Had:
        """What all users had."""
        return self.history.of(np.arange(len(self.without)), ITEMS)


def made(kind: str, seed: int, users: int) -> Shop:
    """A shop."""
    rng = np.random.default_rng([seed, 1])
    items = np.argsort(rng.random((users, ITEMS)), axis=1)[:, :TOP].astype(np.int32)
    items[:, :OWNED].sort(axis=1)
    acted = np.round(np.exp(rng.normal(3, 1, ITEMS)))
    times, age = 1 + rng.poisson(2, (users, OWNED)), rng.exponential(25, (users, OWNED))
    counts = np.full(users, OWNED)
    history = OwnHistory(
        indptr_of(counts), items[:, :OWNED].ravel(), times.ravel().astype(np.int16), age.ravel().astype(np.float32)
    )
    kinds = np.full(items.shape, OTHER)
    kinds[:, :OWNED] = np.where(age < 4, PUT_OFF, np.where(times >= 3, ANYWAY, OTHER))
    active = age.min(axis=1, keepdims=True) < 2
    kinds[:, OWNED:] = np.where(active & (acted[items[:, OWNED:]] > np.median(acted)), PERSUADABLE, OTHER)
    if kind == "hidden":
        kinds = rng.permuted(kinds, axis=None)
    any_kind = rng.random(kinds.shape) < 0.3
    kinds = np.where(any_kind, rng.integers(0, 4, kinds.shape), kinds)
    without, adds = WITHOUT[kinds] * _varied(rng, kinds), ADDS[kinds] * _varied(rng, kinds)
    if kind == "proportional":
        adds = 0.2 * without
    chance = np.clip(without + SHARE * adds, 1e-4, 0.9)
    odds = np.log(chance / (1 - chance)) + (0 if kind == "proportional" else NOISE) * rng.normal(size=chance.shape)
    probability = 1 / (1 + np.exp(-odds))
    order = np.argsort(-probability, axis=1, kind="stable")
    sorted_ = [np.take_along_axis(a, order, axis=1) for a in (items, probability, without, adds)]
    pool = Block(sorted_[0], sorted_[1].astype(np.float32), np.zeros(items.shape, np.int8))
    return Shop(pool, history, acted, np.maximum(sorted_[2], 0), np.maximum(sorted_[3], -sorted_[2]))


def _varied(rng: np.random.Generator, kinds: np.ndarray) -> np.ndarray:
    return np.exp(rng.normal(0, 0.3, kinds.shape))


def recorded(shop: Shop, seed: int, nights: int) -> Known:
    """What the drawn slots of some nights say."""
    users, parts = np.arange(len(shop.without)), []
    luck, pool, had = np.random.default_rng([seed, 2]), shop.pool, shop.had
    block = Block(pool.items[:, :K], pool.scores[:, :K], pool.sources[:, :K])

    def before(place: np.ndarray, items: np.ndarray) -> Before:
        return Before.of(shop.history, had, place, items, shop.acted)

    for night in range(nights):
        drawing = Exploration.of(SLOTS, f"{seed} {night}", np.zeros(ITEMS, bool), shop.acted, ())
        *_, among = drawing.draw_among(block, pool, np.zeros(block.items.shape, bool), users)
        rows = withheld.columns(among, users, before)
        user, item, listed = (rows[f"withheld_{name}"] for name in ("user", "item", "listed"))
        at = user, (pool.items[user] == item[:, None]).argmax(axis=1)
        acted = luck.random(len(user)) < shop.without[at] + listed * shop.adds[at]
        parts.append(rows | {"list": user * nights + night, "outcome": acted.astype(np.float64)})
    given = {name.removeprefix("withheld_"): np.concatenate([part[name] for part in parts]) for name in parts[0]}
    pairs = Pairs(given["listed"], given["outcome"], given["chance"], given["user"])
    features = Before(**{name: given[name] for name in BEFORE}).features(given["score"])
    return Known(pairs, features, given["score"].astype(np.float64), given["list"])


def gained(shop: Shop, lists: np.ndarray) -> float:
    """How many actions lists, [U, K] columns of the pool, add per user."""
    return float(np.take_along_axis(shop.adds, lists, axis=1).sum(axis=1).mean())


def by_learner(shop: Shop, of: Known, asked: Asked) -> tuple[float, bool]:
    """What lists add that go by a learner's uplift, and whether the pipeline lets them."""
    order = Added(learning.learn(of, asked), float(of.pairs.chance.mean()), TOP, shop.acted)
    numbered = replace(shop.pool, sources=np.broadcast_to(np.arange(TOP, dtype=np.int8), shop.pool.items.shape))
    columns = order.ordered(numbered, shop.history, shop.had).sources[:, :K].astype(np.int64)
    return gained(shop, columns), learning.judge(of, asked).holds


def figures(kind: str, seed: int, users: int, nights: int) -> dict[str, float]:
    """Added actions per user: by the probability, by the truth, by each learner; and which the pipeline goes by."""
    shop = made(kind, seed, users)
    of, first = recorded(shop, seed, nights), np.broadcast_to(np.arange(K), (users, K))
    found = {"probability": gained(shop, first)}
    found["truth"] = gained(shop, np.argsort(-shop.adds, axis=1, kind="stable")[:, :K])
    for learner in LEARNERS:
        asked = Asked(learner, resamples=400, seed=seed, threads=2)
        found[learner], holds = by_learner(shop, of, asked)
        found[f"{learner} holds"] = float(holds)
    return found


def main() -> None:
    """Print what lists add by each order, and by which the pipeline lets them go."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13, 14, 15, 16])
    parser.add_argument("--users", type=int, default=2_000)
    parser.add_argument("--nights", type=int, default=14)
    parser.add_argument("--shops", nargs="+", default=list(SHOPS), choices=SHOPS)
    args = parser.parse_args()
    print(
        "| shop | learner | by probability | by what it foretells | by the truth | goes by it | what the surface adds |"
    )
    print("|---|---|---:|---:|---:|---:|---|")
    for kind in args.shops:
        each = [figures(kind, seed, args.users, args.nights) for seed in args.seeds]
        of = {name: np.array([one[name] for one in each]) for name in each[0]}
        for learner in LEARNERS:
            holds = of[f"{learner} holds"] > 0
            surface = np.where(holds, of[learner], of["probability"])
            means = " | ".join(f"{of[name].mean():.3f}" for name in ("probability", learner, "truth"))
            by_seed = " ".join(f"{value:.3f}" for value in surface)
            print(f"| {kind} | {learner} | {means} | {holds.sum()} of {len(holds)} | {by_seed} |", flush=True)


if __name__ == "__main__":
    main()
