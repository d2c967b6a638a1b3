"""The table `search_terms`: which items a word, or a run of letters, speaks for, so that any query has an answer.

A query's score of an item is the sum of the weights of its terms, and once the item's appeal; see
pipeline.publication.query_terms for what they are, and docs/search.md for the look-up. A shop that does not ask for it
(publish.search_terms) has no such table.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
from scipy import sparse

from pipeline.features.read import query_texts
from pipeline.privacy.spending import require_noised
from pipeline.publication import query_terms
from pipeline.publication.night import Night
from pipeline.publication.query_terms import ItemTerms
from pipeline.published.contract import Column, PublishedTable
from pipeline.settings.config import Config

ROWS = 100_000
"""Rows of a piece, and those of the term that comes last in it."""
TERM = ("made features.items(title, text)", "made features.queries(query)")
WEIGHT = (*TERM, "made features.queries(clicks)")
APPEAL = ("made features.item_stats(buyers_91)",)
TABLE = PublishedTable(
    name="search_terms",
    grain="one row per term and rank",
    columns=(
        Column(
            "term", pa.string(), "a word in lower case between two spaces, or three letters in a row of one", of=TERM
        ),
        Column(
            "rank", pa.int32(), "the place among the term's items by weight + appeal, 1 is the best", of=WEIGHT + APPEAL
        ),
        Column(
            "item_id",
            pa.string(),
            "an item that some surface may show; each variant of a product by itself",
            of=("same features.items(item_id)", "filter features.items(available)"),
        ),
        Column("weight", pa.float32(), "what the term adds to a query's score of the item, above 0", of=WEIGHT),
        Column("appeal", pa.float32(), "what the item's popularity adds, once and not per term", of=APPEAL),
    ),
    key=("term", "rank"),
    index="term",
    things=("term", "terms"),
    added_later=True,
)


def is_wanted(config: Config) -> bool:
    """Whether a shop has the table."""
    return config.publish.search_terms > 0


def make(night: Night) -> Iterable[pa.Table]:
    """The terms, sorted by term, rank."""
    if night.config.privacy.queries:
        require_noised(night.features)
    called = query_terms.titles(night.items)
    found = query_terms.fit(called, query_texts(night.queries), night.choices)
    shown = (sparse.diags(night.shown_somewhere.astype(np.float32)) @ found.weights).tocsr()
    shown.eliminate_zeros()
    popular = query_terms.appeal(night.stats.column("buyers_91").to_numpy())
    most = night.config.publish.search_terms
    return _pieces(query_terms.shortened(ItemTerms(found.vocabulary, shown), popular, most), popular, night)


def _pieces(found: ItemTerms, popular: np.ndarray, night: Night) -> Iterator[pa.Table]:
    """The rows of some terms at a time; the vocabulary is sorted."""
    names, item_ids = pa.array(list(found.vocabulary), pa.string()), night.items.column("item_id")
    weights = found.weights.tocsc()
    start, size = 0, weights.shape[1]
    while start < size:
        stop = int(np.searchsorted(weights.indptr, weights.indptr[start] + ROWS, side="left"))
        stop = min(max(stop, start + 1), size)
        part = weights[:, start:stop]
        column = np.repeat(np.arange(stop - start), np.diff(part.indptr))
        appeal = popular[part.indices]
        order = np.lexsort((part.indices, -(part.data + appeal), column))
        item, column = part.indices[order], column[order]
        columns = {
            "run_id": pa.repeat(night.run_id, len(order)),
            "term": names.slice(start, stop - start).take(pa.array(column)),
            "rank": (np.arange(len(order)) - part.indptr[column] + 1).astype(np.int32),
            "item_id": item_ids.take(pa.array(item)),
            "weight": part.data[order].astype(np.float32),
            "appeal": appeal[order].astype(np.float32),
        }
        yield pa.table(columns, schema=TABLE.schema)
        start = stop
