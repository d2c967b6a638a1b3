"""What the shop's files say about items, night by night; `features` picks the best title a code ever had."""

import pyarrow as pa

from pipeline.intake.inputs.table import PLACE, InputTable, NightTable

SCHEMA = pa.schema(
    [
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("title", pa.string()),
        pa.field("text", pa.string()),
        pa.field("category", pa.string()),
        pa.field("price", pa.float64()),
        pa.field("currency", pa.string()),
        pa.field("kind", pa.string()),
        pa.field("parent_id", pa.string()),  # the product that it is a variant of; a list shows one of them
        pa.field("available", pa.bool_()),
        pa.field("valid_from", pa.date32()),  # the first day on which it may be recommended
        pa.field("valid_until", pa.date32()),  # the last one
        pa.field("rows", pa.int64()),  # how many log rows gave this title that night; all else is the night's last word
    ]
)

ATTRIBUTES = NightTable(
    name="item_attributes",
    schema=pa.schema(
        [
            pa.field("item_id", pa.string(), nullable=False),
            pa.field("name", pa.string(), nullable=False),  # of the attribute, as [ingest.items] declares it
            pa.field("value", pa.string(), nullable=False),  # a word, a number in decimals, or a day as 2024-01-31
        ]
    ),
    dictionary=("name", "value"),
)

ITEMS = InputTable(
    name="items",
    schema=SCHEMA,
    needed=frozenset({"item_id", "_file"}),
    beside=frozenset({"arrived_at", *PLACE}),
    made=frozenset({"rows"}),
    ids=("item_id", "parent_id"),
    dictionary=("category", "currency", "kind"),
    before=(
        "ingest/items_typed",
        "ingest/items_faults",
        "ingest/items_read",
        "ingest/item_attributes_typed",
        "ingest/item_attributes_faults",
    ),
    night="ingest/night_items",
    also=(ATTRIBUTES,),
    described=True,
)
