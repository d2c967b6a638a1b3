"""What the table `explanations` costs a night: processor and clock seconds with it and without, on a real night.

    python -m benchmarks.explanations OUT [--ranks 10] [--run-date 2011-10-02] [--profile fast] [--repeat 2]

Online Retail II. Its history is loaded; the night is run, and then the next one, which shares what the first one
learned. Of each the stage `publish` is then made anew with and without the table, in turns, each time in a process of
its own, as Airflow has it; of `--repeat` times the least counts. What the table adds is held against what the whole
night took. All places are read back: how far their shares are from the log-odds of their scores is printed, too.
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


def measured(home: Path, profile: str, night: date, ranks: int, repeat: int) -> tuple[Spent, Spent, Spent]:
    """What a night takes, and its publication without the table and with it."""
    whole = spent(home, profile, "run", "--run-date", str(night))
    found: dict[int, Spent] = {}
    for _ in range(repeat):
        for asked in (0, ranks):
            again = ("run", "--run-date", str(night), "--stages", "publish", "--force")
            found[asked] = spent(home, profile, "--set", f"explanations.ranks={asked}", *again).least(found.get(asked))
    return whole, found[0], found[ranks]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the nights and print what they took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="a home that is made")
    parser.add_argument("--ranks", type=int, default=10)
    parser.add_argument("--run-date", type=date.fromisoformat, default=date(2011, 10, 2))
    parser.add_argument("--profile", choices=["fast", "default"], default="fast")
    parser.add_argument("--repeat", type=int, default=2)
    args = parser.parse_args(arguments)
    home = args.out.resolve()
    spent(home, args.profile, "load-history", "--before", str(args.run_date))
    print("| seconds of | processors: night | publish | with the table | adds | clock: night | publish | with | adds |")
    print("|---|" + "---:|" * 8)
    for name, night in (("first night", args.run_date), ("next night", args.run_date + timedelta(days=1))):
        print(row_of(name, *measured(home, args.profile, night, args.ranks, args.repeat)), flush=True)
        folder = home / "lake" / "publish" / f"run_date={night}"
        places, rows, apart = duckdb.execute(APART, {"folder": str(folder)}).fetchall()[0]
        print(f"{name}: {rows:,} rows of {places:,} places, at most {apart:.1e} from the score's log-odds", flush=True)


if __name__ == "__main__":
    main()
