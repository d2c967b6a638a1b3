"""An example of a consumer: the site of what is published, written again after every night."""

from datetime import timedelta
from typing import Any

from airflow.sdk import Asset, Param, PartitionedAssetTimetable, dag, task

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
    params={
        "people": Param(
            None,
            type=["null", "boolean"],
            title="People",
            description="Whether users can be looked up in it. Empty: as in the one that is there.",
        )
    },
    doc_md="Writes `site/` below `NIGHTJAR_HOME`: open its `index.html`, or *Nightjar* in Airflow's menu.",
    tags=["nightjar"],
)
def write_site() -> None:
    """Published tables in, pages out."""

    @task
    def write(params: Any = None) -> str:
        # here, so parsing the DAG imports nothing of the pipeline
        from pipeline.tasks.run_task import write_site as written

        return written(params["people"])

    write()


write_site()
