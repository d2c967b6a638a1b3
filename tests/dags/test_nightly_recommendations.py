"""The DAG's wiring against the stages' signatures, without a database."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.operations import in_shards, stages

ROOT = Path(__file__).parents[2]
FAILS = ("InputError", "TrainingError", "GateError", "PublishError")
MAY_PASS = {"UnavailableError": "retry", "ResourceError": "retry", "OSError": "default"}

READ_DAG = """
import json, sys
import airflow.sdk, airflow.models, airflow.timetables.interval
from airflow.sdk import task
before = set(sys.modules)
sys.path.insert(0, "dags")
import nightly_recommendations as module
dag, today = module.nightly_recommendations(), module.day_so_far()
wired = lambda dag: {t.task_id: [sorted(t.upstream_task_ids), t.pool, t.trigger_rule] for t in dag.tasks}
told = lambda found: [found] if callable(found) else found  # of a mapped task it is no list
tasks = {t.task_id: {"upstream": sorted(t.upstream_task_ids), "pool": t.pool, "queue": t.queue, "retries": t.retries,
                     "outlets": [o.name for o in t.outlets], "rule": t.trigger_rule,
                     "told": len(told(t.on_failure_callback)),
                     "hours": t.execution_timeout and t.execution_timeout.total_seconds() / 3600}
         for t in dag.tasks}
import airflow.sdk.exceptions, pipeline.ground.errors as errors
def decided(name):
    found = module.RETRY.evaluate(getattr(errors, name, OSError)("said"), 1, 3)
    return found.action.value
import export_surface, tune_settings, write_site
rooms = {name.split(".")[1] for name in set(sys.modules) - before if name.startswith("pipeline.")}
due = lambda dag: [[type(d.reference).__name__, d.interval.total_seconds() / 3600, d.callback.path.split(".")[-1]]
                   for d in dag.deadline or []]
heavy = {"torch", "transformers", "implicit", "lightgbm", "pandas", "pipeline.operations.stages", "duckdb", "pyarrow"}
print(json.dumps({"tasks": tasks, "rooms": sorted(rooms), "deadline": due(dag), "today_deadline": due(today),
                  "heavy": sorted(heavy & (set(sys.modules) - before)),
                  "params": dag.params.dump(), "night": [dag.timetable.expression, str(dag.timetable.timezone)],
                  "today": {"params": today.params.dump(), "same": wired(today) == wired(dag),
                            "times": [[t.expression, str(t.timezone)] for t in today.timetable.timetables]},
                  "schedule": type(export_surface.export_surface().timetable).__name__,
                  "tune": tune_settings.tune_settings().params.dump(),
                  "others": {t.task_id: t.execution_timeout and t.execution_timeout.total_seconds() / 3600
                             for d in (export_surface.export_surface(), tune_settings.tune_settings(),
                                       write_site.write_site())
                             for t in d.tasks},
                  "retry": {name: decided(name) for name in sys.argv[1:]}, "doc": dag.doc_md, "catchup": dag.catchup}))
