"""The table `unanswered`: frequent questions whose best answer is weak, so that somebody writes a better one.

A shop that asks for no answers has no such table.
"""

from collections.abc import Iterable

import pyarrow as pa

from pipeline.publication.night import Night
from pipeline.publication.tables import question_clusters
from pipeline.published.contract import Column, PublishedTable


def of(name: str) -> tuple[str, ...]:
    """The column of the stage that a published one is."""
    return (f"same answer.unanswered({name})",)


TABLE = PublishedTable(
    name="unanswered",
    grain="one row per frequent question without a good answer",
    columns=(
        Column("rank", pa.int32(), "1 was asked most", of=of("rank")),
        Column("cluster_id", pa.string(), "the question, of question_clusters", of=of("cluster_id")),
        Column("document_id", pa.string(), "the question in the middle of it, an example", of=of("document_id")),
        Column("questions", pa.int32(), "how often it was asked in the last `answer.days` days", of=of("questions")),
        Column(
            "probability",
            pa.float32(),
            "that its best answer resolves it, below `answer.weak`; null: it has none",
            nullable=True,
            of=of("probability"),
        ),
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
is_wanted = question_clusters.is_wanted


def make(night: Night) -> Iterable[pa.Table]:
    """The questions, the most asked first."""
    if "answer" in night.words:
        yield question_clusters.of_night(night, "unanswered", TABLE)
