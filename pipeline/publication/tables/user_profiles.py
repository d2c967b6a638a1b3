"""The table `user_profiles`: how active every user with an event is, and in which categories."""

from collections.abc import Iterable

import pyarrow as pa

from pipeline.ground import sql
from pipeline.publication.night import Night
from pipeline.published.contract import Column, PublishedTable

USER = ("same features.users(user_id)", "filter features.user_stats(actions)")
TABLE = PublishedTable(
    name="user_profiles",
    grain="one row per user with an event",
    columns=(
        Column("user_id", pa.string(), "the user, as the logs or their pseudonyms have it", of=USER),
        Column(
            "segment",
            pa.string(),
            "new, light or heavy, by how many items the user has acted on",
            of=("made features.user_stats(items)",),
        ),
        Column(
            "top_categories",
            pa.list_(pa.string()),
            "up to three categories the user acts on most, the first most",
            of=("sum features.items(category)", "sort features.interactions(confidence)"),
        ),
        Column("events", pa.int32(), "how many events the user has", of=("same features.user_stats(actions)",)),
        Column(
            "last_event_time",
            pa.timestamp("us", tz="UTC"),
            "the start of the day of the last of them",
            nullable=True,
            of=("made features.user_stats(last_age)",),
        ),
    ),
    key=("user_id",),
    index="user_id",
    things=("user_id", "users"),
)


def make(night: Night) -> Iterable[pa.Table]:
    """The profiles, sorted by user_id."""
    relations = {
        "users": night.users,
        "stats": night.cutoff.user_stats(),
        "items": night.items.select(["item_index", "category"]),
        "interactions": night.cutoff.interactions(["user_index", "item_index", "confidence"]),
    }
    judged = night.config.evaluate
    return [
        sql.query(
            night.connection,
            "publish/user_profiles",
            TABLE.schema,
            relations,
            run_id=night.run_id,
            run_date=night.run_date,
            new_items=judged.new_user_items,
            heavy_items=judged.heavy_user_items,
        )
    ]
