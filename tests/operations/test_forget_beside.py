"""Forgetting beside a nightly run, and killed at any instant: nothing of the person comes back, nothing is torn."""

import fcntl
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.ground import artifacts, rewriting
from pipeline.operations import forget, load_history
from pipeline.privacy import suppression
from pipeline.publication import publish
from pipeline.sources.configuration import FullConfig
from tests import small_shop
from tests.operations.a_home import ASKED, EARLIER, GONE, PEOPLE, a_home, names_them, published
from tests.small_shop import NIGHT

KILLED = """
import os, sys, pathlib, shutil
from datetime import date
steps, at = 0, int(sys.argv[2])
def counted(function):
    def step(*a, **k):
        global steps
        steps += 1
        if steps == at:
            os.kill(os.getpid(), 9)
        return function(*a, **k)
    return step
for name in ("replace", "rename", "rmdir", "mkdir", "unlink"):
    setattr(pathlib.Path, name, counted(getattr(pathlib.Path, name)))
shutil.rmtree = counted(shutil.rmtree)
from pipeline.operations import forget
from pipeline.sources.configuration import FullConfig

loaded = FullConfig.model_validate_json(sys.argv[1])
forget.forget(loaded, [sys.argv[3]], date(2011, 11, 1))
print(steps)
"""


def killed(config: FullConfig, at: int) -> int:
    """Run forget in a process that dies at its n-th change of the file system; returns its changes if it lived."""
    arguments = [sys.executable, "-c", KILLED, config.model_dump_json(), str(at), GONE]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode in {0, -9}, done.stderr
    return int(done.stdout) if done.returncode == 0 else 0


def instants() -> Iterator[int]:
    """The changes at which the process dies; all of them where somebody has the time."""
    yield from range(1, 200, 1 if os.environ.get("NIGHTJAR_EVERY_INSTANT") else 25)


@pytest.mark.slow
def test_killed_anywhere_and_run_again_it_completes(tmp_path: Path) -> None:
    whole = a_home(tmp_path / "whole")
    expected = json.loads(forget.forget(whole, [GONE], ASKED)[0].read_text())["rows"]
    for at in instants():
        config = a_home(tmp_path / str(at))
        lived = killed(config, at)
        for night in (EARLIER, NIGHT):  # whatever happened, the history is whole
            assert artifacts.is_finished(artifacts.stage_dir(config.lake, "ingest", night))
        (receipt,) = forget.forget(config, [GONE], ASKED)
        assert not names_them(config.home)
        assert published(config).keys() == published(whole).keys()
        folder = artifacts.stage_dir(config.lake, "ingest", NIGHT)
        assert artifacts.read_manifest(folder)["files"] == artifacts.describe(folder)
        assert not rewriting.is_pending(folder)
        if lived:
            break
        said = json.loads(receipt.read_text())["rows"]
        assert {k: said[k] for k in ("events", "rejects")} == {k: expected[k] for k in ("events", "rejects")}


def test_it_waits_for_a_running_stage_and_never_in_a_circle(tmp_path: Path) -> None:
    config = a_home(tmp_path)
    als, features = (artifacts.stage_dir(config.lake, stage, NIGHT) for stage in ("als", "features"))
    receipts: list[Path] = []
    removal = threading.Thread(target=lambda: receipts.extend(forget.forget(config, [GONE], ASKED)))
    with artifacts.lock(als):  # a stage that has begun, and is about to read features
        removal.start()
        while not is_locked(artifacts.stage_dir(config.lake, "user_knn", NIGHT)):
            assert removal.is_alive()
            time.sleep(0.01)
        with artifacts.lock(features, shared=True):
            assert artifacts.is_finished(features)
            (als / "tonight.json").write_text(GONE)
    removal.join()
    assert len(receipts) == 1
    assert not names_them(config.home)
    assert not features.exists()


def is_locked(folder: Path) -> bool:
    """Whether somebody holds the lock of a stage and night."""
    path = folder.parent / f".{folder.name}.lock"
    if not path.exists():
        return False
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_a_publication_that_had_read_the_person_loses_the_rows(tmp_path: Path) -> None:
    config = a_home(tmp_path)
    shop = small_shop.shop(tmp_path / "home", user_ids=PEOPLE, titles=["NEW"] * 8).write()
    out = artifacts.stage_dir(config.lake, "publish", NIGHT)
    with artifacts.lock(out):
        removal = threading.Thread(target=lambda: forget.forget(config, [GONE], ASKED))
        removal.start()
        run_id = small_shop.go(shop)["run_id"]  # read and loaded while the person is being removed
    removal.join()
    assert not names_them(config.home)
    assert run_id in {run.run_id for run in publish.published_runs(config)}


def test_an_ingest_that_runs_meanwhile_takes_nothing_of_the_person(tmp_path: Path) -> None:
    config = a_home(tmp_path)
    with suppression.lock(config, alone=False):  # it has read the list, and the log
        removal = threading.Thread(target=lambda: forget.forget(config, [GONE], ASKED))
        removal.start()
        time.sleep(0.2)
        assert not suppression.path(config).exists()
    removal.join()
    load_history.load_history(config, NIGHT)
    assert not names_them(config.home)
