"""How time and memory grow with the shop: users, items and events times 3 and 10, one at a time, stage by stage.

    python -m benchmarks.growth /tmp/growth

Prints, for each stage and each of the three, the seconds at 1, 3 and 10 times, the exponent (the slope of a straight
line through their logarithms: 1 is proportional, 2 quadratic), and the same for peak memory. A stage that takes less
than FELT seconds at its largest is start-up and noise, and has no exponent. --factors 1 3 shortens the run.
"""

import argparse
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks import scale, synthetic
from benchmarks.synthetic import Shop
from pipeline.operations import stages

BASE = Shop(users=20_000, items=5_000, events=1_000_000)
FELT = 2.0
SETTINGS = """
# All sources but the language model, whose time is set by its steps; every bound so low that it is reached.
threads = {threads}
label_windows = 5

[features]
label_users = 1000
learned_users = 1000

[als]
factors = 64
iterations = 5

[user_knn]
neighbours = 100
reference_users = 2000

[ease]
max_items = 1000

[ridge]
max_items = 1000

[language_model]
enabled = false

[fusion]
depth = 25
rounds = 50
neighbours = 100
reference_users = 2000
ablation = false

[fusion.rankers.hybrid]

[ensemble]
members = ["hybrid"]

[evaluate]
block = false

[[surfaces]]
name = "for_you"
k = 20

[[surfaces]]
name = "discover"
k = 20
repeats = false
"""
STAGES = [stage for stage in stages.EVERYWHERE if stage != "ingest"]
ByStage = dict[str, scale.Spent]


def exponent(factors: Sequence[float], values: Sequence[float]) -> float:
    """Slope of log(value) over log(factor), by least squares."""
    return float(np.polyfit(np.log(factors), np.log(np.maximum(values, 1e-3)), 1)[0])


def night(shop: Shop, folder: Path, threads: int) -> ByStage:
    """Measure one night in a folder that is removed afterwards."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        config = scale.prepare(shop, folder, threads, SETTINGS)
        return {spent.stage: spent for spent in scale.measure(config, STAGES)}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def rows(name: str, factors: Sequence[int], found: Sequence[ByStage]) -> list[str]:
    """The table's lines for one of the three."""
    lines = []
    for stage in STAGES:
        spent = [night[stage] for night in found]
        seconds, memory = [s.seconds for s in spent], [float(s.peak_mb) for s in spent]
        if max(seconds) < FELT:
            continue
        times = " / ".join(f"{s:.1f}" for s in seconds)
        peaks = " / ".join(f"{m:.0f}" for m in memory)
        slopes = f"{exponent(factors, seconds):.2f} | {peaks} | {exponent(factors, memory):.2f}"
        lines.append(f"| {name} | {stage} | {times} | {slopes} |")
    return lines


def main() -> None:
    """Measure every size and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="scratch; what lies in it is removed")
    parser.add_argument("--factors", type=int, nargs="+", default=[1, 3, 10])
    parser.add_argument("--of", nargs="+", default=["users", "items", "events"], choices=["users", "items", "events"])
    parser.add_argument("--threads", type=int, default=2)
    synthetic.add_sizes(parser, BASE)
    args = parser.parse_args()
    base = Shop(args.users, args.items, args.events)
    first = night(base, args.folder, args.threads)
    print(f"{base}\n\n| times {args.factors} | stage | seconds | exponent | peak MB | exponent |", flush=True)
    print("|---|---|---|---|---|---|", flush=True)
    for name in args.of:
        larger = (replace(base, **{name: getattr(base, name) * factor}) for factor in args.factors[1:])
        found = [first, *(night(shop, args.folder, args.threads) for shop in larger)]
        print("\n".join(rows(name, args.factors, found)), flush=True)


if __name__ == "__main__":
    main()
