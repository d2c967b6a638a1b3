"""What loading a run costs: our load into DuckDB and PostgreSQL against the bare bulk load of the same rows.

    python -m benchmarks.publication --rows 10000000

Bare PostgreSQL is one COPY of the same bytes into a table without indexes, then the same index build. `published` has
the run's id in every row, as the files have; `ours` has the columns of our table, which stores it once per run. The
bytes are made beforehand and not counted. Bare DuckDB reads the same Parquet file into a table and builds the same
index. Ours counts everything: reading the Parquet file, making the stream, the checks, the attachment and the flip.

The server is one of its own, with safe settings (fsync on). Every measurement begins with a checkpoint.
"""

import argparse
import os
import re
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median

import duckdb
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.ground import sql
from pipeline.publication import stores
from pipeline.publication.tables import published, recommendations
from pipeline.published.contract import RUNS
from pipeline.published.targets import binary_copy
from pipeline.published.targets.partitions import BATCH_ROWS
from pipeline.settings.config import Config
from pipeline.settings.sections.publication import Publish
from pipeline.sources.configuration import FullConfig
from tests.postgres import Server

RUN_ID = "2011-10-02-1f0c9a7e"
K = 50
SETTINGS = {"shared_buffers": "512MB", "max_wal_size": "8GB"}
ROWS_SQL = """
copy (
    select
        $run_id as run_id, 'for_you' as surface, 'u' || lpad((i // $k)::varchar, 8, '0') as user_id,
        (i % $k + 1)::integer as rank, 'item' || lpad((hash(i) % 50000)::varchar, 6, '0') as item_id,
        (1 - (i % $k) / $k)::float as score, ['als', 'language_model', 'buy_again'][1 + i % 3] as source,
        'Because you bought ' || 'WHITE HANGING HEART T-LIGHT HOLDER'[1:5 + i % 30] as reason,
        null::varchar as policy, null::float as propensity
    from range($rows) as t (i)
) to '{path}' (format parquet, compression zstd)
"""
TABLE = """
create table bare (
    {run_id} {load} rank integer not null, score real not null, surface text collate "C" not null,
    user_id text collate "C" not null, item_id text collate "C" not null, source text collate "C" not null,
    reason text collate "C" not null, policy text collate "C", propensity real
)
"""


def write_run(folder: Path, rows: int) -> None:
    """A run of recommendations alone, as Parquet."""
    folder.mkdir(parents=True)
    path = folder / "recommendations.parquet"
    duckdb.connect().execute(ROWS_SQL.format(path=path), {"run_id": RUN_ID, "k": K, "rows": rows})
    plain = pq.read_table(path).cast(recommendations.TABLE.schema)
    pq.write_table(plain, path, compression="zstd", row_group_size=122_880)
    for table in published():
        if table.name != recommendations.TABLE.name:
            pq.write_table(table.schema.empty_table(), folder / table.file)


def history() -> pa.Table:
    """RUNS of the run."""
    night = {"run_id": RUN_ID, "run_date": date(2011, 10, 2), "published_at": datetime(2011, 10, 3, tzinfo=UTC)}
    return pa.Table.from_pylist([night | {"code_version": "", "config_hash": "", "metrics": "{}"}], RUNS.schema)


