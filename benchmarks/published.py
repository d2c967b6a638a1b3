"""Nightjar's models on a protocol of the literature, beside the figures of the papers.

    python -m benchmarks.published --data FOLDER [--sets Beauty Toys_and_Games Sports_and_Outdoors] [--sasrec]

Amazon reviews of users and items with at least five, each user's last item hidden; it is ranked among all items that
the user has no review of. The files Beauty.txt, ... are those of the repository RUCAIBox/CIKM2020-S3Rec, folder data
(one user per line, items in order); their sha256 is checked. The literature's figures on these files with this ranking
are those of Zhou et al., CIKM 2020 (SASRec, S3-Rec) and Rajput et al., NeurIPS 2023 (TIGER), as printed in the latter's
table 1.

Settings are chosen on each user's last item but one. There are no times, so an action's age is the number of actions
after it, and there are no nights: the learned hybrid, which needs them, takes no part. `merged` is the ensemble's
weighted average with weights from the item but one.
"""

import argparse
import hashlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from pipeline.arrays import factorisation, top_k
from pipeline.arrays.blocks import blocks
from pipeline.arrays.determinism import reproducible
from pipeline.ranking import merging
from pipeline.sources import als, ease, item_knn, sasrec, user_knn
from pipeline.sources.als import Als
from pipeline.sources.candidates import Score
from pipeline.sources.sequential.section import Sasrec
from pipeline.sources.sequential.sequences import ActionLog, sequences_of

