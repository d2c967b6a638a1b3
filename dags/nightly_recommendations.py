"""The nightly run: the data flow, readable at a glance. Everything it does is in `pipeline/`.

`day_so_far` is the same flow, at the times of the day that the shop's `run_at` names: what happened since the night is
known then. Where it names none, it can be triggered by hand.
"""

import os
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import (
    Asset,
    CronDataIntervalTimetable,
    ExceptionRetryPolicy,
    MultipleCronTriggerTimetable,
    Param,
    RetryAction,
    RetryRule,
    TriggerRule,
    dag,
    task,
)
from airflow.sdk.exceptions import AirflowSkipException

# What people see beside the run: what a red task means, and what to do.
TRIAGE = Path(__file__).with_name("nightly_recommendations.md").read_text(encoding="utf-8")
TODAY = Path(__file__).with_name("day_so_far.md").read_text(encoding="utf-8")


def always_asks() -> bool:
    """Whether NIGHTJAR_APPROVAL says that every night waits for a person, whatever a run's form says."""
    return os.environ.get("NIGHTJAR_APPROVAL", "").strip().lower() not in {"", "0", "false", "no"}


PARAMS = {
    "run_date": Param(
        None,
        type=["null", "string"],
        format="date",
        title="Night",
        description="The day whose events are complete. Empty: the run's own night. Not for backfills.",
    ),
    "surfaces": Param(
        None,
        type=["null", "array"],
        items={"type": "string", "pattern": "^[a-z][a-z0-9_]*$"},
        title="Surfaces",
        description="Publish only these lists. Empty: all that are configured.",
    ),
    "force": Param(
        False,
        type="boolean",
        title="Force",
        description="Run every stage anew and publish even if the gate would block.",
    ),
    "overrides": Param(
        {},
        type="object",
        title="Configuration overrides",
        description='Laid over pipeline.toml for this run, e.g. {"als": {"factors": 128}}; models and checks, no places.',
        propertyNames={"pattern": "^[a-z_]+$"},
    ),
    "approval": Param(
        always_asks(),
        type="boolean",
        title="Approval",
        description="Publish only after a person has seen the gate's comparison and approved. "
        "Where the deployment always asks, false changes nothing.",
    ),
}

AT = Param(
    None,
    type=["null", "string"],
    pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}$",
    title="Moment",
    description="The day up to this time of it, in the shop's time zone. Empty: when the run was due.",
)

# One partition per night, and per moment of a day so far; downstream DAGs are scheduled on it, see export_surface.py.
TABLES = Asset("nightjar_tables")

# The first rule that fits decides. A target that is away or a disk that is full may pass; bad data, a model that cannot be
# fitted and a closed gate stay as they are; anything else (a lost worker, a broken connection) is tried again.
MAY_PASS: list[Any] = ["pipeline.ground.errors.UnavailableError", "pipeline.ground.errors.ResourceError"]
RETRY = ExceptionRetryPolicy(
    rules=[
        RetryRule(exception=MAY_PASS, action=RetryAction.RETRY, reason="it may pass"),
        RetryRule(exception="pipeline.ground.errors.PipelineError", action=RetryAction.FAIL, reason="needs a person"),
    ]
)

# The hour at which a night's run begins, by the shop's clock.
BEGINS = 2

# A whole night of a million users takes half an hour on two cores, without the language model (benchmarks/README.md), and
# the next night waits for this one: half a day is the longest that a task may take.
LONGEST = timedelta(hours=float(os.environ.get("NIGHTJAR_TASK_HOURS") or 12))

# Only where a worker with a GPU listens on its own queue, e.g. NIGHTJAR_GPU_EXECUTOR=CeleryExecutor.
GPU_EXECUTOR = os.environ.get("NIGHTJAR_GPU_EXECUTOR")


def shop_zone() -> str:
    """The time zone whose days are nights, as the shop's file says it."""
    from pipeline.ground import zones

    return zones.of_shop()


