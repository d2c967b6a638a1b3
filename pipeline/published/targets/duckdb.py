"""Published tables as one DuckDB file per run, under a symbolic link that names the active one.

    <tables>/runs/<run_id>.duckdb     tables, indexes, `current_*` views; never changed once it has this name
    <tables>/current.duckdb           relative link to the active run's file; replacing it is the flip
    <tables>/activations.jsonl        which run became active after which, oldest first

An application opens current.duckdb read-only and opens it again to see the next run. The link is the truth: a line of
the log whose flip did not happen, because the process died between the two, is not counted.
"""

import contextlib
import json
import logging
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from pipeline.ground import artifacts, places, resources, sql
from pipeline.ground.errors import PublishError
from pipeline.published.contract import Count, PublishedTable, run_active_before
from pipeline.published.histories import STAGE_RUNS
from pipeline.published.run_ids import known_until
from pipeline.published.targets import duckdb_tables, locks
from pipeline.settings.config import Config

log = logging.getLogger(__name__)

ENDING = ".duckdb"
PARTIAL = ".partial"
SHOWN = 5
"""Damaged lines that a message numbers."""
SETTLE_SECONDS = 1.0
"""How long after a flip no run's file goes: a reader may have followed the old link and not opened its file yet."""


class DuckDBTarget:
    """The target of config.publish.target = "duckdb"."""

    def __init__(self, config: Config, tables: Sequence[PublishedTable]) -> None:
        self.config = config
        self.tables = tables
        self.folder = config.tables / "runs"
        self.pointer = config.tables / "current.duckdb"
        self.activations = config.tables / "activations.jsonl"
        self._held = False
        self._flipped = time.monotonic()

    def path(self, run_id: str) -> Path:
        """The file of a run."""
        return self.folder / f"{run_id}{ENDING}"

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """See Target.lock. The kernel releases the lock of a process that dies."""
        if self._held:
            yield
            return
        minutes = self.config.publish.lock_minutes
        with locks.folder(self.pointer, minutes), locks.kept(self.config.tables, minutes):
            self._held = True
            try:
                yield
            finally:
                self._held = False

    def load(self, run_id: str, folder: Path, history: pa.Table, stages: pa.Table | None = None) -> None:
        """See Target.load. The file gets its name only when it is whole and on disk."""
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.folder / f".{run_id}{ENDING}{PARTIAL}"
        partial.unlink(missing_ok=True)
        remembered = self._stages(stages)
        try:
            with duckdb.connect(str(partial), config=self._settings()) as connection:
                connection.execute("set timezone = 'UTC'").fetchall()
                duckdb_tables.fill(connection, self.tables, run_id, folder, history)
                duckdb_tables.add(connection, remembered, STAGE_RUNS)
            artifacts.sync(partial)
        except duckdb.Error as error:
            said = f"{partial} could not be written ({self._why(error)}): the active run is unchanged"
            raise PublishError(said, content=str(error)) from error
        partial.replace(self.path(run_id))
        artifacts.sync(self.folder)

    def _stages(self, given: pa.Table | None) -> pa.Table:
        """STAGE_RUNS: what the newest file and the active one remember, and what is given instead of it."""
        found = [STAGE_RUNS.schema.empty_table()]
        for run_id in dict.fromkeys(filter(None, [self.active(), *self.loaded()[:1]])):
            try:
                with self._reading(run_id) as connection:
                    found.append(duckdb_tables.stage_runs(connection))
            except PublishError as error:  # a damaged file must not keep the next one from replacing it
                log.warning("what run %s remembers of its stages is lost: %s", run_id, error)
        rows = pa.concat_tables([*found, *([] if given is None else [given])]).to_pylist()
        known = {tuple(row[name] for name in STAGE_RUNS.key): row for row in rows}
        return pa.Table.from_pylist([known[key] for key in sorted(known)], schema=STAGE_RUNS.schema)

    def loaded(self) -> list[str]:
        """See Target.loaded."""
        files = [p for p in self.folder.glob(f"*{ENDING}") if not p.name.startswith(".")]
        files.sort(key=lambda p: (known_until(p.stem), p.stat().st_mtime_ns, p.stem), reverse=True)
        return [path.stem for path in files]

    def active(self) -> str | None:
        """See Target.active."""
        if not self.pointer.is_symlink():
            return None
        run_id = self.pointer.readlink().stem
        if not self.path(run_id).is_file():
            log.warning(
                "%s names run %s, whose file is gone: publish a night again, or roll back", self.pointer, run_id
            )
            return None
        return run_id

    def misled(self) -> list[str]:
        """See Target.misled."""
        active = self.active()
        if active is None:
            return [f"{self.pointer} leads to no run that is there"]
        if self.pointer.readlink() != Path(self.folder.name) / f"{active}{ENDING}" or self.path(active).is_symlink():
            return [f"{self.pointer} leads elsewhere than to {self.path(active)}"]
        return []

    def previous(self, run_id: str) -> str | None:
        """See Target.previous."""
        before = {e["run_id"]: e["previous"] for e in self._activations() if e["published"]}
        return run_active_before(run_id, before, set(self.loaded()))

    def ever_active(self) -> set[str]:
        """See Target.ever_active."""
        return {str(entry["run_id"]) for entry in self._activations()}

    def activate(self, run_id: str, published: bool) -> None:
        """See Target.activate. Publishing the active run again changes nothing."""
        previous = self.active()
        if previous == run_id:
            return
        entries = [*self._activations(), {"run_id": run_id, "previous": previous, "published": published}]
        beside = self.activations.with_name(f".{self.activations.name}{PARTIAL}")
        beside.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")
        artifacts.sync(beside)
        beside.replace(self.activations)
        link = self.pointer.with_name(f".{self.pointer.name}{PARTIAL}")
        link.unlink(missing_ok=True)
        link.symlink_to(Path(self.folder.name) / f"{run_id}{ENDING}")
        link.replace(self.pointer)
        self._flipped = time.monotonic()
        artifacts.sync(self.pointer.parent)

    def drop(self, run_id: str) -> None:
        """See Target.drop. Waits until the last flip, this process's or one before it, is SETTLE_SECONDS old."""
        time.sleep(max(self._flipped + SETTLE_SECONDS - time.monotonic(), 0.0))
        self.path(run_id).unlink(missing_ok=True)

    def clean(self) -> None:
        """See Target.clean."""
        for folder in (self.folder, self.pointer.parent):
            for path in folder.glob(f".*{PARTIAL}*"):
                if not path.is_dir():
                    path.unlink()

    def forget(self, user_id: str) -> int:
        """See Target.forget. Deleted rows would stay in a file's free blocks, so the files are written anew.

        Readers that have an old file open keep it until they open current.duckdb again.
        """
        with self.lock():
            self.clean()
            return sum(self._rewrite(run_id, user_id) for run_id in self.loaded())

    def _rewrite(self, run_id: str, user_id: str) -> int:
        """Replace a run's file by one without the user; the time of its load stays, as runs are ordered by it."""
        path, partial = self.path(run_id), self.folder / f".{run_id}{ENDING}{PARTIAL}"
        try:
            with duckdb.connect(str(path), read_only=True) as source:
                duckdb_tables.require_known(source, self.tables, path)
                removed = duckdb_tables.rows_about(source, self.tables, user_id)
                if not removed:
                    return 0
                with duckdb.connect(str(partial), config=self._settings()) as connection:
                    connection.execute("set timezone = 'UTC'").fetchall()
                    duckdb_tables.copy_without(source, connection, self.tables, run_id, user_id)
        except duckdb.Error as error:
            said = f"{path} could not be written anew ({self._why(error)}): who is to be forgotten is still in it"
            raise PublishError(said, content=str(error)) from error
        loaded = path.stat()
        os.utime(partial, ns=(loaded.st_atime_ns, loaded.st_mtime_ns))
        artifacts.sync(partial)
        partial.replace(path)
        artifacts.sync(self.folder)
        return removed

    def counts(self, run_id: str) -> list[Count]:
        """See Target.counts."""
        with self._reading(run_id) as connection:
            return duckdb_tables.counts(connection, self.tables)

    def rows(
        self, run_id: str, tables: Iterable[PublishedTable]
    ) -> Iterator[tuple[PublishedTable, Iterator[pa.RecordBatch]]]:
        """See Target.rows; the views are read, as readers do."""
        with self._reading(run_id) as connection:
            for table in tables:
                yield table, duckdb_tables.rows(connection, table)

    def read(self, run_id: str, name: str, schema: pa.Schema, **params: Any) -> pa.Table:
        """See Target.read.

        Raises:
            PublishError: the run's file is gone or damaged.
        """
        with self._reading(run_id) as connection:
            return sql.query(connection, f"publish/{name}", schema, **params)

    @contextlib.contextmanager
    def _reading(self, run_id: str) -> Iterator[duckdb.DuckDBPyConnection]:
        try:
            # Without settings: within one process DuckDB shares a file only between equal ones.
            with duckdb.connect(str(self.path(run_id)), read_only=True) as connection:
                duckdb_tables.require_known(connection, self.tables, self.path(run_id))
                duckdb_tables.complete(connection, self.tables)
                yield connection
        except duckdb.Error as error:
            said = f"{self.path(run_id)} cannot be read ({self._why(error)}): publish its night again, or roll back"
            raise PublishError(said, content=str(error)) from error

    def _why(self, error: duckdb.Error) -> str:
        """What the machine refused, or which file or table; of other errors only the kind, as they may quote a row."""
        if isinstance(error, duckdb.IOException | duckdb.CatalogException):
            return resources.explain(error, self.folder) or next(iter(str(error).splitlines()), places.of_sql(error))
        return resources.explain(error, self.folder) or places.of_sql(error)

    def _settings(self) -> dict[str, str | bool | int | float | list[str]]:
        return {"threads": self.config.threads, "memory_limit": f"{self.config.memory_limit_mb}MiB"}

    def _activations(self) -> list[dict[str, Any]]:
        """What became active, oldest first, up to what is active now."""
        lines = self.activations.read_bytes().splitlines() if self.activations.is_file() else []
        read = {number: _entry(line) for number, line in enumerate(lines, 1)}
        entries = [entry for entry in read.values() if entry is not None]
        damaged = [str(number) for number, entry in read.items() if entry is None]
        if damaged:
            log.warning(
                "%s is damaged in line %s, which is skipped: a rollback past it needs --to. The next activation writes "
                "the file anew",
                self.activations,
                ", ".join(damaged[:SHOWN]),
            )
        active = self.pointer.readlink().stem if self.pointer.is_symlink() else None
        if damaged and all(entry["run_id"] != active for entry in entries):
            return entries  # it is the active run's own line that is lost
        while entries and entries[-1]["run_id"] != active:
            entries.pop()
        return entries


def _entry(line: bytes) -> dict[str, Any] | None:
    """A line of activations.jsonl; None where it is damaged."""
    try:
        entry = json.loads(line.decode("utf-8"))
    except ValueError:
        return None
    if not isinstance(entry, dict) or not isinstance(entry.get("published"), bool):
        return None
    whole = isinstance(entry.get("run_id"), str) and isinstance(entry.get("previous", 0), str | None)
    return entry if whole else None
