"""A throw-away PostgreSQL server for tests: real, on a free port, gone when the tests end.

    def test_something(postgres: Server) -> None:
        postgres.create_database("airflow")
        connection = psycopg.connect(postgres.dsn("airflow"))

The fixture `postgres` is one server for the whole session (tests/conftest.py makes it known); use a database of your
own, and leave the server running. Without PostgreSQL on the machine its tests are skipped, or fail where
NIGHTJAR_REQUIRE_POSTGRES=1 says that there must be one. Debian's binaries are found, else those on the PATH; PostgreSQL
does not run as root, so then the server runs as the system's user `postgres`.
"""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import pytest

SUPERUSER = "postgres"
PASSWORD = "known-to-the-tests"
START_SECONDS = 30
# What a killed process wrote is in the kernel's hands, so tests that kill the server, not the machine, need no fsync.
FAST: Mapping[str, str] = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "64MB", "max_connections": "60"}


def binaries() -> Path | None:
    """The folder of initdb and postgres; None where there is no PostgreSQL, or nobody who may run it."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    found = debian[-1] if debian else shutil.which("initdb")
    if found is None or (os.geteuid() == 0 and (not _has_user(SUPERUSER) or shutil.which("setpriv") is None)):
        return None
    return Path(found).resolve().parent


def _has_user(name: str) -> bool:
    with contextlib.suppress(KeyError):
        return bool(pwd.getpwnam(name))
    return False


class Server:
    """A PostgreSQL server with data of its own; over TCP it asks for a password, on its socket it trusts.

    Attributes:
        host, port: where it listens.
        folder: its data, log (server.log) and socket.
    """

    host = "127.0.0.1"

    def __init__(self, settings: Mapping[str, str] = FAST) -> None:
        """Make the data folder; `start` it next.

        Args:
            settings: server parameters; FAST, the default, gives up safety against a crash of the machine.
        """
        found = binaries()
        assert found is not None, "there is no PostgreSQL here"
        self.bin = found
        self.settings = dict(settings)
        self.folder = Path(tempfile.mkdtemp(prefix="nightjar-postgres-"))
        if os.geteuid() == 0:
            shutil.chown(self.folder, SUPERUSER)
        with socket.socket() as free:
            free.bind((self.host, 0))
            self.port: int = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        password = self.folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        how = ["--username", SUPERUSER, "--pwfile", str(password), "--auth-local=trust", "--auth-host=scram-sha-256"]
        how += ["--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        subprocess.run([*self._as(), str(self.bin / "initdb"), "-D", str(self._data), *how], check=True, **_QUIET)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _as(self) -> list[str]:
        if os.geteuid() != 0:
            return []
        return ["setpriv", f"--reuid={SUPERUSER}", f"--regid={SUPERUSER}", "--clear-groups"]

    def dsn(self, database: str = "postgres", user: str = SUPERUSER, password: str | None = None) -> str:
        """postgresql://user:password@host:port/database; without `password` it is PASSWORD."""
        secret = quote(PASSWORD if password is None else password, safe="")
        return f"postgresql://{user}:{secret}@{self.host}:{self.port}/{database}"

    def create_database(self, name: str, template: str = "template1") -> str:
        """Make a database, empty or with what a template has, which nobody is connected to; return its DSN."""
        import psycopg
        from psycopg import sql

        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            names = map(sql.Identifier, (name, template))
            connection.execute(sql.SQL("create database {} template {}").format(*names))
        return self.dsn(name)

    def start(self) -> None:
        """Start, and wait until connections are taken; after a kill this includes the recovery."""
        assert self._process is None, "the server runs"
        settings = {"port": str(self.port), "listen_addresses": self.host, "unix_socket_directories": str(self.folder)}
        flags = [f"--{key}={value}" for key, value in (settings | self.settings).items()]
        with (self.folder / "server.log").open("ab") as log:
            command = [*self._as(), str(self.bin / "postgres"), "-D", str(self._data), *flags]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        self._wait()

    def _wait(self) -> None:
        import psycopg

        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg.connect(self.dsn(), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                ended = self._process is None or self._process.poll() is not None
                if ended or time.monotonic() > deadline:
                    raise RuntimeError((self.folder / "server.log").read_text()) from None
            time.sleep(0.02)

    @property
    def is_running(self) -> bool:
        """Whether it was started and not ended."""
        return self._process is not None

    def kill(self) -> None:
        """SIGKILL to the server and every process of it, as when the machine loses power; `start` makes it recover."""
        assert self._process is not None, "the server does not run"
        family = [self._process.pid, *_children(self._process.pid)]
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        self._process = None
        while any(Path(f"/proc/{pid}").exists() for pid in family):
            time.sleep(0.005)

    def stop(self) -> None:
        """End it in an orderly way, open connections included; nothing happens where it does not run."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(START_SECONDS)
            self._process = None

    def remove(self) -> None:
        """Stop it and remove its data."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


_QUIET = {"stdout": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}


def _children(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # a process that has ended meanwhile
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found


def require() -> None:
    """Skip the test where there is no PostgreSQL; fail it where the environment says that there must be one."""
    if binaries() is not None:
        return
    reason = "no PostgreSQL server on this machine (Debian: apt install postgresql)"
    if os.environ.get("NIGHTJAR_REQUIRE_POSTGRES") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A running server for the whole session."""
    require()
    server = Server()
    try:
        server.start()
        yield server
    finally:
        server.remove()
