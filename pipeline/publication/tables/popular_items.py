"""The table `popular_items`: what a user gets of whom nothing is known, or only an attribute or the surface."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.ground import sql
from pipeline.ground.errors import InputError
from pipeline.publication.night import Night
from pipeline.published.contract import Column, PublishedTable
from pipeline.sources import private_counts

SCORE = (
    "made features.item_stats(buyers_28)",
    "made features.trends(trend, lifetime_hours)",
    "sum features.interactions(user_index, item_index, last_age)",
)
TABLE = PublishedTable(
    name="popular_items",
    grain="one row per segment and rank",
    columns=(
        Column(
            "segment",
            pa.string(),
            "who it is for: all, new_arrivals, surface:<name> where that may show less, <attribute>:<value> of users",
            of=("run", "made features.user_attributes(attribute, word)", "if features.items(first_seen)"),
        ),
        Column("rank", pa.int32(), "the place in the segment, 1 is the most popular", of=SCORE),
        Column(
            "item_id",
            pa.string(),
            "an item that may be shown, of each product one variant",
            of=("same features.items(item_id)", "filter features.items(available, parent_id)"),
        ),
        Column(
            "score",
            pa.float32(),
            "its buyers in the last 28 days, or where items live days, by the log, what was done with it, each action "
            "halved with every lifetime; in a segment of users its buyers there, smoothed towards everybody's; with "
            "privacy.epsilon_popular what noise leaves of its buyers, of whose k items each counts 1 / sqrt(k)",
            of=SCORE,
        ),
    ),
    key=("segment", "rank"),
    things=("segment", "segments"),
)
ATTRIBUTES = pa.schema([pa.field("user_index", pa.int32()), pa.field("segment", pa.string())])
SHOWN = pa.schema([pa.field("segment", pa.string()), pa.field("item_index", pa.int32())])


def make(night: Night) -> Iterable[pa.Table]:
    """The most popular items of every segment, sorted by segment, rank."""
    relations = {
        "shown": _shown(night),
        "items": night.items.select(["item_index", "item_id", "first_seen"]).append_column("product", _products(night)),
        **(_noised(night) if night.config.privacy.counts else _counted(night)),
    }
    section = night.config.publish
    params = {"run_id": night.run_id, "run_date": night.run_date, "k": section.popular_k, "new_days": section.new_days}
    params |= {"prior": section.segment_prior, "min_users": night.config.features.word_min_users}
    params |= {"days": night.popular_days}
    return [sql.query(night.connection, "publish/popular_items", TABLE.schema, relations, **params)]


def _counted(night: Night) -> dict[str, pa.Table]:
    """What people did, by item and by segment."""
    return {
        "stats": night.stats.append_column("popularity", pa.array(night.popularity)),
        "interactions": night.cutoff.interactions(["user_index", "item_index", "last_age"]),
        "attributes": _attributes(night),
    }


def _noised(night: Night) -> dict[str, pa.Table]:
    """The same through noise alone: nothing by segment, and of equal counts the newest item first.

    Raises:
        InputError: the night has no noised counts.
    """
    path = night.sources["popularity"] / private_counts.FILE
    if not path.is_file():
        raise InputError(f"{path} is missing: run stage 'popularity' again with --force")
    noised = np.maximum(np.load(path, allow_pickle=False), 0)
    nobody = np.zeros(len(noised), dtype=np.int64)
    names = ("popularity", "buyers_91", "buyers_total")
    stats = pa.table([night.items.column("item_index"), noised, nobody, nobody], names=["item_index", *names])
    nothing = pa.schema([("user_index", pa.int32()), ("item_index", pa.int32()), ("last_age", pa.float32())])
    return {"stats": stats, "interactions": nothing.empty_table(), "attributes": ATTRIBUTES.empty_table()}


def _shown(night: Night) -> pa.Table:
    """SHOWN: what some surface may show, and what a surface may that shows less."""
    masks = {"all": night.shown_somewhere}
    for surface in night.config.surfaces:
        mask = night.shown[surface.name] & night.shown_somewhere  # what is offered to some is no answer for a stranger
        if not np.array_equal(mask, night.shown_somewhere):
            masks[f"surface:{surface.name}"] = mask
    indices = night.items.column("item_index")
    tables = []
    for segment, mask in masks.items():
        items = indices.filter(pa.array(mask))
        tables.append(pa.table([pa.repeat(segment, len(items)), items], schema=SHOWN))
    return pa.concat_tables(tables)


def _products(night: Night) -> pa.Array:
    """[I] codes of what items are variants of; null of an item that is the only one."""
    codes = night.products
    return pa.nulls(night.items.num_rows, pa.int32()) if codes is None else pa.array(codes, mask=codes < 0)


def _attributes(night: Night) -> pa.Table:
    """user_index, segment ("country:France") of every attribute that makes segments and user who has it."""
    found = night.cutoff.user_attributes()
    if found is None:
        return ATTRIBUTES.empty_table()
    chosen = found.filter(pc.is_in(found.column("attribute"), pa.array(night.config.publish.segment_by, pa.string())))
    chosen = chosen.filter(chosen.column("word").is_valid())
    segment = pc.binary_join_element_wise(chosen.column("attribute"), chosen.column("word"), ":")
    return pa.table([chosen.column("user_index"), segment], schema=ATTRIBUTES)
