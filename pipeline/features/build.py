"""Events that arrived by tonight -> users, items, interactions, statistics, labels: the one place that counts events.

Every night's partition is read once; each cut-off is then a few SQL queries (sql/features/). Label cut-offs see what
had arrived by the refresh anchor, tonight's cut-off what has arrived by tonight. A cut-off whose inputs are unchanged
since a neighbouring night is linked, not made (artifacts.Memo).
"""

import glob
import logging
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.ground import artifacts, lists, schemas, sql, zones
from pipeline.ground.artifacts import Memo
from pipeline.settings.config import Config

log = logging.getLogger(__name__)

# Rows of a Parquet row group of the tables that grow with events: what a reader of a block of users reads at a time.
ROW_GROUP = 2**17

EPOCH = date(1970, 1, 1)
TREND_DAYS = 28
"""How far back actions count in trends."""
SURE_PAIRS, REPEATED_SHARE = 500, 0.02
"""Of fewer pairs of a user and an item it is not learned whether users come back; below this share they do not."""
# What the encoder reads of an item, as of a day that many nights share.
TEXTS = pa.schema([schemas.ITEMS.field(name) for name in ("item_index", "text", "category")])


def run(*, ingest: Path, run_date: date, config: Config, memo: Memo, out: Path) -> dict[str, Any]:
    """Write the indices, the items' texts, and what was known at each cut-off.

    Args:
        ingest: tonight's partition; the earlier ones are its siblings.
        run_date: the day whose events are complete.
        config: event weights, half-life, cut-offs.
        memo: links cut-offs that another night made.
        out: receives users, items, cutoffs, queries, tuning_queries, texts, actions, held_out, tuning_texts
            (.parquet) and a folder per cut-off.
    Returns:
        Numbers of users, items, cut-offs, and cut-offs that had to be made.
    Raises:
        InputError: tonight's partition is not finished, or its days are of another time zone.
    """
    zones.require_one([ingest], config.timezone, run_date)
    folders = artifacts.partitions_until(ingest.parent.parent, "ingest", run_date)
    missing = _missing_nights(folders)
    connection = sql.connect(config.threads, config.memory_limit_mb, out, config.timezone)
    try:
        events = Events(connection, folders, config)
        cutoffs = _write_cutoffs(events, run_date, config, memo)
        _write_learnable(events, run_date, config, out)
        _write_queries(events, run_date, run_date, config, out / "queries.parquet")
        users = _write(out / "users.parquet", events.query("users", schemas.USERS))
        stats = pq.ParquetFile(lists.cutoff_dir(out, run_date) / "item_stats.parquet").read()
        items = _write(out / "items.parquet", _describe_items(events, run_date, stats, config))
    finally:
        connection.close()
    return {"users": users, "items": items, "missing_nights": len(missing)} | cutoffs


def _missing_nights(folders: list[Path]) -> list[date]:
    """The nights right before tonight that nobody ingested; said, as their events are in none of tonight's tables."""
    *earlier, tonight = map(artifacts.run_date_of, folders)
    gap = (tonight - earlier[-1]).days if earlier else 1
    missing = [tonight - timedelta(days=n) for n in range(gap - 1, 0, -1)]
    if missing:
        log.warning(
            "features %s: no log of %s was ever ingested, so nothing that arrived then counts: "
            "python -m pipeline run --run-date %s..%s --stages ingest, and run this night again",
            tonight,
            f"{missing[0]} .. {missing[-1]}" if len(missing) > 1 else missing[0],
            missing[0],
            missing[-1],
        )
    return missing


