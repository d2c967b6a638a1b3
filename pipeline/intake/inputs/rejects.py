"""The refused rows of the behaviour log, each with its reason: no file of the shop's, but a table of every night."""

import pyarrow as pa

from pipeline.intake.inputs.table import NightTable

SCHEMA = pa.schema(
    [
        pa.field("file", pa.string(), nullable=False),
        pa.field("row", pa.int64()),  # 1-based data row in the file; null where the format has none
        pa.field("reason", pa.string(), nullable=False),
        pa.field("raw", pa.string()),  # the row as JSON text, cut at a bounded length; null where it may not be kept
    ]
)

REJECTS = NightTable(
    name="rejects",
    schema=SCHEMA,
    free_text=("raw",),  # a refused row was mapped to nothing that could be trusted, and it may be cut
    mentions=("raw",),  # an id that an underscore joins
    dictionary=("file", "reason"),
    night="ingest/night_rejects",
)
