"""A fit over Flower, in processes of this host: a server, three branches, and one that dies or is none."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from pipeline.federated.desk import Desk
from pipeline.federated.session import Session
from pipeline.sources import federated_als
from pipeline.sources.configuration import FullConfig
from tests.federated.in_process import InProcess
from tests.federated.shops import CUTOFFS, NIGHT, SHAPE, write_branch

ROOT = Path(__file__).parents[2]
BIN = Path(os.environ.get("NIGHTJAR_FLOWER", ROOT / ".venv" / "federated" / "bin"))
SECONDS = 900
QUIET = {"FLWR_TELEMETRY_ENABLED": "0", "FLWR_DISABLE_UPDATE_CHECK": "1"}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def _flower() -> None:
    if not (BIN / "flower-superlink").exists():
        if os.environ.get("NIGHTJAR_REQUIRE_FLOWER"):
            pytest.fail(f"{BIN} has no Flower: make .venv/federated")
        pytest.skip(f"{BIN} has no Flower: make .venv/federated")


@pytest.fixture(autouse=True)
def processes() -> Iterator[ExitStack]:
    """What is started is ended, whatever happens."""
    with ExitStack() as stack:
        yield stack


def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Host:
    """A server on this host, and branches that are started by their homes."""

    def __init__(self, folder: Path, processes: ExitStack) -> None:
        self.folder, self.processes, self.port = folder, processes, port()
        paths = {"FLWR_HOME": str(folder / "flwr")}
        paths |= {"PATH": f"{BIN}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "HOME": str(folder)}
        self.environment = QUIET | paths
        (folder / "flwr").mkdir()
        address = f'[superlink.here]\naddress = "127.0.0.1:{self.port}"\ninsecure = true\n'
        (folder / "flwr" / "config.toml").write_text(f'[superlink]\ndefault = "here"\n\n{address}')
        (folder / "app").mkdir()
        text = (ROOT / "examples" / "federated" / "pyproject.toml").read_text()
        (folder / "app" / "pyproject.toml").write_text(text)
        alone = ("--insecure", "--disable-runtime-dependency-installation", "--port", self.port)
        self.start("server", "flower-superlink", *alone)
        until = time.monotonic() + SECONDS
        while not self._listens() and time.monotonic() < until:
            time.sleep(0.2)

    def _listens(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def start(self, name: str, *command: object) -> "subprocess.Popen[bytes]":
        log = self.processes.enter_context((self.folder / f"{name}.log").open("w"))
        words = [str(BIN / str(command[0])), *map(str, command[1:])]
        started = subprocess.Popen(words, env=self.environment, cwd=self.folder, stdout=log, stderr=subprocess.STDOUT)
        self.processes.callback(started.wait)
        self.processes.callback(started.terminate)
        return started

    def branch(self, name: str, config: str, **said: object) -> "subprocess.Popen[bytes]":
        words = " ".join([f'config="{config}"', *(f"{key.replace('_', '-')}={value}" for key, value in said.items())])
        link = ("--insecure", "--superlink", f"127.0.0.1:{self.port}", "--port", port(), "--node-config", words)
        return self.start(name, "flower-supernode", *link)

    def run(self, **settings: object) -> str:
        """The server's log of a fit, once it has ended."""
        words: dict[str, object] = {"run_date": f'"{NIGHT}"', "timeout_seconds": 300} | settings
        given = " ".join(f"{key.replace('_', '-')}={value}" for key, value in words.items())
        command = [str(BIN / "flwr"), "run", str(self.folder / "app"), "here", "--run-config", given]
        begun = subprocess.run(
            command, env=self.environment, cwd=self.folder, capture_output=True, text=True, check=False
        )
        until = time.monotonic() + SECONDS
        while "Finished task" not in self.log("server") and time.monotonic() < until and not begun.returncode:
            time.sleep(0.5)
        return begun.stdout + begun.stderr + self.log("server")

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()


