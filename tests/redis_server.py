"""A throw-away Redis or Valkey server for tests: real, on a free port, gone when the tests end.

The fixture `redis_server` is one server for the whole session (tests/conftest.py makes it known); begin the names of
keys with something of your own. Without redis-server or valkey-server on the machine its tests are skipped, or fail
where NIGHTJAR_REQUIRE_REDIS=1 says that there must be one.
"""

import os
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

PASSWORD = "known:to/the@tests"
START_SECONDS = 30


def binary() -> str | None:
    """The server's program; None where there is none."""
    return next(filter(None, map(shutil.which, ("redis-server", "valkey-server"))), None)


class Server:
    """A server without persistence that asks for a password.

    Attributes:
        port: where it listens, on 127.0.0.1.
    """

    def __init__(self) -> None:
        found = binary()
        assert found is not None, "there is no Redis here"
        self.program = found
        self.folder = Path(tempfile.mkdtemp(prefix="nightjar-redis-"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is, with its password."""
        return f"redis://:{quote(PASSWORD, safe='')}@127.0.0.1:{self.port}/0"

    def client(self) -> Any:
        """An application's client."""
        import redis

        return redis.Redis.from_url(self.url, decode_responses=True)

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        settings = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "requirepass": PASSWORD,
            "save": "",
            "dir": self.folder,
        }
        flags = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen([self.program, *flags], stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.client().ping()
                return
            except Exception:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self.folder / "server.log").read_text()) from None
            time.sleep(0.02)

    def stop(self) -> None:
        """End it; what it held is lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def remove(self) -> None:
        """Stop it and remove its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def require() -> None:
    """Skip the test where there is no server; fail it where the environment says that there must be one."""
    if binary() is not None:
        return
    reason = "no Redis server on this machine (Debian: apt install redis-server)"
    if os.environ.get("NIGHTJAR_REQUIRE_REDIS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Server]:
    """A running server for the whole session."""
    require()
    server = Server()
    try:
        server.start()
        yield server
    finally:
        server.remove()
