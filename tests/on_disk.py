"""Everything that is on disk below a folder, for tests of what must not be there."""

from pathlib import Path

import duckdb
import pyarrow.parquet as pq


def everything_under(folder: Path) -> bytes:
    """All bytes and names below a folder, hidden files included, and what Parquet and DuckDB files say when read."""
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and not p.is_symlink()]
    found = [str(p.relative_to(folder)).encode() for p in files] + [p.read_bytes() for p in files]
    found += [str(pq.ParquetFile(p).read().to_pydict()).encode() for p in files if p.suffix == ".parquet"]
    return b"\n".join(found + [_database(p) for p in files if p.suffix == ".duckdb"])


def _database(path: Path) -> bytes:
    with duckdb.connect(str(path), read_only=True) as connection:
        names = [name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()]
        return str([connection.table(name).to_arrow_table().to_pydict() for name in names]).encode()
