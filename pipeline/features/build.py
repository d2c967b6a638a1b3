"""Events that arrived by tonight -> users, items, interactions, statistics, labels: the one place that counts events.

Every night's partition is read once; each cut-off is then a few SQL queries (sql/features/). Label cut-offs see what
had arrived by the refresh anchor, tonight's cut-off what has arrived by tonight. A cut-off whose inputs are unchanged
since a neighbouring night is linked, not made (artifacts.Memo).
"""

import logging
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.engine.tables import tables
from pipeline.features import attributes, days, private_queries, shown, trends
from pipeline.features import items as catalogue
from pipeline.features.events import Events, day_number
from pipeline.features.items import describe
from pipeline.ground import artifacts, lists, schemas, zones
from pipeline.ground.artifacts import Memo
from pipeline.settings.config import Config

log = logging.getLogger(__name__)

SURE_PAIRS, REPEATED_SHARE = 500, 0.02
"""Of fewer pairs of a user and an item it is not learned whether users come back; below this share they do not."""
ALL = 2**31 - 1
"""Of rows, where a statement has a limit that is not wanted."""
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
            (.parquet), a folder per cut-off, searches where the shop says what is searched for and, where anybody has
            nothing but events that tell nothing, onlookers.
    Returns:
        Numbers of users, items, cut-offs, and cut-offs that had to be made.
    Raises:
        InputError: tonight's partition is not finished, or its days are of another time zone.
    """
    zones.require_one([ingest], config.timezone, run_date)
    folders = artifacts.partitions_until(ingest.parent.parent, "ingest", run_date)
    missing = _missing_nights(folders)
    number = _number(folders)
    with tables(config, out, number) as where:
        events = Events(where, folders, config)
        cutoffs = _write_cutoffs(events, run_date, config, memo)
        _write_learnable(events, run_date, config, out)
        private = _write_asked(events, run_date, config, out)
        users = _write(out / "users.parquet", events.query("users", schemas.USERS))
        events.write_onlookers(out / "onlookers.parquet", number)
        stats = pq.ParquetFile(lists.cutoff_dir(out, run_date) / "item_stats.parquet").read()
        items = _write(out / "items.parquet", describe(events, run_date, stats, config))
    return {"users": users, "items": items, "missing_nights": len(missing)} | cutoffs | private


def _number(folders: list[Path]) -> int:
    """How many events all nights have."""
    files = (artifacts.read_manifest(folder)["files"] for folder in folders)
    return sum(int(found["events.parquet"]["rows"]) for found in files)


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
    _write(memo.out / "cutoffs.parquet", pa.Table.from_pylist(rows, schemas.CUTOFFS))
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
    ((pairs, repeated),) = events.execute("repeats", days=config.horizon_days)
    return bool(pairs < SURE_PAIRS or repeated >= REPEATED_SHARE * pairs)


def _write_cutoff(events: Events, row: dict[str, Any], arrived_by: date, config: Config, memo: Memo) -> bool:
    """Link or make one cut-off's folder; returns whether it was made."""
    about = row["cutoff"] + timedelta(days=config.horizon_days if row["role"] == "label" else 0)
    bounded = catalogue.are_bounded(events, config)
    # what is said of an item first can be said after the window
    seen = events.content(arrived_by, arrived_by if bounded else about)
    beside = (bounded, events.has_links, events.has_offers)  # which decide what files there are
    key = artifacts.text_sha256(row, seen, events.goal, config.digest("features"), beside)
    if row["role"] == "run" and config.until is not None:
        key = artifacts.text_sha256(key, config.until)

    def make(folder: Path) -> None:
        events.see(arrived_by, about)
        params = {
            "cutoff_day": day_number(row["cutoff"]),
            "users": row["users"],
            "items": row["items"],
            "horizon_days": config.horizon_days,
        }
        chosen = "labels" if row["role"] == "label" else "interactions"
        events.write(folder / "interactions.parquet", "interactions", schemas.INTERACTIONS, **params)
        events.name("interactions", folder / "interactions.parquet")
        excluded = {"excluded": catalogue.excluded(events, row, config)}
        events.write(folder / "disliked.parquet", "disliked", schemas.DISLIKED, excluded, **params)
        shown.write(events, folder, row, params)
        events.write(folder / "ratings.parquet", "ratings", schemas.RATINGS, **params)
        days.write(events, folder, row["users"], config, params)
        if row["role"] == "label":
            events.write(folder / "labels.parquet", "labels", schemas.LABELS, **params)
        _write(folder / "item_stats.parquet", events.query("item_stats", schemas.ITEM_STATS, **params))
        labels = _write_assortments(events, folder, row, arrived_by, config) if bounded else []
        events.name("chosen", folder / f"{chosen}.parquet", *labels)
        attributes.write(events, folder, row, config)
        most = config.features.label_users if row["role"] == "label" else None
        targets = events.query("targets", schemas.TARGETS, most=most, salt=f"{config.seed} {row['cutoff']}")
        _write(folder / "targets.parquet", targets)
        events.write(folder / "user_stats.parquet", "user_stats", schemas.USER_STATS, **params)
        trends.write(events, folder, row["cutoff"], config, params)

    return not memo.part(lists.cutoff_dir(memo.out, row["cutoff"]).name, key, make)