def shop_file(config: FullConfig, **als: object) -> str:
    """The file of a branch whose home is there."""
    file = config.home / "pipeline.toml"
    words = {"factors": SHAPE.factors, "reg": SHAPE.reg, "iterations": 1, "alpha": 3.0} | als
    lines = [f'home = "{config.home}"', "threads = 1", "[als]", *(f"{name} = {value}" for name, value in words.items())]
    file.write_text("\n".join(lines) + "\n")
    return str(file)


def branches(folder: Path) -> list[FullConfig]:
    """Of one cut-off and one iteration: each message starts a process in each branch, which takes seconds."""
    return [write_branch(folder / str(number), number, CUTOFFS[1:], iterations=1) for number in range(3)]


def kept(config: FullConfig) -> list[Path]:
    return sorted(federated_als.shelf(config).glob("[!.]*")) if federated_als.shelf(config).exists() else []


@pytest.mark.parametrize("masked", ["false", "true"])
def test_flowers_own_messages_in_one_process_make_what_a_direct_call_makes(tmp_path: Path, masked: str) -> None:
    configs = branches(tmp_path)
    command = [BIN / "python", "-m", "tests.federated.flower_in_process", NIGHT, masked, *map(shop_file, configs)]
    environment = QUIET | {"PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    words = [str(word) for word in command]
    done = subprocess.run(words, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    sent = json.loads(done.stdout.splitlines()[-1])
    assert [one["kind"] for one in sent[::3]] == ["train.catalogue", "train.agree", *4 * ["train.sums"], "train.keep"]
    assert {name for one in sent for name in one["words"]["words"]} == {"als", "cutoffs", "ids", "key", "hash"}
    assert {tuple(shape) for one in sent for each in one["arrays"] for shape in each} == {(13, 5), (5, 5)}
    require_like_a_direct_call(tmp_path, configs, masked == "true")


def require_like_a_direct_call(folder: Path, configs: list[FullConfig], masked: bool) -> None:
    others = branches(folder / "direct")
    Session(InProcess([Desk(config) for config in others]), NIGHT, masked=masked).run([0, 1, 2])
    direct, *found = (np.load(kept(config)[0] / f"{NIGHT}.npy") for config in (others[0], *configs))
    for one in found:
        np.testing.assert_allclose(one, direct, atol=1e-5)


@pytest.mark.parametrize("masked", [False, True])
def test_a_server_and_three_branches_make_what_one_process_makes(
    tmp_path: Path, processes: ExitStack, masked: bool
) -> None:
    configs, host = branches(tmp_path), Host(tmp_path, processes)
    for number, config in enumerate(configs):
        host.branch(f"branch-{number}", shop_file(config), masked=str(masked).lower())
    said = host.run(masked=str(masked).lower())
    folders = [kept(config) for config in configs]
    assert [len(each) for each in folders] == [1, 1, 1], said + host.log("branch-0")
    assert f'als.item_factors_from = "sha256:{folders[0][0].name}"' in host.log("branch-2")
    require_like_a_direct_call(tmp_path, configs, masked)


def test_the_fit_goes_on_without_a_branch_that_dies(tmp_path: Path, processes: ExitStack) -> None:
    configs, host = branches(tmp_path), Host(tmp_path, processes)
    started = [host.branch(f"branch-{number}", shop_file(config)) for number, config in enumerate(configs)]
    with ThreadPoolExecutor(1) as threads:
        fit = threads.submit(host.run, timeout_seconds=240)
        until = time.monotonic() + SECONDS
        while "answered 'sums'" not in host.log("branch-2") and time.monotonic() < until and not fit.done():
            time.sleep(0.2)
        started[2].kill()
        said = fit.result()
    assert [len(kept(config)) for config in configs] == [1, 1, 0], said
    assert json.loads((kept(configs[0])[0] / "fit.json").read_text())["lost"] == 1
