"""An example of a consumer: one surface of every night that is published, as JSON Lines."""

from datetime import timedelta
from typing import Any

from airflow.sdk import Asset, Param, PartitionedAssetTimetable, dag, task
from airflow.sdk.exceptions import AirflowSkipException

# nightly_recommendations adds a partition per night; a plain `schedule=[asset]` would not see which.
TABLES = Asset("nightjar_tables")


@dag(
    schedule=PartitionedAssetTimetable(assets=TABLES),
    catchup=False,
    max_active_runs=1,
    default_args={
        "retries": 2,
        "retry_delay": timedelta(minutes=5),
        "execution_timeout": timedelta(hours=2),  # one pass over a table
    },
    params={"surface": Param("for_you", type="string", pattern="^[a-z][a-z0-9_]*$", title="Surface")},
    doc_md="Writes `exports/run_date=NIGHT/SURFACE.jsonl` below `NIGHTJAR_HOME`; run by hand, the active run's.",
    tags=["nightjar"],
)
def export_surface() -> None:
    """A published night in, a file out."""

    @task
    def export(params: Any = None, dag_run: Any = None) -> str:
        # here, so parsing the DAG imports nothing of the pipeline
        from pipeline.tasks.run_task import export_night

        if (file := export_night(dag_run.partition_key, params["surface"])) is None:
            raise AirflowSkipException("the night was published without this surface")
        return file

    export()


export_surface()
