"""The same blocks by way of Spark Connect, whose client speaks to a server and has no JVM of its own."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.engine import map_blocks
from pipeline.settings.config import Config
from tests.engine.cluster import connect_server, require_spark
from tests.engine.squares import Squares

pytestmark = pytest.mark.slow


def over(url: str, folder: Path) -> list[int]:
    """What the server's executors make of 95 numbers."""
    np.save(folder / "numbers.npy", np.arange(95))
    for name in ("opened", "out"):
        (folder / name).mkdir()
    config = Config.model_validate({"engine": "spark", "block_users": 10, "workers": 2, "spark": {"master": url}})
    work = Squares(folder / "numbers.npy", folder / "opened")
    found = list(map_blocks("squares", work, 95, config, folder / "out"))
    return [int(number) for _, (squared, _, _) in found for number in squared]


def test_a_server_makes_the_blocks_in_order(tmp_path: Path) -> None:
    require_spark()
    with connect_server(tmp_path) as url:
        # a process has one kind of session: another test's must not be met
        code = (
            f"from pathlib import Path; from {__name__} import over; print(sum(over({url!r}, Path({str(tmp_path)!r}))))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == sum(n * n for n in range(95))
