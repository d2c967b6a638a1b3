"""What people write: questions, answers, reviews, news, posts, with the labels that a few of them have."""

import pyarrow as pa

from pipeline.intake.inputs.table import PLACE, InputTable, refused

SCHEMA = pa.schema(
    [
        pa.field("document_id", pa.string(), nullable=False),
        pa.field("text", pa.string()),  # null: a row that says something else of a document, such as its labels
        pa.field("time", pa.timestamp("us", tz="UTC")),  # when it was written
        pa.field("author", pa.string()),  # a user_id
        pa.field("channel", pa.string()),
        pa.field("kind", pa.string()),  # question, answer, review, news, post
        pa.field("thread_id", pa.string()),
        pa.field("language", pa.string()),
        pa.field("entities", pa.list_(pa.string())),  # tickers, item ids, in the order of the mapping; null: not said
        pa.field("labels", pa.map_(pa.string(), pa.string())),  # label set -> label, by label set; null: not said
    ]
)

DOCUMENTS = InputTable(
    name="documents",
    schema=SCHEMA,
    needed=frozenset({"document_id", *PLACE}),
    beside=frozenset({"arrived_at", *PLACE}),
    ids=("document_id", "author", "thread_id"),
    pseudonyms={"author": "user"},
    person=("author",),
    thing="document_id",
    mentions=("document_id", "text", "thread_id"),
    dictionary=("channel", "kind", "language"),
    before=("ingest/documents_typed", "ingest/documents_faults", "ingest/documents_read"),
    also=(refused("document_rejects"),),
    sparse=True,
    happened="time",
)