def _write_assortments(events: Events, folder: Path, row: dict[str, Any], heard_by: date, config: Config) -> list[Path]:
    """Write what could be recommended at a cut-off and, at a label cut-off, what was acted on of it.

    Args:
        events: what had arrived; `interactions` are the cut-off's.
        folder: the cut-off's.
        row: of schemas.CUTOFFS.
        heard_by: of items of which nothing was said by the cut-off, what was said first by this day counts.
        config: the surfaces.
    Returns:
        The files with labels of others than all items.
    """
    stats = pq.read_table(folder / "item_stats.parquet", partitioning=None)
    known = describe(events, row["cutoff"], stats, config, heard_by=heard_by)
    found = catalogue.eligible(known, config, config.valid_on(row["cutoff"]))
    catalogue.write_eligible(folder / "eligible.parquet", found)
    catalogue.write_offers(events, folder / "offers.parquet", row, config)
    catalogue.write_links(events, folder / "links.parquet", row["cutoff"], heard_by, config)
    if row["role"] != "label":
        return []
    apart = [assortment for assortment in config.assortments if assortment.name]
    written = []
    for assortment in apart:
        written.append(folder / lists.file_of(assortment.name, "labels.parquet"))
        window = {
            "cutoff_day": day_number(row["cutoff"]),
            "horizon_days": assortment.horizon_days or config.horizon_days,
        }
        catalogue.write_labels(events, written[-1], assortment, found[assortment.name], window)
    return written


def _write_learnable(events: Events, run_date: date, config: Config, out: Path) -> None:
    """Write the anchor's texts, and what the encoder is fine-tuned on, as of the day it is tuned at.

    That is texts, and the actions by the oldest label cut-off that any night judged with this encoder can have. Of a
    shop that is younger than that day it is the texts of the last whole day, which say nothing of what people will do.
    """
    anchor, tuned_at = config.anchor(run_date), config.tuned_at(run_date)
    _write_texts(events, anchor, config, out / "texts.parquet")
    encoded_at = tuned_at if events.sizes(tuned_at)[1] else config.known_whole(run_date)
    _write_texts(events, encoded_at, config, out / "tuning_texts.parquet")
    events.see(tuned_at, tuned_at)
    oldest = min(config.label_cutoffs(tuned_at))
    sample: dict[str, Any] = {"most": config.features.learned_users, "salt": str(config.seed)}
    sample["users"] = events.sizes(tuned_at)[0]
    events.write(out / "actions.parquet", "learnable_actions", schemas.ACTIONS, cutoff_day=day_number(oldest), **sample)
    later = {"cutoff_day": day_number(oldest), "days": config.horizon_days} | sample
    events.write(out / "held_out.parquet", "held_out", schemas.HELD_OUT, **later)
    _see_asked(events, oldest, tuned_at, config)
    enough: dict[str, Any] = {"min_users": config.features.query_min_users, "most": config.features.queries}
    frequent = events.query("frequent_queries", schemas.FREQUENT, **enough)
    events.write(out / "tuning_queries.parquet", "queries", schemas.QUERIES, {"frequent": frequent})


def _see_asked(events: Events, day: date, arrived_by: date, config: Config) -> dict[str, Any]:
    """Build the table of who asked what in the weeks up to a day, and chose what after it; says which days count."""
    when: dict[str, Any] = {"cutoff_day": day_number(day), "days": config.features.query_days}
    events.see_searches(arrived_by)
    events.execute("asked", arrived_by=arrived_by, **when)
    return when


def _write_asked(events: Events, night: date, config: Config, out: Path) -> dict[str, Any]:
    """Write what people asked for and chose after it, of the queries that the tables may name, and what they asked for
    in vain; what the manifest says of the noise that chose the queries, where [privacy] asks for it."""
    when = _see_asked(events, night, night, config)
    enough: dict[str, Any] = {"min_users": config.features.query_min_users, "most": config.features.queries}
    said: dict[str, Any] = {}
    if config.privacy.queries:
        frequent, said = private_queries.named(events, config, night, out, when)
    else:
        frequent = events.query("frequent_queries", schemas.FREQUENT, **enough)
    events.write(out / "queries.parquet", "queries", schemas.QUERIES, {"frequent": frequent})
    if events.has_searches and config.privacy.queries:
        found = events.query("searches", schemas.SEARCHES, **when, **(enough | {"most": ALL}))
        _write(out / "searches.parquet", private_queries.only(found, frequent, config.features.queries))
    elif events.has_searches:
        events.write(out / "searches.parquet", "searches", schemas.SEARCHES, **when, **enough)
    return said


def _write_texts(events: Events, day: date, config: Config, path: Path) -> None:
    """Write the text of every item known on a day, from what had arrived by then."""
    events.see(day, day)
    items = events.sizes(day)[1]
    stats = events.query(
        "item_stats",
        schemas.ITEM_STATS,
        cutoff_day=day_number(day),
        items=items,
        horizon_days=config.horizon_days,
    )
    _write(path, describe(events, day, stats, config).select(TEXTS.names))
