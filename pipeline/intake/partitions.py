"""A night's files, one per table of the registry: staged rows streamed night by night, and written.

A night's files are the same bytes whether it is written alone or with all the others: row groups have one size,
however the rows stream.
"""

import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, timedelta
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.ground import sql
from pipeline.intake import inputs
from pipeline.intake.inputs import NightTable

ROW_GROUP = 131_072
BUFFER = 1 << 20
"""Bytes gathered before the file system is called: Parquet writes many small pieces."""

Report = dict[str, Any]
Batches = Iterable[pa.RecordBatch]


def nights(connection: duckdb.DuckDBPyConnection, first: date, last: date) -> Iterator[tuple[date, dict[str, Batches]]]:
    """Every night of a range with the rows of those tables that have any, streamed in partition order.

    Args:
        connection: with the tables of staging.staged.
        first, last: the range.
    Yields:
        The night, and batches by the name of their table, to be taken before the next night is.
    """
    streams = {table.name: _by_night(connection, table, first, last) for table in inputs.night_tables()}
    heads = {name: next(stream, None) for name, stream in streams.items()}
    for number in range((last - first).days + 1):
        night = first + timedelta(days=number)
        tonight = {name: head[1] for name, head in heads.items() if head and head[0] == night}
        yield night, tonight
        heads |= {name: next(streams[name], None) for name in tonight}


def _by_night(
    connection: duckdb.DuckDBPyConnection, table: NightTable, first: date, last: date
) -> Iterator[tuple[date, Batches]]:
    cursor = connection.cursor()
    cursor.execute("set timezone = 'UTC'")
    rows = sql.select(cursor, table.night, staged=table.staged, first=first, last=last)
    for night, pairs in groupby(_slices(rows.to_arrow_reader(ROW_GROUP), table.schema), key=lambda pair: pair[0]):
        yield night, (batch for _, batch in pairs)


def _slices(reader: pa.RecordBatchReader, schema: pa.Schema) -> Iterator[tuple[date, pa.RecordBatch]]:
    """Cast batches to their contract and cut them where `arrival`, their first column, changes."""
    for batch in reader:
        days = np.from_dlpack(batch.column(0).cast(pa.int32()))  # to_numpy would import pandas: a second
        cuts = [0, *(np.flatnonzero(np.diff(days)) + 1), len(days)]
        rows = batch.remove_column(0).cast(schema)
        for start, stop in pairwise(cuts):
            if stop > start:
                yield date.fromordinal(int(days[start]) + 719_163), rows.slice(start, stop - start)


def write(out: Path, tables: Mapping[str, Batches], there: Collection[str] = ()) -> Report:
    """Write a night's files, one per table.

    Args:
        out: the folder.
        tables: batches of those tables that have rows, by name.
        there: tables that get a file without rows too, as one that is there must not outlive its rows.
    Returns:
        Rows of each table that has a file, and refused rows by reason.
    """
    reasons: Counter[str] = Counter()
    report: Report = {}
    for table in inputs.night_tables():
        groups = _row_groups(tables.get(table.name, ()), table.schema)
        first = next(groups, None)
        if first is None and table.sparse and table.name not in there:
            continue
        report[table.name] = 0
        with (
            pa.output_stream(str(table.path(out)), compression=None, buffer_size=BUFFER) as file,
            pq.ParquetWriter(file, table.schema, compression="zstd", use_dictionary=list(table.dictionary)) as writer,
        ):
            for group in itertools.chain([] if first is None else [first], groups):
                writer.write_table(group)
                report[table.name] += len(group)
                if table is inputs.REJECTS:
                    reasons.update(group.column("reason").to_pylist())
    return report | {f"rejected: {reason}": n for reason, n in reasons.most_common()}


def _row_groups(batches: Batches, schema: pa.Schema) -> Iterator[pa.Table]:
    """Tables of exactly ROW_GROUP rows (the last one fewer), however the batches are cut: the same bytes either way."""
    held = pa.Table.from_batches([], schema)
    for batch in batches:
        held = pa.Table.from_batches([*held.to_batches(), batch], schema)
        while len(held) >= ROW_GROUP:
            yield held.slice(0, ROW_GROUP).combine_chunks()
            held = held.slice(ROW_GROUP)
    if len(held):
        yield held.combine_chunks()
