"""A night of a made-up log, stage by stage, each in a process of its own; what was measured is kept."""

import json
import resource
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import scale
from benchmarks.synthetic import Shop
from pipeline.operations import stages
from pipeline.settings.config import Config

STAGES = [stage for stage in stages.EVERYWHERE if stage != "ingest"]
SETTINGS = """
# What differs from the profile: all sources, no pretrained model, and nothing that withholds the night.
profile = "{profile}"
threads = {{threads}}

[fine_tune]
model = "none"

[item_knn]
enabled = true

[evaluate]
block = false
"""


@dataclass(frozen=True)
class Spent:
    """What a stage took.

    Attributes:
        seconds: by the clock, of the stage.
        processor: seconds of all threads of its process, start-up included.
        peak_mb: of memory.
    """

    seconds: float
    processor: float
    peak_mb: int


def night(shop: Shop, folder: Path, profile: str, threads: int, chosen: Sequence[str]) -> dict[str, Spent]:
    """Measure stages of one night.

    Args:
        shop: whose night.
        folder: of its home, and of what was measured there before.
        profile: "fast" or "default".
        threads: of every stage.
        chosen: stages, in the order of the data flow.
    Returns:
        What each took, by name.
    """
    config = scale.prepare(shop, folder, threads, SETTINGS.format(profile=profile))
    return {stage: _measured(config, stage) for stage in chosen}


def _measured(config: Config, stage: str) -> Spent:
    record = config.folder / f"{stage}.json"
    if not record.exists():
        before = _processor()
        (spent,) = scale.measure(config, [stage])
        found = Spent(spent.seconds, round(_processor() - before, 1), spent.peak_mb)
        record.write_text(json.dumps(asdict(found)), encoding="utf-8")
        print(f"{config.folder.name:<28}{stage:<18}{found.seconds:>9.1f} s{found.peak_mb:>8} MB", flush=True)
    return Spent(**json.loads(record.read_text(encoding="utf-8")))


def _processor() -> float:
    """Processor seconds of all processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
