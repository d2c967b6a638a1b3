"""A mapping that may make much of little is tried on a few rows first, in a process of its own with bounds.

DuckDB spills what rows take, but one list or one text is in memory as a whole: `range(1000000000)` takes what the
machine has. Of other mappings nothing is tried.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
from duckdb import ColumnExpression, ConstantExpression

from pipeline.ground import sql
from pipeline.ground.errors import InputError
from pipeline.intake import selects

PROCESS = "pipeline.intake.mapping_process"
ROWS = 20
"""Of the log, that are tried."""
MEMORY_MB, SECONDS = 1024, 20
"""MiB that these may take, and seconds of the processor."""
PATIENCE = 30
"""Times as long as that a busy machine may take."""
GROWING = frozenset(
    {"range", "generate_series", "repeat", "lpad", "rpad", "bar", "list_resize", "array_resize", "format", "printf"}
    | {"list_reduce", "reduce", "array_reduce"}
)
"""Functions of which one call may give far more than it is given. (`replace` and the like only do where they are nested
many times, and are in many a mapping.)"""


def require_fits(connection: duckdb.DuckDBPyConnection, path: Path, text: str, kind: str) -> None:
    """Stop at a mapping that needs too much for a few rows.

    Args:
        connection: with the table `raw`, and a folder for what does not fit in memory.
        path: the mapping's.
        text: the mapping, one SELECT.
        kind: of the log, csv, jsonl or parquet.
    Raises:
        InputError: it does.
    """
    if not _may_grow(connection, text):
        return
    ((spill, timezone),) = sql.execute(connection, "ingest/scratch").fetchall()
    with TemporaryDirectory(prefix="tried", dir=spill if Path(spill).is_dir() else None) as folder:
        rows = str(Path(folder) / "rows.parquet")
        connection.table("raw").filter(ColumnExpression("_row") <= ConstantExpression(ROWS)).write_parquet(rows)
        if not _fits({"text": text, "rows": rows, "timezone": timezone, "kind": kind}):
            raise InputError(
                f"{path} needs more than {MEMORY_MB:,} MiB of memory, or {SECONDS} s of the processor, for the first "
                f"{ROWS} rows of its log: write it so that it takes less"
            )


def _may_grow(connection: duckdb.DuckDBPyConnection, text: str) -> bool:
    """Whether a mapping calls one of GROWING; as a table, `from range(9)`, it gives rows, which have other limits."""
    found = [part for part in selects.parts(selects.parsed(connection, text)) if isinstance(part, dict)]
    tables = {id(part["function"]) for part in found if part.get("type") == "TABLE_FUNCTION"}
    return any(str(part.get("function_name", "")).lower() in GROWING for part in found if id(part) not in tables)


def _fits(what: Mapping[str, str]) -> bool:
    asked = {**what, "memory_mb": MEMORY_MB, "seconds": SECONDS}
    paths = [str(Path(path).resolve()) for path in sys.path]
    # nothing of the environment: it holds secrets
    environment = {"PYTHONPATH": os.pathsep.join(paths), "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", PROCESS],
            input=json.dumps(asked).encode() + b"\n",
            capture_output=True,
            env=environment,
            timeout=PATIENCE * SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    if done.returncode < 0 or b"MemoryError" in done.stderr:  # a signal of the limits, or Python without memory
        return False
    if done.returncode:
        raise RuntimeError(f"{PROCESS} failed: {done.stderr.decode(errors='replace')}")
    return bool(json.loads(done.stdout)["fits"])
