"""A real Airflow for tests: metadata in PostgreSQL, an API server, a scheduler, tasks in processes of their own."""

import contextlib
import itertools
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import psycopg

from tests.conftest import ROOT
from tests.postgres import Server

AIRFLOW = str(Path(sys.executable).parent / "airflow")
POLL_SECONDS = 1.0
_numbers = itertools.count()


@dataclass
class LiveAirflow:
    """The processes, and what a test asks of them.

    Attributes:
        home: AIRFLOW_HOME, logs included.
        metadata: DSN of the metadata database.
        environment: of every process.
        port: the API's.
    """

    home: Path
    metadata: str
    environment: Mapping[str, str]
    port: int
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @classmethod
    def make(cls, home: Path, postgres: Server, more: Mapping[str, str]) -> "LiveAirflow":
        """Migrate the metadata database and store the DAGs; `start` comes next.

        Args:
            home: an empty folder.
            postgres: gets a database of its own for each Airflow, as one server serves all of a worker's tests.
            more: environment of the tasks.
        """
        metadata = postgres.create_database(f"airflow_{next(_numbers)}")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port: int = free.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        environment = os.environ | {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__API__BASE_URL": url,
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(16),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PARALLELISM": "2",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": metadata.replace("postgresql://", "postgresql+psycopg2://", 1),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": metadata.replace("postgresql://", "postgresql+psycopg://", 1),
            "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
            "PYTHONPATH": str(ROOT),
            **more,
        }
        live = cls(home, metadata, environment, port)
        live.cli("db", "migrate")
        live.cli("dags", "reserialize")
        return live

    def cli(self, *arguments: str) -> str:
        """Run an airflow command."""
        done = subprocess.run(
            [AIRFLOW, *arguments], cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"airflow {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """The API server and the scheduler, from when both answer until the block ends."""
        commands = {
            "api-server": ["api-server", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"],
            "scheduler": ["scheduler"],
        }
        try:
            for name, command in commands.items():
                with (self.home / f"{name}.log").open("wb") as log:
                    self.processes[name] = subprocess.Popen(
                        [AIRFLOW, *command],
                        cwd=ROOT,
                        env=self.environment,
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                    )
                if name == "api-server":
                    self.wait(self._answers, 300, "an answer of the API server")
            yield
        finally:
            for process in self.processes.values():
                _end(process)

    def _begin(self, command: list[str], log: BinaryIO) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [AIRFLOW, *command], cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True
        )

    def _answers(self) -> bool:
        try:
            self.api("GET", "/api/v2/version")
        except OSError:
            return False
        return True

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """Call the REST API as an administrator."""
        headers = {"Content-Type": "application/json"}
        if path != "/auth/token":
            headers["Authorization"] = f"Bearer {self.api('GET', '/auth/token')['access_token']}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)

    def trigger(self, dag_id: str, **conf: Any) -> str:
        """Start a manual run.

        Returns:
            Its run_id.
        """
        body = {"logical_date": None, "conf": conf}
        return str(self.api("POST", f"/api/v2/dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the metadata database."""
        with psycopg.connect(self.metadata) as connection:
            return connection.execute(query, values).fetchall()  # type: ignore[arg-type]

    def states(self, run_id: str) -> dict[str, str]:
        """State of every task of a run of the nightly DAG."""
        return dict(self.rows("select task_id, state from task_instance where run_id = %s", run_id))

    def wait(self, done: Callable[[], Any], seconds: float, what: str) -> None:
        """Wait until `done` is true; the processes must live meanwhile.

        Raises:
            AssertionError: it took too long, or a process ended.
        """
        deadline = time.monotonic() + seconds
        while not done():
            dead = [name for name, process in self.processes.items() if process.poll() is not None]
            assert not dead, f"{dead} ended\n{self.tail(dead[0])}"
            assert time.monotonic() < deadline, f"no {what} within {seconds:.0f} s\n{self.tail('scheduler')}"
            time.sleep(POLL_SECONDS)

    def tail(self, name: str) -> str:
        """The end of a process's log, and of those of tasks that failed."""
        texts = [(self.home / f"{name}.log").read_text(errors="replace")[-3000:]]
        failed = "select run_id, task_id from task_instance where state in ('failed', 'up_for_retry') limit 3"
        for run_id, task_id in self.rows(failed):
            for path in sorted(self.home.glob(f"logs/*/run_id={run_id}/task_id={task_id}/*.log")):
                texts.append(f"{path}\n{path.read_text(errors='replace')[-3000:]}")
        return "\n".join(texts)


def _end(process: subprocess.Popen[bytes]) -> None:
    for with_signal in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, with_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
    process.wait()