def timed(action: Callable[[], object]) -> float:
    """Seconds on the clock."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def bare_postgres(dsn: str, folder: Path, with_run_id: bool) -> tuple[float, float]:
    """Seconds of the COPY, and of the index build."""
    columns = [f.name for f in recommendations.TABLE.schema if f.name != "run_id" or with_run_id]
    source = pq.ParquetFile(folder / "recommendations.parquet")
    batches = (batch.select(columns) for batch in source.iter_batches(BATCH_ROWS, columns=columns))
    stream = [bytes(binary_copy.rows(batch)) for batch in batches]
    ours, published = ("load integer not null default 1,", ""), ("", 'run_id text collate "C" not null,')
    load, run_id = published if with_run_id else ours
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("drop table if exists bare")
        connection.execute(TABLE.format(load=load, run_id=run_id))
        connection.execute("set maintenance_work_mem = '256MB'")
        connection.execute("checkpoint")

        def copy() -> None:
            statement = f"copy bare ({', '.join(columns)}) from stdin (format binary)"
            with connection.cursor() as cursor, cursor.copy(statement) as out:
                for part in (binary_copy.HEADER, *stream, binary_copy.TRAILER):
                    out.write(part)

        index = "create unique index on bare (user_id, surface, rank)"
        seconds = timed(copy), timed(lambda: connection.execute(index))
        connection.execute("drop table bare")
    return seconds


def bare_duckdb(folder: Path, home: Path, config: Config) -> tuple[float, float]:
    """Seconds of the insert, and of the index build with the checkpoint."""
    settings: dict[str, str | bool | int | float | list[str]] = {
        "threads": config.threads,
        "memory_limit": f"{config.memory_limit_mb}MiB",
    }
    path = home / "bare.duckdb"
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path), config=settings) as connection:
        file = str(folder / "recommendations.parquet")
        insert = timed(lambda: connection.read_parquet(file).create("bare"))

        def index() -> None:
            connection.execute("create index bare_by_user on bare (user_id)").fetchall()
            connection.execute("checkpoint").fetchall()

        return insert, timed(index)


def ours(config: Config, folder: Path) -> tuple[float, float]:
    """Seconds of the load, and of the flip."""
    target = stores.target(config)
    if config.publish.target == "postgres":
        with psycopg.connect(os.environ["NIGHTJAR_DSN"], autocommit=True) as connection:
            connection.execute("checkpoint")
    config.tables.mkdir(parents=True, exist_ok=True)
    with target.lock():
        load = timed(lambda: target.load(RUN_ID, folder, history()))
        return load, timed(lambda: target.activate(RUN_ID, published=True))


def lookup(dsn: str, rows: int) -> None:
    """Print what PostgreSQL needs for a user's list (query 1 of sql/README.md): the medians over 200 users."""
    (query,) = re.findall(r"```sql\n-- 1\n(.*?)```", (sql.FOLDER / "README.md").read_text(), flags=re.DOTALL)
    statement = "explain (analyze, format json) " + query.replace("$user_id", "%(user)s").replace(
        "$surface", "'for_you'"
    )
    planned, executed = [], []
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("set search_path = nightjar")
        for number in range(200):
            user = f"u{number * 7919 % (rows // K):08d}"
            ((plan,),) = [connection.execute(statement, {"user": user}).fetchone() or ([],)]
            planned.append(plan[0]["Planning Time"])
            executed.append(plan[0]["Execution Time"])
    print(f"a user's list: planned in {median(planned):.2f} ms, executed in {median(executed):.2f} ms (medians)")


def line(name: str, first: float, second: float, rows: int, bare: float | None = None) -> None:
    """Print one measurement; the ratio is of throughputs, ours by bare."""
    total = first + second
    ratio = "" if bare is None else f"{bare / total:6.0%}"
    print(f"{name:44s} {first:8.2f} {second:8.2f} {total:8.2f} s {rows / total:12,.0f} rows/s {ratio}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--repeat", type=int, default=2, help="measure this often, in turns; the fastest counts")
    args = parser.parse_args()
    server = Server(SETTINGS)
    try:
        server.start()
        with tempfile.TemporaryDirectory(dir=server.folder.parent) as name:
            measure(args.rows, args.repeat, Path(name), server)
    finally:
        server.remove()


def measure(rows: int, repeat: int, home: Path, server: Server) -> None:
    """Every measurement of one run."""
    os.environ["NIGHTJAR_DSN"] = server.dsn()
    folder, file = home / "run", FullConfig(home=home)
    write_run(folder, rows)
    print(f"{rows:,} rows, best of {repeat}, load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    print(f"{'':44s} {'copy':>8s} {'index':>8s} {'total':>8s}", flush=True)
    measured: dict[str, list[tuple[float, float]]] = {}
    actions: dict[str, Callable[[], tuple[float, float]]] = {
        "published": lambda: bare_postgres(server.dsn(), folder, with_run_id=True),
        "bare": lambda: bare_postgres(server.dsn(), folder, with_run_id=False),
        "postgres": lambda: ours(FullConfig(home=home, publish=Publish(target="postgres")), folder),
        "bare file": lambda: bare_duckdb(folder, home, file),
        "duckdb": lambda: ours(file, folder),
    }
    for _ in range(repeat):
        for name, action in actions.items():
            measured.setdefault(name, []).append(action())
    best = {name: min(found, key=sum) for name, found in measured.items()}
    line("PostgreSQL, bare, published columns", *best["published"], rows)
    line("PostgreSQL, bare, our columns", *best["bare"], rows)
    line("PostgreSQL, ours, to bare published", *best["postgres"], rows, sum(best["published"]))
    line("PostgreSQL, ours, to bare our columns", *best["postgres"], rows, sum(best["bare"]))
    line("DuckDB, bare", *best["bare file"], rows)
    line("DuckDB, ours", *best["duckdb"], rows, sum(best["bare file"]))
    lookup(server.dsn(), rows)


if __name__ == "__main__":
    main()
