"""Works that the tests of the engine hand out; a module of their own, as every process imports them."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.engine import Arrays, Work
from pipeline.ground.errors import TrainingError


@dataclass(frozen=True)
class Squares(Work):
    """The squares of the numbers in a file, and how many processes opened it.

    Attributes:
        numbers: an .npy file.
        opened: a folder; each process that opens the work leaves a file there.
    """

    numbers: Path
    opened: Path

    def open(self, threads: int) -> Callable[[slice], Arrays]:
        """Read the numbers."""
        numbers = np.load(self.numbers, mmap_mode="r")
        (self.opened / str(os.getpid())).touch()
        return lambda block: (numbers[block] ** 2, numbers[block][:, None].astype(np.float32) / 3, np.zeros((0, 2)))


@dataclass(frozen=True)
class Refused(Work):
    """A work that says what is wrong with its third block."""

    def open(self, threads: int) -> Callable[[slice], Arrays]:
        """Nothing to read."""

        def make(block: slice) -> Arrays:
            if block.start >= 20:
                raise TrainingError(f"row {block.start} is not a number: mend it")
            return (np.arange(block.start, block.stop),)

        return make


@dataclass(frozen=True)
class Deadly(Work):
    """Kills the process that first makes a block; who tries it again does it.

    Attributes:
        mark: a file that says that somebody was killed.
        whom: "python" kills the process, "executor" the JVM that started it, with all its processes.
    """

    mark: Path
    whom: str = "python"

    def open(self, threads: int) -> Callable[[slice], Arrays]:
        """Nothing to read."""

        def make(block: slice) -> Arrays:
            if block.start >= 20 and not self.mark.exists():
                self.mark.touch()
                os.kill(os.getpid() if self.whom == "python" else _executor(), signal.SIGKILL)
            return (np.arange(block.start, block.stop),)

        return make


def _executor() -> int:
    """The process id of the JVM above this Python process."""
    pid = os.getpid()
    while b"java" not in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]:
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return pid