def stage(name: str, **operator: Any) -> Any:
    """One stage of the pipeline as a task; it is called with the tasks whose artifacts it reads."""
    outlets = operator.get("outlets", ())

    @task(task_id=name, retry_policy=RETRY, **operator)
    def run(*upstream: str, **context: Any) -> str:
        # here, as everywhere below, so parsing the DAG imports nothing of the pipeline
        from pipeline.tasks.run_task import announce, approved, run_task

        params = dict(context.get("params") or {})
        folder = run_task(name, params, context.get("logical_date"), context.get("dag_run"))
        if outlets:
            approved(folder, context["ti"].xcom_pull(task_ids="approval"), params)
            announce(outlets, context["outlet_events"], folder)
        return folder

    return run


def shop() -> Any:
    """What the shop's file says of its tasks: whether several share the users of a stage, whether documents get labels."""
    from pipeline.ground import shop_file

    return shop_file


def shared_stage(
    name: str, *upstream: Any, after: Any = None, trigger_rule: TriggerRule = TriggerRule.ALL_SUCCESS, **operator: Any
) -> Any:
    """A stage that works on users: one task; or one that begins it, a mapped task per shard, and one that ends it.

    The shards find what they go on from in the lake, and write there; whatever dies is tried again by itself. A stage
    that is up to date has none, and ends at once.
    """
    if shop().shards() == 1:
        ended = stage(name, trigger_rule=trigger_rule, **operator)(*upstream)
        return ended if after is None else after >> ended

    @task(task_id=f"{name}_begin", retry_policy=RETRY, trigger_rule=trigger_rule)
    def begin(*upstream: str, params: Any = None, logical_date: Any = None, dag_run: Any = None) -> list[int]:
        from pipeline.tasks.run_task import begin_task

        return begin_task(name, dict(params or {}), logical_date, dag_run)

    @task(task_id=f"{name}_shard", retry_policy=RETRY)
    def make(number: int, params: Any = None, logical_date: Any = None, dag_run: Any = None) -> None:
        from pipeline.tasks.run_task import shard_task

        shard_task(name, number, dict(params or {}), logical_date, dag_run)

    begun = begin(*upstream)
    made = make.expand(number=begun)
    ended = stage(name, trigger_rule=TriggerRule.NONE_FAILED, **operator)(*upstream)
    made >> ended
    if after is not None:  # both: who refuses skips what comes next, and only that
        after >> [begun, ended]
    return ended


def candidate_sources() -> dict[str, tuple[str, ...]]:
    """The models whose lists are fused, in an order in which they can be made, and what each reads beside features."""
    from pipeline.sources import SOURCES  # names only

    return SOURCES


def ask(context: Any) -> None:
    """Before the approval: skip it where the run does not want one, else fill in the gate's comparison."""
    if not (always_asks() or context["params"]["approval"]):
        raise AirflowSkipException("this run needs no approval")
    from pipeline.tasks.run_task import fill_in

    fill_in(context["task"], context["params"], context.get("logical_date"), context["dag_run"])


def tell(what: str) -> Any:
    """A callback that tells NIGHTJAR_NOTIFIER, if that is set, what a function of `notify` says of a task."""

    def callback(context: Any) -> None:
        from pipeline.tasks import notify

        getattr(notify, what)(context)

    return callback


def tell_late(context: Any) -> None:  # named, as the deadline is stored with the name
    """To NIGHTJAR_NOTIFIER, if the tables of the newest night are not valid by now."""
    from pipeline.tasks.notify import late

    late(context)


