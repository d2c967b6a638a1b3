"""Where the work is done: in this process, in several, or on a Spark cluster; nothing here changes a result."""

import re
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator

from pipeline.settings.sections.base import KEPT, Section

SECRET = re.compile(r"(?i)secret|password|token|access\.?key")
"""Names of settings whose values Spark itself hides, spark.redaction.regex."""
EngineName = Literal["local", "spark"]


class Spark(Section):
    """The Spark cluster that `engine = "spark"` works on. Secrets belong into the cluster's own configuration."""

    master: Annotated[str, KEPT] = "local[*]"
    """Where the cluster is: "local[n]", "spark://host:port", "yarn", "k8s://..."; Spark Connect: "sc://host:port"."""
    executor_memory: Annotated[str, KEPT, Field(pattern=r"^\d+[mg]$")] = "1g"
    """Memory of an executor's JVM, such as "900m" or "2g"; it holds what SQL joins and groups."""
    python_memory: Annotated[str, KEPT, Field(pattern=r"^\d+[mg]$")] | None = None
    """What the Python processes of an executor may hold together; beyond it a task fails and is tried again. Default:
    no bound but the cluster manager's."""
    partitions: Annotated[PositiveInt, KEPT] = 64
    """Parts that joined tables and the blocks of users are cut into; two to four times the cluster's cores."""
    sql_from_events: Annotated[NonNegativeInt, KEPT] = 100_000_000
    """Events of the whole history from which on the cluster runs the SQL of the features. Of fewer, DuckDB counts them
    sooner in the stage's own process than a cluster starts its statements; the files are the same."""
    conf: Annotated[dict[str, str], KEPT] = Field(default={})
    """Further settings of Spark, by their names, laid over the ones that are made here."""

    @field_validator("conf")
    @classmethod
    def _only_settings_of_spark(cls, given: dict[str, str]) -> dict[str, str]:
        for name in given:
            if not name.startswith("spark."):
                raise ValueError(f"'{name}' is no setting of Spark: their names begin with 'spark.'")
            if SECRET.search(name):
                raise ValueError(
                    f"'{name}' is a secret, and every manifest holds the configuration: set it in the cluster's "
                    "spark-defaults.conf, or the one that all of a cluster share in NIGHTJAR_SPARK_SECRET"
                )
        return given
