"""The table `user_profiles`: how active every user with an event is, in which categories, and what was asked last."""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.answers.schemas import LAST_ASKED
from pipeline.ground import sql
from pipeline.publication.night import Night
from pipeline.published.contract import Column, PublishedTable

USER = ("same features.users(user_id)", "filter features.user_stats(actions)")


def asked(name: str) -> tuple[str, ...]:
    """What a column of the last question is made of."""
    return (f"same answer.last_asked({name}) with answer.last_asked", "join features.users(user_id)")


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
        Column(
            "asked_cluster_id",
            pa.string(),
            "the cluster in question_clusters of what the user asked last; null: it is too rare, or nothing is known",
            nullable=True,
            added_later=True,
            of=asked("cluster_id"),
        ),
        Column(
            "asked_document_id",
            pa.string(),
            "that question; null where the user asked nothing, or the shop asks for no answers",
            nullable=True,
            added_later=True,
            of=asked("document_id"),
        ),
        Column(
            "asked_label",
            pa.string(),
            "its label of `answer.label_set`; null: none is known",
            nullable=True,
            added_later=True,
            of=asked("label"),
        ),
        Column(
            "asked_at",
            pa.timestamp("us", tz="UTC"),
            "when it was asked",
            nullable=True,
            added_later=True,
            of=asked("time"),
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
        "items": _categories(night),
        "interactions": night.cutoff.interactions(["user_index", "item_index", "confidence"]),
        "asked": _asked(night),
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


def _categories(night: Night) -> pa.Table:
    """item_index, category; none of items that are held back."""
    category = pc.if_else(pa.array(night.held), None, night.items.column("category"))
    return pa.table([night.items.column("item_index"), category], names=["item_index", "category"])


def _asked(night: Night) -> pa.Table:
    """What everybody asked last; nothing of a shop that asks for no answers."""
    if "answer" not in night.words:
        return LAST_ASKED.empty_table()
    return pq.read_table(night.words["answer"] / "last_asked.parquet")
