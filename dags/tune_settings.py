"""By hand: better settings for one list, searched on nights of the past; a pipeline.toml reads them with `tuned`."""

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, dag, task

PARAMS = {
    "nights": Param(
        [],
        type="array",
        items={"type": "string", "format": "date"},
        title="Nights",
        description="Judged on; older than any night whose quality is reported.",
    ),
    "list": Param("final", type="string", pattern="^[a-z_]+$", title="List", description="final, or a source's."),
    "trials": Param(30, type="integer", minimum=1, title="Trials", description="In total; a second run goes on."),
    "minutes": Param(
        240, type="integer", minimum=1, maximum=2880, title="Minutes", description="No trial begins after this time."
    ),
}


@dag(
    schedule=None,
    catchup=False,
    max_active_runs=1,
    default_args={
        "retries": 1,
        "retry_delay": timedelta(minutes=5),
        "execution_timeout": timedelta(days=3),  # the most minutes there can be, and a day for the last trial
    },
    params=PARAMS,
    doc_md="Writes `tuned.toml` below `NIGHTJAR_HOME`; nothing changes until `tuned` in pipeline.toml names it.",
    tags=["nightjar"],
)
def tune_settings() -> None:
    """Nights of the past in, a TOML file out."""

    @task
    def tune(params: Any = None) -> str:
        # here, so parsing the DAG imports nothing of the pipeline
        from pipeline.tasks.run_task import tune_settings

        return tune_settings(dict(params or {}))

    tune()


tune_settings()
