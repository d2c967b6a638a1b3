"""What a site of many users costs: to write, beside a bare export of the same lists as JSON, and to look at.

    python -m benchmarks.site /tmp/site --users 100000

A made-up run: two surfaces of 50 rows a user, 50,000 items with titles, ten similar ones each. It is loaded and made
active, and its site written with the default memory. Bare is one statement of DuckDB that writes the same rows of the
lists, as many ranks as a page shows, as JSON Lines. Then a headless Chromium opens the pages from the disk: the first
paint as the browser says it, of the first page and of a user's, and until a user's lists stand there.
"""

import argparse
import multiprocessing
import resource
import shutil
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.ground import artifacts, schemas, sql
from pipeline.publication import stores
from pipeline.publication.tables import published
from pipeline.published.contract import RUNS
from pipeline.settings.config import Config
from pipeline.site import build, lookups
from pipeline.sources.configuration import FullConfig
from tests.site import browser

RUN_ID = "2011-10-02-1f0c9a7e"
NIGHT = date(2011, 10, 2)
K, ITEMS, LOOKS = 50, 50_000, 20
WORDS = ["white", "hanging", "heart", "holder", "jumbo", "bag", "retrospot", "lunch", "box", "kettle", "gnome", "card"]
TITLE = " || ' ' || ".join(f"{WORDS}[1 + (n // {step}) % {len(WORDS)}]" for step in (1, 12, 144)) + " || ' ' || n"
MADE = {
    "recommendations": f"""
        select
            '{RUN_ID}' as run_id, surface, 'u' || lpad(u::varchar, 8, '0') as user_id, (r + 1)::integer as rank,
            'item' || (hash(u * 101 + r * 7 + length(surface)) % {ITEMS})::varchar as item_id,
            (1 - r / {K})::float as score,
            ['als', 'language_model', 'buy_again'][1 + r % 3] as source,
            'Because you bought ' || 'WHITE HANGING HEART T-LIGHT HOLDER'[1:5 + (u + r) % 30] as reason,
            null::varchar as policy, null::float as propensity
        from range($users) as users (u), range({K}) as ranks (r), (values ('for_you'), ('discover')) as s (surface)
    """,
    "user_profiles": f"""
        select
            '{RUN_ID}' as run_id, 'u' || lpad(u::varchar, 8, '0') as user_id,
            ['new', 'light', 'heavy'][1 + u % 3] as segment, ['mugs', 'bags'] as top_categories, 7::integer as events,
            timestamptz '2011-10-01 00:00:00+00' as last_event_time
        from range($users) as users (u)
    """,
    "similar_items": f"""
        select
            '{RUN_ID}' as run_id, 'item' || n as item_id, (r + 1)::integer as rank,
            'item' || (n + r + 1) % {ITEMS} as similar_item_id, (1 - r / 10)::float as score
        from range({ITEMS}) as items (n), range(10) as ranks (r)
    """,
    "catalogue": f"""
        select
            n::integer as item_index, 'item' || n as item_id, {TITLE} as title, {TITLE} as text, 'mugs' as category,
            n / 100 as price, 0::tinyint as price_band, 'GBP' as currency, 'product' as kind,
            null::varchar as parent_id,
            true as available, date '2011-01-01' as first_seen, null::date as valid_from, null::date as valid_until
        from range({ITEMS}) as items (n)
    """,
}
BARE = f"copy (from read_parquet($rows) where rank <= {lookups.K}) to '{{path}}' (format json)"


def _write(path: Path, statement: str, schema: pa.Schema, users: int) -> None:
    """What a statement makes, as a table of the contract."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection, pq.ParquetWriter(path, schema, compression="zstd") as writer:
        connection.execute("set enable_progress_bar = false")
        params = {"users": users} if "$users" in statement else {}
        for batch in connection.sql(statement, params=params).to_arrow_reader(122_880):
            writer.write_table(pa.Table.from_batches([batch]).select(schema.names).cast(schema))


def make(config: Config, users: int) -> None:
    """Publish the run."""
    archive, target = stores.archive(config), stores.target(config)
    folder = archive.path(RUN_ID)
    for table in published():
        if table.name in MADE:
            _write(folder / table.file, MADE[table.name], table.schema, users)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            pq.write_table(table.schema.empty_table(), folder / table.file)
    _write(
        artifacts.stage_dir(config.lake, "features", NIGHT) / "items.parquet", MADE["catalogue"], schemas.ITEMS, users
    )
    run = {"run_id": RUN_ID, "run_date": NIGHT, "published_at": datetime(2011, 10, 3, tzinfo=UTC)}
    runs = pa.Table.from_pylist([run | {"code_version": "", "config_hash": "", "metrics": "{}"}], RUNS.schema)
    with target.lock():
        target.load(RUN_ID, folder, runs)
        target.activate(RUN_ID, published=True)


def bare(config: Config, out: Path) -> float:
    """Seconds of DuckDB's own export of the rows that pages show."""
    rows = str(stores.archive(config).path(RUN_ID) / "recommendations.parquet")
    started = time.perf_counter()
    with sql.connect(config.threads, config.memory_limit_mb) as connection:
        connection.execute(BARE.format(path=out), {"rows": rows})
    return time.perf_counter() - started


def look(site: Path, users: int) -> None:
    """Print how fast pages are there."""
    with tempfile.TemporaryDirectory() as folder, browser.opened(Path(folder)) as tab:
        painted = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
        for page, ready in (
            ("index.html", "true"),
            ("look.html", "document.querySelectorAll('#view li').length >= 20"),
        ):
            paints, lists = [], []
            for n in range(LOOKS):
                user = f"user=u{n * 7919 % users:08d}" if page == "look.html" else ""
                tab.open(site / page, user)
                tab.until(f"{painted} > 0 && {ready}")
                paints.append(tab.run(painted))
                lists.append(tab.run("performance.now()"))
            print(f"{page:12s} first paint {median(paints):6.0f} ms, longest {max(paints):6.0f} ms of {LOOKS} looks")
        print(f"a user's lists are there after at most {max(lists):.0f} ms")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="a folder for the run and its site; what is there of them is replaced")
    parser.add_argument("--users", type=int, default=100_000)
    args = parser.parse_args()
    shutil.rmtree(args.out / "home", ignore_errors=True)
    config = FullConfig(home=args.out / "home")
    made = multiprocessing.get_context("spawn").Process(target=make, args=(config, args.users))  # its memory is its own
    made.start()
    made.join()
    assert made.exitcode == 0
    plain = bare(config, args.out / "bare.json")
    started = time.perf_counter()
    build.write(config, args.out / "site")
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    files = [path for path in (args.out / "site").rglob("*") if path.is_file()]
    size, alone = sum(path.stat().st_size for path in files), (args.out / "bare.json").stat().st_size
    print(f"{args.users:,} users, {ITEMS:,} items: {len(files):,} files of {size / 2**20:,.0f} MiB in {seconds:.1f} s")
    print(f"bare JSON of the lists: {alone / 2**20:,.0f} MiB in {plain:.1f} s, so {seconds / plain:.1f} times that")
    print(f"peak memory {peak / 2**10:,.0f} MiB of the whole process, Python and DuckDB included")
    look(args.out / "site", args.users)


if __name__ == "__main__":
    main()
