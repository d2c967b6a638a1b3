"""How things belong together: a product's parts, an account's fees. `other_thing` is the `relation` of `thing`."""

import pyarrow as pa

from pipeline.intake.inputs.table import PLACE, InputTable, refused

SCHEMA = pa.schema(
    [
        pa.field("thing", pa.string(), nullable=False),  # as documents name it in `entities`, or write it
        pa.field("relation", pa.string()),  # battery, fee; null: the two go together, and no word says how
        pa.field("other_thing", pa.string(), nullable=False),
        pa.field("valid_until", pa.date32()),  # the last day on which it holds; null: until it is said otherwise
    ]
)

RELATIONS = InputTable(
    name="relations",
    schema=SCHEMA,
    needed=frozenset({"thing", "other_thing", *PLACE}),
    beside=frozenset({"arrived_at", *PLACE}),
    ids=("thing", "other_thing"),
    dictionary=("relation",),
    before=("ingest/relations_typed", "ingest/relations_faults", "ingest/relations_read"),
    also=(refused("relation_rejects"),),
    sparse=True,
)
