"""What a copy of a run to Redis and to Delta Lake takes, beside the publication of the same run to DuckDB.

    python -m benchmarks.copies --users 100000

A made-up run with 50 recommendations of each user. DuckDB: the load of its Parquet file, the index, the flip. A copy:
the load under a name of its own and the flip, until applications read all of it; Redis is a server of its own that
writes nothing to disk, Delta a folder beside. Measured in turns, every time from nothing; the fastest counts.
"""

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.publication import RUN_ID, K, ours, timed, write_run
from pipeline.publication.tables import published
from pipeline.published.copies import following
from pipeline.published.copies.contract import Copy
from pipeline.settings.config import Config
from pipeline.settings.sections.copies import PublishedCopy
from pipeline.settings.sections.publication import Publish
from pipeline.sources.configuration import FullConfig
from tests.redis_server import Server

COPIES = {
    "redis": PublishedCopy(kind="redis", connection="benchmark"),
    "delta": PublishedCopy(kind="delta", place="lakehouse"),
}


def copied(name: str, config: Config, folder: Path, number: int) -> float:
    """Seconds until a copy shows a run.

    Args:
        name: of COPIES.
        config: with them.
        folder: the run's files.
        number: makes the load another one, so that nothing is there already; the one before is removed after.
    """
    load, copy = f"{RUN_ID}-{number:08d}", following.of(name, config, published())
    try:
        seconds = timed(lambda: _bring(copy, load, folder))
        copy.keep({load}, alone=True)
    finally:
        copy.close()
    return seconds


def _bring(copy: Copy, load: str, folder: Path) -> None:
    copy.load(load, folder)
    copy.activate(load)
    if copy.active() != load:
        raise SystemExit(f"the copy does not show {load}")


def measure(users: int, repeat: int, home: Path) -> dict[str, float]:
    """The fewest seconds of each, with NIGHTJAR_CONNECTION_BENCHMARK in the environment."""
    folder, config = home / "run", FullConfig(home=home, publish=Publish(copies=COPIES))
    write_run(folder, users * K)
    actions: dict[str, Callable[[int], float]] = {
        "duckdb": lambda _: sum(ours(config, folder)),
        "redis": lambda number: copied("redis", config, folder, number),
        "delta": lambda number: copied("delta", config, folder, number),
    }
    rounds = [{name: action(number) for name, action in actions.items()} for number in range(repeat)]
    return {name: min(found[name] for found in rounds) for name in actions}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=3, help="measure this often; the fastest counts")
    args = parser.parse_args()
    server = Server()
    try:
        server.start()
        os.environ["NIGHTJAR_CONNECTION_BENCHMARK"] = server.url
        with tempfile.TemporaryDirectory() as name:
            busy = f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores"
            found = measure(args.users, args.repeat, Path(name))
        held = server.client().info("memory")["used_memory_peak"] / 2**20
    finally:
        server.remove()
    print(f"{args.users:,} users, {args.users * K:,} rows, best of {args.repeat}, {busy}")
    for name, seconds in found.items():
        rate = args.users * K / seconds
        print(f"{name:8s}{seconds:9.2f} s {rate:12,.0f} rows/s {seconds / found['duckdb']:7.2f} times DuckDB's")
    print(f"redis held {held:,.0f} MiB at most")


if __name__ == "__main__":
    main()
