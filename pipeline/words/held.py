"""What the stage `content` found, and which documents are held back by it, for the stages that show documents."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.settings.config import Config
from pipeline.words.documents import Documents

FILE = "findings.parquet"
FINDINGS = pa.schema(
    [
        pa.field("subject", pa.string()),  # item, document
        pa.field("id", pa.string()),
        pa.field("check", pa.string()),  # its name; "editors": an editor blocks the document
        pa.field("severity", pa.string()),  # block, review
        pa.field("matched", pa.string()),  # the word of the list, or the label
        pa.field("probability", pa.float32()),  # of a label that nobody gave
        pa.field("since", pa.date32()),  # the first night in a row that found it
        pa.field("decision", pa.string()),  # an editor's: allow, block; null: none
        pa.field("is_held", pa.bool_()),  # whether it keeps the item or document from being shown
    ]
)
"""One row per item or document and check that finds something in it."""


def ids(content: Path, subject: str) -> pa.Array:
    """The items or documents that a night holds back."""
    found = pq.read_table(content / FILE, schema=FINDINGS)
    held = found.filter(pc.and_(found.column("is_held"), pc.equal(found.column("subject"), subject)))
    return pc.unique(held.column("id").combine_chunks())


def documents(content: Path | None, config: Config) -> pa.Array:
    """The documents that are held back; of a shop that checks nothing, none."""
    there = content is not None and config.enabled("content")
    return ids(content, "document") if content is not None and there else pa.array([], pa.string())


def left(table: pa.Table, content: Path | None, config: Config) -> pa.Table:
    """The rows of a table with `document_id` that are of no document that is held back."""
    held = documents(content, config)
    return table.filter(pc.invert(pc.is_in(table.column("document_id"), value_set=held))) if len(held) else table


def without(known: Documents, content: Path | None, config: Config) -> Documents:
    """The documents but for those that are held back."""
    return replace(known, table=left(known.table, content, config))


def flags(column: pa.ChunkedArray, held: pa.Array) -> np.ndarray:
    """bool [N], which ids of a column are held back."""
    return np.asarray(pc.is_in(column, value_set=held).to_numpy(), dtype=bool)
