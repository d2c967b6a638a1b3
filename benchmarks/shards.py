"""What sharing the users of a stage among tasks costs, and what part of the stage can be shared.

    python -m benchmarks.shards /tmp/home 2011-10-02 --shards 2 4

On a home whose night is finished: fusion, ensemble and publication are made again in one piece and in shards, every
part in a process of its own as in Airflow, one after the other. Prints processor seconds, `together` as a ratio to the
whole, and as one that takes only the longest shard, what is waited for where all run side by side; and whether the
files are the same. What a process needs to start, some seconds, is in every figure.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
from datetime import date
from pathlib import Path

from pipeline.ground import artifacts
from pipeline.operations import in_shards
from pipeline.sources import configuration

PART = """
import sys
from datetime import date
from pipeline.operations import in_shards, stages
from pipeline.sources import configuration
part, stage, night, shards = sys.argv[1], sys.argv[2], date.fromisoformat(sys.argv[3]), int(sys.argv[4])
config = configuration.load().model_copy(update={"shards": shards})
if part == "whole":
    stages.run_stage(stage, night, config, force=True)
elif part == "begin":
    in_shards.begin(stage, night, config, force=True)
elif part == "end":
    in_shards.end(stage, night, config, force=True)
else:
    in_shards.make(stage, night, config, int(part))
"""


def spent(*arguments: object) -> float:
    """Processor seconds of one part in a process of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", PART, *map(str, arguments)], env=environment, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measured(stage: str, night: date, shards: int, whole: float, expected: str) -> dict[str, object]:
    """One stage in shards against the same in one piece."""
    begun = spent("begin", stage, night, shards)
    made = [spent(number, stage, night, shards) for number in range(shards)]
    ended = spent("end", stage, night, shards)
    found = artifacts.content_hash(artifacts.stage_dir(configuration.load().lake, stage, night))
    return {
        "stage": stage,
        "shards": shards,
        "whole": round(whole, 1),
        "begin": round(begun, 1),
        "longest_shard": round(max(made), 1),
        "end": round(ended, 1),
        "together": round((begun + sum(made) + ended) / whole, 2),
        "side_by_side": round((begun + max(made) + ended) / whole, 2),
        "same": found == expected,
    }


def main() -> None:
    """Measure and print one line a stage and number of shards."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("night", type=date.fromisoformat)
    parser.add_argument("--shards", type=int, nargs="+", default=[2, 4])
    args = parser.parse_args()
    os.environ["NIGHTJAR_HOME"] = str(args.home)
    for stage in in_shards.SHARED:
        whole = spent("whole", stage, args.night, 1)
        expected = artifacts.content_hash(artifacts.stage_dir(configuration.load().lake, stage, args.night))
        for shards in args.shards:
            print(json.dumps(measured(stage, args.night, shards, whole, expected)), flush=True)


if __name__ == "__main__":
    main()
