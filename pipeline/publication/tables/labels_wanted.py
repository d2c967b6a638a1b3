"""The table `labels_wanted`: which documents somebody should label next, so that the classifier learns most.

A shop that names no label sets has no such table.
"""

from collections.abc import Iterable

import pyarrow as pa

from pipeline.publication.night import Night
from pipeline.publication.tables import document_labels
from pipeline.published.contract import OF_RUN, Column, PublishedTable

TABLE = PublishedTable(
    name="labels_wanted",
    grain="one row per label set and rank",
    columns=(
        Column("label_set", pa.string(), "its name in the configuration", of=OF_RUN),
        Column(
            "rank",
            pa.int32(),
            "the place in the queue, 1 is the most useful: unsure, and unlike those before it",
            of=("same classify.wanted(rank)",),
        ),
        Column("document_id", pa.string(), "the document", of=("same classify.wanted(document_id)",)),
        Column(
            "best",
            pa.string(),
            "the likeliest label; null where nothing was learned yet",
            nullable=True,
            of=("same classify.wanted(best)",),
        ),
        Column("second", pa.string(), "the label after `best`", nullable=True, of=("same classify.wanted(second)",)),
        Column(
            "probability",
            pa.float32(),
            "probability that `best` is right; null where nothing was learned yet",
            nullable=True,
            of=("same classify.wanted(probability)",),
        ),
        Column(
            "user_id",
            pa.string(),
            "its author, as the logs or their pseudonyms have it; null: nobody known",
            nullable=True,
            of=("same classify.wanted(user_id)",),
        ),
    ),
    key=("label_set", "rank"),
    index="label_set",
    things=("document_id", "documents"),
    added_later=True,
)
is_wanted = document_labels.is_wanted


def make(night: Night) -> Iterable[pa.Table]:
    """The queue, sorted by label set, then by rank."""
    if "classify" in night.words:
        yield document_labels.of_night(night, "wanted", TABLE)
