"""Runs a rival's script on a night: its lists, its time, its memory. What was run before is not run again."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks import scoring
from benchmarks.rivals import environments
from benchmarks.rivals.catalogue import HERE, Data, Rival
from pipeline.sources import configuration


class FailedError(Exception):
    """A rival's script ended with an error; the message is its last line."""


@dataclass(frozen=True)
class Measured:
    """One run of a rival on one night.

    Attributes:
        seconds: from the start of its process to its end: fitting and both lists.
        peak_mb: most memory any of its processes had resident, MB of 10^6 bytes.
    """

    seconds: float
    peak_mb: float


@dataclass(frozen=True)
class NightFiles:
    """A night's files.

    Attributes:
        history: user_id, item_id, time, weight of everything up to the night.
        acted: distinct (user_id, item_id) of it.
        truth: distinct (user_id, item_id) of the days after it.
    """

    date: date
    history: Path
    acted: Path
    truth: Path

    def judges(self) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
        """Truth and history as the scorer reads them: item_ids by user_id."""
        return scoring.grouped(pq.read_table(self.truth)), scoring.grouped(pq.read_table(self.acted))


def write_night(data: Data, night: date, out: Path) -> NightFiles:
    """Write history and truth of a night from the example's raw logs, once."""
    folder = out / "nights" / data.name
    found = NightFiles(night, *(folder / f"{night}.{part}.parquet" for part in ("log", "history", "truth")))
    if not found.truth.exists():
        folder.mkdir(parents=True, exist_ok=True)
        horizon = timedelta(days=configuration.load(data.example).horizon_days)
        log = scoring.events(data.example.parent, scoring.BEGINNING, night)
        pq.write_table(log, found.history)
        pq.write_table(scoring.pairs(log), found.acted)
        pq.write_table(scoring.purchases(data.example.parent, night, night + horizon), found.truth)
    return found


def run(rival: Rival, night: NightFiles, python: Path, folder: Path) -> Measured:
    """Run a rival on a night, unless the same settings, script, versions and history were run before.

    Args:
        python: the interpreter of its environment.
        folder: gets `<protocol>.parquet` for each protocol, `run.json` and the script's output.
    Raises:
        FailedError: the script failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    record, key = folder / "run.json", _key(rival, night)
    if record.exists():
        known = json.loads(record.read_text())
        if known.pop("key") == key:
            return Measured(**known)
        record.unlink()
    settings = folder / "settings.json"
    settings.write_text(json.dumps({"night": str(night.date), "protocols": rival.protocols}))
    command = [str(python), str(rival.file), str(night.history), str(settings), str(folder)]
    measured = _measure(command, folder, rival.blas_threads)
    record.write_text(json.dumps(asdict(measured) | {"key": key}))
    return measured


def _key(rival: Rival, night: NightFiles) -> str:
    parts = [json.dumps(rival.protocols, sort_keys=True, default=str).encode(), rival.file.read_bytes()]
    parts += [(HERE / "scripts" / "common.py").read_bytes(), night.history.read_bytes()]
    if rival.environment:
        parts.append(environments.requirements(rival.environment).read_bytes())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _measure(command: list[str], folder: Path, blas_threads: int) -> Measured:
    variables = os.environ | {"OPENBLAS_NUM_THREADS": str(blas_threads), "OMP_WAIT_POLICY": "passive"}
    variables.pop("PYTHONPATH", None)  # the rival's environment, and nothing of ours
    output, record = folder / "output.txt", folder / "measured.json"
    measure = [sys.executable, "-I", "-S", str(HERE / "measure.py"), str(record)]
    with output.open("w") as stream:
        done = subprocess.run(measure + command, stdout=stream, stderr=subprocess.STDOUT, env=variables, check=False)
    if done.returncode:
        lines = output.read_text().strip().splitlines()
        raise FailedError(f"{lines[-1] if lines else done.returncode}; see {output}")
    return Measured(**json.loads(record.read_text()))
