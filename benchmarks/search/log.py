"""A log of what people chose after they had searched, read from a folder or made up."""

import unicodedata
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np

READ = """
    select cast(query as varchar), cast(item_id as varchar), epoch(cast(time as timestamp)) / 86400
    from '{path}' where query is not null order by 3, 1, 2
"""


@dataclass(frozen=True)
class Log:
    """Choices after queries, in the order of time.

    Attributes:
        titles: [I] of the items.
        query: [N] str, as the product normalises them.
        item: [N] int32, what was chosen.
        day: [N] float64.
        place: [N] int32, the rank at which the item was shown, 1 the first; 0: not in the list.
        wanted: [N] bool; a made-up log knows whether the chosen item is what the query was made for.
    """

    titles: tuple[str, ...]
    query: np.ndarray
    item: np.ndarray
    day: np.ndarray
    place: np.ndarray
    wanted: np.ndarray

    def where(self, kept: np.ndarray) -> "Log":
        """Some of the choices: bool [N]."""
        parts = (self.query, self.item, self.day, self.place, self.wanted)
        return Log(self.titles, *(part[kept] for part in parts))


def normal(query: str) -> str:
    """A query as the features stage reads it: NFC, lower case, single white space."""
    return " ".join(unicodedata.normalize("NFC", query).lower().split())


def read(folder: Path) -> Log:
    """The log of a folder: clicks.parquet or .csv (query, item_id, time), items.parquet or .csv (item_id, title)."""
    clicks, items = (_file(folder, name) for name in ("clicks", "items"))
    with duckdb.connect() as connection:
        titles = dict(
            connection.execute(
                f"select cast(item_id as varchar), coalesce(any_value(title order by title), '') from '{items}' "
                "group by 1 order by 1"
            ).fetchall()
        )
        rows = connection.execute(READ.format(path=clicks)).fetchall()
    places = {item: place for place, item in enumerate(titles)}
    known = [(normal(query), places[item], day) for query, item, day in rows if item in places and normal(query)]
    query, item, day = (np.array(column) for column in zip(*known, strict=True))
    absent = np.zeros(len(known), dtype=np.int32)
    return Log(tuple(titles.values()), query.astype(object), item.astype(np.int32), day, absent, absent == 0)


def _file(folder: Path, name: str) -> Path:
    found = [path for ending in ("parquet", "csv") if (path := folder / f"{name}.{ending}").is_file()]
    if not found:
        raise SystemExit(f"{folder} has no {name}.parquet or {name}.csv: see python -m benchmarks.search --help")
    return found[0]
