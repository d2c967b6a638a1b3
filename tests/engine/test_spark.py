"""The executors of a real standalone cluster: the same bytes as here, whoever is killed."""

import shutil

import numpy as np
import pytest

from pipeline.engine import map_blocks, spark
from pipeline.ground import artifacts
from pipeline.ground.errors import TrainingError
from pipeline.ranking import ensemble, fusion
from pipeline.settings.config import Config
from tests.engine.cluster import Cluster, cluster, require_spark
from tests.engine.squares import Deadly, Refused, Squares
from tests.planted import NIGHT, Planted, plant

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory):
    """A cluster of two workers, and a session that ends with it."""
    require_spark()
    with cluster(tmp_path_factory.mktemp("cluster")) as made:
        yield made
        spark.session(on(made)).stop()


def on(made: Cluster, **given: object) -> Config:
    """A configuration that works on the cluster."""
    engine = {"engine": "spark", "spark": {"master": made.url, "executor_memory": "512m"}}
    return Config.model_validate({"block_users": 10, "threads": 1} | engine | given)


def test_two_executors_make_the_blocks_in_order(two_workers, tmp_path):
    np.save(tmp_path / "numbers.npy", np.arange(95))
    for name in ("opened", "out"):
        (tmp_path / name).mkdir()
    work = Squares(tmp_path / "numbers.npy", tmp_path / "opened")
    found = list(map_blocks("squares", work, 95, on(two_workers), tmp_path / "out"))
    assert np.concatenate([squared for _, (squared, _, _) in found]).tolist() == [n * n for n in range(95)]
    assert not list((tmp_path / "out").iterdir())
    assert len(list((tmp_path / "opened").iterdir())) == 2  # processes: both executors worked


def test_what_a_block_refuses_is_said_in_its_own_words(two_workers, tmp_path):
    with pytest.raises(TrainingError, match=r"^row \d+ is not a number: mend it$"):
        list(map_blocks("refused", Refused(), 50, on(two_workers), tmp_path))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("whom", ["python", "executor"])
def test_the_blocks_of_a_killed_worker_are_made_again(two_workers, tmp_path, whom):
    (tmp_path / "out").mkdir()
    work = Deadly(tmp_path / "mark", whom)
    found = list(map_blocks("deadly", work, 95, on(two_workers), tmp_path / "out"))
    assert (tmp_path / "mark").exists()
    assert np.concatenate([numbers for _, (numbers,) in found]).tolist() == list(range(95))
    assert not list((tmp_path / "out").iterdir())


def test_a_process_has_one_session_which_knows_its_cores(two_workers):
    config = Config.model_validate({"engine": "spark", "spark": {"conf": {"spark.driver.memory": "1g"}}})
    assert spark.slots(spark.session(config), config) == 2  # a process has one session: the first one's


def lists_of(night: Planted, **given: object) -> dict[str, bytes]:
    """Every file that fusion and ensemble write."""
    config = night.config.model_copy(update=given)
    made = {}
    for stage, module in (("fusion", fusion), ("ensemble", ensemble)):
        folder = artifacts.stage_dir(config.lake, stage, NIGHT)
        shutil.rmtree(folder, ignore_errors=True)
        memo = artifacts.Memo(night.out(stage), reuse=False)
        inputs = {"fusion": artifacts.stage_dir(config.lake, "fusion", NIGHT)} if stage == "ensemble" else {}
        module.run(**night.given, **inputs, config=config, memo=memo, out=memo.out)
        night.finish(stage, memo)
        made |= {f"{stage}/{p.relative_to(folder)}": p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    return made


def test_fusion_and_ensemble_give_the_same_bytes_here_in_processes_and_on_the_cluster(two_workers, tmp_path):
    night = plant(tmp_path)
    here = lists_of(night)
    assert any(".final." in name for name in here)
    blocks = {"block_users": 50}
    assert lists_of(night, workers=2, **blocks) == here
    there = on(two_workers)
    assert lists_of(night, engine="spark", spark=there.spark, **blocks) == here
