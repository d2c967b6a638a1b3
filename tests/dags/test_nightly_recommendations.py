"""The DAG's wiring against the stages' signatures, without a database."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline import stages

ROOT = Path(__file__).parents[2]

READ_DAG = """
import json, sys, time
import airflow.sdk, airflow.models, airflow.timetables.interval
from airflow.sdk import task
before, started = set(sys.modules), time.perf_counter()
sys.path.insert(0, "dags")
import nightly_recommendations as module
seconds = time.perf_counter() - started
dag = module.nightly_recommendations()
tasks = {t.task_id: {"upstream": sorted(t.upstream_task_ids), "pool": t.pool, "queue": t.queue, "retries": t.retries}
         for t in dag.tasks}
heavy = {"torch", "transformers", "implicit", "lightgbm", "pandas", "pipeline.stages", "duckdb", "pyarrow"}
print(json.dumps({"tasks": tasks, "seconds": seconds, "heavy": sorted(heavy & (set(sys.modules) - before)),
                  "params": sorted(dag.params), "doc": dag.doc_md, "catchup": dag.catchup}))
"""


@pytest.fixture(scope="module")
def dag(tmp_path_factory: pytest.TempPathFactory) -> dict:
    home = tmp_path_factory.mktemp("airflow")
    env = os.environ | {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    run = subprocess.run(
        [sys.executable, "-c", READ_DAG], capture_output=True, text=True, cwd=ROOT, env=env, check=False
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.strip().splitlines()[-1])


def test_the_edges_are_the_signatures(dag: dict) -> None:
    declared = {name: sorted(stages.upstream(name)) for name in stages.STAGES}
    assert {name: task["upstream"] for name, task in dag["tasks"].items()} == declared


def test_parsing_takes_under_a_second_and_imports_nothing_heavy(dag: dict) -> None:
    assert dag["seconds"] < 1
    assert dag["heavy"] == []


def test_only_the_fine_tuning_waits_for_the_gpu(dag: dict) -> None:
    assert [name for name, task in dag["tasks"].items() if task["pool"] == "gpu"] == ["fine_tune"]
    assert [name for name, task in dag["tasks"].items() if task["queue"] == "gpu"] == ["fine_tune"]


def test_the_gate_is_never_retried(dag: dict) -> None:
    assert dag["tasks"]["evaluate"]["retries"] == 0
    assert all(task["retries"] == 2 for name, task in dag["tasks"].items() if name != "evaluate")


def test_the_form_and_the_triage_notes_are_there(dag: dict) -> None:
    assert dag["params"] == ["force", "overrides", "run_date", "surfaces"]
    assert all(stage in dag["doc"] for stage in ("ingest", "fine_tune", "evaluate", "publish"))
    assert dag["catchup"] is False


def test_the_command_line_helps_in_under_a_second() -> None:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "pipeline", "--help"], cwd=ROOT, check=True, capture_output=True)
    assert time.perf_counter() - started < 1.5  # a loaded machine; 0.3 s of it is Python and pydantic
