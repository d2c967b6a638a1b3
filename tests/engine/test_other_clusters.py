"""The same blocks by way of Spark Connect, and on a cluster that asks for a secret; a process of its own for each."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.engine import map_blocks
from pipeline.engine.spark import SECRET
from pipeline.settings.config import Config
from tests.engine.cluster import cluster, connect_server, require_spark
from tests.engine.squares import Squares

pytestmark = pytest.mark.slow


def over(url: str, folder: Path) -> list[int]:
    """What the executors make of 95 numbers."""
    np.save(folder / "numbers.npy", np.arange(95))
    for name in ("opened", "out"):
        (folder / name).mkdir()
    spark = {"master": url, "executor_memory": "512m"}
    config = Config.model_validate({"engine": "spark", "block_users": 10, "workers": 2, "spark": spark})
    work = Squares(folder / "numbers.npy", folder / "opened")
    found = list(map_blocks("squares", work, 95, config, folder / "out"))
    return [int(number) for _, (squared, _, _) in found for number in squared]


def in_a_process(url: str, folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """`over` in a process of its own, as a process has one session only: prints the sum."""
    folder.mkdir()
    code = f"from pathlib import Path; from {__name__} import over; print(sum(over({url!r}, Path({str(folder)!r}))))"
    given = os.environ | environment
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=given)


def test_a_spark_connect_server_makes_the_blocks(tmp_path: Path) -> None:
    require_spark()
    with connect_server(tmp_path) as url:
        done = in_a_process(url, tmp_path / "work")
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == sum(n * n for n in range(95))


def test_a_cluster_with_a_secret_works_for_who_knows_it(tmp_path: Path) -> None:
    require_spark()
    with cluster(tmp_path, 1, secret="hush") as made:
        done = in_a_process(made.url, tmp_path / "knows", **{SECRET: "hush"})
        assert done.returncode == 0, done.stderr
        assert int(done.stdout) == sum(n * n for n in range(95))
        assert "hush" not in done.stdout + done.stderr
        refused = in_a_process(made.url, tmp_path / "guesses", **{SECRET: "psst"})
        assert refused.returncode != 0
        assert "psst" not in refused.stdout + refused.stderr
