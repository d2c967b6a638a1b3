"""A copy as Delta Lake tables: one folder per published table, whose rows are those of the active run.

<place>/<table>/<load>.<rows>.parquet     a run's Parquet file, as it was published: a second name of the same bytes on
                                          one file system, else a copy
<place>/<table>/_delta_log/               which of them the table consists of, version by version

A load puts files beside those in use, where no reader looks. A flip is one transaction per table that replaces its one
file; `runs` comes last. So no row is decoded, however many there are, and no version of a table has rows of two runs.
The log names no value of a row: it has no statistics, which would hold people's ids, and nothing is ever deleted by a
condition, which it would repeat.
"""

import contextlib
import json
import tempfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline.ground.errors import PublishError, UnavailableError
from pipeline.published.contract import RUNS, PublishedTable
from pipeline.published.copies import places
from pipeline.published.copies.contract import needs
from pipeline.settings.config import Config
from pipeline.settings.sections.copies import PublishedCopy

ENDING = ".parquet"
LOAD = "nightjar_load"
"""What a commit says of itself: the load that it lets readers see."""
CONFIGURATION = {"delta.dataSkippingNumIndexedCols": "0"}
"""Whoever else writes to the table leaves no statistics of people in its log, either."""
COMMITS_PER_FLIP = 4
"""At most: the flip, and what vacuum says when it begins and ends."""


class DeltaCopy:
    """The contract of contract.Copy on a folder of Delta tables."""

    def __init__(self, section: PublishedCopy, config: Config, tables: Sequence[PublishedTable]) -> None:
        """A copy; nothing is read or made yet.

        Raises:
            InputError: deltalake, or what an object store needs, is not installed.
        """
        try:
            import deltalake
        except ImportError:
            raise needs("a copy of kind 'delta'", "deltalake") from None
        self._library = deltalake
        self.tables = sorted(tables, key=lambda table: table.name == RUNS.name)
        self.place = places.of(section.place, config)
        self.versions = section.keep_versions

    @contextlib.contextmanager
    def _using(self, table: PublishedTable) -> Iterator[str]:
        """The URI of a table; what the library says of a store may quote a key, and is not repeated."""
        uri = f"{self.place.uri}/{table.name}"
        try:
            yield uri
        except (OSError, self._library.exceptions.DeltaError) as error:
            if isinstance(self.place, places.Folder):
                raise PublishError(f"{uri}: {type(error).__name__}: {error}") from None
            raise UnavailableError(f"{uri}: the store refuses or does not answer ({type(error).__name__})") from None

    def _open(self, uri: str) -> Any:
        """A Delta table as it is now; None where there is none."""
        options = self.place.options()
        if not self._library.DeltaTable.is_deltatable(uri, storage_options=options):
            return None
        return self._library.DeltaTable(uri, storage_options=options)

    def _shown(self, table: PublishedTable) -> str | None:
        """The load of a table's rows; None where they are not of one."""
        with self._using(table) as uri:
            if (found := self._open(uri)) is None:
                return None
            files = [path.rpartition("/")[2] for path in found.file_uris()]
        if len(files) != 1 or files[0] not in self.place.sizes(table.name):
            return None
        return str(files[0].partition(".")[0])

    def active(self) -> str | None:
        """See Copy.active."""
        loads = {self._shown(table) for table in self.tables}
        return loads.pop() if len(loads) == 1 else None

    def holds(self, load: str) -> bool:
        """See Copy.holds."""
        return all(self._file(table, load) is not None for table in self.tables)

    def _file(self, table: PublishedTable, load: str) -> tuple[str, int] | None:
        """A load's file of a table and its bytes; None: it is not there."""
        found = self.place.sizes(table.name).items()
        return next(((name, size) for name, size in found if name.startswith(f"{load}.")), None)

    def load(self, load: str, folder: Path) -> None:
        """See Copy.load."""
        for table in self.tables:
            with tempfile.TemporaryDirectory() as scratch:
                path = folder / table.file
                if not path.is_file():  # of a run from before there was the table
                    path = Path(scratch, table.file)
                    pq.write_table(table.schema.empty_table(), path)
                self.place.put(path, f"{table.name}/{load}.{pq.read_metadata(path).num_rows}{ENDING}")

    def activate(self, load: str) -> None:
        """See Copy.activate."""
        for table in self.tables:
            if self._shown(table) != load:
                with self._using(table) as uri:
                    self._flip(uri, table, load)

    def _flip(self, uri: str, table: PublishedTable, load: str) -> None:
        """Let a table consist of a load's file, in one transaction; columns that came since are added by it."""
        from deltalake.transaction import AddAction

        if (file := self._file(table, load)) is None:
            raise PublishError(f"{uri} has no file of load {load}: somebody removed it; publish the night again")
        name, size = file
        rows = int(name.split(".")[1])
        schema = self._library.Schema.from_arrow(table.schema)
        options = self.place.options()
        found = self._open(uri) or self._library.DeltaTable.create(
            uri, schema, name=table.name, configuration=CONFIGURATION, storage_options=options
        )
        said = self._library.CommitProperties(custom_metadata={LOAD: load})
        action = AddAction(name, size, {}, 0, True, json.dumps({"numRecords": rows}))
        found.create_write_transaction([action], "overwrite", schema, commit_properties=said)

    def keep(self, loads: Collection[str], alone: bool = False) -> None:
        """See Copy.keep. What stays is what the last versions need, of which there are more; of no load, no row."""
        for table in self.tables:
            with self._using(table) as uri:
                if (found := self._open(uri)) is None:
                    continue
                if not loads and found.file_uris():
                    found.create_write_transaction([], "overwrite", self._library.Schema.from_arrow(table.schema))
                    found = self._open(uri)
                said = found.history(COMMITS_PER_FLIP * self.versions)
                written = [entry["version"] for entry in said if LOAD in entry]
                kept = None if alone else written[: self.versions]
                found.vacuum(0, dry_run=False, enforce_retention_duration=False, full=True, keep_versions=kept)

    def close(self) -> None:
        """See Copy.close."""