class Events:
    """Every event that arrived by tonight, in DuckDB, and its tables per user, item and day as of one arrival date."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, folders: list[Path], config: Config) -> None:
        self.connection = connection
        self.content_hashes = {artifacts.run_date_of(folder): artifacts.content_hash(folder) for folder in folders}
        self._seen_by: date | None = None
        types = config.features.event_types
        self.execute("macros")
        self.execute(
            "event_types",
            names=list(types),
            weights=[kind.weight for kind in types.values()],
            labels=[kind.label for kind in types.values()],
            neutral=[kind.neutral for kind in types.values()],
        )
        self.execute("events", partitions=[glob.escape(str(folder / "events.parquet")) for folder in folders])
        self.goal = self._find_goal({name for name, kind in types.items() if kind.label})
        self.execute("item_log", partitions=[glob.escape(str(folder / "items.parquet")) for folder in folders])
        last_day = _day(max(self.content_hashes))
        self.execute("ages", half_life_days=config.features.half_life_days, last_day=last_day)
        self.execute("user_index")
        self.execute("item_index")
        self.earliest: dict[date, date] = dict(self.execute("arrivals").fetchall())

    def query(
        self, name: str, schema: pa.Schema, relations: dict[str, pa.Table] | None = None, **params: Any
    ) -> pa.Table:
        """Run sql/features/<name>.sql."""
        return sql.query(self.connection, f"features/{name}", schema, relations, **params)

    def write(self, path: Path, name: str, schema: pa.Schema, **params: Any) -> None:
        """Write what sql/features/<name>.sql gives, a row group at a time."""
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            for table in sql.stream(self.connection, f"features/{name}", schema, ROW_GROUP, **params):
                writer.write_table(table)

    def name(self, relation: str, path: Path) -> None:
        """Let statements select from a Parquet file by a name."""
        self.connection.read_parquet(str(path)).create_view(relation, replace=True)

    def see(self, arrived_by: date, about: date) -> None:
        """Build the tables per user, item and day from what had arrived by a date, for questions up to day `about`.

        Where nothing that happened by `about` arrived later, the tables of tonight answer as well.
        """
        late = [night for night, day in self.earliest.items() if night > arrived_by and day <= about]
        arrived_by = arrived_by if late else max(self.content_hashes)
        if self._seen_by == arrived_by:
            return
        for name in ("actions", "user_item_days", "user_days", "buyer_days", "item_prices"):
            self.execute(name, arrived_by=arrived_by)
        self._seen_by = arrived_by

    def _find_goal(self, wanted: set[str]) -> list[str]:
        """The types that label: the wanted ones, or all, as a log without them would teach and be judged by nothing."""
        found = {name for (name,) in self.execute("goal").fetchall()}
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
        ((users, items),) = self.execute("sizes", cutoff=cutoff).fetchall()
        return users, items

    def content(self, arrived_by: date, about: date) -> str:
        """A hash of the partitions that can hold an event up to day `about` and had arrived by `arrived_by`."""
        nights = [night for night in self.content_hashes if night <= arrived_by]
        last = max((n for n in nights if min(n, self.earliest.get(n, n)) <= about), default=date.min)
        return artifacts.text_sha256([self.content_hashes[n] for n in nights if n <= last])

    def execute(self, name: str, **params: Any) -> duckdb.DuckDBPyConnection:
        """Run sql/features/<name>.sql, whose rows have no schema of ours."""
        return sql.execute(self.connection, f"features/{name}", **params)


def _day(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


def _write(path: Path, table: pa.Table) -> int:
    pq.write_table(table, path, compression="zstd")
    return len(table)


def _write_cutoffs(events: Events, run_date: date, config: Config, memo: Memo) -> dict[str, Any]:
    """Write a folder per cut-off, tonight's first, and their list."""
    anchor = config.anchor(run_date)
    roles = {run_date: ("run", run_date), **dict.fromkeys(config.label_cutoffs(run_date), ("label", anchor))}
    rows, made = [], 0
    for cutoff, (role, arrived_by) in roles.items():
        users, items = events.sizes(cutoff)
        rows.append({"cutoff": cutoff, "role": role, "users": users, "items": items})
        new = _write_cutoff(events, rows[-1], arrived_by, config, memo)
        rows[-1]["repeats"] = _repeats(events, lists.cutoff_dir(memo.out, cutoff), config)
        log.info("features %d/%d: %s %s", len(rows), len(roles), cutoff, "made" if new else "linked")
        made += new
    made_of = {
        "cutoffs": [row["cutoff"] for row in rows],
        "roles": [row["role"] for row in rows],
        "users": [row["users"] for row in rows],
        "items": [row["items"] for row in rows],
        "repeats": [row["repeats"] for row in rows],
    }
    _write(memo.out / "cutoffs.parquet", events.query("cutoffs", schemas.CUTOFFS, None, **made_of))
    if not rows[0]["repeats"]:
        log.info(
            "features %s: nobody comes back to an item (features.repeats), so what a user had is no candidate", run_date
        )
    return {"cutoffs": len(rows), "cutoffs_made": made, "repeats": rows[0]["repeats"]}


def _repeats(events: Events, folder: Path, config: Config) -> bool:
    """Whether users come back to an item, by what was known at a cut-off; where too few pairs tell, they do."""
    if config.features.repeats != "learned":
        return config.features.repeats == "yes"
    events.name("interactions", folder / "interactions.parquet")
    ((pairs, repeated),) = events.execute("repeats", days=config.horizon_days).fetchall()
    return bool(pairs < SURE_PAIRS or repeated >= REPEATED_SHARE * pairs)


