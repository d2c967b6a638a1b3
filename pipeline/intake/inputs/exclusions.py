"""Who is never shown what: items of one's own, what somebody asked not to see, what the law keeps from them."""

import pyarrow as pa

from pipeline.intake.inputs.table import PLACE, InputTable

SCHEMA = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("valid_until", pa.date32()),  # the last day on which it holds; null: for ever
    ]
)

EXCLUSIONS = InputTable(
    name="exclusions",
    schema=SCHEMA,
    needed=frozenset({"user_id", "item_id", "_file"}),
    beside=frozenset({"arrived_at", *PLACE}),
    ids=("user_id", "item_id"),
    pseudonyms={"user_id": "user"},
    person=("user_id",),
    before=("ingest/exclusions_typed", "ingest/exclusions_faults", "ingest/exclusions_read"),
)
