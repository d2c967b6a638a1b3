"""What people searched for, whether or not they chose anything after it; `query` of events tells what they chose."""

import pyarrow as pa

from pipeline.intake.inputs.table import PLACE, InputTable, refused

SCHEMA = pa.schema(
    [
        pa.field("user_id", pa.string()),  # null: an anonymous guest
        pa.field("session_id", pa.string()),
        pa.field("searched_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("query", pa.string()),  # null: it had somebody's id, which `forget` took out of it
    ]
)

SEARCHES = InputTable(
    name="searches",
    schema=SCHEMA,
    needed=frozenset({"searched_at", "query", *PLACE}),
    beside=frozenset({"arrived_at", *PLACE}),
    ids=("user_id", "session_id"),
    pseudonyms={"user_id": "user", "session_id": "session"},
    person=("user_id", "session_id"),  # as of events: a guest's session that bears a person's id is theirs
    mentions=("session_id", "query"),
    dictionary=("user_id", "session_id", "query"),
    before=("ingest/searches_typed", "ingest/searches_faults", "ingest/searches_read"),
    also=(refused("search_rejects"),),
    sparse=True,
    happened="searched_at",
)