SHA256 = {
    "Beauty": "226cce9c3105299ca0db9615d7d3fb32b3175e90da43100ae352599f0f0107b8",
    "Toys_and_Games": "176c680c688d497598c4a89a03b402c0fe78d795e5db335c2e78dd5f2d778a3f",
    "Sports_and_Outdoors": "2a095e0648872beb9982408958290f5d655db5be2911c3756b5446de9f0b8de2",
}
PAPERS = {
    "Beauty": {
        "SASRec": (0.0387, 0.0249, 0.0605, 0.0318),
        "S3-Rec": (0.0387, 0.0244, 0.0647, 0.0327),
        "TIGER": (0.0454, 0.0321, 0.0648, 0.0384),
    },
    "Toys_and_Games": {
        "SASRec": (0.0463, 0.0306, 0.0675, 0.0374),
        "S3-Rec": (0.0443, 0.0294, 0.0700, 0.0376),
        "TIGER": (0.0521, 0.0371, 0.0712, 0.0432),
    },
    "Sports_and_Outdoors": {
        "SASRec": (0.0233, 0.0154, 0.0350, 0.0192),
        "S3-Rec": (0.0251, 0.0161, 0.0385, 0.0204),
        "TIGER": (0.0264, 0.0181, 0.0400, 0.0225),
    },
}
HALF_LIVES = (1.0, 2.0, 4.0, 16.0)
LENGTH, BLOCK, THREADS, SEED = 100, 512, 2, 1
Settings = dict[str, float]
Lists = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Log:
    """What users did, in order.

    Attributes:
        users, items: [N] int32, by user, oldest first.
        ages: [N] int32, actions of the user that came after.
        shape: users and items there are.
        wanted: [U] int32, the item that comes next.
        inverted: EASE's weights by regularisation, which do not depend on how actions age.
    """

    users: np.ndarray
    items: np.ndarray
    ages: np.ndarray
    shape: tuple[int, int]
    wanted: np.ndarray
    inverted: dict[float, np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(cls, sequences: Sequence[np.ndarray], hidden: int) -> "Log":
        """The log without the last `hidden` items of each user; the first of them is what is wanted."""
        kept = [items[: len(items) - hidden] for items in sequences]
        lengths = np.array([len(items) for items in kept])
        return cls(
            users=np.repeat(np.arange(len(kept)), lengths).astype(np.int32),
            items=np.concatenate(kept).astype(np.int32),
            ages=np.concatenate([np.arange(n)[::-1] for n in lengths]).astype(np.int32),
            shape=(len(kept), int(max(items.max() for items in sequences)) + 1),
            wanted=np.array([items[len(items) - hidden] for items in sequences], dtype=np.int32),
        )

    def decayed(self, half_life: float) -> csr_matrix:
        """[U, I] float32; an action weighs half after so many others."""
        weight = (0.5 ** (self.ages / half_life)).astype(np.float32)
        matrix = csr_matrix((weight, (self.users, self.items)), shape=self.shape)
        matrix.sum_duplicates()
        return matrix

    @cached_property
    def history(self) -> csr_matrix:
        """[U, I], positive where the user acted on the item."""
        return self.decayed(np.inf)


def read(path: Path, sha256: str) -> list[np.ndarray]:
    """The items of each user, in order, counted from 0."""
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise SystemExit(f"{path} is not the file that the papers' figures are of: its sha256 should be {sha256}")
    return [np.array(line.split()[1:], dtype=np.int32) - 1 for line in content.decode().splitlines()]


def rank(log: Log, score: Score) -> Lists:
    """The LENGTH best items of every user that were not acted on."""
    parts = []
    for block in blocks(log.shape[0], BLOCK):
        found = score(np.arange(block.start, block.stop))
        scores = np.array(found if isinstance(found, np.ndarray) else found.toarray(), dtype=np.float32)
        known = log.history[block].tocoo()
        scores[known.row, known.col] = -np.inf
        parts.append(top_k.top_n(scores, LENGTH))
    items, best = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return items, best


def figures(items: np.ndarray, wanted: np.ndarray) -> tuple[float, ...]:
    """HR@5, NDCG@5, HR@10, NDCG@10 of lists [U, n] with one wanted item each [U]."""
    place = np.nonzero(items == wanted[:, None])[1]
    found = []
    for k in (5, 10):
        at = place[place < k]
        found += [len(at) / len(wanted), float(np.sum(1 / np.log2(at + 2))) / len(wanted)]
    return tuple(found)


def by_popularity(log: Log, settings: Settings) -> Score:
    """The most bought."""
    sold = np.asarray(log.history.sum(axis=0)).ravel()
    return lambda users: np.tile(sold, (len(users), 1))


def by_als(log: Log, settings: Settings) -> Score:
    """pipeline.sources.als."""
    matrix = log.decayed(settings["half_life"])
    matrix.data = np.float32(settings["alpha"]) * (matrix.data + np.float32(0.05))
    start, iterations = als.start(log.shape[1], Als(factors=128, iterations=15), SEED, None)
    users, items = factorisation.factorise(matrix, start, iterations, settings["reg"], THREADS)
    return lambda chosen: users[chosen] @ items.T


def by_user_knn(log: Log, settings: Settings) -> Score:
    """pipeline.sources.user_knn."""
    return user_knn.voting(log.decayed(settings["half_life"]), log.history, int(settings["neighbours"]), 1.0)


def by_item_knn(log: Log, settings: Settings) -> Score:
    """pipeline.sources.item_knn."""
    similar = item_knn.neighbours(
        item_knn.comparable(log.history, settings["user_power"], settings["shrinkage"]), 200, THREADS
    )
    return item_knn.scoring(log.decayed(settings["half_life"]), similar)


def by_ease(log: Log, settings: Settings) -> Score:
    """pipeline.sources.ease, fitted on the history, applied to the decayed one."""
    if settings["reg"] not in log.inverted:
        log.inverted[settings["reg"]] = ease.item_weights(log.history, settings["reg"])
    return ease.scoring(log.decayed(settings["half_life"]), np.arange(log.shape[1]), log.inverted[settings["reg"]])


def by_sasrec(log: Log, settings: Settings) -> Score:
    """pipeline.sources.sasrec without texts."""
    from pipeline.sources.sequential.training import train

    actions = ActionLog(log.users, log.items, log.ages)
    section = Sasrec(enabled=True, steps=int(settings["steps"]), half_life_days=1e6, length=50, time_limit_minutes=30)
    with reproducible(SEED, THREADS):
        popular = sasrec.popularity(actions, log.shape[1], section.half_life_days)
        directions = sasrec.item_directions(log.history, section.size, SEED)
        network = sasrec.build(popular, section, directions=directions)
        known = sequences_of(actions, section.length, section.baskets)
        train(network, known, popular, section, steps=section.steps, seed=SEED)
        return sasrec.scoring(network, actions, popular > 0, section.length)


MODELS: dict[str, tuple[Callable[[Log, Settings], Score], dict[str, tuple[float, ...]]]] = {
    "popularity": (by_popularity, {}),
    "als": (by_als, {"half_life": HALF_LIVES, "alpha": (2.0, 8.0), "reg": (3.0, 10.0)}),
    "user_knn": (by_user_knn, {"half_life": HALF_LIVES, "neighbours": (100.0, 400.0)}),
    "item_knn": (by_item_knn, {"half_life": HALF_LIVES, "user_power": (0.0, 0.5), "shrinkage": (0.0, 10.0)}),
    "ease": (by_ease, {"half_life": HALF_LIVES, "reg": (100.0, 300.0)}),
    "sasrec": (by_sasrec, {"steps": (600.0,)}),
}


def grid_points(grid: Mapping[str, Sequence[float]]) -> Iterator[Settings]:
    """Every point of a grid."""
    return (dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values()))


