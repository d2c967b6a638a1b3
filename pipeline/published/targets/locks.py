"""Waiting for a publishers' lock with a limit, and the lock of a folder; PostgreSQL's is in schema_lock.py."""

import contextlib
import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pipeline.ground import keeping
from pipeline.ground.errors import UnavailableError

log = logging.getLogger(__name__)

POLL_SECONDS = 0.25
KERNELS_LOCKS = Path("/proc/locks")


def wait(take: Callable[[], bool], minutes: float, what: str, holder: Callable[[], str]) -> None:
    """Try to take a lock until it is given.

    Args:
        take: tries once, at once; whether the lock was given.
        minutes: how long to try.
        what: the lock, in words.
        holder: who has it, in words, and how to end them.
    Raises:
        UnavailableError: it was not given for so long.
    """
    deadline, told = time.monotonic() + minutes * 60, False
    while not take():
        if time.monotonic() >= deadline:
            raise UnavailableError(
                f"{what} was not free for {minutes:g} minutes (publish.lock_minutes): {holder()}; the active run is "
                f"unchanged"
            )
        if not told:
            log.info("%s is not free, waiting for up to %g minutes: %s", what, minutes, holder())
        told = True
        time.sleep(POLL_SECONDS)


@contextlib.contextmanager
def folder(path: Path, minutes: float) -> Iterator[None]:
    """Hold the lock of a folder or file; the kernel releases that of a process that dies.

    Args:
        path: what is locked; the lock is a hidden file beside it.
        minutes: how long to wait for another process.
    Raises:
        UnavailableError: another process held it for so long.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with (path.parent / f".{path.name}.lock").open("w") as file:

        def take() -> bool:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            return False

        wait(take, minutes, f"the lock {file.name}", lambda: _holder(file.fileno()))
        yield


def kept(tables: Path, minutes: float) -> contextlib.AbstractContextManager[None]:
    """Hold the published tables of a home in an object store, which other machines publish to as well.

    They are up to date when it begins, and what was changed is sent off, as one change, when it ends.

    Args:
        tables: their folder.
        minutes: how long to wait for another machine.
    Raises:
        UnavailableError: another machine held them for so long.
    """

    def waiter(take: Callable[[], bool], holder: Callable[[], str]) -> None:
        wait(take, minutes, f"the lease of {tables}", lambda: f"{holder()}; let it end, then publish again")

    return keeping.held(tables, waiter)


def _holder(descriptor: int) -> str:
    """Who holds a file's lock, as far as this machine's kernel says."""
    inode = f":{os.fstat(descriptor).st_ino}"
    lines = KERNELS_LOCKS.read_text().splitlines() if KERNELS_LOCKS.is_file() else []
    fields = [line.split() for line in lines if " FLOCK " in line and "->" not in line]
    found = sorted({pid for *_, pid, file, _, _ in fields if file.endswith(inode) and pid.isdecimal() and int(pid)})
    if not found:
        return "a process of another machine or container holds it; let it end, then publish again"
    return f"process {', '.join(found)} holds it; let it end (or stop it: kill {' '.join(found)}), then publish again"
