"""What a night with a million impressions costs more than the same night without: processor seconds of every stage.

    python -m benchmarks.shown_night OUT [--users 10000] [--items 2000] [--events 1000000] [--impressions 1000000]
        [--days 1] [--repeat 2] [--profile fast]

A made-up shop (`benchmarks.synthetic`) whose history is loaded; then its last night is made four ways, each in a
process of its own from `ingest` on: without impressions; with them in the log and nothing learned from them (`weight =
0`); with `shown = true`, too; and with a surface that draws its last slot by what was logged (`policy = "learned"`),
which the third lacks. The impressions are the last night's, or each of the last `--days`: lists of ten for users who
are as active as those who act, whose tenth place was drawn. Processor seconds are of all threads, as other work shares
the clock; of `--repeat` nights of each kind the one of the least counts, stage by stage.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import synthetic
from pipeline.operations import stages
from pipeline.sources import configuration

LENGTH, AMONG = 10, 50
"""Places of a list, and of how many items the last one shows any."""
COLUMNS = {"place": pa.int32(), "chance": pa.float64(), "surface": pa.string(), "run": pa.string()}
"""What the log says beside what the shop's own does."""
TYPES = {"none": "", "logged": "impression = {weight = 0}\n"}
TYPES["learned from"] = TYPES["drawn by"] = "impression = {weight = 0, shown = true}\n"
SURFACES = """
[[surfaces]]
name = "for_you"
k = 10
{explore}
[[surfaces]]
name = "discover"
k = 10
repeats = false
"""
EXPLORE = """
[surfaces.explore]
slots = [10]
policy = "learned"
"""


def shown(shop: synthetic.Shop, day: int, number: int) -> pa.Table:
    """Impressions of a day: lists of LENGTH, an item at each place."""
    rng = np.random.default_rng([shop.seed, 7, day])
    users, _, _, seconds = shop.draw(day, -(-number // LENGTH))
    items = rng.permutation(shop.draw(day, number)[1])
    who = np.repeat(users, LENGTH)[:number]
    place = np.tile(np.arange(1, LENGTH + 1), len(users))[:number].astype(np.int32)
    begin = int(np.datetime64(synthetic.START, "s").astype(np.int64)) + day * 86_400
    at = (begin + np.repeat(seconds, LENGTH)[:number]) * 1_000_000
    return pa.table(
        {
            "log_id": np.arange(number) + 10**12 + day * 10**9,
            "customer": shop.user_ids.take(pa.array(who)),
            "sku": shop.item_ids.take(pa.array(items)),
            "ts": pa.array(at, pa.timestamp("us", tz="UTC")),
            "action": pa.array(["impression"] * number),
            "price": shop.price[items],
            "quantity": np.ones(number),
            "place": place,
            "chance": np.where(place == LENGTH, 1 / AMONG, 1.0),
            "surface": pa.array(["for_you"] * number),
            "run": pa.array([f"{synthetic.START + timedelta(days=day - 1)}-0123abcd"] * number),
        }
    )


def write(shop: synthetic.Shop, folder: Path, kind: str, number: int, days: int) -> Path:
    """The shop's folder, of one kind of TYPES; kinds differ by their impressions and settings alone."""
    synthetic.write(shop, folder)
    for day, night in synthetic.days():
        file = folder / "logs" / f"{night}.parquet"
        log = pq.read_table(file)
        for name, values in COLUMNS.items():
            log = log.append_column(name, pa.nulls(len(log), values))
        if kind != "none" and day >= synthetic.DAYS - days:
            log = pa.concat_tables([log, shown(shop, day, number)])
        pq.write_table(log, file, compression="zstd")
    more = "chance as propensity, surface, place as rank_shown, run as run_id_shown,"
    mapping = synthetic.EVENTS_SQL.replace("    price,\n", f"    price,\n    {more}\n")
    (folder / "events.sql").write_text(mapping)
    toml = (folder / "pipeline.toml").read_text() + TYPES[kind]
    toml += SURFACES.format(explore=EXPLORE if kind == "drawn by" else "")
    (folder / "pipeline.toml").write_text("threads = 1\nworkers = 1\n\n" + toml)
    return folder


def spent(folder: Path, home: Path, profile: str) -> dict[str, float]:
    """Processor seconds of every stage of the last night, made anew in one process."""
    environment = os.environ | {"NIGHTJAR_HOME": str(home), "NIGHTJAR_PROFILE": profile}
    history = [sys.executable, "-m", "pipeline", "--quiet", "--config", str(folder / "pipeline.toml"), "load-history"]
    *_, before, night = (str(night) for _, night in synthetic.days())
    if not home.exists():
        subprocess.run([*history, "--until", before], env=environment, check=True)
    stage = [sys.executable, "-m", "benchmarks.shown_night", str(folder), "--night", night]
    done = subprocess.run(stage, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def night_of(folder: Path, night: date) -> dict[str, float]:
    """The stages of a night, in this process: processor seconds of each."""
    config = configuration.load(folder / "pipeline.toml")
    found = {}
    for stage in stages.EVERYWHERE:
        before = _processor()
        stages.run_stage(stage, night, config, force=True)
        found[stage] = _processor() - before
    return found


def _processor() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def rows_of(found: Mapping[str, Mapping[str, float]]) -> list[str]:
    """The table, as Markdown: stages that any kind takes half a second for, and the whole night."""
    kinds, first = list(found), next(iter(found.values()))
    lines = [f"| processor seconds | {' | '.join(kinds)} |", "|---|" + "---:|" * len(kinds)]
    for stage in first:
        if max(times[stage] for times in found.values()) >= 0.5:
            lines.append(f"| {stage} | " + " | ".join(f"{times[stage]:.1f}" for times in found.values()) + " |")
    sums = [sum(times.values()) for times in found.values()]
    said = (f"{total:.1f} ({total / sums[0] - 1:+.0%})" if n else f"{total:.1f}" for n, total in enumerate(sums))
    return [*lines, f"| all stages | {' | '.join(said)} |"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the nights and print what each stage took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folders that are made, homes")
    synthetic.add_sizes(parser, synthetic.Shop(users=10_000, items=2_000, events=1_000_000))
    parser.add_argument("--impressions", type=int, default=1_000_000, help="of a day")
    parser.add_argument("--days", type=int, default=1, help="how many days have them, the last ones")
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--kinds", nargs="+", choices=list(TYPES), default=list(TYPES))
    parser.add_argument("--profile", choices=["fast", "default"], default="fast")
    parser.add_argument("--night", type=date.fromisoformat, help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    if args.night is not None:
        print(json.dumps(night_of(args.out, args.night)))
        return
    shop = synthetic.Shop(args.users, args.items, args.events)
    found: dict[str, dict[str, float]] = {}
    for kind in args.kinds:
        folder = args.out / kind.replace(" ", "_")
        if not folder.exists():
            write(shop, folder, kind, args.impressions, args.days)
    for _ in range(args.repeat):
        for kind in args.kinds:
            folder = (args.out / kind.replace(" ", "_")).resolve()
            times = spent(folder, folder / "home", args.profile)
            least = found.get(kind, times)
            found[kind] = {stage: min(seconds, least[stage]) for stage, seconds in times.items()}
            print(f"{kind}: {sum(times.values()):.1f} processor seconds", flush=True)
        print("\n".join(rows_of(found)), flush=True)


if __name__ == "__main__":
    main()
