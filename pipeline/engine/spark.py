"""The tasks of a job on the executors of a Spark cluster, and the session that all of a process shares."""

import contextlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from pipeline.engine.work import Job, Part
from pipeline.ground import errors, shipped
from pipeline.ground.errors import InputError, PipelineError, ResourceError
from pipeline.settings.config import Config

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

log = logging.getLogger(__name__)

CONNECT = "sc://"
SECRET = "NIGHTJAR_SPARK_SECRET"  # noqa: S105, its name
PARTS = "start long, name string, arrays long, size long, sha256 string"


def session(config: Config) -> "SparkSession":
    """The process's session, made when first asked for.

    Raises:
        InputError: PySpark is not installed.
        ResourceError: the cluster cannot be reached.
    """
    try:
        with _without_a_word_of_pandas():
            from pyspark.sql import SparkSession
    except ModuleNotFoundError:
        raise InputError(
            f"engine = 'spark' needs Java 17 or later, and PySpark: {shipped.installed_by('spark')}"
        ) from None
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    settings = config.spark
    builder = SparkSession.builder.appName("nightjar")
    builder = (
        builder.remote(settings.master) if settings.master.startswith(CONNECT) else builder.master(settings.master)
    )
    for name, value in (_conf(config) | _secret()).items():
        builder = builder.config(name, value)
    try:
        with _without_a_word_of_pandas():
            return builder.getOrCreate()
    except Exception as error:
        raise ResourceError(f"Spark at {settings.master} cannot be used: {_first_line(error)}") from error


@contextlib.contextmanager
def _without_a_word_of_pandas() -> Iterator[None]:
    """PySpark warns of every new pandas; only Arrow's tables are handed over here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
        yield


def _conf(config: Config) -> dict[str, str]:
    """Spark's settings: one zone, overflows that stop, one thread a task, the code that runs here, the shop's own."""
    settings = config.spark
    found = {
        "spark.sql.session.timeZone": config.timezone,
        "spark.sql.ansi.enabled": "true",
        "spark.sql.shuffle.partitions": str(settings.partitions),
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.sql.files.openCostInBytes": "65536",
    }
    if settings.master.startswith(CONNECT):
        return found | settings.conf
    found |= {
        "spark.executor.memory": settings.executor_memory,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        "spark.executorEnv.OMP_NUM_THREADS": "1",
        "spark.executorEnv.OPENBLAS_NUM_THREADS": "1",
        "spark.executorEnv.PYTHONPATH": str(shipped.PACKAGE.parent),
    }
    if settings.python_memory is not None:
        found["spark.executor.pyspark.memory"] = settings.python_memory
    if settings.master.startswith("local"):
        found |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    return found | settings.conf


def _secret() -> dict[str, str]:
    """What opens a cluster that asks for a secret; from the environment, as no secret is part of a configuration."""
    secret = os.environ.get(SECRET, "")
    return {"spark.authenticate": "true", "spark.authenticate.secret": secret} if secret else {}


def slots(session: "SparkSession", config: Config) -> int:
    """How many tasks the cluster works on at a time, as far as it is known; by Spark Connect only `workers` is."""
    if config.spark.master.startswith(CONNECT):
        return config.workers
    return max(config.workers, int(session.sparkContext.defaultParallelism))


def run(session: "SparkSession", job: Job) -> Iterator[Part]:
    """The parts in order, once all are there; Spark makes the tasks of a lost executor again.

    Raises:
        PipelineError: as the work says.
        ResourceError: a task failed as often as Spark tries it.
    """
    tasks = len(job.tasks)
    try:
        with _without_a_word_of_pandas():
            rows = session.range(0, tasks, 1, tasks).mapInArrow(OnExecutor(job), PARTS).collect()
    except Exception as error:
        raise _own(error) or ResourceError(f"Spark gave up on {tasks} tasks: {_first_line(error)}") from error
    yield from sorted((Part(*row) for row in rows), key=lambda part: part.start)


@dataclass(frozen=True)
class OnExecutor:
    """What an executor does with the numbers of tasks: it makes them, and says what it wrote."""

    job: Job

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                columns = zip(PARTS.split(", "), astuple(self.job.run(number)), strict=True)
                yield pa.RecordBatch.from_pydict({name.split()[0]: [value] for name, value in columns})


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _own(error: Exception) -> PipelineError | None:
    """What a worker refused, found in the traces of the JVM and of Python around it; None: something else happened."""
    for line in reversed(str(error).splitlines()):
        name, _, said = line.strip().removeprefix(f"{errors.__name__}.").partition(": ")
        kind = getattr(errors, name, None) if line.strip().startswith(errors.__name__) else None
        if isinstance(kind, type) and issubclass(kind, PipelineError):
            return kind(said)
    return None
