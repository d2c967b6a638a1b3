"""A piece of work on blocks of rows, as it is handed to whoever does it, and the files it comes back in.

Who does it, reads what it needs from the lake, as the stage's own process would: arrays and frames are never sent. What
is made is written beside the stage's files, and only its name, size and hash are sent back. The same blocks give the
same bytes wherever they are made.
"""

import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from pipeline.arrays.determinism import blas_threads
from pipeline.ground import artifacts
from pipeline.ground.errors import InputError

Arrays = tuple[np.ndarray, ...]
"""What one block gives; as many arrays, of the same kinds, as every other block of the work."""
Make = Callable[[slice], Arrays]
TASKS_PER_WORKER = 4
"""Tasks that each worker gets in the mean: whoever is quick takes one more, and few are lost with a worker."""


class Work(ABC):
    """What is done to blocks of rows: paths and settings that can be sent to another process, and no arrays.

    Attributes:
        lanes: blocks that a process may have in hand at the same time, its function then called by as many threads.
    """

    lanes: ClassVar[int] = 1

    @abstractmethod
    def open(self, threads: int) -> Make:
        """Read what every block needs, once in a process; the function that then makes one block.

        Args:
            threads: that the function may use.
        """

    def share(self, folder: Path) -> Self:
        """The work to hand out, with what not every process should work out for itself written into a folder."""
        return self.worked_out(folder)

    def worked_out(self, folder: Path) -> Self:
        """The work in a process that made it by itself: what takes long is in a folder, and made where it is not."""
        return self


@dataclass(frozen=True)
class Part:
    """What a task made: the file, and what it must hold.

    Attributes:
        start: the first row of the task's first block.
        name: of the file.
        arrays: how many a block has.
        size: bytes.
        sha256: of them.
    """

    start: int
    name: str
    arrays: int
    size: int
    sha256: str


@dataclass(frozen=True)
class Job:
    """A work whose tasks several processes share.

    Attributes:
        work: what is done.
        tasks: the blocks of each task, in order.
        folder: where the parts are written; all processes see it under this name.
        threads: of each process.
        version: of the code that hands it out.
        token: names the job: a process opens a work once.
    """

    work: Work
    tasks: tuple[tuple[slice, ...], ...]
    folder: Path
    threads: int
    version: str
    token: str

    @classmethod
    def of(cls, work: Work, parts: Sequence[slice], folder: Path, workers: int, threads: int) -> "Job":
        """Cut the blocks of a work into tasks of neighbouring blocks.

        Args:
            work: what is done.
            parts: the blocks, in order.
            folder: where the parts are written.
            workers: how many processes share the tasks.
            threads: of each of them.
        """
        tasks = tuple(cut(parts, workers * TASKS_PER_WORKER))
        return cls(work, tasks, folder, threads, artifacts.code_version(), uuid.uuid4().hex)

    def run(self, number: int) -> Part:
        """Make the blocks of one task; whoever tries a task again writes a file of its own.

        Raises:
            InputError: this process has another version of the code, or does not see the folder.
        """
        if artifacts.code_version() != self.version:
            raise InputError(
                f"this worker has Nightjar {artifacts.code_version()}, the run {self.version}: install the same one"
            )
        if not self.folder.is_dir():
            raise InputError(
                f"this worker does not see {self.folder}: `home` must be a folder that all machines have under one name"
            )
        make = _opened(self)
        with blas_threads(self.threads):
            return write_part(self.folder, self.tasks[number], make)

    def read(self, part: Part) -> Iterator[tuple[slice, Arrays]]:
        """The blocks of a part, whose file is then removed.

        Raises:
            InputError: the file is not what was written.
        """
        yield from read_part(self.folder, next(task for task in self.tasks if task[0].start == part.start), part)
        (self.folder / part.name).unlink()


_last: dict[str, Make] = {}


def _opened(job: Job) -> Make:
    """The function of a job, opened once in a process; that of an earlier job is forgotten."""
    if job.token not in _last:
        _last.clear()
        _last[job.token] = job.work.open(job.threads)
    return _last[job.token]


def cut(parts: Sequence[slice], number: int) -> list[tuple[slice, ...]]:
    """Blocks in tasks of neighbouring blocks: as many tasks as are asked for, or blocks there are."""
    number = min(len(parts), number)
    ends = [len(parts) * n // number for n in range(number + 1)] if number else []
    return [tuple(parts[first:last]) for first, last in pairwise(ends)]


def read_part(folder: Path, task: tuple[slice, ...], part: Part) -> Iterator[tuple[slice, Arrays]]:
    """The blocks of a task as they were written.

    Raises:
        InputError: the file is not what was written; before the first block.
    """
    path = folder / part.name
    if not path.is_file() or path.stat().st_size != part.size or artifacts.file_sha256(path) != part.sha256:
        raise InputError(f"{path} is not what a worker wrote: see to the file system that the machines share")
    with path.open("rb") as file:
        for block in task:
            yield block, tuple(np.lib.format.read_array(file, allow_pickle=False) for _ in range(part.arrays))


def write_part(folder: Path, task: tuple[slice, ...], make: Make) -> Part:
    """Write what the blocks of a task give, one array after the other, whole or not at all."""
    name = f"part-{task[0].start:012d}.{uuid.uuid4().hex}"
    unfinished = folder / f"{name}.unfinished"
    written = 0
    with unfinished.open("wb") as file:
        for block in task:
            for array in make(block):
                np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)
                written += 1
    size, digest = unfinished.stat().st_size, artifacts.file_sha256(unfinished)
    unfinished.rename(folder / name)
    return Part(task[0].start, name, written // len(task), size, digest)
