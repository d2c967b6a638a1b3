"""Where others' rows have an id of somebody who asked to be forgotten: in what they searched for, in an event's id.

Such a row is not about the person, and an id can be a word like any other ("7"), so that `forget` counts these rows and
leaves them as they are, unless it is told to take the id out too: a text that has it becomes null, an id of something
else a hash of it. An id stands in a text where neither letters nor digits join it; capitals are as good as small ones.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.ground import artifacts, rewriting
from pipeline.intake import inputs, partitions
from pipeline.intake.inputs import NightTable
from pipeline.operations.people import People
from pipeline.privacy import redaction
from pipeline.privacy.pseudonyms import Key

IDS = {"event_id", "session_id"}
"""Columns of ids: they have to stay what they are the id of, so that their text becomes a hash."""
QUERY = "query"
"""What people searched for: a column of features' queries, from which models learn, and of search_results."""
ASKED = (("queries.parquet", QUERY), ("searches.parquet", QUERY), ("searches.parquet", "asked_instead"))
"""Files of features and columns that have what people searched for."""


def in_nights(connection: Any, folders: Sequence[Path], people: People, key: Key | None) -> None:
    """Count the rows of nights that name somebody; with a key take the id out of them.

    Args:
        connection: an in-memory DuckDB.
        folders: finished partitions, without the rows that are about these people.
        people: who, and their journals.
        key: what the ids of events and sessions that have theirs are hashed with; None: only count.
    """
    named: set[Path] = set()
    for table in inputs.night_tables():
        files = [path for path in map(table.path, folders) if path.is_file()]
        for column in table.mentions:
            for path, counts in redaction.mentions(connection, files, people.ids, column).items():
                night = artifacts.run_date_of(path.parent).isoformat()
                people.mention(counts, column=f"{table.name}.{column}", night=night)
                named.add(path.parent)
    if key is not None:
        for folder in sorted(named):
            _take_out(folder, people.ids, key)


def in_features(connection: Any, features: Path, people: People) -> set[str]:
    """Those whose ids a night's queries have; what was learned from them is dropped with the night."""
    return {one for name, column in ASKED for one in _in_file(connection, features / name, people, column)}


def in_published(connection: Any, run: Path, people: People) -> None:
    """Count the published queries that name somebody, in the folder of a run."""
    if counts := _in_file(connection, run / "search_results.parquet", people):
        people.mention(counts, column="published search_results.query", run_id=run.name.partition("=")[2])


def _in_file(connection: Any, file: Path, people: People, column: str = QUERY) -> Counter[str]:
    files = [file] if file.is_file() else []
    return redaction.mentions(connection, files, people.ids, column).get(file, Counter())


def _take_out(folder: Path, ids: Sequence[str], key: Key) -> None:
    """Write a night's tables again without the ids in their texts."""

    def write(beside: Path) -> dict[str, Any]:
        return partitions.write(beside, {t.name: _batches(folder, t, ids, key) for t in inputs.night_tables()})

    with artifacts.lock(folder):
        rewriting.rewrite(folder, write)


def _batches(folder: Path, table: NightTable, ids: Sequence[str], key: Key) -> Iterator[pa.RecordBatch]:
    if not table.path(folder).is_file():  # a night from before there was the table
        return
    with pq.ParquetFile(table.path(folder)) as file:
        for rows in file.iter_batches(partitions.ROW_GROUP):
            batch = rows
            for column in table.mentions:
                batch = redaction.without_mentions(batch, ids, column, key if column in IDS else None)
            yield batch
