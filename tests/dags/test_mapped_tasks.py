"""A night whose users are shared among mapped tasks of a real scheduler, one of which is killed."""

import os
import shutil
import signal
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from pipeline.ground import artifacts
from pipeline.operations import in_shards, stages
from pipeline.operations.init import init
from pipeline.operations.load_history import load_history
from pipeline.sources import configuration
from tests.conftest import ROOT
from tests.dags.live_airflow import LiveAirflow
from tests.postgres import Server

pytestmark = pytest.mark.slow

NIGHTLY, NIGHT, SHARDS = "nightly_recommendations", date(2025, 6, 28), 3
SETTINGS = f"shards = {SHARDS}\nblock_users = 16\nthreads = 1\n"
VICTIM = "select pid from task_instance where task_id = 'fusion_shard' and state = 'running' and pid is not null"


@dataclass(frozen=True)
class Told:
    """What happened: the scheduler, the run, and the shop's configuration."""

    live: LiveAirflow
    run_id: str
    config: configuration.FullConfig


@pytest.fixture(scope="module")
def told(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """A manual run of the night; the first shard of the fusion that runs is killed."""
    home = tmp_path_factory.mktemp("mapped")
    init(home / "shop")
    toml = home / "shop" / "pipeline.toml"
    toml.write_text(SETTINGS + toml.read_text(encoding="utf-8"), encoding="utf-8")
    environment = {
        "AIRFLOW__CORE__DAGS_FOLDER": str(impatient(home / "dags")),
        "NIGHTJAR_CONFIG": str(toml),
        "NIGHTJAR_HOME": str(home / "nightjar"),
        "OPENBLAS_NUM_THREADS": "1",
    }
    with pytest.MonkeyPatch.context() as patched:
        for name, value in environment.items():
            patched.setenv(name, value)
        config = configuration.load()
        load_history(config, until=NIGHT)
        live = LiveAirflow.make(home / "airflow", postgres, environment)
        live.cli("pools", "set", "gpu", "1", "one GPU")
        with live.running():
            live.api("PATCH", f"/api/v2/dags/{NIGHTLY}", {"is_paused": False})
            run_id = live.trigger(NIGHTLY, run_date=str(NIGHT))
            live.wait(lambda: live.rows(VICTIM), 600, "shard of the fusion")
            os.kill(live.rows(VICTIM)[0][0], signal.SIGKILL)
            state = "select state from dag_run where run_id = %s"
            live.wait(lambda: live.rows(state, run_id)[0][0] in ("success", "failed"), 600, "end of the run")
    return Told(live, run_id, config)


def impatient(folder: Path) -> Path:
    """The DAGs, but what failed is tried again after seconds, and no night is run but the one that is asked for."""
    shutil.copytree(ROOT / "dags", folder, ignore=shutil.ignore_patterns("__pycache__"))
    dag = folder / "nightly_recommendations.py"
    text = dag.read_text(encoding="utf-8")
    changes = {
        '"retry_delay": timedelta(minutes=5)': '"retry_delay": timedelta(seconds=2)',
        "schedule=NIGHTS": "schedule=None",
    }
    for patient, impatient in changes.items():
        assert patient in text
        text = text.replace(patient, impatient)
    dag.write_text(text, encoding="utf-8")
    return folder


def test_every_shared_stage_is_begun_made_in_shards_and_ended(told: Told) -> None:
    found = told.live.rows(
        "select task_id, count(*), count(*) filter (where state = 'success') from task_instance where run_id = %s "
        "group by task_id",
        told.run_id,
    )
    counts = {task: (number, succeeded) for task, number, succeeded in found}
    for stage in in_shards.SHARED:
        assert counts[f"{stage}_begin"] == counts[stage] == (1, 1)
        assert counts[f"{stage}_shard"] == (SHARDS, SHARDS)
    assert {task for task, (number, succeeded) in counts.items() if number != succeeded} == {"approval"}


def test_the_shard_that_was_killed_and_no_other_task_was_tried_again(told: Told) -> None:
    again = "select task_id, try_number from task_instance where run_id = %s and try_number > 1"
    assert told.live.rows(again, told.run_id) == [("fusion_shard", 2)]


def test_the_tables_are_those_of_a_night_in_one_piece(told: Told, tmp_path: Path) -> None:
    alone = told.config.model_copy(update={"home": tmp_path, "shards": 1})
    load_history(alone, until=NIGHT)
    stages.run(NIGHT, alone)
    for stage in in_shards.SHARED:
        one, other = (artifacts.stage_dir(config.lake, stage, NIGHT) for config in (alone, told.config))
        assert artifacts.content_hash(one) == artifacts.content_hash(other), stage
        assert [path.name for path in other.parent.glob(".*") if path.is_dir()] == []
