"""Search results of a real log, through every stage: the query of a third of the purchases is their title's last word.

The log of the example has no queries; these are made from its titles, so every answer can be judged by its title.
"""

import sys
from datetime import date
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from tests.conftest import ROOT, command, settings

SHOP = ROOT / "examples" / "online_retail"
NIGHT = date(2010, 5, 9)
QUERY = """
    InvoiceNo as session_id,
    case
        when hash(InvoiceNo || StockCode) % 3 = 0 then nullif(regexp_extract(Description, '([A-Za-z]{3,})\\s*$', 1), '')
    end as query,
"""
SMALL = {"profile": "fast", "label_windows": 5}


def write_shop(folder: Path) -> Path:
    """The example with queries, and logs up to the night's month; the configuration's path."""
    (folder / "logs").mkdir()
    for log in sorted((SHOP / "logs").glob("*.csv.zst")):
        if log.name <= "2010-05":
            (folder / "logs" / log.name).symlink_to(log)
    (folder / "logs" / "2010-05.csv.zst").symlink_to(SHOP / "logs" / "2010-05.csv.zst")
    mapping = (SHOP / "events.sql").read_text()
    changed = mapping.replace("    InvoiceNo as session_id,\n", QUERY.lstrip("\n"))
    assert changed != mapping
    (folder / "events.sql").write_text(changed)
    for name in ("items.sql", "pipeline.toml"):
        (folder / name).write_text((SHOP / name).read_text())
    return folder / "pipeline.toml"


@pytest.mark.slow
def test_frequent_queries_are_answered_by_what_was_chosen_and_by_what_reads_like_it(tmp_path: Path) -> None:
    pipeline = [sys.executable, "-m", "pipeline", "--config", str(write_shop(tmp_path)), *settings(SMALL)]
    home = tmp_path / "home"
    command(*pipeline, "load-history", "--before", str(NIGHT), home=home)
    command(*pipeline, "run", "--run-date", str(NIGHT), home=home)
    shown = command(*pipeline, "show", "--query", "  MUG ", home=home).stdout
    assert 'search_results for "mug"' in shown
    lake = home / "lake"
    results = pq.read_table(lake / "publish" / f"run_date={NIGHT}" / "search_results.parquet")
    items = pq.read_table(lake / "features" / f"run_date={NIGHT}" / "items.parquet")
    queries = pq.read_table(lake / "features" / f"run_date={NIGHT}" / "queries.parquet")
    with duckdb.connect() as connection:
        for name, table in (("results", results), ("items", items), ("queries", queries)):
            connection.register(name, table)
        asked, answered, right, unchosen = connection.sql("""
            with chosen as (select query, item_id from queries join items using (item_index)),
            matching as (  -- how many right answers there are
                select query, count(*) as right_ones
                from (select distinct query from results) join items on title ilike '%' || query || '%' and available
                group by query
            ),
            best as (
                select *
                from results join items using (item_id) left join matching using (query)
                where rank <= least(10, coalesce(right_ones, 1))
            )
            select
                (select count(distinct query) from queries),
                (select count(distinct query) from results),
                avg((title ilike '%' || best.query || '%')::integer),
                avg((chosen.item_id is null)::integer)
            from best left join chosen on chosen.query = best.query and chosen.item_id = best.item_id
        """).fetchall()[0]
    assert answered == asked > 100
    assert right > 0.85
    assert 0 < unchosen < 0.6
