"""Which items belong to which others: a coupon to the products it is for, a variant to its parent."""

import pyarrow as pa

from pipeline.intake.inputs.table import PLACE, InputTable

SCHEMA = pa.schema(
    [pa.field("item_id", pa.string(), nullable=False), pa.field("linked_id", pa.string(), nullable=False)]
)

LINKS = InputTable(
    name="links",
    schema=SCHEMA,
    needed=frozenset({"item_id", "linked_id", "_file"}),
    beside=frozenset({"arrived_at", *PLACE}),
    ids=("item_id", "linked_id"),
    before=("ingest/links_typed", "ingest/links_faults", "ingest/links_read"),
)
