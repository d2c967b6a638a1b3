"""A Spark cluster of this host: a master and its workers, each a process, from what the package pyspark brings."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

WAIT_SECONDS = 120


def require_spark() -> None:
    """Skip where PySpark or Java is missing; with NIGHTJAR_REQUIRE_SPARK=1 fail."""
    if (missing := missing_of_spark()) is None:
        return
    if os.environ.get("NIGHTJAR_REQUIRE_SPARK") == "1":
        pytest.fail(f"{missing} is missing, and NIGHTJAR_REQUIRE_SPARK=1 asks for it")
    pytest.skip(f"{missing} is not installed")


def missing_of_spark() -> str | None:
    """What Spark needs and is not here."""
    import importlib.util

    if importlib.util.find_spec("pyspark") is None:
        return "PySpark"
    return None if shutil.which("java") else "Java"


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass
class Cluster:
    """A standalone cluster.

    Attributes:
        url: of its master.
        page: the master's page, which lists its workers.
        workers: their processes.
    """

    url: str
    page: str
    workers: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def alive(self) -> int:
        """How many workers the master knows to be alive."""
        try:
            with urllib.request.urlopen(f"{self.page}/json/", timeout=5) as answer:
                return answer.read().count(b'"ALIVE"') - 1  # the master says it of itself, too
        except OSError:
            return 0


def _start(folder: Path, *arguments: str, **environment: str) -> "subprocess.Popen[bytes]":
    import pyspark

    home = Path(pyspark.__file__).parent
    given = os.environ | {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
    log = (folder / f"{arguments[0].rpartition('.')[2]}-{time.monotonic_ns()}.log").open("wb")
    command = [str(home / "bin" / "spark-class"), *arguments]
    return subprocess.Popen(
        command, stdout=log, stderr=subprocess.STDOUT, env=given | environment, start_new_session=True
    )


@contextlib.contextmanager
def cluster(folder: Path, workers: int = 2, memory: str = "1g", secret: str = "") -> Iterator[Cluster]:
    """A master and workers of one core each, stopped at the end.

    Args:
        folder: for their logs and files.
        workers: how many.
        memory: of each, for its executors.
        secret: that everybody must know; empty: nobody asks.
    """
    port, page = free_port(), free_port()
    deploy, started = "org.apache.spark.deploy", []
    host = ("--host", "127.0.0.1")
    known: tuple[str, ...] = ()
    if secret:  # as docker/compose.yaml does it
        (folder / "spark.conf").write_text(f"spark.authenticate true\nspark.authenticate.secret {secret}\n")
        known = ("--properties-file", str(folder / "spark.conf"))
    try:
        listens = ("--port", str(port), "--webui-port", str(page))
        started.append(_start(folder, f"{deploy}.master.Master", *host, *listens, *known))
        made = Cluster(f"spark://127.0.0.1:{port}", f"http://127.0.0.1:{page}")
        for number in range(workers):
            own = folder / f"worker-{number}"
            own.mkdir()
            size = ("--cores", "1", "--memory", memory, "--webui-port", str(free_port()), "-d", str(own))
            one = _start(folder, f"{deploy}.worker.Worker", made.url, *host, *size, *known)
            started.append(one)
            made.workers.append(one)
        ends = time.monotonic() + WAIT_SECONDS
        while made.alive() < workers:
            if time.monotonic() > ends:
                raise TimeoutError(f"the cluster has {made.alive()} of {workers} workers; its logs are in {folder}")
            time.sleep(0.2)
        yield made
    finally:
        for one in reversed(started):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(one.pid, 15)
            one.wait(30)


@contextlib.contextmanager
def connect_server(folder: Path) -> Iterator[str]:
    """A Spark Connect server with executors of two cores of its own; its URL."""
    port = free_port()
    settings = {"connect.grpc.binding.address": "127.0.0.1", "connect.grpc.binding.port": str(port)}
    conf = [part for name, value in settings.items() for part in ("--conf", f"spark.{name}={value}")]
    kind = "org.apache.spark.sql.connect.service.SparkConnectServer"
    submit = ("org.apache.spark.deploy.SparkSubmit", "--master", "local[2]", *conf, "--class", kind, "spark-internal")
    server = _start(folder, *submit, PYTHONPATH=str(Path(__file__).parents[2]))
    try:
        ends = time.monotonic() + WAIT_SECONDS
        while not _listens(port):
            if server.poll() is not None or time.monotonic() > ends:
                raise TimeoutError(f"Spark Connect does not listen; its log is in {folder}")
            time.sleep(0.2)
        yield f"sc://127.0.0.1:{port}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, 15)
        server.wait(30)


def _listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0
