"""A database in which SQL that others wrote may run: what it can reach, and for how long."""

import contextlib
import glob
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb

from pipeline.ground.errors import InputError

AGAIN = 1.0
"""Seconds after which a statement that did not stop is told so again."""


def confine(
    connection: duckdb.DuckDBPyConnection,
    files: Iterable[Path],
    folders: Iterable[Path],
    max_spill_mb: int | None = None,
) -> None:
    """Let a database reach nothing but some files, and let nobody change its settings; for good.

    Args:
        connection: to the database; all of its settings are as they will be.
        files: that may be read, of any name.
        folders: that may be read and written, with all that is in them; the one for what does not fit in memory too.
        max_spill_mb: MiB that may lie in that one; default: DuckDB's, 90 % of what is free on its disk.
    """
    if max_spill_mb is not None:
        connection.execute("set max_temp_directory_size = ?", [f"{max_spill_mb}MiB"]).fetchall()
    for name, paths in (("allowed_paths", files), ("allowed_directories", folders)):
        # a file is opened by its name, and before that looked for by a pattern that means it
        names = sorted({said for path in paths for said in (str(path), glob.escape(str(path)))})
        connection.execute(f"set {name} = ?", [names]).fetchall()
    for name, value in (
        ("allowed_configs", "['timezone']"),  # each cursor has one of its own
        ("python_enable_replacements", "false"),  # a Python variable is no table
        ("enable_external_access", "false"),
        ("lock_configuration", "true"),
    ):
        connection.execute(f"set {name} = {value}").fetchall()


@contextlib.contextmanager
def limited(connection: duckdb.DuckDBPyConnection, minutes: float, what: str) -> Iterator[None]:
    """Stop what a connection is doing once its time is over.

    A statement stops between two vectors of rows: one function's call that takes long is waited for.

    Args:
        connection: nothing else uses it meanwhile.
        minutes: how long it may take in all.
        what: what takes long and what to do about it, for the message.
    Raises:
        InputError: it was stopped.
    """
    done, late = threading.Event(), threading.Event()

    def watch() -> None:
        wait = 60 * minutes
        while not done.wait(wait):
            late.set()
            connection.interrupt()
            wait = AGAIN

    watcher = threading.Thread(target=watch, name="time limit", daemon=True)
    watcher.start()
    try:
        yield
    except duckdb.InterruptException:
        if not late.is_set():
            raise
        raise InputError(what) from None
    finally:
        done.set()
        watcher.join()
