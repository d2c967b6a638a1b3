"""Ways to answer queries by a log of earlier choices: each gives the best items of each query that is asked later."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.search.log import Log
from benchmarks.search.measures import K
from pipeline.arrays import top_k
from pipeline.arrays.nearest import unit
from pipeline.encoder import encoder as encoders
from pipeline.publication import query_terms
from pipeline.publication.tables import search_results
from pipeline.settings.sections.data import Features
from pipeline.settings.sections.publication import Publish

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

SATURATION, LENGTH = 1.2, 0.75
"""BM25's k1 and b, as most engines have them."""
MOST = 1000
"""Rows of a term in the table search_terms."""


@dataclass
class Memory:
    """An encoder that reads a text once."""

    encoder: encoders.Encoder | encoders.NoEncoder
    known: dict[str, np.ndarray] = field(default_factory=dict)

    def encode(self, texts: list[str]) -> np.ndarray:
        """[N, h] of N texts."""
        missing = [text for text in texts if text not in self.known]
        if missing:
            self.known |= dict(zip(missing, self.encoder.encode(missing), strict=True))
        return np.array([self.known[text] for text in texts])


@dataclass(frozen=True)
class Shop:
    """What is known when queries are answered.

    Attributes:
        before: the choices.
        asked: [J] distinct queries that are to be answered.
        encoder: of the texts, as it comes.
        least: how often a query was asked that is in the table.
    """

    before: Log
    asked: list[str]
    encoder: Memory
    least: int = Features().query_min_users

    @cached_property
    def frequent(self) -> list[str]:
        """[Q] the queries that were asked often enough, sorted."""
        return often(self.before, self.least)

    @cached_property
    def choices(self) -> "csr_matrix":
        """[Q, I] how often item i was chosen after query q."""
        return self.weighed(np.ones(len(self.before.query)))

    def weighed(self, weight: np.ndarray) -> "csr_matrix":
        """[Q, I] the weights [N] of the choices of item i after query q."""
        from scipy import sparse

        places = {query: row for row, query in enumerate(self.frequent)}
        row = np.array([places.get(query, -1) for query in self.before.query])
        kept = row >= 0
        entries = (weight[kept].astype(np.float32), (row[kept], self.before.item[kept]))
        return sparse.csr_matrix(entries, shape=(len(self.frequent), len(self.before.titles)))

    @cached_property
    def buyers(self) -> np.ndarray:
        """[I] how often an item was chosen."""
        return np.bincount(self.before.item, minlength=len(self.before.titles))

    @cached_property
    def vectors(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """[I, d] of the titles, [Q, d] of the frequent queries, [J, d] of the queries asked; centred."""
        texts = [*self.before.titles, *self.frequent, *self.asked]
        distinct, place = np.unique(np.array(texts, dtype=str), return_inverse=True)
        found = unit(self.encoder.encode([str(text) for text in distinct]))[place]
        items = len(self.before.titles)
        found = unit(found - found[:items].mean(axis=0))
        return found[:items], found[items : items + len(self.frequent)], found[items + len(self.frequent) :]

    @cached_property
    def terms(self) -> query_terms.ItemTerms:
        """What the terms of titles and of frequent queries say."""
        return query_terms.fit(self.before.titles, self.frequent, self.choices)

    def in_table(self, lists: np.ndarray, otherwise: np.ndarray | None = None) -> np.ndarray:
        """[J, K] answers to what is asked: of the frequent queries' [Q, K], else of `otherwise`; -1: none."""
        places = {query: row for row, query in enumerate(self.frequent)}
        row = np.array([places.get(query, -1) for query in self.asked])
        found = np.full((len(row), K), -1, dtype=np.int32) if otherwise is None else otherwise.copy()
        found[row >= 0] = lists[row[row >= 0], :K]
        return found


def often(before: Log, least: int) -> list[str]:
    """The queries with so many choices, sorted."""
    queries, times = np.unique(before.query.astype(str), return_counts=True)
    return [str(query) for query in queries[times >= least]]


def popularity(shop: Shop) -> np.ndarray:
    """What is chosen most, whatever is asked."""
    return np.tile(np.argsort(-shop.buyers, kind="stable")[:K], (len(shop.asked), 1))


def encoder(shop: Shop) -> np.ndarray:
    """The nearest titles by the encoder as it comes."""
    items, _, asked = shop.vectors
    return top_k.top_n((asked @ items.T).astype(np.float32), K)[0]


def bm25(shop: Shop) -> np.ndarray:
    """Words of titles. Source: Robertson & Zaragoza, Foundations and Trends in Information Retrieval 3 (2009)."""
    from sklearn.feature_extraction.text import CountVectorizer

    counted = CountVectorizer(dtype=np.float32, token_pattern=r"\w+")
    of_items = counted.fit_transform(shop.before.titles).tocsr()
    length = np.asarray(of_items.sum(axis=1)).ravel()
    holds = np.bincount(of_items.indices, minlength=of_items.shape[1])
    rarity = np.log(1 + (len(length) - holds + 0.5) / (holds + 0.5))
    row = np.repeat(np.arange(len(length)), np.diff(of_items.indptr))
    slow = SATURATION * (1 - LENGTH + LENGTH * length / length.mean())
    of_items.data *= rarity[of_items.indices] * (SATURATION + 1) / (of_items.data + slow[row])
    asked = counted.transform(shop.asked)
    asked.data[:] = 1
    return _best((asked @ of_items.T).tocsr())


def counts(shop: Shop) -> np.ndarray:
    """What was chosen most after the query; nothing for one that is not frequent."""
    return shop.in_table(_best(shop.choices))


def counts_and_bm25(shop: Shop) -> np.ndarray:
    """The same, and BM25 for the others."""
    return shop.in_table(_best(shop.choices), bm25(shop))


def by_meaning(shop: Shop) -> np.ndarray:
    """The table search_results as it was: choices, smoothed towards the encoder's prior alone."""
    return shop.in_table(_answers(shop, shop.choices, K, None)[0])


def by_meaning_and_terms(shop: Shop, choices: "csr_matrix", k: int) -> tuple[np.ndarray, np.ndarray]:
    """The table search_results: items [Q, k] and scores [Q, k], by choices that are weighed or not."""
    return _answers(shop, choices, k, (shop.frequent, shop.terms))


def table(shop: Shop) -> np.ndarray:
    """The table search_results; nothing for a query that is not in it."""
    return shop.in_table(by_meaning_and_terms(shop, shop.choices, K)[0])


def look_up(shop: Shop) -> np.ndarray:
    """The table search_terms for every query, as docs/search.md looks it up."""
    popular = query_terms.appeal(shop.buyers)
    scores = query_terms.shortened(shop.terms, popular, MOST).scores(shop.asked)
    scores.data += popular[scores.indices].astype(np.float32)
    return _best(scores)


def ours(shop: Shop) -> np.ndarray:
    """search_results where it has the query, else search_terms."""
    return shop.in_table(by_meaning_and_terms(shop, shop.choices, K)[0], look_up(shop))


RANKERS: dict[str, Callable[[Shop], np.ndarray]] = {
    "popularity": popularity,
    "encoder": encoder,
    "bm25": bm25,
    "counts": counts,
    "counts, else bm25": counts_and_bm25,
    "search_results by meaning": by_meaning,
    "search_results": table,
    "search_terms": look_up,
    "ours": ours,
}


def _answers(
    shop: Shop, choices: "csr_matrix", k: int, words: tuple[list[str], query_terms.ItemTerms] | None
) -> tuple[np.ndarray, np.ndarray]:
    items, queries, _ = shop.vectors
    shown, section = np.ones(len(items), dtype=bool), Publish(search_k=k)
    return search_results.answers(choices, queries, items, shop.buyers, shown, section=section, words=words)


def _best(scores: "csr_matrix") -> np.ndarray:
    scores.sum_duplicates()
    return top_k.top_n_sparse(scores, K)[0]
