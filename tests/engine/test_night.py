"""A whole night in several processes and on a cluster gives the tables of one process, byte for byte."""

import os
import shutil
from pathlib import Path

import pytest

from pipeline.engine import spark
from pipeline.operations import stages
from pipeline.sources import shared_als
from pipeline.sources.configuration import FullConfig
from tests.blocks_of_users import NIGHT, differing, hashes, read
from tests.engine.cluster import cluster, require_spark

pytestmark = pytest.mark.slow

SQL_FROM_EVENTS = int(os.environ.get("NIGHTJAR_SQL_FROM_EVENTS", "100000000"))
"""With 0 the SQL of the features runs on the cluster, too; test_spark_features.py does that on every run."""


def made(config: FullConfig) -> dict[str, str]:
    """The hashes of every file of the night but the manifests, whose stages are made anew."""
    for stage in stages.STAGES:
        if stage != "ingest":
            shutil.rmtree(config.lake / stage, ignore_errors=True)
    stages.run(NIGHT, config)
    return hashes(config)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> tuple[FullConfig, dict[str, str]]:
    """The night in this process."""
    config = read(tmp_path_factory.mktemp("shop"))
    found = made(config)
    assert {"als", "user_knn", "ease", "fusion", "ensemble", "publish"} <= {name.split("/")[0] for name in found}
    return config, found


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
