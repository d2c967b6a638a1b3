"""What a stage that is run in shards hands on from one of its tasks to the next.

<lake>/<stage>/.run_date=YYYY-MM-DD.shards/     what was begun, with a manifest; what is kept for the shards; the parts
<lake>/<stage>/.run_date=YYYY-MM-DD.shard-n/    where shard n repeats what comes before its part, from what was begun
"""

import contextlib
import shutil
from pathlib import Path

from pipeline.ground import artifacts
from pipeline.ground.manifests import Made

SHARDS = "shards"
"""In a manifest's report, how many there are; and the ending of the folder."""


def place(folder: Path) -> Path:
    """Where the stage of a folder is begun."""
    return artifacts.beside(folder, SHARDS)


def found(folder: Path, made: Made) -> Path | None:
    """What was begun, if it was, and of the same inputs and settings by the same code."""
    begun = place(folder)
    whole = artifacts.is_finished(begun) and made.same(artifacts.read_manifest(begun))
    return begun if whole else None


def number(begun: Path) -> int:
    """How many shards it was begun for."""
    return int(artifacts.read_manifest(begun)["report"][SHARDS])


def note(begun: Path, shard: int, seconds: float) -> None:
    """Let it be known how long a shard took."""
    unfinished = begun / f"shard-{shard}.unfinished"
    unfinished.write_text(f"{seconds:.2f}\n", encoding="utf-8")
    unfinished.replace(begun / f"shard-{shard}.seconds")


def spent(begun: Path | None) -> float:
    """The seconds of what was done before the stage ends, if all shards ran side by side."""
    if begun is None:
        return 0.0
    made = [float(path.read_text(encoding="utf-8")) for path in begun.glob("shard-*.seconds")]
    return float(artifacts.read_manifest(begun)["seconds"]) + max(made, default=0.0)


def ending(begun: Path | None) -> contextlib.AbstractContextManager[None]:
    """While a stage runs: it ends what was begun; None: it runs in one piece."""
    if begun is None:
        return contextlib.nullcontext()
    from pipeline.engine import shards  # here, as the command line's help needs none of it

    return shards.sharing(shards.Ends(begun, number(begun)))


def drop(folder: Path) -> None:
    """Remove what was begun, and what shards that died left; the caller holds the stage's lock."""
    for pattern in (f".{folder.name}.shard*", f".{place(folder).name}.partial"):
        for path in folder.parent.glob(pattern):
            shutil.rmtree(path, ignore_errors=True)
