"""Whether what readers are shown is what was published: the ledger, the files and the databases' rows.

    ledger    every line holds the hash of the one before it, signatures are those of their keys, and the line that
              somebody noted is still there
    files     of every run that is kept, each has the SHA-256 that its last line says; none is missing, none is more
    tables    every row of the target is in the file of its table, as often as it is there, and the other way round

All that is found is told, not the first alone.
"""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.ground import sql
from pipeline.ground.errors import InputError, PublishError
from pipeline.operations import bringing
from pipeline.publication import stores
from pipeline.published import ledger, signing
from pipeline.published.archive import Archive
from pipeline.published.contract import RUNS, PublishedTable, Target, per_run
from pipeline.published.targets.binary_copy import without_nul
from pipeline.settings.config import Config

DIGITS = re.compile(r"[0-9a-f]{64}")


def run(config: Config, signed_by: str | None = None, head: str | None = None) -> str:
    """Verify what is published.

    Args:
        config: whose tables.
        signed_by: the public key that every line is to be signed with; None: lines may be unsigned.
        head: the hash of a line that is to be there, as an earlier call told it.
    Returns:
        What was verified, in words.
    Raises:
        InputError: a key or a hash is none.
        PublishError: something is not as it was published; all of it is named.
    """
    for name, given in (("--signed-by", signed_by), ("--head", head)):
        if given is not None and not DIGITS.fullmatch(given):
            raise InputError(f"{name} is 64 hexadecimal digits, as `verify` prints them")
    bringing.tables(config)
    target, archive = stores.target(config), stores.archive(config)
    with target.lock():
        lines = ledger.read(config.tables)
        if not lines:
            raise PublishError(f"{config.tables / ledger.FILE} has no line: nothing was published since there are any")
        state, kept = ledger.State.after(lines), target.loaded()
        faults = [*_chain(lines), *_signatures(lines, signed_by), *_noted(lines, head)]
        faults += target.misled()
        if state.forgetting or any((config.home / "receipts").glob(".forget-*.jsonl")):
            faults.append("people were being forgotten when a process died: run `forget` for the same people again")
        told = []
        for run_id in dict.fromkeys([*kept, *archive.run_ids()]):
            faults += _files(archive.path(run_id), state.runs.get(run_id), run_id)
            if run_id not in kept:  # of another target, or of one that lost it
                told.append(f"run {run_id}: its files alone, as this target does not have it")
                continue
            rows, differing = _tables(config, target, archive, run_id)
            faults += differing
            told.append(f"run {run_id}: {len(state.runs.get(run_id, {}))} files, {rows:,} rows")
    if faults:
        raise PublishError("\n".join(["what is published is not what the ledger says:", *faults]))
    return "\n".join([*_described(lines), *told])


def _described(lines: list[ledger.Line]) -> Iterator[str]:
    signed = sum(bool(line.signature) for line in lines)
    keys = sorted({line.key for line in lines if line.signature})
    yield f"ledger: {len(lines)} lines, head {lines[-1].hash}"
    yield f"signed: {signed} of {len(lines)}{''.join(f', by {key}' for key in keys)}"
    for line in lines:
        if line.what == ledger.APPROVED:
            by, at = (" ".join(line.approved.get(name, "").split()) for name in ("by", "at"))
            yield f"approved: run {', '.join(line.runs)}, by {by}, {at}"


def _chain(lines: list[ledger.Line]) -> Iterator[str]:
    """Lines that do not follow from the one before."""
    before = ledger.FIRST
    for place, line in enumerate(lines, 1):
        if line.number != place or line.before != before:
            yield f"line {place} of the ledger does not follow from the line before: one of them was changed or removed"
        before = line.hash


def _signatures(lines: list[ledger.Line], signed_by: str | None) -> Iterator[str]:
    for place, line in enumerate(lines, 1):
        if line.signature and not signing.is_signed(line.content, line.signature, line.key):
            yield f"line {place} of the ledger has a signature that is not its key's"
        elif signed_by is not None and (line.key != signed_by or not line.signature):
            yield f"line {place} of the ledger is {f'signed by {line.key}' if line.signature else 'not signed'}"


def _noted(lines: list[ledger.Line], head: str | None) -> Iterator[str]:
    if head is not None and all(line.hash != head for line in lines):
        yield f"no line of the ledger has the hash {head}: lines were removed, or all since then written anew"


