"""One small but real night, shared by the tests that look at a whole run.

The example shop's real logs and every stage of the real DAG, with models small enough for a test.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

# A worker has one core: threads of OpenMP and BLAS wait for each other by spinning, and take what the other one needs.
# Before anything that reads it when it is loaded; who tests threads gives their number.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from pipeline.sources import configuration

pytest_plugins = [
    "tests.postgres",
    "tests.mysql_server",
    "tests.redis_server",
    "tests.search_server",
    "tests.store.s3_server",
]

# `make test` exports the example's home and configuration; a test that wants one of them sets it itself.
for name in ("NIGHTJAR_HOME", "NIGHTJAR_CONFIG", "NIGHTJAR_PROFILE"):
    os.environ.pop(name, None)
# As in the Makefile: a worker or a program that a test starts would compile all of Airflow or torch that it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "online_retail" / "pipeline.toml"
NIGHT = date(2010, 3, 7)
# The fewest label windows that the folds allow, and candidates that fill a list; of the encoder the lowest layers,
# judged once: that changes no vector.
SMALL: dict[str, Any] = {
    "label_windows": 3,
    "window_stride_days": 14,
    "als": {"factors": 32, "candidates": 60},
    **{name: {"candidates": 60} for name in ("popularity", "user_knn", "item_knn", "ease", "ridge", "language_model")},
    "fine_tune": {"steps": 4, "epochs": 1, "layers": 2},
    "fusion": {
        "rounds": 20,
        "ablation_rounds": 5,
        "activity_rounds": 10,
        "alpha_step": 0.5,
        "depth": 25,
        "negatives": 20,
    },
}


@dataclass(frozen=True)
class Run:
    """A home folder in which a night has run.

    Attributes:
        home: lake and tables.
        config: the configuration of the run.
        output: what the run printed.
    """

    home: Path
    config: configuration.FullConfig
    output: str


@pytest.fixture(scope="session", autouse=True)
def no_waiting_for_the_disk() -> Iterator[None]:
    """No test is about a machine that loses its power, and `sync` waits for what all of its programs have written."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "sync", lambda: None)
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


LONG = {"airflow_run", "story"}
"""Fixtures that take minutes: their tests go first, so that another worker has all the others for meanwhile."""
LONGEST = (
    "operations/test_in_shards.py",
    "intake/test_live_and_backfill.py",
    "intake/test_late_rows.py",
    "intake/test_late_inputs.py",
    "intake/test_cut_lines.py",
    "operations/test_prune.py",
    "intake/test_precedence.py",
    "operations/test_day_so_far.py",
    "faults/test_hostile_logs.py",
    "published/targets/test_postgres_faults.py",
    "intake/test_written_anew.py",
    "operations/test_init.py",
    "intake/test_empty_files.py",
    "publication/test_editorial.py",
    "intake/test_newest_first.py",
    "intake/test_timezone.py",
    "sources/test_new_source.py",
    "operations/test_forget.py",
    "store/test_operations.py",
)
"""Files of twenty seconds and more, the longest first: workers end together where what is left at the end is short."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first; the order of a file's tests stays as it is. What `few` leaves out is slow."""
    leave_out(items)
    places = {f"tests/{name}": number for number, name in enumerate(LONGEST)}

    def place(item: pytest.Item) -> tuple[bool, int]:
        takes_minutes = not LONG.isdisjoint(getattr(item, "fixturenames", ()))
        return not takes_minutes, places.get(item.nodeid.partition("::")[0], len(LONGEST))

    items.sort(key=place)


def leave_out(items: list[pytest.Item]) -> None:
    """Mark as slow what is not among the few cases that a test wants in every run."""
    cases: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("few") is not None:
            cases.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for every in cases.values():
        marker = every[0].get_closest_marker("few")
        wanted = {len(every) * n // marker.args[0] for n in range(marker.args[0])} if marker else set()
        for number, item in enumerate(every):
            if number not in wanted:
                item.add_marker(pytest.mark.slow)


def command(*arguments: str, home: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a program as a user would, with everything it writes below `home`."""
    environment = os.environ | {
        "NIGHTJAR_HOME": str(home),
        "NIGHTJAR_CONFIG": str(EXAMPLE),
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        "NIGHTJAR_PROGRESS": "1",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(arguments, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(arguments)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def pipeline(*arguments: str, home: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run `python -m pipeline` with the small configuration."""
    return command(sys.executable, "-m", "pipeline", *settings(SMALL), *arguments, home=home, check=check)


def settings(overrides: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Overrides as --set flags of the command line."""
    flags: list[str] = []
    for key, value in overrides.items():
        if isinstance(value, Mapping):
            flags += settings(value, f"{prefix}{key}.")
        else:
            flags += ["--set", f"{prefix}{key}={json.dumps(value)}"]
    return flags


def small_config(home: Path) -> configuration.FullConfig:
    """The configuration of the small night."""
    return configuration.load(EXAMPLE, SMALL | {"home": home})


@pytest.fixture(scope="session")
def airflow_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The small night, run by Airflow."""
    home = tmp_path_factory.mktemp("airflow_run")
    airflow = Path(sys.executable).parent / "airflow"
    pipeline("load-history", "--before", NIGHT.isoformat(), home=home)
    command(str(airflow), "db", "migrate", home=home)
    conf = json.dumps({"overrides": SMALL})
    arguments = ("dags", "test", "nightly_recommendations", NIGHT.isoformat(), "--conf", conf)
    done = command(str(airflow), *arguments, home=home)
    return Run(home, small_config(home), done.stdout + done.stderr)