"""


@pytest.fixture(scope="module")
def dag(tmp_path_factory: pytest.TempPathFactory) -> dict:
    return read(tmp_path_factory.mktemp("airflow"), 'timezone = "Asia/Kolkata"\nrun_at = ["18:30", "09:00"]')


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """The DAG of a shop whose users several tasks share, and that asks for everything that documents can give."""
    words = "[languages]\ndeclared = ['en', 'pt']\n"
    words += "[classify.label_sets.intent]\n[answer]\nk = 3\n[entities]\nenabled = true\n[topics]\nenabled = true\n"
    words += "[[content.checks]]\nname = 'banned'\nwords = ['gnome']"
    said = f'shards = 3\nrun_at = ["09:00"]\n[monitoring]\nvalid_by = "06:30"\n{words}'
    return read(tmp_path_factory.mktemp("airflow"), said)


def read(home: Path, settings: str) -> dict:
    """What the DAG of a shop looks like."""
    (home / "pipeline.toml").write_text(settings)
    return printed(home, READ_DAG, *FAILS, *MAY_PASS, NIGHTJAR_CONFIG=str(home / "pipeline.toml"))


def printed(home: Path, code: str, *arguments: str, **environment: str) -> Any:
    """What a program beside Airflow prints in its last line, as JSON."""
    env = os.environ | {"PYTHONPATH": str(ROOT), "AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    command = [sys.executable, "-c", code, *arguments]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=env | environment, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.strip().splitlines()[-1])


def test_a_tuning_is_started_by_hand_with_nights_to_judge_on(dag: dict) -> None:
    assert dag["tune"] == {"nights": [], "list": "final", "trials": 30, "minutes": 240}


def test_the_edges_are_the_signatures(dag: dict) -> None:
    there = [name for name in stages.STAGES if name not in stages.APART]  # this shop has neither label sets nor answers
    declared = {name: sorted(set(stages.upstream(name)) - stages.APART) for name in there}
    declared["publish"] = sorted([*declared["publish"], "approval"])
    assert {name: task["upstream"] for name, task in dag["tasks"].items()} == declared | {"approval": ["evaluate"]}


def test_in_shards_the_edges_between_stages_are_the_same(shared: dict) -> None:
    tasks = shared["tasks"]
    for name in stages.STAGES:
        reads = sorted(stages.upstream(name))
        more = ["approval"] if name == "publish" else []
        made = [f"{name}_shard"] if name in in_shards.SHARED else []
        assert tasks[name]["upstream"] == sorted([*reads, *more, *made])
        if made:
            assert tasks[f"{name}_begin"]["upstream"] == sorted([*reads, *more])
            assert tasks[f"{name}_shard"]["upstream"] == [f"{name}_begin"]
            assert tasks[name]["rule"] == "none_failed"  # a stage that is up to date has no shards
    rules = {name: tasks[f"{name}_begin"]["rule"] for name in in_shards.SHARED}
    assert rules == {"fusion": "all_success", "ensemble": "all_success", "publish": "none_failed"}
    assert tasks["publish"]["outlets"] == ["nightjar_tables"]
    assert not tasks["publish_begin"]["outlets"]
    assert shared["today"]["same"]
    assert shared["heavy"] == []
    assert {task["told"] for task in tasks.values()} == {1}
    assert {task["hours"] for name, task in tasks.items() if name != "approval"} == {12}


def test_a_night_begins_when_the_shops_day_is_over(dag: dict) -> None:
    assert dag["night"] == ["0 2 * * *", "Asia/Kolkata"]


def test_a_day_so_far_is_the_same_flow_at_the_times_that_the_shop_names(dag: dict) -> None:
    assert dag["today"]["same"]
    assert set(dag["today"]["params"]) == set(dag["params"]) - {"run_date"} | {"at"}
    assert dag["today"]["times"] == [["0 9 * * *", "Asia/Kolkata"], ["30 18 * * *", "Asia/Kolkata"]]


def test_parsing_imports_nothing_heavy(dag: dict) -> None:
    assert dag["heavy"] == []


def test_parsing_imports_the_ground_and_the_names_of_sources_alone(shared: dict) -> None:
    assert set(shared["rooms"]) <= {"ground", "sources"}


def test_a_shop_that_names_no_time_has_no_deadline(dag: dict) -> None:
    assert dag["deadline"] == dag["today_deadline"] == []


def test_the_deadline_is_a_time_of_the_day_after_the_night(shared: dict) -> None:
    """The night's interval begins at two: half past six of the day after is 28 and a half hours later."""
    assert shared["deadline"] == [["DagRunLogicalDateDeadline", 28.5, "tell_late"]]
    assert shared["today_deadline"] == []


READ_DEADLINES = """
import importlib, json, os, sys
sys.path.insert(0, "dags")
found = []
for path in sys.argv[1:]:
    os.environ["NIGHTJAR_CONFIG"] = path
    read = sys.modules.get("nightly_recommendations")
    module = importlib.reload(read) if read else importlib.import_module("nightly_recommendations")
    found.append(len(module.nightly_recommendations().deadline or []))
print(json.dumps(found))
"""


