"""One night of a very large made-up shop on a small machine: time and peak memory of every stage.

    python -m benchmarks.scale /tmp/scale --users 1000000 --items 100000 --events 100000000
    python -m benchmarks.scale /tmp/every --every-source
    python -m benchmarks.scale /tmp/threads --users 100000 --items 20000 --events 10000000 --threads 1 2
    python -m benchmarks.scale /tmp/scale --report --shares /tmp/threads --cores 64
    python -m benchmarks.scale /tmp/scale --report --shares /tmp/threads --cores 320 --more-users 10 --more-events 100

The first line is a night in which every part grows no faster than users, items or events; the second the night of the
defaults, with neighbours and language model. The third measures what more cores bring: the night with one thread and
with several, and the share of each stage that so runs in parallel. The fourth prints the first night again, and by
these shares (Amdahl's law) what it would take on a machine of `--cores`. That machine is not here: memory that does not
keep up, or an algorithm that stops scaling, makes it slower. The fifth foretells a larger shop: every stage takes as
many times as long as there is more of what it grows with (GROWS), the part that one thread does included, though no
exponent of `benchmarks.growth` is above one.

The events are written straight into the lake, as `ingest` leaves them, so what is measured begins at `features`. Every
stage is a process of its own; what is finished is not run again, so a run can be stopped and gone on with, or be made
a few stages at a time (--stages). SETTINGS and EVERY say what differs from the production run.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks import synthetic
from pipeline.ground import artifacts
from pipeline.intake import inputs, partitions
from pipeline.operations import stages
from pipeline.settings.config import Config
from pipeline.sources.configuration import load

SHARES = "parallel_shares.json"
GROWS = {"features": "events", "popularity": "events", "als": "events", "fusion": "users", "ensemble": "users"}
GROWS |= {"publish": "users"}
"""What a stage of this night takes longer with; the others look at a sample, or at nothing."""
NIGHT = max(day for _, day in synthetic.days())
SETTINGS = """
# A night in which every part grows no faster than users, items or events.
threads = {threads}
workers = {threads}
memory_limit_mb = 3072
label_windows = 5  # the fewest that three folds can be learned from

[features]
label_users = 5000  # learning does not need everybody
learned_users = 5000

[popularity]
candidates = 50

[als]
factors = 64
iterations = 5
warm_iterations = 1
candidates = 50

[user_knn]
enabled = false

[item_knn]
enabled = false

[ease]
enabled = false

[ridge]
enabled = false

[language_model]
enabled = false

[fusion]
sources = ["buy_again", "als", "popularity"]
depth = 25
length = 50
rounds = 50
neighbours = 0
ablation = false

[fusion.rankers.hybrid]

[ensemble]
members = ["hybrid"]
length = 50

[evaluate]
block = false

[publish]
keep_runs = 1

[[surfaces]]
name = "for_you"
k = 10

[[surfaces]]
name = "discover"
k = 10
repeats = false
"""
EVERY = """
# Every source of the default, the language model's texts and vectors too; bounded as in the other night.
threads = {threads}
memory_limit_mb = 3072
label_windows = 5

[features]
label_users = 5000
learned_users = 5000

[fusion]
ablation = false

[evaluate]
block = false

[publish]
keep_runs = 1
"""
"""What of the defaults `--every-source` changes."""


def prepare(shop: synthetic.Shop, folder: Path, threads: int, settings: str = SETTINGS) -> Config:
    """Write the configuration and the nights' partitions that are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    toml = synthetic.TOML.format(users=shop.users, items=shop.items, events=shop.events)
    head, ingest_and_on = toml.split("\n\n", 1)
    top, rest = settings.format(threads=threads).split("\n\n", 1)
    path = folder / "pipeline.toml"
    path.write_text(f"{head}\n{top}\n\n{ingest_and_on}\n{rest}", encoding="utf-8")
    config = load(path, {"home": folder / "home"})
    for day, night in synthetic.days():
        out = artifacts.stage_dir(config.lake, "ingest", night)
        if not artifacts.is_finished(out):
            with artifacts.lock(out), artifacts.writing(out, durable=False) as partial:
                report = partitions.write(partial, tables(shop, day))
                artifacts.write_manifest(
                    partial, {"files": artifacts.describe(partial), "inputs": {}, "report": report}
                )
    return config


def tables(shop: synthetic.Shop, day: int) -> dict[str, Any]:
    """A day's log in the contracts' columns."""
    log, new = shop.log(day), shop.catalogue(day)
    events = {
        "event_id": log.column("log_id").cast(pa.string()),
        "user_id": log.column("customer"),
        "item_id": log.column("sku"),
        "event_time": log.column("ts"),
        "event_type": log.column("action"),
        "quantity": log.column("quantity"),
        "price": log.column("price"),
    }
    items = {"item_id": new.column("sku"), "title": new.column("title"), "category": new.column("category")}
    items |= {"price": new.column("price"), "rows": pa.array([1] * len(new), pa.int64())}
    found = {
        "events": _filled(events, inputs.EVENTS.schema, len(log)),
        "items": _filled(items, inputs.ITEMS.schema, len(new)),
    }
    return {name: table.to_batches() for name, table in found.items() if len(table)}


def _filled(columns: dict[str, Any], schema: pa.Schema, rows: int) -> pa.Table:
    return pa.table({f.name: columns.get(f.name, pa.nulls(rows, f.type)) for f in schema}, schema=schema)


@dataclass(frozen=True)
class Spent:
    """What a stage took."""

    stage: str
    seconds: float
    peak_mb: int
    written_mb: float


