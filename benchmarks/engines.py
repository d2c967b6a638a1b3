"""One night of a shop in this process, in two processes, and on a Spark cluster of this host with two workers.

    python -m benchmarks.engines /tmp/engines
    python -m benchmarks.engines /tmp/engines --profile default --engines local processes

Each night is a process of its own with a home of its own; what was ingested is made once and copied. Prints the seconds
of every stage, the ratio to the first column, and whether the tables are the same. The cluster is a master and two
workers of one core each, on the same cores as the driver: what it shows is what the engine costs, not what it brings.
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from benchmarks import same_bytes
from pipeline.ground import artifacts
from pipeline.operations import stages
from pipeline.settings.config import DEFAULT_CONFIG

ENGINES = ("local", "processes", "spark")


@contextlib.contextmanager
def settings_of(engine: str, memory: str, events: int) -> Iterator[list[str]]:
    """What is set for an engine, as arguments; while the cluster stands, where one is needed."""
    if engine == "local":
        yield []
    elif engine == "processes":
        yield ["--set", "workers=2"]
    else:
        from tests.engine.cluster import cluster

        with tempfile.TemporaryDirectory() as folder, cluster(Path(folder), 2, memory) as made:
            given = {"engine": "spark", "spark.master": made.url, "spark.executor_memory": memory}
            given["spark.sql_from_events"] = str(events)
            yield [part for name, value in given.items() for part in ("--set", f"{name}={value}")]


def night(home: Path, run_date: date, command: list[str], profile: str) -> dict[str, float]:
    """Run a night; the seconds of every stage."""
    environment = os.environ | {"NIGHTJAR_HOME": str(home), "NIGHTJAR_PROFILE": profile, "OPENBLAS_NUM_THREADS": "1"}
    subprocess.run([*command, "run", "--run-date", run_date.isoformat()], env=environment, check=True)
    folders = {stage: artifacts.stage_dir(home / "lake", stage, run_date) for stage in stages.EVERYWHERE}
    return {stage: float(artifacts.read_manifest(folder)["seconds"]) for stage, folder in folders.items()}


def history(home: Path, run_date: date, command: list[str]) -> None:
    """Ingest everything before a night, once."""
    environment = os.environ | {"NIGHTJAR_HOME": str(home), "OPENBLAS_NUM_THREADS": "1"}
    subprocess.run([*command, "load-history", "--before", run_date.isoformat()], env=environment, check=True)


def report(folder: Path, run_date: date, spent: dict[str, dict[str, float]]) -> None:
    """Print the seconds by engine and stage, and whether the tables are the same."""
    first, *others = engines = list(spent)
    rows = [*((stage, [spent[e][stage] for e in engines]) for stage in stages.EVERYWHERE)]
    rows.append(("total", [sum(spent[engine].values()) for engine in engines]))
    print(f"{'seconds':<22}" + "".join(f"{engine:>12}" for engine in engines))
    for stage, seconds in rows:
        ratios = "".join(f"{s / seconds[0]:>8.2f} x" for s in seconds[1:]) if seconds[0] >= 1 else ""
        print(f"{stage:<22}" + "".join(f"{s:>12.1f}" for s in seconds) + ratios)
    for engine in others:
        one, other = (same_bytes.run_folder(folder / name, run_date) for name in (first, engine))
        unlike = [text for alike, text in same_bytes.compare(one, other, 1) if not alike]
        print(f"{engine} against {first}: {'; '.join(unlike) or 'the same tables'}")


def main() -> None:
    """Run the nights and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--run-date", type=date.fromisoformat, default=date(2011, 10, 2))
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG)
    parser.add_argument("--profile", default="fast")
    parser.add_argument("--memory", default="1g", help="of each worker of the cluster")
    parser.add_argument(
        "--sql-from-events", type=int, default=10**8, help="0: the SQL of the features on the cluster, too"
    )
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    args = parser.parse_args()
    base = [sys.executable, "-m", "pipeline", "--quiet", "--config", str(args.config)]
    args.folder.mkdir(parents=True, exist_ok=True)
    history(args.folder / "history", args.run_date, base)
    spent: dict[str, dict[str, float]] = {}
    for engine in args.engines:
        home = args.folder / engine
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(args.folder / "history" / "lake", home / "lake")
        with settings_of(engine, args.memory, args.sql_from_events) as given:
            spent[engine] = night(home, args.run_date, [*base, *given], args.profile)
        (args.folder / f"{engine}.json").write_text(json.dumps(spent[engine], indent=1) + "\n", encoding="utf-8")
    report(args.folder, args.run_date, spent)


if __name__ == "__main__":
    main()