def test_a_time_that_is_none_breaks_no_dag(tmp_path: Path) -> None:
    expected = {'"6:30"': 0, "630": 0, '["06:30"]': 0, '"06:30"': 1}
    files = [tmp_path / f"{number}.toml" for number in range(len(expected))]
    for path, time in zip(files, expected, strict=True):
        path.write_text(f'run_at = ["09:00"]\n[monitoring]\nvalid_by = {time}')
    assert printed(tmp_path, READ_DEADLINES, *map(str, files)) == list(expected.values())


def test_only_the_fine_tuning_waits_for_the_gpu(dag: dict) -> None:
    assert [name for name, task in dag["tasks"].items() if task["pool"] == "gpu"] == ["fine_tune"]
    assert [name for name, task in dag["tasks"].items() if task["queue"] == "gpu"] == ["fine_tune"]


def test_a_person_is_asked_once_and_what_may_pass_is_tried_again(dag: dict) -> None:
    """Of a closed gate the policy says that it needs a person; a lost worker or a full disk is none."""
    assert dag["tasks"]["approval"]["retries"] == 0
    assert all(task["retries"] == 2 for name, task in dag["tasks"].items() if name != "approval")


def test_what_a_person_must_mend_fails_at_once_and_what_may_pass_is_retried(dag: dict) -> None:
    assert dag["retry"] == dict.fromkeys(FAILS, "fail") | MAY_PASS


def test_no_task_runs_for_ever(dag: dict) -> None:
    hours = dict.fromkeys(dag["tasks"], 12) | {"approval": 21}  # a person has 20
    assert {name: task["hours"] for name, task in dag["tasks"].items()} == hours
    assert dag["others"] == {"export": 2, "tune": 72, "write": 2}


def test_every_failure_is_told(dag: dict) -> None:
    assert {task["told"] for task in dag["tasks"].values()} == {1}


def test_nobody_is_asked_by_default_and_then_publish_runs(dag: dict) -> None:
    assert dag["params"]["approval"] is False
    assert dag["tasks"]["publish"]["rule"] == "none_failed"


READ_APPROVAL = """
import importlib, json, os, sys
sys.path.insert(0, "dags")
import nightly_recommendations as module
import pipeline.tasks.run_task as run_task
asked = []
run_task.fill_in = lambda *given: asked.append(given)
def waits(form):
    asked.clear()
    try:
        module.ask({"params": {"approval": form}, "task": None, "dag_run": None})
    except module.AirflowSkipException:
        pass
    return bool(asked)
found = {}
for value in sys.argv[1:]:
    os.environ["NIGHTJAR_APPROVAL"] = value
    default = importlib.reload(module).PARAMS["approval"].value
    found[value] = [default, waits(False), waits(True)]
print(json.dumps(found))
"""


def test_only_a_plain_no_in_the_environment_leaves_the_question_to_the_form(tmp_path: Path) -> None:
    expected = {plain_no: [False, False, True] for plain_no in ("", " ", "0", "false", "False", "no")}
    expected |= {anything_else: [True, True, True] for anything_else in ("1", "true", "TRUE", "yes", "on", "ture")}
    assert printed(tmp_path, READ_APPROVAL, *expected) == expected


def test_only_publish_has_an_asset_and_the_example_follows_its_partitions(dag: dict) -> None:
    assert {name: task["outlets"] for name, task in dag["tasks"].items() if task["outlets"]} == {
        "publish": ["nightjar_tables"]
    }
    assert dag["schedule"] == "PartitionedAssetTimetable"


def test_the_form_and_the_triage_notes_are_there(dag: dict) -> None:
    assert sorted(dag["params"]) == ["approval", "force", "overrides", "run_date", "surfaces"]
    assert all(stage in dag["doc"] for stage in ("ingest", "fine_tune", "evaluate", "approval", "publish"))
    assert dag["catchup"] is False


def test_the_command_line_helps_without_anything_heavy() -> None:
    code = "import sys, pipeline.__main__ as command; command.parser().format_help(); print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert not {"torch", "transformers", "implicit", "pandas", "pyarrow", "numpy", "duckdb"} & set(done.stdout.split())