def _write_cutoff(events: Events, row: dict[str, Any], arrived_by: date, config: Config, memo: Memo) -> bool:
    """Link or make one cut-off's folder; returns whether it was made."""
    about = row["cutoff"] + timedelta(days=config.horizon_days if row["role"] == "label" else 0)
    key = artifacts.text_sha256(row, events.content(arrived_by, about), events.goal, config.digest("features"))

    def make(folder: Path) -> None:
        events.see(arrived_by, about)
        params = {
            "cutoff_day": _day(row["cutoff"]),
            "users": row["users"],
            "items": row["items"],
            "horizon_days": config.horizon_days,
        }
        chosen = "labels" if row["role"] == "label" else "interactions"
        events.write(folder / "interactions.parquet", "interactions", schemas.INTERACTIONS, **params)
        events.name("interactions", folder / "interactions.parquet")
        events.write(folder / "disliked.parquet", "disliked", schemas.DISLIKED, **params)
        events.write(folder / "ratings.parquet", "ratings", schemas.RATINGS, **params)
        if row["role"] == "label":
            events.write(folder / "labels.parquet", "labels", schemas.LABELS, **params)
        events.name("chosen", folder / f"{chosen}.parquet")
        most = config.features.label_users if row["role"] == "label" else None
        targets = events.query("targets", schemas.TARGETS, most=most, salt=f"{config.seed} {row['cutoff']}")
        _write(folder / "targets.parquet", targets)
        _write(folder / "item_stats.parquet", events.query("item_stats", schemas.ITEM_STATS, **params))
        events.write(folder / "user_stats.parquet", "user_stats", schemas.USER_STATS, **params)
        lately = {"cutoff": row["cutoff"], "end_hour": 24 * (_day(row["cutoff"]) + 1), "days": TREND_DAYS}
        _write(folder / "trends.parquet", events.query("trends", schemas.TRENDS, **lately, **params))

    return not memo.part(lists.cutoff_dir(memo.out, row["cutoff"]).name, key, make)


def _write_learnable(events: Events, run_date: date, config: Config, out: Path) -> None:
    """Write the anchor's texts, and what the encoder is fine-tuned on, as of the day it is tuned at.

    That is texts, and the actions by the oldest label cut-off that any night judged with this encoder can have.
    """
    anchor, tuned_at = config.anchor(run_date), config.tuned_at(run_date)
    _write_texts(events, anchor, config, out / "texts.parquet")
    _write_texts(events, tuned_at, config, out / "tuning_texts.parquet")
    oldest = min(config.label_cutoffs(tuned_at))
    sample = {"most": config.features.learned_users, "salt": str(config.seed)}
    events.write(out / "actions.parquet", "learnable_actions", schemas.ACTIONS, cutoff_day=_day(oldest), **sample)
    later = {"cutoff_day": _day(oldest), "days": config.horizon_days} | sample
    events.write(out / "held_out.parquet", "held_out", schemas.HELD_OUT, **later)
    _write_queries(events, oldest, tuned_at, config, out / "tuning_queries.parquet")


def _write_queries(events: Events, day: date, arrived_by: date, config: Config, path: Path) -> None:
    """Write the frequent queries of the weeks up to a day, with what people acted on after them."""
    section = config.features
    chosen = {"days": section.query_days, "min_users": section.query_min_users, "most": section.queries}
    events.write(path, "queries", schemas.QUERIES, cutoff_day=_day(day), arrived_by=arrived_by, **chosen)


def _write_texts(events: Events, day: date, config: Config, path: Path) -> None:
    """Write the text of every item known on a day, from what had arrived by then."""
    events.see(day, day)
    items = events.sizes(day)[1]
    stats = events.query(
        "item_stats", schemas.ITEM_STATS, cutoff_day=_day(day), items=items, horizon_days=config.horizon_days
    )
    _write(path, _describe_items(events, day, stats, config).select(TEXTS.names))


def _describe_items(events: Events, known_by: date, stats: pa.Table, config: Config) -> pa.Table:
    """Every item known by a date: title, text, price and its band."""
    settings = config.features
    return events.query(
        "items",
        schemas.ITEMS,
        {"item_stats": stats},
        known_by=known_by,
        title_choice=settings.title_choice,
        text_parts=list(settings.text_parts),
        price_words=list(settings.price_words),
        price_bands=len(settings.price_words),
        unsold_days=settings.unsold_days,
        snapshot=settings.items_snapshot,
    )
