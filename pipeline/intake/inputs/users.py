"""What the shop's files say about users, night by night: the attributes that it has declared."""

import pyarrow as pa

from pipeline.intake.inputs.table import PLACE, InputTable

SCHEMA = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),  # of the attribute, as [ingest.users] declares it
        pa.field("value", pa.string(), nullable=False),  # a word, a number in decimals, or a day as 2024-01-31
    ]
)

USERS = InputTable(
    name="users",
    schema=SCHEMA,
    needed=frozenset({"user_id", "_file"}),
    beside=frozenset({"arrived_at", *PLACE}),
    made=frozenset({"name", "value"}),
    ids=("user_id",),
    pseudonyms={"user_id": "user"},
    person=("user_id",),
    dictionary=("name", "value"),
    before=("ingest/users_typed", "ingest/users_faults", "ingest/users_read"),
    described=True,
)
