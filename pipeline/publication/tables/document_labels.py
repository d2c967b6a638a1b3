"""The table `document_labels`: what people wrote lately, and the labels that a classifier or somebody gave it.

A shop that names no label sets has no such table.
"""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.publication.night import Night
from pipeline.published.contract import OF_RUN, Column, PublishedTable
from pipeline.settings.config import Config

TABLE = PublishedTable(
    name="document_labels",
    grain="one row per recent document and label set",
    columns=(
        Column("document_id", pa.string(), "the document", of=("same classify.labels(document_id)",)),
        Column("label_set", pa.string(), "its name in the configuration", of=OF_RUN),
        Column(
            "label",
            pa.string(),
            "the label that somebody gave it, else the likeliest one; null: unknown, as none is likely enough or it is "
            "none of the set",
            nullable=True,
            of=("same classify.labels(label)",),
        ),
        Column(
            "probability",
            pa.float32(),
            "probability that `best` is right; null where nothing was learned",
            nullable=True,
            of=("same classify.labels(probability)",),
        ),
        Column(
            "best",
            pa.string(),
            "the likeliest label, however likely; null where nothing was learned",
            nullable=True,
            of=("same classify.labels(best)",),
        ),
        Column("second", pa.string(), "the label after `best`", nullable=True, of=("same classify.labels(second)",)),
        Column("is_given", pa.bool_(), "whether somebody gave the label", of=("same classify.labels(is_given)",)),
        Column("written_at", pa.timestamp("us", tz="UTC"), "when it was written", of=("same classify.labels(time)",)),
        Column(
            "user_id",
            pa.string(),
            "its author, as the logs or their pseudonyms have it; null: nobody known",
            nullable=True,
            of=("same classify.labels(user_id)",),
        ),
    ),
    key=("document_id", "label_set"),
    index="document_id",
    things=("document_id", "documents"),
    added_later=True,
)


def is_wanted(config: Config) -> bool:
    """Whether a shop has the table."""
    return config.enabled("classify")


def make(night: Night) -> Iterable[pa.Table]:
    """The labels, sorted by label set, then by document."""
    if "classify" in night.words:
        yield of_night(night, "labels", TABLE)


def of_night(night: Night, name: str, table: PublishedTable) -> pa.Table:
    """A table of the stage `classify` as it is published: with the run, `time` under its published name."""
    rows = pq.read_table(night.words["classify"] / f"{name}.parquet")
    rows = rows.rename_columns(["written_at" if column == "time" else column for column in rows.column_names])
    run_id = pa.repeat(night.run_id, rows.num_rows)
    columns = [run_id if column == "run_id" else rows.column(column) for column in table.schema.names]
    return pa.Table.from_arrays(columns, schema=table.schema)
