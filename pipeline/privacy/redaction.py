"""Finding people in Parquet files, and writing files again without them."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.ground import sql
from pipeline.privacy.pseudonyms import Key

Found = dict[Path, Counter[str]]
"""Rows about each id, by file."""


def find(
    connection: duckdb.DuckDBPyConnection,
    files: Iterable[Path],
    ids: Iterable[str],
    person: Sequence[str] = ("user_id",),
    free_text: Sequence[str] = (),
) -> Found:
    """The files that are about somebody.

    Args:
        connection: an in-memory DuckDB.
        files: Parquet files of one schema.
        ids: ids as the files have them.
        person: columns that name whom a row is about: of several, in the files' order, the first that is not null.
        free_text: columns in whose text an id may stand; a row found by both counts twice.
    """
    found: Found = {}
    paths, wanted = [str(path) for path in files], sorted(set(ids))
    if not paths or not wanted:
        return found
    rows: list[tuple[str, str, int]] = []
    if person:
        rows += sql.execute(connection, "forget/people", files=paths, ids=wanted, person=list(person)).fetchall()
    if free_text:
        forms = _in_text(wanted)
        texts = {
            "texts": list(free_text),
            "ids": [one for one, _ in forms],
            "spellings": [spelling for _, spelling in forms],
            "patterns": [pattern(spelling) for _, spelling in forms],
        }
        rows += sql.execute(connection, "forget/texts", files=paths, **texts).fetchall()
    for path, one, count in rows:
        found.setdefault(Path(path), Counter())[one] += count
    return found


def things(
    connection: duckdb.DuckDBPyConnection, files: Iterable[Path], ids: Iterable[str], person: Sequence[str], thing: str
) -> dict[str, str]:
    """What some people's rows are about.

    Args:
        connection, files, ids, person: as in `find`.
        thing: the column that says what a row is about.
    Returns:
        Of each thing, one of those whose it is.
    """
    paths, wanted = [str(path) for path in files], sorted(set(ids))
    if not paths or not wanted:
        return {}
    bound = {"files": paths, "ids": wanted, "person": list(person), "thing": thing}
    return dict(sql.execute(connection, "forget/things", **bound).fetchall())


def find_nameless(
    connection: duckdb.DuckDBPyConnection,
    files: Iterable[Path],
    of: Mapping[str, str],
    person: Sequence[str],
    thing: str,
) -> Found:
    """The files with rows about somebody's things that name nobody.

    Args:
        connection, files, person, thing: as in `things`.
        of: what `things` found.
    """
    found: Found = {}
    paths = [str(path) for path in files]
    if not paths or not of:
        return found
    bound = {"files": paths, "things": list(of), "ids": list(of.values()), "person": list(person), "thing": thing}
    for path, one, count in sql.execute(connection, "forget/nameless", **bound).fetchall():
        found.setdefault(Path(path), Counter())[one] = count
    return found


def without_nameless(batch: pa.RecordBatch, of: Iterable[str], person: Sequence[str], thing: str) -> pa.RecordBatch:
    """The rows that name somebody, or are about none of these things, as `find_nameless` finds them."""
    named = pc.is_valid(pc.coalesce(*[batch.column(name) for name in person]))
    theirs = pc.is_in(batch.column(thing), value_set=pa.array(sorted(set(of)), pa.string()))
    return batch.filter(pc.or_(named, pc.invert(theirs)))


def spellings(text: str) -> list[str]:
    """How an id can be written: itself, in JSON or CSV, and in a line that could not be read, kept as JSON's text."""
    ascii_only = json.dumps(text)[1:-1]
    in_capitals = re.sub(r"(\\u)([0-9a-f]{4})", lambda found: found[1] + found[2].upper(), ascii_only)
    found = {text, text.replace('"', '""'), ascii_only, in_capitals, json.dumps(text, ensure_ascii=False)[1:-1]}
    found |= {one.replace("/", r"\/") for one in found}  # as PHP writes it
    return sorted(found | {json.dumps(one, ensure_ascii=False)[1:-1] for one in found})


