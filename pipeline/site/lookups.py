"""What pages look up: every user's lists, every item, titles by their words, queries; of a run's files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.ground import schemas, sql
from pipeline.publication.tables import audiences, popular_items, recommendations, search_results, similar_items
from pipeline.publication.tables import user_profiles as profiles
from pipeline.published.contract import ActiveRun, PublishedTable
from pipeline.settings.config import Config
from pipeline.site import shards

K = 10
"""Rows of a list that a page shows."""
LONGEST = 200
"""Characters of a title that pages have, as it stands in the file of each of its words."""
EXAMPLES = 4
"""Users of each segment that the page offers to look at."""
READ: Mapping[str, PublishedTable] = {
    "recommendations": recommendations.TABLE,
    "similar_items": similar_items.TABLE,
    "popular_items": popular_items.TABLE,
    "search_results": search_results.TABLE,
    "audiences": audiences.TABLE,
    "profiles": profiles.TABLE,
}
"""By the name that the statements of sql/site give it."""


@dataclass(frozen=True)
class Lookups:
    """What was written.

    Attributes:
        digits: of the files' names, by kind: users, items, titles, queries; a kind that is absent has no files.
        users, items, queries: how many can be looked up.
        popular: [segment, rank, item_id, title, score] rows.
        examples: [segment, user_id] rows.
    """

    digits: Mapping[str, int]
    users: int
    items: int
    queries: int
    popular: list[tuple[str, int, str, str, float]]
    examples: list[tuple[str, str]]


def write(run: ActiveRun, catalogue: pa.Table, folder: Path, config: Config, people: bool = True) -> Lookups:
    """Write the data files of a run.

    Args:
        run: the run.
        catalogue: its night's items, as `features` has them; empty: ids stand for titles.
        folder: gets a folder per kind.
        config: the configuration.
        people: whether users can be looked up; else nothing is written that has a user's id.
    """
    with sql.connect(config.threads, config.memory_limit_mb, spill=folder / ".spill") as connection:
        for name, table in READ.items():
            _view(connection, name, table, run.folder)
        _catalogue(connection, catalogue)
        users = _count(connection, "select count(distinct user_id) from recommendations")
        queries = _count(connection, "select count(distinct query) from search_results")
        items = _count(connection, "select count(*) from catalogue")
        sql.execute(connection, "site/shown", k=K, digits=shards.digits(users))
        digits = {"items": shards.digits(items), "titles": shards.digits(2 * items)}
        if people:
            digits["users"] = shards.digits(users)
        if queries:
            digits["queries"] = shards.digits(queries)
        sql.execute(connection, "site/words", digits=digits["titles"])
        for kind, number in digits.items():
            shards.write(connection, kind, folder, k=K, digits=number, people=people)
        popular = sql.execute(connection, "site/popular", k=K).fetchall()
        examples = sql.execute(connection, "site/examples", each=EXAMPLES).fetchall() if people else []
    return Lookups(digits, users if people else 0, items, queries, popular, examples)


def _view(connection: duckdb.DuckDBPyConnection, name: str, table: PublishedTable, folder: Path) -> None:
    """A published table under the name that the statements know; of a run that lacks it or a column, there are none."""
    path = folder / table.file
    if not path.is_file():
        connection.register(name, table.schema.empty_table())
        return
    there = pq.read_schema(path).names
    rows = connection.from_parquet(sql.literal([str(path)]), hive_partitioning=False)
    rows.project(", ".join([*there, *(f"null as {c.name}" for c in table.later if c.name not in there)])).create_view(
        name
    )


def _catalogue(connection: duckdb.DuckDBPyConnection, catalogue: pa.Table) -> None:
    """Items with what the night knew of them; where it has left the lake, those that are in some table."""
    connection.register("known", catalogue if len(catalogue) else schemas.ITEMS.empty_table())
    sql.execute(connection, "site/catalogue", longest=LONGEST)


def _count(connection: duckdb.DuckDBPyConnection, statement: str) -> int:
    (count,) = connection.execute(statement).fetchone() or (0,)
    return int(count)
