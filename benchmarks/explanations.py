"""What the table `explanations` costs a night: processor and clock seconds with it and without, on a real night.

    python -m benchmarks.explanations OUT [--reasons] [--ranks 10] [--run-date 2011-10-02] [--profile fast] [--repeat 2]

Online Retail II. Its history is loaded; the night is run, and then the next one, which shares what the first one
learned. Of each the stage `publish` is then made anew with and without the table, in turns, each time in a process of
its own, as Airflow has it; of `--repeat` times the least counts. What the table adds is held against what the whole
night took. All places are read back: how far their shares are from the log-odds of their scores is printed, too, and in
how many the reason is about what adds most, of the things that reasons are about. With `--reasons` they follow it
(`explanations.reasons`); without they are the first that is true.
"""

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb

from pipeline.publication import agreeing
from pipeline.publication.agreeing import ABOUT, THINGS
from pipeline.publication.reasons import Kind

BEGINS = {
    "You ": Kind.BOUGHT,
    "New, like ": Kind.NEW_LIKE,
    "Because ": Kind.LIKE,
    "New this ": Kind.NEW,
    "Customers like you ": Kind.PEERS,
    "Popular ": Kind.POPULAR,
    "Many ": Kind.FAVOURITE,
    "Picked ": Kind.PICKED,
}
DRIVERS = "select distinct driver from read_parquet($folder || '/explanations.parquet') order by driver"
ADDED = ", ".join(f"coalesce(sum(adds) filter (where thing = '{thing}'), 0)" for thing in THINGS)
BY_THING = f"""
with named as (
    select unnest($drivers::varchar []) as driver, unnest($things::varchar []) as thing
),
added as (
    select surface, user_id, rank, coalesce(thing, '') as thing, adds::double as adds
    from read_parquet($folder || '/explanations.parquet') left join named using (driver)
)
select surface, reason, {ADDED}
from added join read_parquet($folder || '/recommendations.parquet') using (surface, user_id, rank)
group by surface, user_id, rank, reason
"""
ROOT = Path(__file__).resolve().parents[1]
SHOP = ROOT / "examples" / "online_retail" / "pipeline.toml"
APART = """
with places as (
    select surface, user_id, rank, sum(adds::double) as total, count(*) as drivers
    from read_parquet($folder || '/explanations.parquet')
    group by surface, user_id, rank
)
select
    count(*), sum(drivers)::bigint,
    max(abs(total - ln(score::double / (1 - score::double)))) filter (where score > 1e-9 and score < 1)
from places
join read_parquet($folder || '/recommendations.parquet') using (surface, user_id, rank)
"""


@dataclass(frozen=True)
class Spent:
    """Seconds of a command: of the processors, of all threads, and of the clock."""

    processor: float
    clock: float

    def least(self, other: "Spent | None") -> "Spent":
        """The less of each."""
        return self if other is None else Spent(min(self.processor, other.processor), min(self.clock, other.clock))


def spent(home: Path, profile: str, *arguments: str) -> Spent:
    """Run the pipeline's command."""
    environment = os.environ | {"NIGHTJAR_HOME": str(home), "NIGHTJAR_PROFILE": profile}
    command = [sys.executable, "-m", "pipeline", "--quiet", "--config", str(SHOP), *arguments]
    before, began = _processor(), time.perf_counter()
    subprocess.run(command, env=environment, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    return Spent(_processor() - before, time.perf_counter() - began)


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def row_of(name: str, night: Spent, without: Spent, with_it: Spent) -> str:
    """A row of the table, as Markdown."""
    cells = []
    for kind in ("processor", "clock"):
        whole, less, more = (getattr(one, kind) for one in (night, without, with_it))
        cells.append(f"{whole:.1f} | {less:.1f} | {more:.1f} | {(more - less) / whole:+.1%}")
    return f"| {name} | {' | '.join(cells)} |"


def measured(home: Path, profile: str, night: date, asked: Sequence[str], repeat: int) -> tuple[Spent, Spent, Spent]:
    """What a night takes, and its publication without the table and with it."""
    whole = spent(home, profile, "run", "--run-date", str(night))
    found: dict[bool, Spent] = {}
    for _ in range(repeat):
        for explained in (False, True):
            again = ("run", "--run-date", str(night), "--stages", "publish", "--force")
            found[explained] = spent(home, profile, *(asked if explained else ()), *again).least(found.get(explained))
    return whole, found[False], found[True]


def agreement(folder: Path) -> dict[str, tuple[int, float, float]]:
    """By surface: places where a thing that a reason can be about adds to the score, the share of them whose reason is
    about the one that adds most, and the share whose reason is about one that adds anything."""
    drivers = [name for (name,) in duckdb.execute(DRIVERS, {"folder": str(folder)}).fetchall()]
    about = {driver: thing for driver, thing in zip(drivers, agreeing.things_of(drivers), strict=True) if thing}
    given = {"folder": str(folder), "drivers": list(about), "things": list(about.values())}
    found: dict[str, list[tuple[bool, bool]]] = {}
    for surface, reason, *adds in duckdb.execute(BY_THING, given).fetchall():
        by_thing = dict(zip(THINGS, adds, strict=True))
        most = max(by_thing.values())
        kind = next((kind for begins, kind in BEGINS.items() if reason.startswith(begins)), None)
        if kind is not None and most > 0:
            said = max(by_thing[thing] for thing in ABOUT[kind])
            found.setdefault(surface, []).append((said == most, said > 0))
    return {s: (len(rows), *(sum(one) / len(rows) for one in zip(*rows, strict=True))) for s, rows in found.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the nights and print what they took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="a home that is made")
    parser.add_argument("--reasons", action="store_true", help="reasons follow what is explained")
    parser.add_argument("--ranks", type=int, default=10)
    parser.add_argument("--run-date", type=date.fromisoformat, default=date(2011, 10, 2))
    parser.add_argument("--profile", choices=["fast", "default"], default="fast")
    parser.add_argument("--repeat", type=int, default=2)
    args = parser.parse_args(arguments)
    home = args.out.resolve()
    asked = [f"explanations.ranks={args.ranks}", *(["explanations.reasons=true"] if args.reasons else [])]
    settings = [part for setting in asked for part in ("--set", setting)]
    spent(home, args.profile, "load-history", "--before", str(args.run_date))
    print("| seconds of | processors: night | publish | with the table | adds | clock: night | publish | with | adds |")
    print("|---|" + "---:|" * 8)
    for name, night in (("first night", args.run_date), ("next night", args.run_date + timedelta(days=1))):
        print(row_of(name, *measured(home, args.profile, night, settings, args.repeat)), flush=True)
        folder = home / "lake" / "publish" / f"run_date={night}"
        places, rows, apart = duckdb.execute(APART, {"folder": str(folder)}).fetchall()[0]
        print(f"{name}: {rows:,} rows of {places:,} places, at most {apart:.1e} from the score's log-odds", flush=True)
        for surface, (number, most, some) in agreement(folder).items():
            print(f"{surface}: of {number:,} reasons {most:.1%} are about what adds most, {some:.1%} about what adds")


if __name__ == "__main__":
    main()
