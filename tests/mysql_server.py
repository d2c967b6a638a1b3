"""A throw-away MariaDB for tests: real, on a free port, gone when the tests end.

The fixture `mysql_server` is one server for the whole session (tests/conftest.py makes it known); use a database of
your own. Without mariadbd on the machine its tests are skipped, or fail where NIGHTJAR_REQUIRE_MYSQL=1 says that there
must be one. As root it runs as the system's user `mysql`, which Debian's package makes.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

USER = "reader"
PASSWORD = "known:to/the@tests#é"
START_SECONDS = 30
SETTINGS = {"innodb-buffer-pool-size": "64M", "innodb-flush-log-at-trx-commit": "0", "character-set-server": "utf8mb4"}
# one of an old server: what a strict one would refuse can stand in its tables
SETTINGS |= {"sql-mode": ""}


def binary(name: str = "mariadbd") -> str | None:
    """A program of the server's; None where there is none."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")


class Server:
    """A server with data of its own, that asks for a password.

    Attributes:
        port: where it listens, on 127.0.0.1.
    """

    def __init__(self) -> None:
        program, install = binary(), binary("mariadb-install-db")
        assert program is not None
        assert install is not None, "there is no MariaDB here"
        self.program = program
        self.folder = Path(tempfile.mkdtemp(prefix="nightjar-mysql-"))
        self._as = ["--user=mysql"] if os.geteuid() == 0 else []
        if self._as:
            shutil.chown(self.folder, "mysql")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        flags = ["--no-defaults", f"--datadir={self._data}", "--auth-root-authentication-method=normal", *self._as]
        subprocess.run([install, *flags], check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def url(self, database: str = "", user: str = USER, password: str = PASSWORD) -> str:
        """mysql://user:password@host:port/database."""
        return f"mysql://{user}:{quote(password, safe='')}@127.0.0.1:{self.port}/{database}"

    def root(self) -> Any:
        """A session that may do everything."""
        import pymysql

        return pymysql.connect(unix_socket=str(self.folder / "socket"), user="root", autocommit=True, charset="utf8mb4")

    def do(self, *statements: str) -> None:
        """Execute statements as root."""
        with self.root() as session, session.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def create_database(self, name: str) -> str:
        """Make an empty database, all of which USER may do with; its URL."""
        self.do(f"create database {name}", f"grant all on {name}.* to {USER}@'127.0.0.1'")
        return self.url(name)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = {"datadir": self._data, "port": self.port, "bind-address": "127.0.0.1", "skip-name-resolve": 1}
        settings |= {"socket": self.folder / "socket", "pid-file": self.folder / "pid", **SETTINGS}
        flags = ["--no-defaults", *self._as, *(f"--{name}={value}" for name, value in settings.items())]
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen([self.program, *flags], stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.do(f"create or replace user {USER}@'127.0.0.1' identified by '{PASSWORD}'")
                return
            except Exception:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self.folder / "server.log").read_text()) from None
            time.sleep(0.05)

    def remove(self) -> None:
        """End it and remove its data."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        shutil.rmtree(self.folder, ignore_errors=True)


def require() -> None:
    """Skip the test where there is no MariaDB; fail it where the environment says that there must be one."""
    reason = "no MariaDB on this machine (Debian: apt install mariadb-server)"
    if binary() is not None and (os.geteuid() != 0 or any(user.pw_name == "mysql" for user in pwd.getpwall())):
        return
    if os.environ.get("NIGHTJAR_REQUIRE_MYSQL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def mysql_server() -> Iterator[Server]:
    """A running server for the whole session."""
    require()
    server = Server()
    try:
        server.start()
        yield server
    finally:
        server.remove()
