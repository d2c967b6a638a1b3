"""The table `topics`: what is written about, in how many documents, whether more than before, and an example.

A shop that does not ask for it has no such table.
"""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.publication.night import Night
from pipeline.published.contract import Column, PublishedTable
from pipeline.settings.config import Config


def _of(name: str) -> tuple[str, ...]:
    return (f"same topics.topics({name})",)


TABLE = PublishedTable(
    name="topics",
    grain="one row per topic that is written about",
    columns=(
        Column("topic_id", pa.string(), "the same from night to night", of=_of("topic_id")),
        Column("rank", pa.int32(), "1 is written about most", of=_of("rank")),
        Column(
            "words",
            pa.list_(pa.string()),
            "words that tell it from the other topics, the most telling first",
            of=_of("words"),
        ),
        Column(
            "documents",
            pa.int32(),
            "different texts of the last `topics.days` days; one that is said again counts once",
            of=_of("documents"),
        ),
        Column(
            "documents_before",
            pa.int32(),
            "the same in as many days before; null: the documents do not go back so far",
            nullable=True,
            of=_of("documents_before"),
        ),
        Column(
            "growth",
            pa.float32(),
            "documents / documents_before; null where that is not known or 0",
            nullable=True,
            of=_of("growth"),
        ),
        Column("growth_low", pa.float32(), "lower end of its 95 % interval", nullable=True, of=_of("growth_low")),
        Column(
            "growth_high",
            pa.float32(),
            "upper end; null beside a lower one: none",
            nullable=True,
            of=_of("growth_high"),
        ),
        Column(
            "direction",
            pa.string(),
            "`rising` or `falling`, where of those so called one in twenty may be neither; null: not sure",
            nullable=True,
            of=_of("direction"),
        ),
        Column(
            "entities",
            pa.list_(pa.string()),
            "what most of these documents name, the most named first",
            of=_of("entities"),
        ),
        Column("document_id", pa.string(), "the document in the middle of it, an example", of=_of("document_id")),
        Column(
            "first_seen",
            pa.timestamp("us", tz="UTC"),
            "when the first of its documents was written that a night has seen",
            of=_of("first_seen"),
        ),
        Column(
            "user_id",
            pa.string(),
            "the author of `document_id`, as the logs or their pseudonyms have it; null: nobody known",
            nullable=True,
            of=_of("user_id"),
        ),
    ),
    key=("topic_id",),
    index="topic_id",
    things=("topic_id", "topics"),
    added_later=True,
)


def is_wanted(config: Config) -> bool:
    """Whether a shop has the table."""
    return config.enabled("topics")


def make(night: Night) -> Iterable[pa.Table]:
    """The topics, the one that is written about most first."""
    if "topics" in night.words:
        rows = pq.read_table(night.words["topics"] / "topics.parquet")
        run_id = pa.repeat(night.run_id, rows.num_rows)
        columns = [run_id if column == "run_id" else rows.column(column) for column in TABLE.schema.names]
        yield pa.Table.from_arrays(columns, schema=TABLE.schema)
