"""The table `popular_items`: what a user gets of whom nothing is known, or only an attribute or the surface."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.ground import sql
from pipeline.ground.errors import InputError
from pipeline.publication.night import Night
from pipeline.published.contract import Column, PublishedTable

TABLE = PublishedTable(
    name="popular_items",
    grain="one row per segment and rank",
    columns=(
        Column(
            "segment",
            pa.string(),
            "who it is for: all, new_arrivals, surface:<name> where that may show less, <attribute>:<value> of users",
        ),
        Column("rank", pa.int32(), "the place in the segment, 1 is the most popular"),
        Column("item_id", pa.string(), "an item that may be shown"),
        Column("score", pa.float32(), "its buyers in the last 28 days, in a segment of users those of the segment"),
    ),
    key=("segment", "rank"),
    things=("segment", "segments"),
)
SHOWN = pa.schema([pa.field("segment", pa.string()), pa.field("item_index", pa.int32())])


def make(night: Night) -> Iterable[pa.Table]:
    """The most popular items of every segment, sorted by segment, rank."""
    relations = {
        "shown": _shown(night),
        "items": night.items.select(["item_index", "item_id", "first_seen"]),
        "stats": night.stats,
        "interactions": night.cutoff.interactions(["user_index", "item_index", "last_age"]),
        "attributes": _attributes(night),
    }
    section = night.config.publish
    params = {"run_id": night.run_id, "run_date": night.run_date, "k": section.popular_k, "new_days": section.new_days}
    return [sql.query(night.connection, "publish/popular_items", TABLE.schema, relations, **params)]


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


def _attributes(night: Night) -> pa.Table:
    """user_index, segment ("country:France") for every configured column of the users table and user who has one."""
    schema = pa.schema([pa.field("user_index", pa.int32()), pa.field("segment", pa.string())])
    tables = [schema.empty_table()]
    for column in night.config.publish.segment_by:
        try:
            table = pq.read_table(night.features / "users.parquet", columns=["user_index", column])
            values = pc.binary_join_element_wise(pa.scalar(column), table.column(column).cast(pa.string()), ":")
        except (KeyError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise InputError(f"publish.segment_by: users have no column '{column}' of text ({error})") from None
        tables.append(pa.table([table.column("user_index"), values], schema=schema).drop_null())
    return pa.concat_tables(tables)
