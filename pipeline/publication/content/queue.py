"""What checks found, for editors: the most urgent first, and how much there is of it.

review.parquet stands beside the published tables of a run, and is kept and dropped with it.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.settings.sections.content import EDITORS, Content
from pipeline.words.documents import Documents

FILE = "review.parquet"
REVIEW = pa.schema(
    [
        pa.field("rank", pa.int32()),  # the most urgent first
        pa.field("item_id", pa.string()),  # null: it is a document
        pa.field("document_id", pa.string()),  # null: it is an item
        pa.field("check", pa.string()),
        pa.field("severity", pa.string()),  # block, review
        pa.field("matched", pa.string()),  # the word of the list, or the label
        pa.field("probability", pa.float32()),  # of a label that nobody gave
        pa.field("since", pa.date32()),  # the first night in a row that found it
        pa.field("is_shown", pa.bool_()),  # until an editor decides
        pa.field("people", pa.int32()),  # who acted on the item in the last 28 days
        pa.field("title", pa.string()),  # of the item
        pa.field("user_id", pa.string()),  # the author of the document
    ]
)
"""One row per item or document, and check that found something on which no editor has decided."""


def made(findings: pa.Table, documents: Documents, items: pa.Table, people: pa.ChunkedArray) -> pa.Table:
    """REVIEW: what is shown first; then those that most people acted on lately, then the sure, then the old.

    Args:
        findings: held.FINDINGS.
        documents: of the night.
        items: item_id, title.
        people: [I] who acted on each item in the last 28 days.
    """
    open_ = findings.filter(pc.is_null(findings.column("decision")))
    is_item = pc.equal(open_.column("subject"), "item")
    ids = open_.column("id")
    item = pc.if_else(is_item, pc.index_in(ids, items.column("item_id").combine_chunks()), None)
    known = documents.table.column("document_id").combine_chunks()
    document = pc.if_else(is_item, None, pc.index_in(ids, known))
    columns = {
        "item_id": pc.if_else(is_item, ids, pa.scalar(None, pa.string())),
        "document_id": pc.if_else(is_item, pa.scalar(None, pa.string()), ids),
        **{name: open_.column(name) for name in ("check", "severity", "matched", "probability", "since")},
        "is_shown": pc.invert(open_.column("is_held")),
        "people": people.take(item),
        "title": items.column("title").take(item),
        "user_id": documents.table.column("author").take(document),
    }
    table = pa.table(columns)
    urgent = table.append_column("reach", pc.fill_null(table.column("people"), -1))
    urgent = urgent.append_column("sure", pc.fill_null(table.column("probability"), 1.0)).append_column("id", ids)
    order = pc.sort_indices(
        urgent,
        [(name, "descending") for name in ("is_shown", "reach", "sure")]
        + [(name, "ascending") for name in ("since", "id", "check")],
    )
    table = table.take(order)
    rank = pa.array(np.arange(1, len(table) + 1, dtype=np.int32))
    return table.append_column("rank", rank).select(REVIEW.names).cast(REVIEW)


def counts(findings: pa.Table, section: Content) -> dict[str, Any]:
    """For the manifest: what each check found and holds back, what editors allowed, and what is held back in all."""
    said: dict[str, Any] = {}
    for check in [*(one.name for one in section.checks), EDITORS]:
        for subject in ("item", "document"):
            mine = findings.filter(
                pc.and_(pc.equal(findings.column("check"), check), pc.equal(findings.column("subject"), subject))
            )
            if mine.num_rows:
                said[f"{check}: {subject}s"] = mine.num_rows
                said[f"{check}: {subject}s held back"] = pc.sum(mine.column("is_held")).as_py()
                said[f"{check}: {subject}s allowed"] = pc.sum(pc.equal(mine.column("decision"), "allow")).as_py() or 0
    for subject in ("item", "document"):
        mine = findings.filter(pc.and_(pc.equal(findings.column("subject"), subject), findings.column("is_held")))
        said[f"{subject}s held back"] = pc.count_distinct(mine.column("id")).as_py()
    return said
