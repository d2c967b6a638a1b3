"""What limits over a whole night's table leave: the assignment by prices against greedy ones.

    python -m benchmarks.allotment ads [--seeds 2 3 4] [--users 20000]
    python -m benchmarks.allotment coupons 2017-06-11 ... --home HOME --shop FOLDER
    python -m benchmarks.allotment size [--users 1000000]

`ads` is a simulation of days whose truth is known (benchmarks/allotment/ads.py). `coupons` takes what
`benchmarks.every_log` has published of Complete Journey (HOME, and FOLDER with its logs; nights before 2017-07-01 are
for tuning) and gives it out under limits: so many of each coupon, so many to a household, so many in all. What is
compared is expected redemptions, by the published probabilities, and beside them how many were redeemed in the
fortnight. "one by one" gives household after household the best that is left, as lists do that are made alone and
counted down; "best rows first" sorts all rows of all households by their probability, "best for their use first" by
that over the share they use of what there is. FOLDER has the raw tables, as every_log leaves them that is given the
wheel.
`size` is a made-up table: seconds, memory and gap.
"""

import argparse
import resource
import time
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from benchmarks import scoring
from benchmarks.allotment import ads, coupons
from benchmarks.every_log.shops import complete_journey
from pipeline.publication.allotment.problem import Limit, Problem
from pipeline.publication.allotment.solving import allot

RAW = Path("raw") / complete_journey.PACKAGE / "data"
DAYS = timedelta(days=14)


def of_ads(seeds: Sequence[int], users: int) -> None:
    """Print what each way of serving earns against greedy, and whether a budget was exceeded."""
    names = ("greedy", "table", "prices", "steered")
    print(
        "| visits, of those foreseen | budgets, of what greedy would freely spend | most of a budget spent | gap "
        "| table against greedy, by seed | prices | steered | revenue in the first half: greedy | steered |"
    )
    print("|---:|---:|---:|---:|---|---|---|---|---|")
    for traffic in (0.7, 1.0, 1.3):
        for short in (0.5, 1.0, 2.0):
            days = [ads.simulate(seed, users, traffic, short) for seed in seeds]
            most = max(float((s.spent / day.budgets).max()) for day, _, served in days for s in served.values())
            gap = max(found.gap for _, found, _ in days)
            gained = {n: " ".join(f"{s[n].revenue / s['greedy'].revenue - 1:+.1%}" for _, _, s in days) for n in names}
            early = {n: np.mean([s[n].early.sum() / s[n].revenue for _, _, s in days]) for n in names}
            shares = " | ".join([*(gained[n] for n in names[1:]), f"{early['greedy']:.0%}", f"{early['steered']:.0%}"])
            print(f"| {traffic} | {short} | {most:.4f} | {gap:.1e} | {shares} |", flush=True)


def of_coupons(nights: Sequence[date], home: Path, shop: Path) -> None:
    """Print what the allotment has of greedy ones, by limits."""
    print(
        "| limits | rows | expected | against one by one | best rows first | best for their use first | gap "
        "| redeemed: allotted, and so on |\n|---|---:|---:|---:|---:|---:|---:|---|"
    )
    for night in nights:
        file = home / "lake" / "publish" / f"run_date={night}" / "recommendations.parquet"
        table = coupons.Table.read(file, "coupons")
        later = scoring.purchases(shop, night, night + DAYS)
        truth = set(zip(later["user_id"].to_pylist(), later["item_id"].to_pylist(), strict=True))
        print(f"| {night}: {len(table.users)} households, {len(table.ids)} coupons | | | | | | | |")
        for line in coupons.compare(table, truth, table.faces(shop / RAW, night)):
            print(line, flush=True)


def of_size(users: int) -> None:
    """Print how long a made-up table takes: 20 candidates of 1,000 items each, at most three and one of a group."""
    rng = np.random.default_rng(5)
    items = (rng.integers(0, 50, (users, 20)) + np.arange(20) * 50).astype(np.int32)
    chances = -np.sort(-rng.beta(1, 10, items.shape).astype(np.float32), axis=1)
    each, one = np.arange(1000, dtype=np.int32), np.ones(1000)
    groups, cost = rng.integers(0, 250, 1000).astype(np.int32), rng.gamma(2, 1, 1000)
    capacity = Limit(each, np.floor(rng.gamma(1, users * 9e-4, 1000)) + 1, one)
    budget = Limit(np.zeros(1000, np.int32), np.array([users * 1.1]), cost)
    print("| limits | rows | gap | seconds | MiB at most |\n|---|---:|---:|---:|---:|")
    for name, limits in {"capacities": (capacity,), "capacities and a budget": (capacity, budget)}.items():
        started = time.perf_counter()
        found = allot(Problem(items, chances, rng.gamma(2, 1, 1000), limits, 3, groups))
        seconds, peak = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"| {name} | {found.chosen.sum():,} | {found.gap:.1e} | {seconds:.0f} | {peak} |", flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(dest="what", required=True)
    of = parts.add_parser("ads")
    of.add_argument("--seeds", type=int, nargs="+", default=[2, 3, 4])
    of.add_argument("--users", type=int, default=20_000)
    of = parts.add_parser("coupons")
    of.add_argument("nights", type=date.fromisoformat, nargs="+")
    of.add_argument("--home", type=Path, required=True)
    of.add_argument("--shop", type=Path, required=True, help="the folder complete_journey with its logs")
    parts.add_parser("size").add_argument("--users", type=int, default=1_000_000)
    args = parser.parse_args(arguments)
    if args.what == "ads":
        of_ads(args.seeds, args.users)
    elif args.what == "coupons":
        of_coupons(args.nights, args.home, args.shop)
    else:
        of_size(args.users)


if __name__ == "__main__":
    main()
