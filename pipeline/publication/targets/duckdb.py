"""Published tables as one DuckDB file per run, under a symbolic link that names the active one.

    <tables>/runs/<run_id>.duckdb     tables, indexes, `current_*` views; never changed once it has this name
    <tables>/current.duckdb           relative link to the active run's file; replacing it is the flip
    <tables>/activations.jsonl        which run became active after which, oldest first

An application opens current.duckdb read-only and opens it again to see the next run. The link is the truth: a line of
the log whose flip did not happen, because the process died between the two, is not counted.
"""

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import schemas, sql
from pipeline.config import Config
from pipeline.errors import PublishError
from pipeline.publication.targets import run_date_of

log = logging.getLogger(__name__)

ENDING = ".duckdb"
PARTIAL = ".partial"


class DuckDBTarget:
    """The target of config.publish.target = "duckdb"."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.folder = config.tables / "runs"
        self.pointer = config.tables / "current.duckdb"
        self.activations = config.tables / "activations.jsonl"

    def path(self, run_id: str) -> Path:
        """The file of a run."""
        return self.folder / f"{run_id}{ENDING}"

    def load(self, run_id: str, folder: Path, history: pa.Table) -> None:
        """See Target.load. The file gets its name only when it is whole and on disk."""
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.folder / f".{run_id}{ENDING}{PARTIAL}"
        partial.unlink(missing_ok=True)
        try:
            with duckdb.connect(str(partial), config=self._settings()) as connection:
                connection.execute("set timezone = 'UTC'").fetchall()
                _fill(connection, folder, history)
            _sync(partial)
        except duckdb.Error as error:
            raise PublishError(f"{partial} could not be written ({error}): the active run is unchanged") from error
        partial.replace(self.path(run_id))
        _sync(self.folder)

    def loaded(self) -> list[str]:
        """See Target.loaded."""
        files = [p for p in self.folder.glob(f"*{ENDING}") if not p.name.startswith(".")]
        files.sort(key=lambda p: (run_date_of(p.stem), p.stat().st_mtime_ns, p.stem), reverse=True)
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

    def previous(self, run_id: str) -> str | None:
        """See Target.previous."""
        before = {e["run_id"]: e["previous"] for e in self._activations() if e["published"]}
        loaded, visited, found = set(self.loaded()), {run_id}, before.get(run_id)
        while found is not None and found not in loaded and found not in visited:
            visited.add(found)
            found = before.get(found)
        return found if found in loaded and found not in visited else None

    def activate(self, run_id: str, published: bool) -> None:
        """See Target.activate. Publishing the active run again changes nothing."""
        previous = self.active()
        if previous == run_id:
            return
        entries = [*self._activations(), {"run_id": run_id, "previous": previous, "published": published}]
        beside = self.activations.with_name(f".{self.activations.name}{PARTIAL}")
        beside.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")
        _sync(beside)
        beside.replace(self.activations)
        link = self.pointer.with_name(f".{self.pointer.name}{PARTIAL}")
        link.unlink(missing_ok=True)
        link.symlink_to(Path(self.folder.name) / f"{run_id}{ENDING}")
        link.replace(self.pointer)
        _sync(self.pointer.parent)

    def drop(self, run_id: str) -> None:
        """See Target.drop."""
        self.path(run_id).unlink(missing_ok=True)

    def clean(self) -> None:
        """See Target.clean."""
        for folder in (self.folder, self.pointer.parent):
            for path in folder.glob(f".*{PARTIAL}*"):
                if not path.is_dir():
                    path.unlink()

    def read(
        self, run_id: str, name: str, schema: pa.Schema, relations: Mapping[str, pa.Table], **params: Any
    ) -> pa.Table:
        """See Target.read.

        Raises:
            PublishError: the run's file is gone or damaged.
        """
        try:
            # Without settings: within one process DuckDB shares a file only between equal ones.
            with duckdb.connect(str(self.path(run_id)), read_only=True) as connection:
                return sql.query(connection, f"publish/{name}", schema, relations, **params)
        except duckdb.Error as error:
            raise PublishError(f"{self.path(run_id)} cannot be read: {error}") from error

    def _settings(self) -> dict[str, str | bool | int | float | list[str]]:
        return {"threads": self.config.threads, "memory_limit": f"{self.config.memory_limit_mb}MiB"}

    def _activations(self) -> list[dict[str, Any]]:
        """What became active, oldest first, up to what is active now."""
        lines = self.activations.read_text(encoding="utf-8").splitlines() if self.activations.is_file() else []
        entries: list[dict[str, Any]] = [json.loads(line) for line in lines]
        active = self.pointer.readlink().stem if self.pointer.is_symlink() else None
        while entries and entries[-1]["run_id"] != active:
            entries.pop()
        return entries


def _fill(connection: duckdb.DuckDBPyConnection, folder: Path, history: pa.Table) -> None:
    sql.execute(connection, "publish/create").fetchall()
    connection.register("history", history)
    connection.table("history").insert_into("runs")
    connection.unregister("history")
    for table in schemas.PUBLISHED.keys() - {"runs"}:
        file = folder / f"{table}.parquet"
        connection.read_parquet(str(file)).insert_into(table)
        rows, wanted = connection.table(table).count("*").fetchall()[0][0], pq.read_metadata(file).num_rows
        if rows != wanted:
            raise PublishError(
                f"{rows} of {wanted} rows of {file} arrived in the database; the active run is unchanged"
            )
    sql.execute(connection, "publish/index").fetchall()
    connection.execute("checkpoint").fetchall()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
