"""What a backfill costs: consecutive nights of the example shop, each a process of its own, against the first of them.

    python -m benchmarks.backfill 2011-10-03 --nights 14 --home /tmp/backfill

The first night starts from an empty lake and makes everything; the others link what nights share. Seconds are those of
the clock, and of the processors, which tell the same story on a machine that has other work.
"""

import argparse
import os
import resource
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

from pipeline.ground import artifacts
from pipeline.operations import stages
from pipeline.sources import configuration

Seconds = tuple[float, float]  # of the clock, of the processors


def timed(*arguments: str, home: Path) -> Seconds:
    """What a command of the pipeline takes, as a process."""
    started, before = time.perf_counter(), _spent()
    command = [sys.executable, "-m", "pipeline", "--quiet", *arguments]
    subprocess.run(command, env=os.environ | {"NIGHTJAR_HOME": str(home)}, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started, _spent() - before


def _spent() -> float:
    """Processor seconds of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Run the nights and print what each took, and the sum as a multiple of the first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", type=date.fromisoformat)
    parser.add_argument("--nights", type=int, default=14)
    parser.add_argument("--home", type=Path, required=True, help="an empty folder")
    args = parser.parse_args()
    if args.home.exists() and any(args.home.iterdir()):
        parser.error(f"{args.home} is not empty: the first night must make everything")
    nights = [args.first + timedelta(days=n) for n in range(args.nights)]
    history, _ = timed("load-history", "--until", nights[-1].isoformat(), home=args.home)
    print(f"load-history --until {nights[-1]}: {history:.1f} s")
    seconds: list[Seconds] = []
    for night in nights:
        seconds.append(timed("run", "--run-date", night.isoformat(), home=args.home))
        clock, processors = seconds[-1]
        print(f"{night:%a %Y-%m-%d} {clock:7.1f} s {processors:7.1f} s  {_made(args.home, night)}", flush=True)
    for kind, column in zip(("clock", "processors"), zip(*seconds, strict=True), strict=True):
        print(
            f"{len(nights)} nights, {kind}: {sum(column):.0f} s = {sum(column) / column[0]:.2f} times the first night"
        )


def _made(home: Path, night: date) -> str:
    """The three stages that took longest."""
    lake = configuration.load(overrides={"home": home}).lake
    spent = {
        stage: artifacts.read_manifest(artifacts.stage_dir(lake, stage, night))["seconds"]
        for stage in stages.EVERYWHERE
    }
    longest = sorted(spent.items(), key=lambda entry: -entry[1])[:3]
    return ", ".join(f"{stage} {taken:.0f}" for stage, taken in longest)


if __name__ == "__main__":
    main()
