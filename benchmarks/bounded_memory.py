"""What does `features` take of the machine with less and less memory? Seconds, peak memory, and disk beside its files.

    python -m benchmarks.bounded_memory /tmp/bounded --users 100000 --items 20000 --events 10000000 --limits 3072 512

A made-up shop (`benchmarks.synthetic`), the night of `benchmarks.scale`; `features` runs once for each memory_limit_mb
in a process of its own. Disk is looked at ten times a second: what lies in the stage's folder while it runs, less
what it leaves there. "same" says that it wrote the bytes it wrote with the first limit.
"""

import argparse
import contextlib
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import scale, synthetic
from pipeline.ground import artifacts
from pipeline.settings.config import Config


@dataclass(frozen=True)
class Taken:
    """What one run of the stage took; MiB of memory, of disk beside its files, and of these."""

    seconds: float
    processor_seconds: float
    peak_mb: int
    beside_mb: float
    files_mb: float
    hashes: dict[str, str]


def measure(shop: synthetic.Shop, folder: Path, limits: list[int]) -> Iterator[tuple[int, Taken]]:
    """Run the stage for each limit; the shop's log is written once and linked.

    Args:
        shop: its laws.
        folder: receives it, and a folder per limit.
        limits: of memory_limit_mb.
    """
    first: Path | None = None
    for limit in limits:
        out = folder / f"limit={limit}"
        if first is not None and not (out / "home").exists():
            shutil.copytree(first / "home/lake/ingest", out / "home/lake/ingest", copy_function=os.link)
        settings = scale.SETTINGS.replace("memory_limit_mb = 3072", f"memory_limit_mb = {limit}")
        config = scale.prepare(shop, out, 2, settings)
        first = first or out
        yield limit, _run(config)


def _run(config: Config) -> Taken:
    stage = artifacts.stage_dir(config.lake, "features", scale.NIGHT).parent
    shutil.rmtree(stage, ignore_errors=True)
    command = [sys.executable, "-m", "pipeline", "--config", str(config.folder / "pipeline.toml")]
    command += ["--quiet", "run", "--run-date", scale.NIGHT.isoformat(), "--stages", "features"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started, most = time.perf_counter(), 0
    environment = os.environ | {"NIGHTJAR_HOME": str(config.home)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as running:
        while running.poll() is None:
            most = max(most, _bytes(stage))
            time.sleep(0.1)
    if running.returncode:
        raise SystemExit(f"features failed with memory_limit_mb = {config.memory_limit_mb}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    manifest = artifacts.read_manifest(artifacts.stage_dir(config.lake, "features", scale.NIGHT))
    files = sum(entry["bytes"] for entry in manifest["files"].values())
    return Taken(
        seconds=time.perf_counter() - started,
        processor_seconds=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        peak_mb=manifest["peak_memory_mb"],
        beside_mb=max(0, most - files) / 2**20,
        files_mb=files / 2**20,
        hashes={name: entry["sha256"] for name, entry in manifest["files"].items()},
    )


def _bytes(folder: Path) -> int:
    """What lies below a folder; files that go while they are counted are none."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            total += path.stat().st_blocks * 512
    return total


def main() -> None:
    """Prepare the shop, run the stage with each limit and print a line of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    synthetic.add_sizes(parser, synthetic.Shop(users=100_000, items=20_000, events=10_000_000))
    parser.add_argument("--limits", type=int, nargs="+", default=[3072, 512], help="of memory_limit_mb")
    args = parser.parse_args()
    shop = synthetic.Shop(args.users, args.items, args.events)
    print(f"{'limit MB':>9}{'seconds':>9}{'processor':>11}{'peak MB':>9}{'beside MB':>11}{'files MB':>10}", flush=True)
    hashes: dict[str, str] | None = None
    for limit, taken in measure(shop, args.folder, args.limits):
        hashes = hashes or taken.hashes
        print(
            f"{limit:>9}{taken.seconds:>9.0f}{taken.processor_seconds:>11.0f}{taken.peak_mb:>9}{taken.beside_mb:>11.0f}"
            f"{taken.files_mb:>10.0f}  {'same' if taken.hashes == hashes else 'OTHER BYTES'}",
            flush=True,
        )


if __name__ == "__main__":
    main()
