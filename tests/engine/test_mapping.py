"""Blocks made in this process and in several: the same arrays in the same order, and what goes wrong is said."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from pipeline.engine import Work, map_blocks
from pipeline.engine.work import Arrays, Job, Make
from pipeline.ground.errors import InputError, ResourceError, TrainingError
from pipeline.settings.config import Config
from tests.engine.squares import Deadly, Refused, Squares


def settings(**given: object) -> Config:
    """Blocks of ten users."""
    return Config.model_validate({"block_users": 10, "threads": 1} | given)


def squares(folder: Path, rows: int) -> Squares:
    """The work on so many numbers."""
    np.save(folder / "numbers.npy", np.arange(rows))
    opened = folder / "opened"
    opened.mkdir()
    return Squares(folder / "numbers.npy", opened)


def made(work: Work, rows: int, config: Config, folder: Path) -> list[tuple[slice, tuple[np.ndarray, ...]]]:
    """All blocks."""
    return list(map_blocks("squares", work, rows, config, folder))


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("rows", [0, 1, 10, 95])
def test_every_block_comes_once_and_in_order(tmp_path, workers, rows):
    work, out = squares(tmp_path, rows), tmp_path / "out"
    out.mkdir()
    found = made(work, rows, settings(workers=workers), out)
    assert [(block.start, block.stop) for block, _ in found] == [(n, min(n + 10, rows)) for n in range(0, rows, 10)]
    numbers = np.arange(rows)
    for block, (squared, third, empty) in found:
        assert np.array_equal(squared, numbers[block] ** 2)
        assert third.dtype == np.float32
        assert np.array_equal(third[:, 0], numbers[block].astype(np.float32) / 3)
        assert empty.shape == (0, 2)
    assert not list(out.iterdir())
    assert len(list(work.opened.iterdir())) <= workers


class SideBySide(Work):
    """Every block waits until another one is in hand too, and the later ones are made first."""

    lanes = 2

    def __init__(self) -> None:
        self.met, self.threads = threading.Barrier(2, timeout=30), 0

    def open(self, threads: int) -> Make:
        self.threads = threads

        def make(block: slice) -> Arrays:
            self.met.wait()
            time.sleep(0.02 if block.start % 20 == 0 else 0)
            return (np.arange(block.start, block.stop),)

        return make


def test_blocks_are_made_side_by_side_and_come_in_order(tmp_path):
    work = SideBySide()
    found = made(work, 80, settings(threads=4), tmp_path)
    assert np.concatenate([numbers for _, (numbers,) in found]).tolist() == list(range(80))
    assert work.threads == 2, "each lane has its share"
    work.met = threading.Barrier(1)
    made(work, 80, settings(threads=1), tmp_path)
    assert work.threads == 1


def test_an_error_of_a_block_comes_as_it_is(tmp_path):  # of several, whichever is first
    for workers in (1, 2):
        with pytest.raises(TrainingError, match=r"row [234]0 is not a number: mend it"):
            made(Refused(), 50, settings(workers=workers), tmp_path)
        assert not list(tmp_path.iterdir())


def test_a_killed_process_is_said_with_a_remedy(tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(ResourceError, match=r"killed.*lower workers"):
        made(Deadly(tmp_path / "mark"), 50, settings(workers=2), tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())
    assert len(made(Deadly(tmp_path / "mark"), 50, settings(workers=2), tmp_path / "out")) == 5


def test_a_part_that_is_not_what_was_written_is_refused(tmp_path):
    job = Job.of(squares(tmp_path, 50), [slice(0, 25), slice(25, 50)], tmp_path, workers=1, threads=1)
    parts = [job.run(number) for number in range(len(job.tasks))]
    assert [block for part in parts[:1] for block, _ in job.read(part)] == [slice(0, 25)]
    path = tmp_path / parts[1].name
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(InputError, match="not what a worker wrote"):
        list(job.read(parts[1]))


def test_a_worker_of_another_version_or_without_the_folder_does_nothing(tmp_path):
    job = Job.of(squares(tmp_path, 50), [slice(0, 50)], tmp_path / "gone", workers=1, threads=1)
    with pytest.raises(InputError, match="does not see"):
        job.run(0)
    other = Job(job.work, job.tasks, tmp_path, 1, "0.0+other", job.token)
    with pytest.raises(InputError, match="install the same one"):
        other.run(0)


def test_neither_engine_nor_workers_change_what_a_stage_is_made_from():
    one, other = settings(), settings(engine="spark", workers=7, spark={"master": "spark://host:7077"})
    for stage in ("features", "fusion", "ensemble", "publish"):
        assert one.digest(stage) == other.digest(stage)