def deadline() -> Any:
    """By when a night's run is to have ended, `valid_by` of the shop's file, by the hours of a day on which no clock is
    changed; None: nobody says it, or `airflow dags test` runs, which has no stored DAG and would break at the end.
    """
    from airflow.sdk import DeadlineAlert, DeadlineReference, SyncCallback  # type: ignore[attr-defined]

    from pipeline.ground import zones

    if (since_midnight := zones.valid_by_of_shop()) is None or sys.argv[1:3] == ["dags", "test"]:
        return None
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_LOGICAL_DATE,  # the night's own day, at BEGINS
        interval=timedelta(days=1) + since_midnight - timedelta(hours=BEGINS),
        callback=SyncCallback(tell_late),
        name="tables valid by",
    )


def times_of_day() -> MultipleCronTriggerTimetable | None:
    """When a day so far is published, as the shop's file says it; None: only by hand."""
    from pipeline.ground import zones

    crons = [f"{int(time[3:])} {int(time[:2])} * * *" for time in zones.run_times_of_shop()]
    return MultipleCronTriggerTimetable(*crons, timezone=shop_zone()) if crons else None


NIGHTS = CronDataIntervalTimetable(f"0 {BEGINS} * * *", timezone=shop_zone())
ALIKE: dict[str, Any] = {
    "start_date": datetime(2009, 12, 1),
    "catchup": False,
    "max_active_runs": 1,
    "default_args": {
        "retries": 2,
        "retry_delay": timedelta(minutes=5),
        "retry_exponential_backoff": True,
        "execution_timeout": LONGEST,
        "on_failure_callback": tell("failed"),
    },
    "tags": ["nightjar"],
}


def flow() -> None:
    """What reads what: the stages' signatures, as edges."""
    ingest = stage("ingest")()
    features = stage("features")(ingest)
    outcomes = stage("outcomes")(ingest, features)
    made = {"fine_tune": stage("fine_tune", pool="gpu", queue="gpu", executor=GPU_EXECUTOR)(features)}
    for source, reads in candidate_sources().items():
        made[source] = stage(source)(features, *(made[name] for name in reads))
    sources = [made[source] for source in candidate_sources()]
    fusion = shared_stage("fusion", features, *sources)
    ensemble = shared_stage("ensemble", features, *sources, fusion)
    spoken = [stage("languages")(ingest)] if shop().tells_languages() else []
    labels = [stage("classify")(ingest, *spoken)] if shop().has_label_sets() else []
    content = [stage("content")(ingest, features, *labels)] if shop().checks_content() else []
    evaluate = stage("evaluate")(features, *sources, fusion, ensemble, outcomes, *content)
    approval = ApprovalOperator(
        task_id="approval",
        subject="Publish?",
        response_timeout=timedelta(hours=20),
        execution_timeout=timedelta(hours=21),  # of asking; where a person is waited for counts too, longer than that
        retries=0,
        pre_execute=ask,
        on_success_callback=tell("answered"),
    )
    rule = TriggerRule.NONE_FAILED  # skipped where a person refused, not where nobody was asked
    answers = [stage("answer")(ingest, *spoken, *labels, *content)] if shop().has_answers() else []
    topics = [stage("topics")(ingest, *spoken, *labels, *content)] if shop().has_topics() else []
    counted = [stage("entities")(ingest, *spoken, *labels, *content)] if shop().counts_entities() else []
    told = {"on_success_callback": tell("published")} if counted else {}
    reads = (features, *sources, fusion, ensemble, outcomes, evaluate, *labels, *content, *answers, *counted, *topics)
    shared_stage("publish", *reads, after=evaluate >> approval, trigger_rule=rule, outlets=[TABLES], **told)


@dag(schedule=NIGHTS, params=PARAMS, doc_md=TRIAGE, deadline=deadline(), **ALIKE)
def nightly_recommendations() -> None:
    """Logs of one day in, the next day's tables out."""
    flow()


@dag(
    schedule=times_of_day(),
    params={"at": AT} | {name: param for name, param in PARAMS.items() if name != "run_date"},
    doc_md=TODAY,
    **ALIKE,
)
def day_so_far() -> None:
    """Logs of a day that is not over in, its remaining hours' tables out."""
    flow()


nightly_recommendations()
day_so_far()
