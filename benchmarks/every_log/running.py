"""A shop's nights as its owner would run them, each by the command line, and what an application then reads.

A night that is stopped is no error of the benchmark: its message is kept, and what is published is what was before.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks import scoring
from benchmarks.scoring import Lists
from pipeline.ground import artifacts
from pipeline.settings.config import Config
from pipeline.sources import configuration

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ran:
    """How a night went.

    Attributes:
        seconds: of the command.
        stopped: what it said where it failed; "" where it published.
    """

    seconds: float
    stopped: str = ""


def settings_of(folder: Path, home: Path, profile: str) -> Config:
    """A shop's configuration with a home and a profile laid over it."""
    return configuration.load(folder / "pipeline.toml", {"home": str(home), "profile": profile})


def run(folder: Path, nights: Sequence[date], until: date, home: Path, profile: str) -> dict[date, Ran]:
    """Load the history once, then run the nights in their order; those that are finished are not run again.

    Args:
        folder: of the shop.
        nights: in order.
        until: the last night whose log is loaded.
        home: made anew where code, settings or mappings are not those that it was made with.
        profile: "fast" or "default".
    """
    _require_current(home, _key(folder))
    history = _kept(home, "history", folder, profile, ["load-history", "--until", str(until)])
    if history.stopped:
        return dict.fromkeys(nights, history)
    return {night: _kept(home, str(night), folder, profile, ["run", "--run-date", str(night)]) for night in nights}


def published(settings: Config, nights: Sequence[date], surface: str) -> Lists:
    """What an application reads after the last of some nights: the lists of the newest of them that published."""
    for night in reversed(nights):
        folder = artifacts.stage_dir(settings.lake, "publish", night)
        if artifacts.is_finished(folder):
            return scoring.by_user(pq.read_table(folder / "recommendations.parquet"), surface)
    return {}


def _key(folder: Path) -> str:
    files = sorted(file for file in folder.iterdir() if file.suffix in {".toml", ".sql"})
    return artifacts.text_sha256(artifacts.code_version(), *(file.read_text(encoding="utf-8") for file in files))


def _require_current(home: Path, key: str) -> None:
    mark = home / "key.txt"
    if mark.exists() and mark.read_text() == key:
        return
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    mark.write_text(key)


def _kept(home: Path, name: str, folder: Path, profile: str, arguments: Sequence[str]) -> Ran:
    """A command's result, from the disk where it has been run; its output is beside."""
    record = home / f"{name}.json"
    if not record.exists():
        command = [sys.executable, "-m", "pipeline", "--config", str(folder / "pipeline.toml"), *arguments]
        environment = os.environ | {"NIGHTJAR_HOME": str(home), "NIGHTJAR_PROFILE": profile}
        output, started = record.with_suffix(".log"), time.perf_counter()
        with output.open("w") as stream:
            done = subprocess.run(command, cwd=ROOT, env=environment, stdout=stream, stderr=stream, check=False)
        said = "" if done.returncode == 0 else _last_words(output)
        record.write_text(json.dumps(asdict(Ran(round(time.perf_counter() - started, 1), said))))
    return Ran(**json.loads(record.read_text()))


def _last_words(output: Path) -> str:
    """The error that a command ended with, or its last line."""
    lines = [line for line in output.read_text(encoding="utf-8").splitlines() if line.strip()] or ["no message"]
    errors = [number for number, line in enumerate(lines) if "rror" in line.split(" ")[0]]
    return "\n".join(lines[errors[-1] :] if errors else lines[-1:])
