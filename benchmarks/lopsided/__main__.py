"""Seconds and peak memory of a night of lopsided logs, against even ones with as many events.

    python -m benchmarks.lopsided OUT [--logs catalogue passers] [--profile fast] [--stages ...]

`catalogue`: 600 households before 93,274 items with titles, most of which nobody ever bought. `passers`: 27,685 users
of one click each on 437 items, and 300 regulars. Each against 2,000 users and 2,000 items that are liked equally. Every
stage is a process of its own (see benchmarks/scale.py), from `features` on; processor seconds are those of the process
and count where the machine is shared. Nothing is fine-tuned: a text is known by its words, as in the profile `fast`.
What is finished is not run again, and is in the report as it was; remove OUT to measure anew.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.lopsided import measuring
from benchmarks.lopsided.logs import LOGS
from benchmarks.lopsided.report import table


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the twins and print a table for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="homes, logs of the stages, report.md")
    parser.add_argument("--logs", nargs="+", choices=list(LOGS), default=list(LOGS))
    parser.add_argument("--profile", choices=["fast", "default"], default="fast")
    parser.add_argument("--stages", nargs="+", choices=measuring.STAGES, default=measuring.STAGES)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args(arguments)
    tables = []
    for name in args.logs:
        twins = LOGS[name]
        found = [
            measuring.night(shop, args.out / f"{name}.{side}.{args.profile}", args.profile, args.threads, args.stages)
            for side, shop in (("lopsided", twins.lopsided), ("even", twins.even))
        ]
        tables.append("\n".join(table(name, *found)))
        print(f"\n{tables[-1]}", flush=True)
    (args.out / "report.md").write_text("\n\n".join(tables) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
