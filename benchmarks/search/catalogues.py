"""Real titles and what is wanted of them week by week, for made-up searches."""

from pathlib import Path

import duckdb
import numpy as np

WEEKS = 16


def retail(folder: Path) -> tuple[list[str], np.ndarray]:
    """Titles of Online Retail II (transactions.parquet), and [W, I] invoice lines in each of the last weeks."""
    path = folder / "transactions.parquet"
    sold = f"""
        from (select StockCode as code, trim(Description) as title, InvoiceDate as time from '{path}'
              where Quantity > 0 and regexp_matches(StockCode, '^[0-9]{{5}}') and length(trim(Description)) > 5)
        select code, mode(title order by title) as title, time::date as day, count(*) as lines
    """
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"with sold as ({sold} group by code, day) select code, arg_max(title, (lines, title)), "
            f"list((date '2011-12-09' - day) // 7), list(lines) from sold group by code order by code"
        ).fetchall()
    weekly = np.zeros((WEEKS, len(rows)))
    for item, (_, _, ages, lines) in enumerate(rows):
        for age, count in zip(ages, lines, strict=True):
            if age < WEEKS:
                weekly[WEEKS - 1 - age, item] += count
    return [row[1] for row in rows], weekly + 0.01


def books(folder: Path) -> tuple[list[str], np.ndarray]:
    """Titles of goodbooks (books.parquet) without their series, and [W, I] the root of their ratings, every week alike
    but for one book in ten, which is new: nobody asks for it before its week."""
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"select regexp_replace(title, ' *\\(.*$', ''), ratings_count from '{folder / 'books.parquet'}' "
            "where length(title) > 3 order by item_id"
        ).fetchall()
    liked = np.sqrt(np.array([row[1] for row in rows], dtype=float))
    rng = np.random.default_rng(0)
    first = np.where(rng.random(len(rows)) < 0.1, rng.integers(0, WEEKS, len(rows)), 0)
    weekly = np.where(np.arange(WEEKS)[:, None] >= first, liked, 0)
    return [row[0] for row in rows], weekly
