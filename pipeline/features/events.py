"""Every event that arrived by tonight: what the tables of the features are queried from, on whatever engine."""

import logging
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.engine.tables import Tables
from pipeline.features import given
from pipeline.ground import artifacts, schemas
from pipeline.settings.config import Config

log = logging.getLogger(__name__)

EPOCH = date(1970, 1, 1)


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


class Events:
    """Every event that arrived by tonight, and its tables per user, item and day as of one arrival date.

    Args:
        tables: where they are.
        folders: the nights' partitions, oldest first.
        config: event types, half-life, attributes.
    """

    def __init__(self, tables: Tables, folders: list[Path], config: Config) -> None:
        self._tables = tables
        self.content_hashes = {artifacts.run_date_of(folder): artifacts.content_hash(folder) for folder in folders}
        self._seen_by: date | None = None
        self._paths = [folder / "events.parquet" for folder in folders]
        self._searches = _files("searches", folders)
        if not self.has_searches:
            tables.put("searched", given.NOTHING_SEARCHED.empty_table())
        types = config.features.event_types
        self.execute("macros")
        self.execute("text_macros")
        tables.put("event_types", given.event_types(types))
        self.has_shown = any(kind.shown for kind in types.values())
        self.execute("events", partitions=self._paths)
        self.goal = self._find_goal({name for name, kind in types.items() if kind.label})
        self.execute("item_log", partitions=[folder / "items.parquet" for folder in folders])
        self.has_links = self._read("links", folders, "item_links")
        self.has_offers = self._read("offers", folders, "item_offers")
        self.has_exclusions = self._read("exclusions", folders, "item_exclusions")
        self.has_user_attributes = bool(config.user_attributes) and self._read("users", folders, "user_log")
        known = bool(config.item_attributes) and self._read("item_attributes", folders, "item_attribute_log")
        self.has_item_attributes = known
        ((first_day, self._telling),) = self.execute("first_day")
        last_day = day_number(max(self.content_hashes))
        days = 0 if first_day is None else last_day - first_day
        tables.put("ages", given.ages(days, config.features.half_life_days))
        self._make_indices()
        self.earliest: dict[date, date] = dict(self.execute("arrivals"))

    def _make_indices(self) -> None:
        """Number users and items, and keep what was shown to whom; which is nothing where no type of events says it."""
        if not self.has_shown:
            for name, none in given.NOTHING_SHOWN.items():
                self._tables.put(name, none.empty_table())
        else:
            self.execute("shown_users", partitions=self._paths)
            self.execute("shown_items", partitions=self._paths)
        self.execute("user_index")
        self.execute("item_index")
        if self.has_shown:
            self.execute("impressions", partitions=self._paths, places=given.PLACES)

    def _read(self, name: str, folders: list[Path], into: str) -> bool:
        """Make a table of the nights' files of an input that a shop need not have; returns whether it has."""
        paths = _files(name, folders)
        if paths:
            self.execute(into, partitions=paths)
        return bool(paths)

    def query(
        self, name: str, schema: pa.Schema, relations: dict[str, pa.Table] | None = None, **params: Any
    ) -> pa.Table:
        """The rows of sql/features/<name>.sql."""
        return self._tables.query(f"features/{name}", schema, relations, **params)

    def write(
        self, path: Path, name: str, schema: pa.Schema, relations: dict[str, pa.Table] | None = None, **params: Any
    ) -> None:
        """Write what sql/features/<name>.sql gives, a row group at a time."""
        self._tables.write(path, f"features/{name}", schema, relations, **params)

    def name(self, relation: str, *paths: Path) -> None:
        """Let statements select from Parquet files by a name."""
        self._tables.name(relation, *paths)

    def see(self, arrived_by: date, about: date) -> None:
        """Build the tables per user, item and day from what had arrived by a date, for questions up to day `about`.

        Where nothing that happened by `about` arrived later, the tables of tonight answer as well.
        """
        late = [night for night, day in self.earliest.items() if night > arrived_by and day <= about]
        arrived_by = arrived_by if late else max(self.content_hashes)
        if self._seen_by == arrived_by:
            return
        users, items = self.sizes(max(self.content_hashes))
        for name in ("actions", "user_item_days", "user_days", "buyer_days", "item_prices"):
            self.execute(name, arrived_by=arrived_by, users=users, items=items)
        if self.has_shown:
            self.execute("shown_days", arrived_by=arrived_by)
        self._seen_by = arrived_by

    @property
    def has_searches(self) -> bool:
        """Whether the shop says what people searched for."""
        return bool(self._searches)

    def see_searches(self, arrived_by: date) -> None:
        """Build the table of what searches count for, from what had arrived by a date; empty where nobody says any."""
        if self.has_searches:
            self.execute("searched", partitions=self._paths, searches=self._searches, arrived_by=arrived_by)

    def write_onlookers(self, path: Path, number: int) -> None:
        """Write who is no known user, but has events that tell nothing: no file where there is nobody.

        Args:
            path: the file.
            number: how many events there are, of all kinds.
        """
        if number == self._telling:
            return
        self.write(path, "onlookers", schemas.ONLOOKERS, partitions=self._paths)
        if not pq.read_metadata(path).num_rows:
            path.unlink()

    def _find_goal(self, wanted: set[str]) -> list[str]:
        """The types that label: the wanted ones, or all, as a log without them would teach and be judged by nothing."""
        found = {name for (name,) in self.execute("goal")}
        if found != wanted:
            log.warning(
                "features: no event of the goal (%s) ever arrived, so every behaviour that speaks for an item is the "
                "goal (%s): set `label` in [features.event_types.<type>] to say what the recommendations are for",
                ", ".join(sorted(wanted)),
                ", ".join(sorted(found)),
            )
        return sorted(found)

    def sizes(self, cutoff: date) -> tuple[int, int]:
        """How many users and items had arrived by the end of a day."""
        ((users, items),) = self.execute("sizes", cutoff=cutoff)
        return users, items

    def content(self, arrived_by: date, about: date) -> str:
        """A hash of the partitions that can hold an event up to day `about` and had arrived by `arrived_by`."""
        nights = [night for night in self.content_hashes if night <= arrived_by]
        last = max((n for n in nights if min(n, self.earliest.get(n, n)) <= about), default=date.min)
        return artifacts.text_sha256([self.content_hashes[n] for n in nights if n <= last])

    def put(self, relation: str, table: pa.Table) -> None:
        """Make a table of rows that no statement gives."""
        self._tables.put(relation, table)

    def execute(self, name: str, **params: Any) -> list[tuple[Any, ...]]:
        """Run sql/features/<name>.sql, whose rows have no schema of ours."""
        return self._tables.execute(f"features/{name}", **params)


def _files(name: str, folders: list[Path]) -> list[Path]:
    """The nights' files of an input that a shop need not have; none where no night has a row of it."""
    paths = [path for folder in folders if (path := folder / f"{name}.parquet").is_file()]
    return paths if any(pq.read_metadata(path).num_rows for path in paths) else []