def measure(config: Config, chosen: Sequence[str], report: bool = False) -> Iterator[Spent]:
    """Run stages, each in a process of its own, or report what finished ones took."""
    for stage in chosen:
        if report:
            yield _spent(config, stage)
            continue
        started = time.perf_counter()
        command = [sys.executable, "-m", "pipeline", "--config", str(config.folder / "pipeline.toml")]
        command += ["run", "--run-date", NIGHT.isoformat(), "--stages", stage]
        environment = os.environ | {"NIGHTJAR_HOME": str(config.home)}
        with (config.folder / f"{stage}.log").open("w") as file:
            done = subprocess.run(command, env=environment, stdout=file, stderr=file, check=False)
        if done.returncode:
            raise SystemExit(f"{stage} failed after {time.perf_counter() - started:.0f} s: {config.folder / stage}.log")
        yield _spent(config, stage)


def _spent(config: Config, stage: str) -> Spent:
    manifest = artifacts.read_manifest(artifacts.stage_dir(config.lake, stage, NIGHT))
    written = sum(entry["bytes"] for entry in manifest["files"].values()) / 2**20
    return Spent(stage, manifest["seconds"], manifest["peak_memory_mb"], written)


def parallel_share(one: float, several: float, threads: int) -> float:
    """The share p of a stage's time with one thread that several threads divide: Amdahl's law solved for p, 0..1."""
    return min(1.0, max(0.0, (1 - several / max(one, 1e-9)) / (1 - 1 / threads)))


def extrapolate(one: float, share: float, cores: int) -> float:
    """Seconds on many cores of what takes `one` seconds with a single thread."""
    return one * (1 - share + share / cores)


def compare(shop: synthetic.Shop, folder: Path, threads: Sequence[int], chosen: Sequence[str], settings: str) -> None:
    """Print each stage with one thread and with several; the parallel shares are written to SHARES."""
    nights = {n: prepare(shop, folder / f"threads={n}", n, settings) for n in sorted(threads)}
    spent = {n: {s.stage: s.seconds for s in measure(config, chosen)} for n, config in nights.items()}
    least, most = min(spent), max(spent)
    shares = {s: parallel_share(spent[least][s], spent[most][s], most // least) for s in chosen}
    (folder / SHARES).write_text(json.dumps(shares, indent=1))
    columns = "".join(f"{f'{n} threads':>12}" for n in spent)
    print(f"{'stage':<22}{columns}{'parallel':>10}")
    for stage, share in shares.items():
        seconds = "".join(f"{found[stage]:>12.1f}" for found in spent.values())
        print(f"{stage:<22}{seconds}{share:>10.0%}")


def foretold(seconds: float, threads: int, share: float, cores: int) -> float:
    """Seconds on `cores` of what took `seconds` with `threads`."""
    return extrapolate(seconds / extrapolate(1.0, share, threads), share, cores)


def main() -> None:
    """Prepare the shop and measure its night."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    synthetic.add_sizes(parser, synthetic.Shop(users=1_000_000, items=100_000, events=100_000_000))
    parser.add_argument(
        "--every-source", action="store_true", help="all the default has, not three sources, one ranker"
    )
    parser.add_argument("--threads", type=int, nargs="+", default=[2])
    parser.add_argument("--report", action="store_true", help="run nothing, print what finished stages took")
    parser.add_argument("--shares", type=Path, help="folder of a run with several --threads")
    parser.add_argument("--cores", type=int, default=64, help="what is extrapolated to by --shares")
    parser.add_argument("--more-users", type=float, default=1, help="times as many users, where it is extrapolated to")
    parser.add_argument("--more-events", type=float, default=1, help="times as many events there")
    parser.add_argument("--stages", nargs="*", default=[s for s in stages.EVERYWHERE if s != "ingest"])
    args = parser.parse_args()
    started = time.perf_counter()
    shop = synthetic.Shop(args.users, args.items, args.events)
    settings = EVERY if args.every_source else SETTINGS
    if len(args.threads) > 1:
        print(json.dumps(vars(args), default=str), flush=True)
        compare(shop, args.folder, args.threads, args.stages, settings)
        return
    config = prepare(shop, args.folder, args.threads[0], settings)
    print(f"{json.dumps(vars(args), default=str)}\nprepared in {time.perf_counter() - started:.0f} s", flush=True)
    shares: dict[str, float] = json.loads((args.shares / SHARES).read_text()) if args.shares else {}
    title = f"{f'on {args.cores} cores':>14}" if shares else ""
    print(f"{'stage':<22}{'seconds':>9}{'peak MB':>9}{'written MB':>12}{title}", flush=True)
    total = np.zeros(2)
    for spent in measure(config, args.stages, args.report):
        more = {"users": args.more_users, "events": args.more_events}.get(GROWS.get(spent.stage, ""), 1.0)
        there = foretold(more * spent.seconds, args.threads[0], shares.get(spent.stage, 0.0), args.cores)
        total += spent.seconds, there
        said = f"{there:>14.1f}" if shares else ""
        print(f"{spent.stage:<22}{spent.seconds:>9.1f}{spent.peak_mb:>9}{spent.written_mb:>12.1f}{said}", flush=True)
    minutes = total / shop.users * 1e6 / 60
    print(
        f"minutes per million users: {minutes[0]:.1f}" + (f", on {args.cores} cores {minutes[1]:.1f}" if shares else "")
    )


if __name__ == "__main__":
    main()