def _files(folder: Path, wanted: ledger.Files | None, run_id: str) -> Iterator[str]:
    """Files of a run that are not what its last line says."""
    if wanted is None:
        yield (
            f"run {run_id} stands in no line: somebody else made it, or a version before there was a ledger, whose "
            "runs go when newer ones push them out (publish.keep_runs)"
        )
        return
    found = ledger.digests(folder)
    for name in sorted({*wanted, *found}):
        if name not in found:
            yield f"run {run_id}: {name} is gone"
        elif name not in wanted:
            yield f"run {run_id}: {name} was not published"
        elif found[name] != wanted[name]:
            yield f"run {run_id}: {name} was changed"


def _tables(config: Config, target: Target, archive: Archive, run_id: str) -> tuple[int, list[str]]:
    """How many rows of a run the database and the files agree in, and where they do not."""
    agreed, faults, folder = 0, list[str](), archive.path(run_id)
    with (
        tempfile.TemporaryDirectory() as spill,
        sql.connect(config.threads, config.memory_limit_mb, spill=Path(spill)) as connection,
    ):
        try:
            for table, loaded in target.rows(run_id, per_run(archive.tables)):
                rows, said = _told(connection, table, folder / table.file, loaded)
                agreed += rows
                faults += [f"run {run_id}: table {table.name}: {said}"] if said else []
            if not _is_described(target, run_id, folder / RUNS.file):
                faults.append(f"run {run_id}: what table runs says of it is not what its file says")
        except (PublishError, pa.ArrowInvalid, OSError) as error:
            faults.append(f"run {run_id} cannot be read whole: {str(error).splitlines()[0]}")
    return agreed, faults


def _told(
    connection: duckdb.DuckDBPyConnection, table: PublishedTable, file: Path, loaded: Iterator[pa.RecordBatch]
) -> tuple[int, str]:
    """How many rows of a table agree, and what is wrong with it, if anything."""
    try:
        rows, missing, added = _compared(connection, table, file, loaded)
    except (duckdb.Error, pa.ArrowInvalid):  # whose words may quote a row
        return 0, "cannot be compared: its file, or what the database has of it, cannot be read"
    if not missing and not added:
        return rows, ""
    return rows, f"{missing:,} rows of its file are not in the database, {added:,} of the database not in the file"


def _compared(
    connection: duckdb.DuckDBPyConnection, table: PublishedTable, file: Path, loaded: Iterator[pa.RecordBatch]
) -> tuple[int, int, int]:
    """Rows that both have, that only the file has, and that only the database has."""
    for name, batches in (("filed", _read(file) if file.is_file() else iter(())), ("loaded", loaded)):
        _hold(connection, name, table, batches)
    missing, added = sql.execute(connection, "check/differing_rows").fetchall()[0]
    return connection.table("filed").count("*").fetchall()[0][0] - missing, missing, added


def _read(file: Path) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(file) as opened:
        yield from opened.iter_batches()


def _hold(
    connection: duckdb.DuckDBPyConnection, name: str, table: PublishedTable, batches: Iterator[pa.RecordBatch]
) -> None:
    """A temporary table of these rows, with U+0000 as PostgreSQL has it, and null where a column came later."""

    def whole() -> Iterator[pa.RecordBatch]:
        for batch in batches:
            columns = [
                batch.column(f.name).cast(f.type) if f.name in batch.schema.names else pa.nulls(len(batch), f.type)
                for f in table.schema
            ]
            yield without_nul(pa.record_batch(columns, schema=schema))[0].cast(schema)

    schema = pa.schema([field.with_nullable(True) for field in table.schema])
    connection.register("arriving", pa.RecordBatchReader.from_batches(schema, whole()))
    connection.execute("drop table if exists " + name)
    connection.table("arriving").create(name)
    connection.unregister("arriving")


def _is_described(target: Target, run_id: str, file: Path) -> bool:
    """Whether a database tells of a run what its file does."""
    said = [row for row in target.read(run_id, "runs", RUNS.schema).to_pylist() if row["run_id"] == run_id]
    return bool(said == pq.read_table(file, partitioning=None).cast(RUNS.schema).to_pylist())
