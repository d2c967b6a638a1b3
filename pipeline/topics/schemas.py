"""What the stage `topics` leaves for the tables of a night, and for the next one."""

import pyarrow as pa

TOPICS = pa.schema(
    [
        pa.field("topic_id", pa.string()),
        pa.field("rank", pa.int32()),
        pa.field("words", pa.list_(pa.string())),  # that tell it from the others, the most telling first
        pa.field("documents", pa.int32()),  # different texts first written in the last days
        pa.field("documents_before", pa.int32()),  # in as many days before; null: the documents do not go back so far
        pa.field("growth", pa.float32()),  # documents / documents_before; null: one of them is not known or 0
        pa.field("growth_low", pa.float32()),  # 95 % interval
        pa.field("growth_high", pa.float32()),  # null: no end
        pa.field("direction", pa.string()),  # rising, falling; null: neither is sure
        pa.field("entities", pa.list_(pa.string())),  # named by most of these documents first
        pa.field("document_id", pa.string()),  # in the middle of it
        pa.field("first_seen", pa.timestamp("us", tz="UTC")),
        pa.field("user_id", pa.string()),  # the author of document_id
    ]
)
"""One row per topic that is written about."""
MEMBERS = pa.schema([pa.field("text_key", pa.string()), pa.field("topic_id", pa.string())])
"""One row per text of a topic, for the names of the next night."""
KNOWN = pa.schema([pa.field("topic_id", pa.string()), pa.field("first_seen", pa.timestamp("us", tz="UTC"))])
"""One row per topic: when it was first seen."""
