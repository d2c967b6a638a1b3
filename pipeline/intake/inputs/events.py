"""The behaviour log: who did what with which item, and when. The one input that every shop has."""

import pyarrow as pa

from pipeline.intake.inputs.table import PLACE, InputTable

SCHEMA = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("user_id", pa.string()),  # null: an anonymous guest
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("event_time", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("event_type", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("quantity", pa.float64()),
        pa.field("price", pa.float64()),
        pa.field("session_id", pa.string()),
        pa.field("query", pa.string()),
        pa.field("surface", pa.string()),
        pa.field("rank_shown", pa.int32()),
        pa.field("run_id_shown", pa.string()),
        pa.field("propensity", pa.float64()),  # with which the slot showed the item: in (0, 1]
    ]
)

EVENTS = InputTable(
    name="events",
    schema=SCHEMA,
    needed=frozenset({"item_id", "event_time", "event_type", *PLACE}),
    beside=frozenset({"arrived_at", "reject_reason", *PLACE}),
    ids=("event_id", "user_id", "item_id", "session_id"),
    # an event's id too, because a shop's is often a hash of the row, which whoever has the row can compute
    pseudonyms={"event_id": "event", "user_id": "user", "session_id": "session"},
    person=("user_id", "session_id"),  # a guest's session that bears a person's id is theirs
    mentions=("event_id", "session_id", "query"),
    dictionary=tuple(name for name in SCHEMA.names if name != "event_id"),
    refuses=True,
    night="ingest/night_events",
)
