"""The table `search_results`: what people chose after a frequent query, filled up with what the texts say.

An item's score is the share of a query's choices that it can expect:

    (choices of i after q + m prior_i) / (choices after q + m)
    prior_i = the mean of two distributions over the items that may be shown,
        ~ exp(cos(q, i) / temperature) (buyers_i + 1) ^ power          by the meaning of the texts
        ~ exp((terms(q, i) + appeal_i) / TERMS_TEMPERATURE)            by words and letters, see query_terms

A query asked often is answered by its choices, one asked rarely by the texts, blended with popularity; an item first
sold today can be an answer today. Where a query has no known word, or no item a text, the other half is the whole.
Source: Dirichlet smoothing as in Zhai & Lafferty, ACM TOIS 2004, with the encoder's softmax as the prior.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.arrays import top_k
from pipeline.arrays.blocks import blocks
from pipeline.arrays.nearest import SCORES_PER_BLOCK, unit
from pipeline.features.read import query_texts
from pipeline.privacy.spending import require_noised
from pipeline.publication import query_terms, variants
from pipeline.publication.night import Night
from pipeline.publication.query_terms import ItemTerms
from pipeline.published.contract import Column, PublishedTable
from pipeline.settings.sections.publication import Publish

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

TERMS_TEMPERATURE = 3.0
"""Divides the scores by terms, which take the terms of a query for independent, and they are not."""
QUERY = ("same features.queries(query)",)
SCORE = (
    "made features.queries(clicks)",
    "made sources.vectors(vector)",
    "made features.item_stats(buyers_91)",
    "made features.items(title, text)",
)
TABLE = PublishedTable(
    name="search_results",
    grain="one row per frequent query and rank",
    columns=(
        Column(
            "query",
            pa.string(),
            "as the log had it, in Unicode's NFC form, in lower case, white space single",
            of=QUERY,
        ),
        Column("rank", pa.int32(), "the place among the answers, 1 is the best", of=SCORE),
        Column(
            "item_id",
            pa.string(),
            "an item that some surface may show, of each product one variant",
            of=("same features.items(item_id)", "filter features.items(available, parent_id)"),
        ),
        Column("score", pa.float32(), "the share of the query's choices that the item can expect, 0 to 1", of=SCORE),
    ),
    key=("query", "rank"),
    index="query",
    things=("query", "queries"),
    added_later=True,
)


def make(night: Night) -> Iterable[pa.Table]:
    """The answers, sorted by query, rank; nothing where the log has no frequent query."""
    if night.config.privacy.queries:
        require_noised(night.features)
    queries = pa.array(query_texts(night.queries), pa.string())
    if not len(queries):
        return

    texts = queries.to_pylist()
    known = query_terms.fit(query_terms.titles(night.items), texts, night.choices)

    def find(rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        asked = None if night.query_vectors is None else night.query_vectors[rows]
        bought, section = night.stats.column("buyers_91").to_numpy(), night.config.publish
        section = section.model_copy(update={"search_k": k})
        words = ([texts[row] for row in rows], known)
        return answers(
            night.choices[rows], asked, night.vectors, bought, night.shown_somewhere, section=section, words=words
        )

    items, scores = find(np.arange(len(queries)), night.config.publish.search_k)
    if night.products is not None:
        items, scores = variants.once_each((items, scores), night.products, find, int(night.shown_somewhere.sum()))
    by_query = pc.sort_indices(queries).to_numpy()
    item_ids = night.items.column("item_id")
    row, column = np.nonzero(items[by_query] >= 0)
    at = by_query[row]
    columns = {
        "run_id": pa.repeat(night.run_id, len(row)),
        "query": queries.take(pa.array(at)),
        "rank": (column + 1).astype(np.int32),
        "item_id": item_ids.take(pa.array(items[at, column])),
        "score": scores[at, column],
    }
    yield pa.table(columns, schema=TABLE.schema)


def answers(
    choices: "csr_matrix",
    query_vectors: np.ndarray | None,
    item_vectors: np.ndarray | None,
    buyers: np.ndarray,
    shown: np.ndarray,
    *,
    section: Publish,
    words: tuple[Sequence[str], ItemTerms] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The best items of every query.

    Args:
        choices: [Q, I] CSR, how many people chose item i after query q.
        query_vectors, item_vectors: [Q, d], [I, d] of the language model; without them texts say nothing by meaning.
        buyers: [I] recent buyers.
        shown: bool [I], may be an answer.
        section: search_k and the blend.
        words: [Q] the queries, and what their terms say of items; None: nothing. Without it and vectors only chosen
            items are answers.
    Returns:
        items int32 [Q, k] (-1 pads), scores float32 [Q, k] in (0, 1], descending.
    """
    queries, k = choices.shape[0], section.search_k
    items = np.full((queries, k), -1, dtype=np.int32)
    scores = np.full((queries, k), -np.inf, dtype=np.float32)
    candidates = np.flatnonzero(shown)
    if not len(candidates):
        return items, scores
    chosen = choices[:, candidates].astype(np.float64)
    halves: list[Callable[[slice], np.ndarray]] = []
    if query_vectors is not None and item_vectors is not None:
        halves.append(_by_meaning(query_vectors, item_vectors[candidates], buyers[candidates], section))
    if words is not None:
        halves.append(_by_terms(words, candidates, buyers))
    for rows in blocks(queries, max(1, SCORES_PER_BLOCK // len(candidates))):
        counts = chosen[rows].toarray()
        prior = np.zeros_like(counts)
        for half in halves:
            prior += half(rows)
        total = prior.sum(axis=1, keepdims=True)
        weight = section.search_prior * (total > 0)
        smoothed = counts + weight * prior / np.maximum(total, 1e-12)
        share = smoothed / np.maximum(counts.sum(axis=1, keepdims=True) + weight, 1e-12)
        best, scores[rows] = top_k.top_n(share.astype(np.float32), k, above=0.0)
        items[rows] = np.where(best >= 0, candidates[best], -1)
    return items, scores


def _by_meaning(
    query_vectors: np.ndarray, item_vectors: np.ndarray, buyers: np.ndarray, section: Publish
) -> Callable[[slice], np.ndarray]:
    """A function from some queries to [B, C], how likely each candidate is by its vector; a row of zeros: unknown."""
    asked, known = unit(query_vectors), unit(item_vectors)
    popular = section.search_popularity_power * np.log(buyers + 1.0)
    popular = np.where(known.any(axis=1), popular, -np.inf)  # nothing is known of an item without a text

    def prior(rows: slice) -> np.ndarray:
        found = softmax(asked[rows] @ known.T / section.search_temperature + popular)
        found[~asked[rows].any(axis=1)] = 0  # a query of no known word
        return found

    return prior


def _by_terms(
    words: tuple[Sequence[str], ItemTerms], candidates: np.ndarray, buyers: np.ndarray
) -> Callable[[slice], np.ndarray]:
    """A function from some queries to [B, C], how likely each candidate is by its terms; a row of zeros: unknown."""
    queries, terms = words
    terms = ItemTerms(terms.vocabulary, terms.weights[candidates])
    popular = query_terms.appeal(buyers[candidates])

    def prior(rows: slice) -> np.ndarray:
        found = terms.scores(queries[rows]).toarray().astype(np.float64)
        return softmax(np.where(found > 0, (found + popular) / TERMS_TEMPERATURE, -np.inf))

    return prior


def softmax(logits: np.ndarray) -> np.ndarray:
    """Of each row [B, C]; zeros where all of it is -inf."""
    most = logits.max(axis=1, keepdims=True)
    found = np.exp(logits - np.where(np.isfinite(most), most, 0))
    return np.asarray(found / np.maximum(found.sum(axis=1, keepdims=True), 1e-300))
