"""Are two homes' published tables the same? The question of every change that must not change what is published.

    python -m benchmarks.same_bytes BEFORE AFTER 2011-10-02

BEFORE and AFTER are NIGHTJAR_HOME folders; without a night, folders of one run with its Parquet files. Every table is
compared in the order of its file, row by row and column by column; numbers by their bits. What tells runs apart is left
out: run_id, and of the table `runs` code_version and config_hash. Another run's id counts by its night alone, metrics
as JSON. Prints "same" or the first differences of each table, counted from row 0, and a SHA-256 of each surface's rows.
Ends with 1 where anything differs.
"""

import argparse
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.ground import artifacts

LEFT_OUT = {"runs": {"code_version", "config_hash"}}
RUN_ID = re.compile(r"\b(\d{4}-\d{2}-\d{2})-[0-9a-f]{8}\b")
BITS = {pa.float16(): pa.int16(), pa.float32(): pa.int32(), pa.float64(): pa.int64()}


def run_folder(given: Path, night: date | None) -> Path:
    """The folder with the run's Parquet files.

    Raises:
        SystemExit: there are none.
    """
    folder = given if night is None else artifacts.stage_dir(given / "lake", "publish", night)
    if not any(folder.glob("*.parquet")):
        raise SystemExit(
            f"{folder} holds no Parquet files: name a home and a night that it published, or a run's folder"
        )
    return folder


def read(folder: Path, name: str) -> pa.Table:
    """A published table as a run of the same night would give it again: without what tells runs apart."""
    table = pq.read_table(folder / f"{name}.parquet")
    table = table.drop_columns([c for c in table.column_names if c in {"run_id"} | LEFT_OUT.get(name, set())])
    for place, field in enumerate(table.schema):
        if field.name == "metrics" or field.name.endswith("run_id"):
            values = [_canonical(field.name, value) for value in table.column(place).to_pylist()]
            table = table.set_column(place, field, pa.array(values, field.type))
    return table


def _canonical(column: str, value: str | None) -> str | None:
    if value is None:
        return None
    if column == "metrics":
        value = json.dumps(json.loads(value), sort_keys=True)
    return RUN_ID.sub(r"\1", value)


def differences(before: pa.Table, after: pa.Table, most: int) -> Iterator[str]:
    """What differs between two tables: columns, number of rows, and the first `most` rows that are not the same."""
    yield from _columns(before, after)
    if before.num_rows != after.num_rows:
        yield f"{before.num_rows:,} rows before, {after.num_rows:,} after"
    common = min(before.num_rows, after.num_rows)
    names = [name for name in before.column_names if name in after.column_names]
    unlike = {name: _unlike(before[name][:common], after[name][:common]) for name in names}
    rows = sorted({row for found in unlike.values() for row in found})
    for row in rows[:most]:
        changed = (name for name in names if row in unlike[name])
        values = (f"{name} {before[name][row].as_py()!r} -> {after[name][row].as_py()!r}" for name in changed)
        yield f"row {row:,}: {', '.join(values)}"
    if len(rows) > most:
        yield f"and {len(rows) - most:,} more rows"


def _columns(before: pa.Table, after: pa.Table) -> Iterator[str]:
    """Columns, with their types, that are on one side only; or that their order is another one."""
    ours, theirs = ([f"{f.name} {f.type}" for f in table.schema] for table in (before, after))
    yield from (f"column {text} only before" for text in ours if text not in theirs)
    yield from (f"column {text} only after" for text in theirs if text not in ours)
    if ours != theirs and sorted(ours) == sorted(theirs):
        yield f"columns in another order: {', '.join(ours)} -> {', '.join(theirs)}"


def _unlike(before: pa.ChunkedArray, after: pa.ChunkedArray) -> set[int]:
    """Rows whose values differ; both have as many rows."""
    ours, theirs = (_bits(column) for column in (before, after))
    if ours.equals(theirs):
        return set()
    pairs = zip(ours.to_pylist(), theirs.to_pylist(), strict=True)
    return {row for row, (mine, other) in enumerate(pairs) if mine != other}


def _bits(column: pa.ChunkedArray) -> pa.Array:
    """The column in one piece; floats as the integers of the same bits, so that NaN equals NaN and -0 is not 0."""
    whole = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    return whole.view(BITS[whole.type]) if whole.type in BITS else whole


def surface_hash(recommendations: pa.Table, surface: str) -> str:
    """SHA-256 of a surface's rows in the order of the file, without run_id."""
    table = recommendations.filter(pc.field("surface") == surface)
    digest = hashlib.sha256(json.dumps(table.column_names).encode())
    for row in zip(*(column.to_pylist() for column in table.columns), strict=True):
        digest.update(repr(row).encode())
    return digest.hexdigest()


def compare(before: Path, after: Path, most: int) -> Iterator[tuple[bool, str]]:
    """Whether each table is the same, with the lines to print; then the surfaces' hashes."""
    names = sorted({file.stem for folder in (before, after) for file in folder.glob("*.parquet")})
    for name in names:
        if missing := [str(folder) for folder in (before, after) if not (folder / f"{name}.parquet").exists()]:
            yield False, f"{name}: not in {missing[0]}"
            continue
        found = list(differences(read(before, name), read(after, name), most))
        rows = pq.read_metadata(before / f"{name}.parquet").num_rows
        yield not found, "\n  ".join([f"{name}: DIFFERENT", *found]) if found else f"{name}: same, {rows:,} rows"
    if "recommendations" in names:
        yield from _hashes(before, after)


def _hashes(before: Path, after: Path) -> Iterator[tuple[bool, str]]:
    tables = [
        read(folder, "recommendations") for folder in (before, after) if (folder / "recommendations.parquet").exists()
    ]
    for surface in dict.fromkeys(name for table in tables for name in table["surface"].unique().to_pylist()):
        found = dict.fromkeys(surface_hash(table, surface) for table in tables)
        yield len(found) == 1, f"{surface}: sha256 {' -> '.join(found)}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare and print; ends with 1 on a difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("night", type=date.fromisoformat, nargs="?")
    parser.add_argument("--most", type=int, default=3, help="rows shown of a table that differs")
    chosen: Any = parser.parse_args(arguments)
    before, after = (run_folder(folder, chosen.night) for folder in (chosen.before, chosen.after))
    same = True
    for alike, text in compare(before, after, chosen.most):
        print(text)
        same &= alike
    print("same" if same else "DIFFERENT")
    if not same:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
