"""The nights' rows that are about people who asked to be forgotten: found, written down, and taken out of the lake.

A row about somebody's document may leave out its author (`NightTable.thing`). Such rows go first, and what was theirs
is on the list before, so that a process that was killed finds again what it needs to go on: the rows that name them.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.ground import artifacts, rewriting
from pipeline.intake import inputs, partitions, spill
from pipeline.intake.inputs import NightTable
from pipeline.operations import handed, mentions
from pipeline.operations.people import People
from pipeline.privacy import redaction, suppression
from pipeline.privacy.pseudonyms import Key
from pipeline.settings.config import Config

NIGHTS = f"*{artifacts.PARTITION}*"
Without = Callable[[NightTable, pa.RecordBatch], pa.RecordBatch]
"""The rows of a table that stay."""


def of_nights(connection: Any, config: Config, people: People, out_of_texts: Key | None) -> None:
    """Write the partitions that know them again.

    Args:
        connection: an in-memory DuckDB.
        config: whose lake it is.
        people: who, and their journals.
        out_of_texts: those too are written again whose texts name them, without the names; None: they are counted.
    """
    for folder in (config.lake, config.home):
        spill.remove_dead(folder)
    whole = _whole(config)
    theirs = _things(connection, whole, people)
    if any(theirs.values()):
        with suppression.lock(config, alone=True):
            suppression.add(config, things=[thing for of in theirs.values() for thing in of])
        whole = _whole(config)  # whoever read the list before has ended
        _nameless(connection, whole, people, theirs)
    found = {}
    for table in inputs.about_people():
        files = _files(table, whole)
        found[table.name] = redaction.find(connection, files, people.ids, table.person, table.free_text)
    for folder in whole:
        counts = {name: of[path] for name, of in found.items() if (path := folder / f"{name}.parquet") in of}
        if counts:
            _rewrite(folder, people, counts, _without(people))
    mentions.in_nights(connection, whole, people, out_of_texts)


def folders(stage: Path) -> list[Path]:
    """The folders of a stage's nights, of those too that are unfinished or being written."""
    return [stage / name for name in sorted({p.name.lstrip(".").partition(".")[0] for p in stage.glob(NIGHTS)})]


def sweep(folder: Path) -> None:
    """Remove what a dead run left beside a folder whose lock the caller holds; an only copy is put back."""
    old = folder.parent / f".{folder.name}.old"
    if folder.parent.name == "ingest" and not folder.exists() and artifacts.is_finished(old):
        old.rename(folder)
    for ending in ("partial", "old", "checkpoint"):
        shutil.rmtree(folder.parent / f".{folder.name}.{ending}", ignore_errors=True)
    handed.drop(folder)
    rewriting.finish(folder)


def _whole(config: Config) -> list[Path]:
    """The finished partitions; one that is being written is waited for."""
    found = folders(config.lake / "ingest")
    for folder in found:
        with artifacts.lock(folder):  # a night that is being written will be whole, or is a dead run's
            sweep(folder)
    return [folder for folder in found if artifacts.is_finished(folder)]


def _files(table: NightTable, whole: list[Path]) -> list[Path]:
    """The table's files; nights from before there was the table have none."""
    return [path for path in map(table.path, whole) if path.is_file()]


def _things(connection: Any, whole: list[Path], people: People) -> dict[str, dict[str, str]]:
    """By table, what was theirs."""
    tables = [table for table in inputs.about_people() if table.thing]
    return {
        table.name: redaction.things(connection, _files(table, whole), people.ids, table.person, table.thing)
        for table in tables
    }


def _nameless(connection: Any, whole: list[Path], people: People, theirs: dict[str, dict[str, str]]) -> None:
    """Write the partitions again that have rows about what was theirs, and do not say whose it is."""

    def without(table: NightTable, batch: pa.RecordBatch) -> pa.RecordBatch:
        of = theirs.get(table.name)
        return redaction.without_nameless(batch, of, table.person, table.thing) if of else batch

    for table in (table for table in inputs.about_people() if theirs.get(table.name)):
        files = _files(table, whole)
        found = redaction.find_nameless(connection, files, theirs[table.name], table.person, table.thing)
        for path, counts in found.items():
            _rewrite(path.parent, people, {table.name: counts}, without, nameless=True)


def _without(people: People) -> Without:
    return lambda table, batch: redaction.without(batch, people.ids, table.person, table.free_text)


def _rewrite(folder: Path, people: People, counts: dict[str, Counter[str]], without: Without, **how: Any) -> None:
    """Write a partition again; `counts` has by table the rows that go, `how` what is said of them beside where."""
    night = artifacts.run_date_of(folder).isoformat()

    def write(beside: Path) -> dict[str, Any]:
        kept = {table.name: _kept(folder, table, without) for table in inputs.night_tables()}
        there = [table.name for table in inputs.night_tables() if table.path(folder).is_file()]
        report: dict[str, Any] = partitions.write(beside, kept, there)
        for name, rows in counts.items():
            paths = (folder / f"{name}.parquet", beside / f"{name}.parquet")
            before, after = map(artifacts.file_sha256, paths)
            people.note(rows, table=name, night=night, sha256_before=before, sha256_after=after, **how)
        return report

    with artifacts.lock(folder):
        rewriting.rewrite(folder, write)


def _kept(folder: Path, table: NightTable, without: Without) -> Iterator[pa.RecordBatch]:
    """The rows of a partition's table that stay."""
    if not table.path(folder).is_file():
        return
    with pq.ParquetFile(table.path(folder)) as file:
        for batch in file.iter_batches(partitions.ROW_GROUP):
            yield without(table, batch)
