"""The items as they were known on a day, and which of them could then be recommended."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.features import attributes, given
from pipeline.features.events import Events
from pipeline.ground import schemas
from pipeline.ground.lists import EVERYTHING
from pipeline.settings import predicates
from pipeline.settings.assortments import ALL_ITEMS, Assortment, by_surface
from pipeline.settings.config import Config


def describe(events: Events, known_by: date, stats: pa.Table, config: Config, heard_by: date | None = None) -> pa.Table:
    """Every item known by a date: title, text, price and its band.

    Args:
        events: what had arrived.
        known_by: the date.
        stats: schemas.ITEM_STATS of that day.
        config: `features`.
        heard_by: of an item of which nothing was said by then, the first that was said by this later date counts, as a
            catalogue is often younger than the log; None: nothing later counts.
    Returns:
        schemas.ITEMS, and a column for each attribute that the shop declares.
    """
    settings = config.features
    heard: dict[str, Any] = {"heard_by": heard_by or known_by, "else_later": heard_by is not None}
    items = events.query(
        "items",
        schemas.ITEMS,
        {"item_stats": stats, "price_words": given.price_words(settings.price_words)},
        known_by=known_by,
        valid_on=config.valid_on(known_by),
        **heard,
        title_choice=settings.title_choice,
        text_parts=list(settings.text_parts),
        price_bands=len(settings.price_words),
        unsold_days=settings.unsold_days,
        snapshot=settings.items_snapshot,
    )
    return attributes.with_columns(items, events, config, known_by=known_by, **heard)


def are_bounded(events: Events, config: Config) -> bool:
    """Whether some items could not be recommended on some day, or surfaces choose from less than all."""
    if events.has_links or events.has_offers or any(assortment.name for assortment in config.assortments):
        return True
    settings = config.features
    if settings.unsold_days is not None or settings.items_snapshot == "full":
        return True
    ((bounded,),) = events.execute("bounded")
    return bool(bounded)


def eligible(items: pa.Table, config: Config, valid_on: date) -> dict[str, np.ndarray]:
    """Which items each assortment holds: bool [I] by its name; none that is not available.

    Args:
        items: schemas.ITEMS, as they were known on the day before.
        config: the surfaces.
        valid_on: the day.
    Raises:
        InputError: a predicate is not one, or reaches beyond the items' columns; names the surface.
    """
    available = np.asarray(items.column("available").to_numpy(zero_copy_only=False))
    wheres = {one.name: one.where for one in config.assortments if one.where != ALL_ITEMS}
    passing = predicates.passing(items, wheres, valid_on) if wheres else {}
    return {
        one.name: available & passing.get(one.name, True) & _young(items, one.max_age_days, valid_on)
        for one in config.assortments
    }


def _young(items: pa.Table, days: int | None, valid_on: date) -> np.ndarray | bool:
    """bool [I], items no older than so many days on a day; None: all."""
    if days is None:
        return True
    begins = pc.coalesce(items.column("valid_from"), items.column("first_seen"))
    oldest = valid_on - timedelta(days=days)
    return np.asarray(pc.greater_equal(begins, oldest).to_numpy(zero_copy_only=False))


def shown_items(items: pa.Table, config: Config, valid_on: date) -> dict[str, np.ndarray]:
    """Which items each surface may show, bool [I] by its name; arguments as `eligible`."""
    found = eligible(items, config, valid_on)
    return {name: found[one.name] for name, one in by_surface(config.surfaces).items()}


def write_eligible(path: Path, found: dict[str, np.ndarray]) -> None:
    """Write bool [I] by assortment, a column each; none where one assortment holds everything."""
    if list(found) != [EVERYTHING] or not found[EVERYTHING].all():
        pq.write_table(pa.table(dict(found)), path, compression="zstd")


def write_links(events: Events, path: Path, known_by: date, heard_by: date, config: Config) -> None:
    """Write which items known by a date belong to which others; none where no log names links.

    Args:
        events: what had arrived.
        path: the file.
        known_by: the date.
        heard_by: of an item without a link by then, the first that were named by this later date count.
        config: `features.items_snapshot`.
    """
    if events.has_links:
        snapshot = config.features.items_snapshot
        found = events.query("links", schemas.LINKS, known_by=known_by, heard_by=heard_by, snapshot=snapshot)
        pq.write_table(found, path, compression="zstd")


def write_offers(events: Events, path: Path, row: dict[str, Any], config: Config) -> None:
    """Write who was offered what by a cut-off; none where no log names offers.

    Args:
        events: what had arrived.
        path: the file.
        row: the cut-off's of schemas.CUTOFFS.
        config: `features.items_snapshot`.
    """
    if events.has_offers:
        snapshot = config.features.items_snapshot
        known: dict[str, Any] = {"known_by": row["cutoff"], "valid_on": config.valid_on(row["cutoff"])}
        found = events.query("offers", schemas.OFFERS, users=row["users"], snapshot=snapshot, **known)
        pq.write_table(found, path, compression="zstd")


def excluded(events: Events, row: dict[str, Any], config: Config) -> pa.Table:
    """Which items users are never shown, as their logs had named by a cut-off: schemas.DISLIKED.

    Args:
        events: what had arrived.
        row: the cut-off's of schemas.CUTOFFS.
        config: the calendar.
    """
    if not events.has_exclusions:
        return schemas.DISLIKED.empty_table()
    known: dict[str, Any] = {"known_by": row["cutoff"], "valid_on": config.valid_on(row["cutoff"])}
    return events.query("excluded", schemas.DISLIKED, users=row["users"], **known)


def write_labels(
    events: Events, path: Path, assortment: Assortment, eligible: np.ndarray, window: dict[str, int]
) -> None:
    """Write what the users of a label cut-off acted on among an assortment's items.

    Args:
        events: what had arrived; `interactions` are the cut-off's.
        path: the file.
        assortment: its goal.
        eligible: bool [I], its items.
        window: cutoff_day and horizon_days.
    """
    chosen = pa.table({"item_index": np.flatnonzero(eligible).astype(np.int32)})
    events.write(path, "labels_of", schemas.LABELS, {"eligible": chosen}, **window, goal=list(assortment.goal))
