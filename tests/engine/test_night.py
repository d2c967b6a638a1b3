"""A whole night in several processes and on a cluster gives the tables of one process, byte for byte."""

import os
import random
import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.engine import spark
from pipeline.ground import artifacts
from pipeline.operations import stages
from pipeline.operations.load_history import load_history
from pipeline.sources import shared_als
from pipeline.sources.configuration import FullConfig
from tests.engine.cluster import cluster, require_spark
from tests.tiny_log import row, shop, write

pytestmark = pytest.mark.slow

START, DAYS, USERS, ITEMS = date(2024, 1, 1), 56, 90, 60
NIGHT = START + timedelta(days=DAYS - 1)
SQL_FROM_EVENTS = int(os.environ.get("NIGHTJAR_SQL_FROM_EVENTS", "100000000"))
"""With 0 the SQL of the features runs on the cluster, too; test_spark_features.py does that on every run."""
SETTINGS: dict[str, Any] = {
    "profile": "fast",
    "horizon_days": 7,
    "label_windows": 4,
    "block_users": 16,  # so that there are blocks to share
    "als": {"factors": 8},
    "item_knn": {"enabled": True},
    "fusion": {"rounds": 10},
}


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


def made(config: FullConfig) -> dict[str, str]:
    """The hashes of every file of the night but the manifests, whose stages are made anew."""
    for stage in stages.STAGES:
        if stage != "ingest":
            shutil.rmtree(config.lake / stage, ignore_errors=True)
    stages.run(NIGHT, config)
    return {
        f"{stage}/{path.relative_to(folder)}": artifacts.file_sha256(path)
        for stage in stages.STAGES
        for folder in [artifacts.stage_dir(config.lake, stage, NIGHT)]
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != artifacts.MANIFEST
    }


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> tuple[FullConfig, dict[str, str]]:
    """The night in this process."""
    folder = tmp_path_factory.mktemp("shop")
    write(folder / "log.jsonl", log())
    config = shop(folder, **SETTINGS)
    load_history(config, NIGHT)
    found = made(config)
    assert {"als", "user_knn", "ease", "fusion", "ensemble", "publish"} <= {name.split("/")[0] for name in found}
    return config, found


def differing(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """The files that are not the same, or not there."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def test_two_processes_make_the_same_night(here: tuple[FullConfig, dict[str, str]]) -> None:
    config, expected = here
    assert differing(made(config.model_copy(update={"workers": 2})), expected) == []


def test_a_cluster_makes_the_same_night(
    here: tuple[FullConfig, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_spark()
    monkeypatch.setattr(shared_als, "ENOUGH_PAIRS", 0)
    config, expected = here
    with cluster(tmp_path) as two:
        given = {"master": two.url, "executor_memory": "512m", "sql_from_events": SQL_FROM_EVENTS}
        settings = config.spark.model_copy(update=given)
        there = config.model_copy(update={"engine": "spark", "spark": settings})
        try:
            assert differing(made(there), expected) == []
        finally:
            spark.session(there).stop()
