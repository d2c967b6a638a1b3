"""What the machine gives and refuses: peak memory; a full disk, a lake that cannot be written, too little memory."""

import contextlib
import errno
import logging
import resource
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from pipeline.ground.errors import PipelineError, ResourceError

log = logging.getLogger(__name__)

FULL = (errno.ENOSPC, errno.EDQUOT)
FORBIDDEN = (errno.EACCES, errno.EPERM)
HANDLES = (errno.EMFILE, errno.ENFILE)
# As DuckDB, PyTorch, safetensors, LightGBM and SQLite say it.
FULL_WORDS = ("No space left on device", "os error 28", "database or disk is full")
SPILL_WORDS = ("max_temp_directory_size",)
HANDLES_WORDS = ("Too many open files", "os error 24")
MEMORY_WORDS = ("can't allocate memory", "Cannot allocate memory", "bad_alloc", "bad allocation", "CUDA out of memory")
THREADS_WORDS = ("can't start new thread", "Resource temporarily unavailable")
READ_ONLY_WORDS = ("readonly database", "unable to open database file", "Read-only file system")


@contextlib.contextmanager
def required(what: str, folder: Path) -> Iterator[None]:
    """Turn what the file system or DuckDB's memory limit refuses into an error that names the path and the remedy.

    A lost connection passes as it is: it may come back.

    Args:
        what: what was being done, for the message.
        folder: where it writes.
    Raises:
        ResourceError: instead of OSError (connections aside), and of another library's words for a full disk.
    """
    try:
        yield
    except (PipelineError, ConnectionError, TimeoutError):
        raise
    except Exception as error:
        if (said := next(filter(None, (explain(cause, folder) for cause in _causes(error))), None)) is None:
            raise
        raise ResourceError(f"{what}: {said}. Nothing half-written stays; then run it again") from error


def _causes(error: BaseException | None) -> Iterator[Exception]:
    """An error and what it was made from, as libraries wrap what the system refuses."""
    while isinstance(error, Exception):
        yield error
        error = error.__cause__


def explain(error: Exception, folder: Path) -> str | None:
    """What was refused and the remedy, or None where the machine is not to blame."""
    number = error.errno if isinstance(error, OSError) else None
    if number in FULL or _says(error, FULL_WORDS):
        return f"the disk of {folder} was full ({_room(folder)}): make room there, or set home to another disk"
    if _says(error, SPILL_WORDS):
        return (
            f"what did not fit into memory_limit_mb had no more room on disk ({_first_line(error)}; {_room(folder)}): "
            "make room there, set home to another disk, or raise ingest.max_spill_mb where it is set"
        )
    if (said := _too_few(error, number)) is not None:
        return said
    if isinstance(error, OSError):
        return _refused(error, folder)
    return f"{folder} cannot be written: mount it writable" if _says(error, READ_ONLY_WORDS) else None


def _too_few(error: Exception, number: int | None) -> str | None:
    """What a process may not have as much of as it needs: open files, memory, threads."""
    if number in HANDLES or _says(error, HANDLES_WORDS):
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        return f"this process may open {limit:,} files, which are too few: raise the limit (ulimit -n 4096)"
    if number == errno.ENOMEM or isinstance(error, MemoryError) or _says(error, MEMORY_WORDS):
        return f"memory is not enough ({_first_line(error)}): give the machine more, or lower block_users and threads"
    if is_memory(error):
        return f"memory is not enough ({_first_line(error)}): raise memory_limit_mb, or lower threads"
    if number == errno.EAGAIN or _says(error, THREADS_WORDS):
        return f"no more threads or processes are allowed ({_first_line(error)}): lower threads, or raise ulimit -u"
    return None


def _says(error: Exception, words: Iterable[str]) -> bool:
    return any(part in str(error) for part in words)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _refused(error: OSError, folder: Path) -> str:
    path = error.filename or folder
    if error.errno == errno.EROFS:
        return f"{path} is on a read-only file system: mount it writable, or set home to another folder"
    if error.errno in FORBIDDEN:
        return f"{path} is forbidden to this user ({error.strerror}): give it the right, or set home to another folder"
    if error.errno == errno.ENOENT:
        return f"{path} is gone: another process may have removed it"
    return f"{path} cannot be read or written ({error}): see to its disk"


def is_memory(error: Exception) -> bool:
    """Whether DuckDB had too little memory, or too little disk for what does not fit in it."""
    import duckdb

    return isinstance(error, duckdb.OutOfMemoryException)


def is_scarce(error: Exception) -> bool:
    """Whether the machine is to blame, not the file that is read or written: memory, the disk, open files, threads."""
    number = error.errno if isinstance(error, OSError) else None
    return number in FULL or _says(error, FULL_WORDS) or _too_few(error, number) is not None


def _room(folder: Path) -> str:
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    usage = shutil.disk_usage(existing)
    return f"of its {usage.total / 2**20:,.0f} MiB, {usage.free / 2**20:,.0f} are free without what was half written"


def reset_peak_memory() -> None:
    """Start measuring peak memory anew (Linux; elsewhere the peak is the process's)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        log.debug("peak memory is the process's, not the stage's: /proc/self/clear_refs cannot be written")


def peak_memory_mb() -> int:
    """Peak resident memory since reset_peak_memory, in MiB."""
    try:
        line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) // 1024
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
