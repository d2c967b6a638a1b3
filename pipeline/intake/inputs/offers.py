"""Who was offered what: an item that is offered to some is shown to nobody else, as a coupon that was sent to them."""

import pyarrow as pa

from pipeline.intake.inputs.table import PLACE, InputTable

SCHEMA = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("valid_until", pa.date32()),  # the last day of the offer; null: as long as the item is there
    ]
)

OFFERS = InputTable(
    name="offers",
    schema=SCHEMA,
    needed=frozenset({"user_id", "item_id", "_file"}),
    beside=frozenset({"arrived_at", *PLACE}),
    ids=("user_id", "item_id"),
    pseudonyms={"user_id": "user"},
    person=("user_id",),
    before=("ingest/offers_typed", "ingest/offers_faults", "ingest/offers_read"),
)
