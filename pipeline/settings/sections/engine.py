"""Where the work is done: in this process, in several, or on a Spark cluster; nothing here changes a result."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, field_validator

from pipeline.settings.sections.base import KEPT, Section

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
    """Parts that joined and grouped tables are cut into; two to four times the cluster's cores."""
    conf: Annotated[dict[str, str], KEPT] = Field(default={})
    """Further settings of Spark, by their names, laid over the ones that are made here."""

    @field_validator("conf")
    @classmethod
    def _only_settings_of_spark(cls, given: dict[str, str]) -> dict[str, str]:
        for name in given:
            if not name.startswith("spark."):
                raise ValueError(f"'{name}' is no setting of Spark: their names begin with 'spark.'")
        return given
