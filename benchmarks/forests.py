"""Scores of boosted trees by the bits of pairs, against LightGBM's own prediction: seconds, and whether they are equal.

    python -m benchmarks.forests --pairs 100000 --features 67 --trees 250 --leaves 31

A model of the size of a default ranker's is learned from made-up pairs, a third of whose features are often unknown,
and scores others. Processor seconds and seconds are of the fastest of --repeats calls, both with the same threads.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial

import lightgbm
import numpy as np

from pipeline.ranking.forest import Forest


def pairs(number: int, features: int, seed: int) -> np.ndarray:
    """[N, F] float32; a third of the features are whole numbers, a third unknown for half of the pairs."""
    rng = np.random.default_rng(seed)
    found = rng.normal(size=(number, features)).astype(np.float32)
    found[:, ::3] = np.round(found[:, ::3] * 4)
    found[:, 1::3][rng.random((number, len(range(1, features, 3)))) < 0.5] = np.nan
    return found


def learned(features: int, trees: int, leaves: int) -> lightgbm.Booster:
    """A model of what many features say a little of."""
    known = pairs(50_000, features, seed=1)
    rng = np.random.default_rng(2)
    odds = np.nan_to_num(known) @ rng.normal(size=features) / features**0.5 + rng.logistic(size=len(known))
    settings = {"objective": "binary", "num_leaves": leaves, "feature_fraction": 0.5, "max_bin": 127, "verbose": -1}
    return lightgbm.train(settings, lightgbm.Dataset(known, (odds > 1).astype(np.int8)), trees)


def fastest(function: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Processor seconds and seconds of a call, the least of several."""
    spent = []
    for _ in range(repeats):
        processor, clock = time.process_time(), time.perf_counter()
        function()
        spent.append((time.process_time() - processor, time.perf_counter() - clock))
    return min(one for one, _ in spent), min(one for _, one in spent)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given = ("pairs", 100_000), ("features", 67), ("trees", 250), ("leaves", 31), ("threads", 2), ("repeats", 5)
    for name, default in given:
        parser.add_argument(f"--{name}", type=int, default=default)
    args = parser.parse_args()
    booster = learned(args.features, args.trees, args.leaves)
    forest = Forest.of(booster)
    assert forest is not None
    print(f"{args.trees} trees ask {len(forest.splits)} different questions, {args.pairs} pairs")
    known = pairs(args.pairs, args.features, seed=3)
    for threads in sorted({1, args.threads}):
        theirs = fastest(partial(booster.predict, known, raw_score=True, num_threads=threads), args.repeats)
        ours = fastest(partial(forest.raw_scores, known, threads), args.repeats)
        for name, (processor, clock) in (("LightGBM", theirs), ("bits of pairs", ours)):
            print(f"{threads} threads  {name:<14}{processor:>7.2f} processor s{clock:>7.2f} s")
        print(f"ratio {theirs[0] / ours[0]:.1f} processor s, {theirs[1] / ours[1]:.1f} s")
    equal = np.array_equal(forest.raw_scores(known, 1), booster.predict(known, raw_score=True))
    print("every score is the same, to the last bit" if equal else "the scores differ")


if __name__ == "__main__":
    main()
