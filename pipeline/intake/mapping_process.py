"""The process in which a mapping is tried on a few rows (`python -m`): DuckDB bounds neither one list nor one text.

Its input is a line of JSON (what `fits` asks for); its output a line of JSON (`fits`: whether the memory was enough).
What else is wrong with the mapping is said where it is run.
"""

import json
import sys

import duckdb

from pipeline.ground import sql
from pipeline.intake import absent, selects
from pipeline.settings.predicate_process import limit


def main() -> None:
    """Answer what standard input asks."""
    asked = json.loads(sys.stdin.buffer.readline())
    print(json.dumps({"fits": fits(**asked)}), flush=True)


def fits(*, text: str, rows: str, kind: str, timezone: str, memory_mb: int, seconds: int) -> bool:
    """Whether a mapping's rows can be worked out within so much memory. What takes longer ends this process.

    Args:
        text: the mapping.
        rows: a Parquet file of what is its `raw`.
        kind: of the log.
        timezone: in which it runs.
        memory_mb: MiB beside what this process has.
        seconds: of the processor.
    """
    with sql.connect(1, memory_mb, timezone=timezone) as connection:
        connection.read_parquet(rows).create("raw")
        connection.execute("set enable_external_access = false").fetchall()
        connection.execute("set lock_configuration = true").fetchall()
        limit(memory_mb, seconds)
        try:
            relation, _ = absent.bind(connection, text, kind, selects.named(connection, text).words)
            relation.create_view("tried")
            sql.execute(connection, "ingest/evaluated").fetchall()
        except (duckdb.OutOfMemoryException, MemoryError):
            return False
        except duckdb.Error:
            return True
    return True


if __name__ == "__main__":
    main()
