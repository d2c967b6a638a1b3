"""The table `question_clusters`: what is asked, how often, whether more than before, and an example.

A shop that asks for no answers has no such table.
"""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.publication.night import Night
from pipeline.published.contract import Column, PublishedTable
from pipeline.settings.config import Config


def of(name: str) -> tuple[str, ...]:
    """The column of the stage that a published one is."""
    return (f"same answer.clusters({name})",)


TABLE = PublishedTable(
    name="question_clusters",
    grain="one row per cluster of questions that ask the same",
    columns=(
        Column("cluster_id", pa.string(), "the same from night to night", of=of("cluster_id")),
        Column(
            "rank",
            pa.int32(),
            "1 was asked most; the last ones are asked more rarely and there as an answer's `why` speaks of them",
            of=of("rank"),
        ),
        Column("document_id", pa.string(), "the question in the middle of it, an example", of=of("document_id")),
        Column("questions", pa.int32(), "how often it was asked in the last `answer.days` days", of=of("questions")),
        Column(
            "questions_before",
            pa.int32(),
            "the same in as many days before; null: the documents do not go back so far",
            nullable=True,
            of=of("questions_before"),
        ),
        Column(
            "trend",
            pa.float32(),
            "questions / questions_before; null where that is not known or 0",
            nullable=True,
            of=of("trend"),
        ),
        Column("trend_low", pa.float32(), "lower end of its 95 % interval", nullable=True, of=of("trend_low")),
        Column(
            "trend_high", pa.float32(), "upper end; null beside a lower one: none", nullable=True, of=of("trend_high")
        ),
        Column(
            "direction",
            pa.string(),
            "`rising` or `falling`, where of those so called one in twenty may be neither; null: not sure",
            nullable=True,
            of=of("direction"),
        ),
        Column(
            "label",
            pa.string(),
            "the most usual label of `answer.label_set`; null: none is known",
            nullable=True,
            of=of("label"),
        ),
        Column(
            "label_share",
            pa.float32(),
            "share of its labelled questions that have it",
            nullable=True,
            of=of("label_share"),
        ),
        Column(
            "probability",
            pa.float32(),
            "that its best answer resolves it; null: it has none, or was not looked for",
            nullable=True,
            of=of("probability"),
        ),
        Column("first_asked", pa.timestamp("us", tz="UTC"), "when it was first asked", of=of("first_asked")),
        Column(
            "user_id",
            pa.string(),
            "the author of `document_id`, as the logs or their pseudonyms have it; null: nobody known",
            nullable=True,
            of=of("user_id"),
        ),
    ),
    key=("cluster_id",),
    index="cluster_id",
    things=("cluster_id", "clusters"),
    added_later=True,
)


def is_wanted(config: Config) -> bool:
    """Whether a shop has the table."""
    return config.enabled("answer")


def make(night: Night) -> Iterable[pa.Table]:
    """The clusters, the most frequent first."""
    if "answer" in night.words:
        yield of_night(night, "clusters", TABLE)


def of_night(night: Night, name: str, table: PublishedTable) -> pa.Table:
    """A table of the stage `answer` as it is published: with the run."""
    rows = pq.read_table(night.words["answer"] / f"{name}.parquet")
    run_id = pa.repeat(night.run_id, rows.num_rows)
    columns = [run_id if column == "run_id" else rows.column(column) for column in table.schema.names]
    return pa.Table.from_arrays(columns, schema=table.schema)
