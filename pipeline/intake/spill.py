"""Where an ingest's connections put what does not fit in memory."""

import contextlib
import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

SPILL = ".spill"


@contextlib.contextmanager
def spilling(scratch: Path) -> Iterator[Path]:
    """A folder for what does not fit in memory, locked while it is in use: who gets the lock may remove a dead one."""
    with tempfile.TemporaryDirectory(prefix=SPILL, dir=scratch) as folder, (Path(folder) / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield Path(folder)


def remove_dead(scratch: Path) -> None:
    """Remove the folders of those who died."""
    for spill in scratch.glob(f"{SPILL}*"):
        with contextlib.suppress(FileNotFoundError, BlockingIOError), (spill / "lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(spill, ignore_errors=True)
