"""A small shop whose night has blocks of users to share, and the files of its stages, for tests of who makes them."""

import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from pipeline.ground import artifacts
from pipeline.operations import stages
from pipeline.operations.load_history import load_history
from pipeline.settings.sections.publication import Surface
from pipeline.sources.configuration import FullConfig
from tests.tiny_log import row, shop, write

START, DAYS, USERS, ITEMS = date(2024, 1, 1), 56, 90, 60
NIGHT = START + timedelta(days=DAYS - 1)
SETTINGS: dict[str, Any] = {
    "profile": "fast",
    "horizon_days": 7,
    "label_windows": 4,
    "block_users": 16,  # so that there are blocks to share
    "als": {"factors": 8},
    "item_knn": {"enabled": True},
    "fusion": {"rounds": 10, "ablation_rounds": 5, "activity_rounds": 10, "alpha_step": 0.5, "negatives": 20},
    "surfaces": (
        Surface(name="for_you", k=10),
        Surface(name="discover", k=10, repeats=False),
        # what looks at everybody's lists, or at a user's whole history
        Surface(name="mixed", k=5, long_tail=0.5, min_exposure=0.5, calibrated_mix=0.5),
    ),
}
ITEMS_SQL = """
select item as item_id, upper(item) as title, 'kind ' || substr(item, 2)::int % 5 as category,
    try_cast(ts as timestamp) as arrived_at, _file
from raw
"""


def log() -> list[dict[str, Any]]:
    """Every user has a taste of a few items, comes every third day, looks and often buys."""
    rng = random.Random(3)
    return [
        row(f"u{user}", f"i{(user * 7 + rng.randrange(12)) % ITEMS}", f"{START + timedelta(days=day)} 10:00:00", kind)
        for day in range(DAYS)
        for user in range(USERS)
        if rng.random() < 0.3
        for kind in ("view", "purchase")[: 1 + (rng.random() < 0.6)]
    ]


def read(folder: Path) -> FullConfig:
    """The shop in a folder, with its log in the lake."""
    write(folder / "log.jsonl", log())
    config = shop(folder, items=ITEMS_SQL, **SETTINGS)
    load_history(config, NIGHT)
    return config


def hashes(config: FullConfig, *only: str) -> dict[str, str]:
    """The hash of every file that stages made of the night, but of the manifests; default: of all stages."""
    return {
        f"{stage}/{path.relative_to(folder)}": artifacts.file_sha256(path)
        for stage in only or stages.EVERYWHERE
        for folder in [artifacts.stage_dir(config.lake, stage, NIGHT)]
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != artifacts.MANIFEST
    }


def differing(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """The files that are not the same, or not there."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