def _in_text(wanted: Iterable[str]) -> list[tuple[str, str]]:
    """Ids with their spellings, without those that stand in others of the same: where 7.0 is, 7 is found."""
    known = set(wanted)
    return [
        (one, form) for one in sorted(known) if one.removesuffix(".0") not in known - {one} for form in spellings(one)
    ]


def pattern(text: str) -> str:
    """A regular expression (RE2) for the text where no letter, digit or underscore joins it."""
    return rf"(?:^|[^0-9A-Za-z_]){re.escape(text)}(?:$|[^0-9A-Za-z_])"


def mentions(connection: duckdb.DuckDBPyConnection, files: Iterable[Path], ids: Iterable[str], column: str) -> Found:
    """How many rows of the files have each id written somewhere in a column, whoever they are about; see `mention`."""
    paths, forms = [str(path) for path in files], _in_text(ids)
    found: Found = {}
    if not paths or not forms:
        return found
    rows = sql.execute(
        connection,
        "forget/mentions",
        files=paths,
        text=[column],
        ids=[one for one, _ in forms],
        patterns=[mention(form) for _, form in forms],
        spellings=[form for _, form in forms],
    ).fetchall()
    for path, one, count in rows:
        found.setdefault(Path(path), Counter())[one] = count
    return found


def mention(text: str) -> str:
    """A regular expression (RE2) for the text where no letter or digit joins it, in capitals or not."""
    return rf"(?i)(?:^|[^0-9A-Za-z]){re.escape(text)}(?:$|[^0-9A-Za-z])"


def without_mentions(batch: pa.RecordBatch, ids: Iterable[str], column: str, key: Key | None) -> pa.RecordBatch:
    """The rows, without the texts of a column that `mentions` finds: null, or with a key their hashes."""
    texts = batch.column(column)
    named = pa.repeat(False, len(batch))
    for _, form in _in_text(ids):
        named = pc.or_(named, pc.fill_null(pc.match_substring_regex(texts, mention(form)), False))
    hashes = [None if key is None else key.hash(text) for text in texts.filter(named).to_pylist()]
    replaced = pc.replace_with_mask(texts, named, pa.array(hashes, pa.string()))
    return batch.set_column(batch.schema.get_field_index(column), batch.schema.field(column), replaced)


def without(
    batch: pa.RecordBatch, ids: Iterable[str], person: Sequence[str] = ("user_id",), free_text: Sequence[str] = ()
) -> pa.RecordBatch:
    """The rows that are not about somebody and do not name anybody in their texts, as `find` finds them.

    Args:
        batch: rows, or a table of rows.
        ids, person, free_text: as in `find`.
    """
    wanted, kept = sorted(set(ids)), pa.repeat(True, len(batch))
    if person:
        named = pc.coalesce(*[batch.column(name) for name in person])
        kept = pc.and_(kept, pc.invert(pc.is_in(named, value_set=pa.array(wanted, pa.string()))))  # null: nobody
    for name in free_text:
        for _, text in _in_text(wanted):
            found = pc.match_substring_regex(batch.column(name), pattern(text))
            kept = pc.and_(kept, pc.invert(pc.fill_null(found, False)))
    return batch.filter(kept)


def copy_without(source: Path, target: Path, ids: Iterable[str]) -> None:
    """Write a Parquet file again without the rows whose user_id is one of `ids`, a row group at a time."""
    wanted = list(ids)
    with pq.ParquetFile(source) as old, pq.ParquetWriter(target, old.schema_arrow, compression="zstd") as new:
        for group in range(old.num_row_groups):
            new.write_table(without(old.read_row_group(group), wanted))


def copy_lines_without(source: Path, target: Path, ids: Iterable[str]) -> Counter[str]:
    """Write an exported file again without the lines of `ids`; returns how many rows each of them had."""
    marks = {json.dumps(one): one for one in ids}
    removed: Counter[str] = Counter()
    with source.open(encoding="ascii", newline="\n") as old, target.open("w", encoding="ascii", newline="\n") as new:
        for line in old:
            found = json.loads(line) if any(mark in line for mark in marks) else {}
            if found and (user_id := str(found["user_id"])) in marks.values():
                removed[user_id] += len(found["items"])
            else:
                new.write(line)
    return removed
