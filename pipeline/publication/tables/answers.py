"""The table `answers`: to each frequent question the answers that fit it best, and why.

A shop that asks for no answers has no such table.
"""

from collections.abc import Iterable

import pyarrow as pa

from pipeline.publication.night import Night
from pipeline.publication.tables import question_clusters
from pipeline.published.contract import Column, PublishedTable


def of(name: str) -> tuple[str, ...]:
    """The column of the stage that a published one is."""
    return (f"same answer.answers({name})",)


TABLE = PublishedTable(
    name="answers",
    grain="one row per frequent question and rank",
    columns=(
        Column("cluster_id", pa.string(), "the question, of question_clusters", of=of("cluster_id")),
        Column("rank", pa.int32(), "1 fits best", of=of("rank")),
        Column("document_id", pa.string(), "the answer, the first document with its text", of=of("document_id")),
        Column("score", pa.float32(), "how well it fits, from 0 to about 1", of=of("score")),
        Column("why", pa.string(), "what speaks for it most, in words", of=of("why")),
        Column(
            "like_cluster_id",
            pa.string(),
            "the cluster of the question that `why` speaks of, also of question_clusters; null: of none",
            nullable=True,
            of=of("like_cluster_id"),
        ),
        Column(
            "user_id",
            pa.string(),
            "the author of the answer, as the logs or their pseudonyms have it; null: nobody known",
            nullable=True,
            of=of("user_id"),
        ),
    ),
    key=("cluster_id", "rank"),
    index="cluster_id",
    things=("cluster_id", "clusters"),
    added_later=True,
)
is_wanted = question_clusters.is_wanted


def make(night: Night) -> Iterable[pa.Table]:
    """The answers, the most frequent question's first, then by rank."""
    if "answer" in night.words:
        yield question_clusters.of_night(night, "answers", TABLE)
