"""A headless Chromium, spoken to by its DevTools protocol: a page's text, what is typed, what was drawn when."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

SECONDS = 60.0
"""That anything may take on a busy machine."""


def program() -> str:
    """Where Chromium is; a test that needs it is skipped without, except where NIGHTJAR_REQUIRE_CHROMIUM is set."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    if os.environ.get("NIGHTJAR_REQUIRE_CHROMIUM"):
        raise FileNotFoundError("there is no Chromium: apt-get install chromium")
    pytest.skip("there is no Chromium")


class Tab:
    """A page that is open."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket, self.number = socket, 0
        self.said: list[str] = []
        """What the page wrote to the console, errors, dialogs and requests to somewhere else, as they came."""
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and return its result."""
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": params}))
        while True:
            got = json.loads(self.socket.recv(timeout=SECONDS))
            if got.get("id") == self.number:
                if "error" in got and "navigated" in got["error"]["message"]:
                    return {"result": {}}  # there is another page meanwhile
                assert "error" not in got, got
                return dict(got["result"])
            self._note(got)

    def _note(self, event: dict[str, Any]) -> None:
        name, params = event.get("method", ""), event.get("params", {})
        if name == "Page.javascriptDialogOpening":
            self.said.append(f"dialog {params['message']}")
            self.socket.send(json.dumps({"id": 0, "method": "Page.handleJavaScriptDialog", "params": {"accept": True}}))
        elif name in {"Runtime.consoleAPICalled", "Runtime.exceptionThrown"}:
            self.said.append(f"{name} {json.dumps(params)[:500]}")
        elif name == "Log.entryAdded" and "ERR_FILE_NOT_FOUND" not in params["entry"]["text"]:  # nobody is there
            self.said.append(f"log {params['entry']['text']}")
        elif name == "Network.requestWillBeSent" and not params["request"]["url"].startswith("file:"):
            self.said.append(f"request {params['request']['url']}")

    def run(self, script: str) -> Any:
        """The value of an expression; a promise is waited for."""
        got = self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in got, got["exceptionDetails"]
        return got["result"].get("value")

    def open(self, page: Path, at: str = "") -> None:
        """Go to a file, and what it shows of `at`, the part of the address after #."""
        self.send("Page.navigate", url="about:blank")
        self.send("Page.navigate", url=page.as_uri() + (f"#{at}" if at else ""))
        self.until("document.readyState === 'complete' && location.protocol === 'file:'")

    def until(self, script: str) -> None:
        """Wait for an expression to be true."""
        end = time.monotonic() + SECONDS
        while not self.run(script):
            assert time.monotonic() < end, f"never true: {script}\n{self.text()}"
            time.sleep(0.02)

    def text(self) -> str:
        """What a person sees of the page, as text."""
        return str(self.run("document.body.innerText"))

    def type(self, text: str) -> None:
        """Put a text into what has the focus, as from a keyboard."""
        self.send("Input.insertText", text=text)

    def press(self, key: str) -> None:
        """Press and release a key, such as Enter or ArrowDown."""
        code = {"Enter": 13, "Escape": 27, "ArrowUp": 38, "ArrowDown": 40, "Tab": 9}.get(key, ord(key[0]))
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        given = {"key": key, "windowsVirtualKeyCode": code} | ({"text": text} if text else {})
        self.send("Input.dispatchKeyEvent", type="keyDown", **given)
        self.send("Input.dispatchKeyEvent", type="keyUp", **given)

    def is_wide(self, width: int, dark: bool = False) -> None:
        """Make the window so many pixels wide, and light or dark."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.send(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}],
        )


@contextmanager
def opened(folder: Path) -> Iterator[Tab]:
    """A browser with one tab; its profile is below `folder`."""
    command = [
        program(),
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
    ]
    command += [f"--user-data-dir={folder / 'profile'}", "--remote-debugging-port=0", "about:blank"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        try:
            with connect(_page_of(process), max_size=None) as socket:
                yield Tab(socket)
        finally:
            process.kill()


def _page_of(process: "subprocess.Popen[str]") -> str:
    """Where the tab of a browser that has just been started listens."""
    import urllib.request

    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"listening on ws://([\d.:]+)/", line):
            with urllib.request.urlopen(f"http://{found[1]}/json", timeout=SECONDS) as answer:
                pages = [page for page in json.load(answer) if page["type"] == "page"]
            return str(pages[0]["webSocketDebuggerUrl"])
    raise AssertionError("the browser ended")
