"""What a run of the day so far is worth on what is done in the rest of the day, and what it costs beside the night's.

    python -m benchmarks.day_so_far OUT [--tuning] [--at 09:00 13:00 18:00] [--profile fast]

The planted news site (benchmarks/every_log/shops/news.py), whose articles live two days: the night is run and then its
day is published again at each time. Judged by NDCG@10 on what each reader clicks between that time and the next one,
or midnight, for the first time; "night" is the table of the night before, which would be in use without the run. The
days are those after the nights that every_log reports; with --tuning after those for tuning. Processor seconds are of
the whole command, and so are the ratios.
"""

import argparse
import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks import scoring
from benchmarks.every_log.shops import news
from pipeline.published.run_ids import is_of_day_so_far

ROOT = Path(__file__).parents[1]
SURFACE = "for_you"


@dataclass(frozen=True)
class Judged:
    """One time of one day.

    Attributes:
        at: the moment.
        values: NDCG@10 by reader, of the table at the moment and of the night's, [2, readers].
        seconds: processor seconds of the run.
        night_seconds: and of the night's.
    """

    at: datetime
    values: np.ndarray
    seconds: float
    night_seconds: float


def run(folder: Path, home: Path, profile: str, *arguments: str) -> float:
    """A command of the pipeline; its processor seconds."""
    command = [
        sys.executable,
        "-m",
        "pipeline",
        "--quiet",
        "--config",
        str(folder / "pipeline.toml"),
        "run",
        *arguments,
    ]
    environment = os.environ | {"NIGHTJAR_HOME": str(home), "NIGHTJAR_PROFILE": profile}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def in_use(home: Path, day: date) -> dict[str, list[str]]:
    """The lists of the run that was published last, by user."""
    folders = sorted((home / "tables" / "parquet").glob("run_id=*"), key=lambda path: path.stat().st_mtime)
    newest = folders[-1]
    assert is_of_day_so_far(newest.name.removeprefix("run_id=")) == (newest.name[7:17] == str(day))
    return scoring.by_user(pq.read_table(newest / "recommendations.parquet", partitioning=None), SURFACE)


def days(shop: Path, home: Path, nights: Sequence[date], times: Sequence[time], profile: str) -> Iterator[Judged]:
    """Run nights and the days after them."""
    for night in nights:
        day = night + timedelta(days=1)
        night_seconds = run(shop, home, profile, "--run-date", str(night), "--with-history")
        at_night = in_use(home, day)
        moments = [datetime.combine(day, at) for at in times]
        clicks = scoring.events(shop, scoring.BEGINNING, day)
        for moment, end in zip(moments, [*moments[1:], datetime.combine(day + timedelta(days=1), time())], strict=True):
            seconds = run(shop, home, profile, "--at", f"{moment:%FT%H:%M}")
            shown = (in_use(home, day), at_night)
            yield Judged(moment, np.stack([judged(s, clicks, moment, end) for s in shown]), seconds, night_seconds)


def judged(shown: scoring.Lists, clicks: pa.Table, moment: datetime, end: datetime) -> np.ndarray:
    """NDCG@10 of the readers who clicked from a moment to another on what they had not clicked before."""
    before = clicks.filter(pc.less(clicks["time"], pa.scalar(moment, clicks["time"].type)))
    known = scoring.grouped(scoring.pairs(before))
    later = clicks.filter(pc.greater_equal(clicks["time"], pa.scalar(moment, clicks["time"].type)))
    later = later.filter(pc.less(later["time"], pa.scalar(end, clicks["time"].type)))
    return scoring.per_user(shown, scoring.grouped(scoring.pairs(later)), known, "new")[0]


def main() -> None:
    """Run the days and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, metavar="OUT", help="where the site and its home are made")
    parser.add_argument("--tuning", action="store_true", help="days on which settings and code may be chosen")
    parser.add_argument("--at", nargs="+", default=["09:00", "13:00", "18:00"], metavar="HH:MM")
    parser.add_argument("--profile", default="fast")
    args = parser.parse_args()
    shop = news.SHOP.write(args.out)
    nights = news.SHOP.tuning if args.tuning else news.SHOP.nights
    times = sorted(time.fromisoformat(at) for at in args.at)
    found = list(days(shop, args.out / "news.home", nights, times, args.profile))
    print("| from | readers | day so far | night | difference | 95 % | processor seconds of the night's |")
    print("|---|---|---|---|---|---|---|")
    for at in times:
        mine = [one for one in found if one.at.time() == at]
        values = np.concatenate([one.values for one in mine], axis=1)
        low, high = scoring.interval(values[0] - values[1])
        cost = sum(one.seconds for one in mine) / sum(one.night_seconds for one in mine)
        means = values.mean(axis=1)
        print(
            f"| {at:%H:%M} | {values.shape[1]:,} | {means[0]:.4f} | {means[1]:.4f} | {means[0] - means[1]:+.4f} "
            f"| {low:+.4f} to {high:+.4f} | {cost:.2f} |"
        )


if __name__ == "__main__":
    main()
