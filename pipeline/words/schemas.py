"""What the stage `classify` leaves for the tables of a night."""

import pyarrow as pa

LABELS = pa.schema(
    [
        pa.field("document_id", pa.string()),
        pa.field("label_set", pa.string()),
        pa.field("label", pa.string()),  # null: unknown
        pa.field("probability", pa.float32()),  # that `best` is right; null: nothing was learned
        pa.field("best", pa.string()),
        pa.field("second", pa.string()),
        pa.field("is_given", pa.bool_()),  # whether somebody gave it
        pa.field("time", pa.timestamp("us", tz="UTC")),
        pa.field("user_id", pa.string()),  # its author
    ]
)
"""One row per label set and recent document."""
WANTED = pa.schema(
    [
        pa.field("label_set", pa.string()),
        pa.field("rank", pa.int32()),
        pa.field("document_id", pa.string()),
        pa.field("best", pa.string()),
        pa.field("second", pa.string()),
        pa.field("probability", pa.float32()),
        pa.field("user_id", pa.string()),
    ]
)
"""One row per label set and rank: what to label next."""