def chosen(name: str, log: Log) -> tuple[Settings, Lists]:
    """A model's settings with the best NDCG@10, and its lists."""
    fit, grid = MODELS[name]
    tried = []
    for settings in grid_points(grid):
        found = rank(log, fit(log, settings))
        tried.append((figures(found[0], log.wanted)[3], settings, found))
    return max(tried, key=lambda entry: entry[0])[1:]


def merged(log: Log, found: Sequence[Lists], weights: Sequence[float]) -> np.ndarray:
    """[U, LENGTH] items of the weighted average of lists."""
    parts = []
    for block in blocks(log.shape[0], BLOCK):
        users = np.arange(block.start, block.stop)
        members = merging.gather(users, log.shape[1], [(items[block], best[block]) for items, best in found])
        scores = np.full((len(users), log.shape[1]), -np.inf, dtype=np.float32)
        scores.ravel()[members.pairs.keys] = merging.weighted(members, np.asarray(weights))
        parts.append(top_k.top_n(scores, LENGTH)[0])
    return np.concatenate(parts)


def weights_of(log: Log, found: Sequence[Lists]) -> tuple[float, ...]:
    """Weights with the best NDCG@10."""

    def gains(grid: Sequence[tuple[float, ...]]) -> np.ndarray:
        return np.array([figures(merged(log, found, weights), log.wanted)[3] for weights in grid])

    return merging.best_weights(len(found), 0.25, gains)


def table(name: str, sequences: Sequence[np.ndarray], models: Sequence[str]) -> Iterator[str]:
    """The lines of one data set's table."""
    yield f"\n{name}: {len(sequences)} users"
    yield "| model | HR@5 | NDCG@5 | HR@10 | NDCG@10 | settings |"
    yield "|---|---|---|---|---|---|"
    rows = [(f"{model}, as published", values, "") for model, values in PAPERS[name].items()]
    yield from (_row(*row) for row in rows)
    before, last = Log.of(sequences, 2), Log.of(sequences, 1)
    tuned: dict[str, Lists] = {}
    final: dict[str, Lists] = {}
    for model in models:
        settings, tuned[model] = chosen(model, before)
        final[model] = rank(last, MODELS[model][0](last, settings))
        yield _row(model, figures(final[model][0], last.wanted), ", ".join(f"{k} {v:g}" for k, v in settings.items()))
    members = [model for model in models if model != "popularity"]
    weights = weights_of(before, [tuned[model] for model in members])
    items = merged(last, [final[model] for model in members], weights)
    shares = ", ".join(f"{model} {weight:.2g}" for model, weight in zip(members, weights, strict=True))
    yield _row("**merged**", figures(items, last.wanted), shares)


def _row(model: str, values: Sequence[float], said: str) -> str:
    return f"| {model} | {' | '.join(f'{value:.4f}' for value in values)} | {said} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table for every data set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with Beauty.txt, ...")
    parser.add_argument("--sets", nargs="+", choices=list(SHA256), default=list(SHA256))
    parser.add_argument("--sasrec", action="store_true", help="the sequence model too, some ten minutes a data set")
    args: Any = parser.parse_args(arguments)
    models = [model for model in MODELS if model != "sasrec" or args.sasrec]
    for name in args.sets:
        for line in table(name, read(args.data / f"{name}.txt", SHA256[name]), models):
            print(line, flush=True)


if __name__ == "__main__":
    main()
