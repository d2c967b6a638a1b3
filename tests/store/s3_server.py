"""A real S3 API server on this host (moto), and a proxy before it that misbehaves on request.

The server is the program in NIGHTJAR_S3_SERVER, else `moto_server` beside the interpreter or on PATH, else one from a
virtual environment of its own in the user's cache, which takes a minute once.
"""

import fcntl
import http.client
import http.server
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

RELEASE = "moto[server]==5.2.5"
SECRET = "a-secret-that-must-not-be-seen"
KEY_ID = "AKIDTHATMUSTNOTBESEEN"
Fault = Callable[[str, str], str | None]
"""Of a method and a path: "503", "truncate", "slow", "deny" or "lose" (done, and the answer lost); None: as it is."""


def program() -> str:
    """The server's executable."""
    beside = Path(sys.executable).parent / "moto_server"
    found = os.environ.get("NIGHTJAR_S3_SERVER") or (str(beside) if beside.is_file() else shutil.which("moto_server"))
    return found or str(_installed() / "bin" / "moto_server")


def _installed() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "nightjar-tests")
    folder = cache / RELEASE.replace("[server]==", "-")
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not (folder / "whole").is_file():
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", RELEASE]
            subprocess.run(pip, check=True)
            (folder / "whole").touch()
    return folder


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass
class S3:
    """A running server behind the proxy.

    Attributes:
        port: of the server itself.
        endpoint: of the proxy.
        faults: asked in order about every request.
        seen: method and path of every request so far.
    """

    port: int
    endpoint: str = ""
    faults: list[Fault] = field(default_factory=list)
    seen: list[tuple[str, str]] = field(default_factory=list)
    buckets: int = 0

    def bucket(self) -> str:
        """The name of a new bucket."""
        self.buckets += 1
        name = f"bucket-{self.buckets}"
        self.request("PUT", f"/{name}")
        return name

    def request(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """Ask the server itself."""
        asked = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method, data=body)
        with urllib.request.urlopen(asked, timeout=20) as answer:
            return bytes(answer.read())

    def environment(self) -> dict[str, str]:
        """What a process needs to reach it."""
        return {
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.endpoint,
        }


def _proxy(s3: S3) -> http.server.ThreadingHTTPServer:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            s3.seen.append((self.command, self.path))
            fault = next((said for one in list(s3.faults) if (said := one(self.command, self.path))), None)
            if fault in {"503", "deny"}:
                code = {"503": (503, "SlowDown"), "deny": (403, "AccessDenied")}[fault]
                told = f"<Error><Code>{code[1]}</Code><AWSAccessKeyId>{KEY_ID}</AWSAccessKeyId></Error>".encode()
                return self.say(code[0], {}, told)
            if fault == "slow":
                time.sleep(3)
            server = http.client.HTTPConnection("127.0.0.1", s3.port, timeout=30)
            server.request(self.command, self.path, body, dict(self.headers))
            got = server.getresponse()
            content = got.read()
            server.close()
            if fault == "lose":
                self.close_connection = True
                return None
            self.say(got.status, dict(got.getheaders()), content, len(content) // 2 if fault == "truncate" else None)
            return None

        def say(self, status: int, headers: dict[str, str], content: bytes, cut: int | None = None) -> None:
            dropped = {"connection", "transfer-encoding", "content-length", "server", "date"}
            length = headers.get("Content-Length") if self.command == "HEAD" else None
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in dropped:
                    self.send_header(name, value)
            self.send_header("Content-Length", length or str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content[:cut])
            self.close_connection = cut is not None

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer

        def log_message(self, *_: object) -> None:
            pass

    return http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3]:
    s3 = S3(free_port())
    arguments = [program(), "-H", "127.0.0.1", "-p", str(s3.port)]
    running = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    proxy = _proxy(s3)
    s3.endpoint = f"http://127.0.0.1:{proxy.server_address[1]}"
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        deadline = time.monotonic() + 90
        while True:
            try:
                s3.request("GET", "/moto-api/data.json")
                break
            except OSError:
                if time.monotonic() > deadline or running.poll() is not None:
                    raise
                time.sleep(0.2)
        yield s3
    finally:
        proxy.shutdown()
        running.terminate()
        running.wait(20)


@pytest.fixture
def s3(s3_server: S3, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    """The server, with its credentials in the environment and no faults."""
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    s3_server.faults.clear()
    s3_server.seen.clear()
    yield s3_server
    s3_server.faults.clear()
