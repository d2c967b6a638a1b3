"""The table `similar_items`: what is like an item; see pipeline.publication.similar."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.arrays.blocks import blocks
from pipeline.privacy.spending import require_noised
from pipeline.publication import variants
from pipeline.publication.night import Night
from pipeline.publication.parquet import ROW_GROUP
from pipeline.published.contract import Column, PublishedTable

SCORE = ("made sources.vectors(vector)", "if features.item_stats(buyers_total)")
TABLE = PublishedTable(
    name="similar_items",
    grain="one row per item and rank",
    columns=(
        Column("item_id", pa.string(), "the item that somebody looks at", of=("same features.items(item_id)",)),
        Column("rank", pa.int32(), "the place among its similar items, 1 is the most similar", of=SCORE),
        Column(
            "similar_item_id",
            pa.string(),
            "an item like it that some surface may show, of each product one variant",
            of=("same features.items(item_id)", "filter features.items(available, parent_id)"),
        ),
        Column(
            "score",
            pa.float32(),
            "cosine of the two, of buyers or of texts; compares within one item's rows only",
            of=SCORE,
        ),
    ),
    key=("item_id", "rank"),
    index="item_id",
    things=("item_id", "items"),
)


def make(night: Night) -> Iterable[pa.Table]:
    """The similar items of every item, sorted by item_id, rank over all pieces."""
    items, scores = _one_of_each_product(night)
    item_ids = night.items.column("item_id")
    by_item_id = pc.sort_indices(item_ids).to_numpy()
    by_item_id = by_item_id[~night.held[by_item_id]]
    for rows in blocks(len(by_item_id), max(1, ROW_GROUP // items.shape[1])):
        chosen = by_item_id[rows]
        row, column = np.nonzero(items[chosen] >= 0)
        at = chosen[row]
        columns = {
            "run_id": pa.repeat(night.run_id, len(row)),
            "item_id": item_ids.take(pa.array(at)),
            "rank": (column + 1).astype(np.int32),
            "similar_item_id": item_ids.take(pa.array(items[at, column])),
            "score": scores[at, column],
        }
        yield pa.table(columns, schema=TABLE.schema)


def _one_of_each_product(night: Night) -> tuple[np.ndarray, np.ndarray]:
    """Similar items, none of them a variant of the item or of another."""
    privacy, size = night.config.privacy, night.items.num_rows
    noised = privacy.similar_items
    for stage, asked in (("als", privacy.enabled), ("language_model", privacy.texts)):
        if noised and asked:
            require_noised(night.sources[stage])
    k = night.config.publish.similar_k
    found = night.similar_to(night.asked, k, noised) if noised else night.similar
    if night.products is None:
        return found

    def find(rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        asked = np.zeros(size, dtype=bool)
        asked[rows] = True
        items, scores = night.similar_to(asked, k, noised)
        return items[rows], scores[rows]

    return variants.once_each(found, night.products, find, size, own=np.arange(size))
