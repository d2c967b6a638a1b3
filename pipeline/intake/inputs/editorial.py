"""Editors' pins, blocks and boosts; `publish` reads them anew each night, and keeps those that held."""

import pyarrow as pa

from pipeline.intake.inputs.table import PLACE, InputTable

SCHEMA = pa.schema(
    [
        pa.field("kind", pa.string()),  # pin, block, boost, allow, allow_document, block_document
        pa.field("surface", pa.string()),  # null: all
        pa.field("item_id", pa.string()),  # of the rules of documents, the document's
        pa.field("rank", pa.int32()),  # of a pin
        pa.field("factor", pa.float64()),  # of a boost
        pa.field("valid_from", pa.date32()),
        pa.field("valid_until", pa.date32()),  # included
        pa.field("note", pa.string()),
        pa.field("file", pa.string()),
        pa.field("row", pa.int64()),  # 1-based data row in the file
        pa.field("outcome", pa.string()),  # "applied", or why not, and where
    ]
)

EDITORIAL = InputTable(
    name="editorial",
    schema=SCHEMA,
    needed=frozenset({"kind", "item_id", *PLACE}),
    made=frozenset({"file", "row", "outcome"}),
    ids=("item_id",),
    section="publish",
    nightly=False,
)
