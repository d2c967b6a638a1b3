"""What the words and letters of a query say of items: of what they are called, and of what people called them.

An item is a bag of terms: those of its title, and those of the frequent queries after which it was chosen. A query's
score of an item is how much likelier its terms are there than among all items,

    score(q, i) = sum over terms t of q:  kind_t  log(1 + b / (1 - b)  p(t | i) / p(t)),
    p(t | i)    = (title_i PRIOR + asked_i choices_i) / (PRIOR + choices_i)

with title_i and asked_i the shares of the term, of words and of runs of letters each by themselves. So a query that
nobody asked yet is answered by what stands in tonight's table: a sum of weights (see the table search_terms).
Source: Zhai & Lafferty, ACM TOIS 2004 (query likelihood, Jelinek-Mercer); runs of letters find what is misspelt.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from pipeline.ground import word_patterns

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

LETTERS, LETTERS_WEIGH = 3, 0.3
"""How long a run of letters is, and what one counts where a whole word counts 1: a word has several."""
PRIOR = 10.0
"""Choices that an item's title weighs as much as."""
ODDS = 0.5
"""b / (1 - b), where b is what an item's own terms count against those of all."""
POPULARITY_POWER = 0.6
"""An item counts with its buyers of 91 days to this power."""
LONGEST = 200
"""Characters of an item's text that stand for a title where it has none."""


def terms(text: str) -> list[str]:
    """The distinct terms of a text, sorted: its words between spaces, as " mug ", and each one's runs of letters."""
    words = {f" {word} " for word in word_patterns.words(text)}
    runs = {word[at : at + LETTERS] for word in words for at in range(len(word) - LETTERS + 1)}
    return sorted(words | runs)


def is_word(term: str) -> bool:
    """Whether a term is a whole word."""
    return term[0] == term[-1] == " "


def titles(items: pa.Table) -> list[str]:
    """What each item is called, or the beginning of its text; empty where it has neither."""
    columns = (items.column(name).to_pylist() for name in ("title", "text"))
    return [title or (text or "")[:LONGEST] for title, text in zip(*columns, strict=True)]


@dataclass(frozen=True)
class ItemTerms:
    """What each term says of each item.

    Attributes:
        vocabulary: [V] terms, each with its column.
        weights: [I, V] CSR float32, above 0.
    """

    vocabulary: dict[str, int]
    weights: "csr_matrix"

    def scores(self, queries: Sequence[str]) -> "csr_matrix":
        """[Q, I] CSR float32: of the items that share a term with a query."""
        return (_counts(queries, self.vocabulary) @ self.weights.T).tocsr()


def fit(called: Sequence[str], queries: Sequence[str], choices: "csr_matrix") -> ItemTerms:
    """Learn what the terms say.

    Args:
        called: [I] titles.
        queries: [Q] frequent queries.
        choices: [Q, I] CSR, how many people chose item i after query q.
    """
    from scipy import sparse

    every = sorted({term for text in (*called, *queries) for term in terms(text)})
    vocabulary = {term: column for column, term in enumerate(every)}
    of_titles, of_queries = _counts(called, vocabulary), _counts(queries, vocabulary)
    asked = (choices.T.astype(np.float32) @ of_queries).tocsr()
    chosen = np.asarray(choices.sum(axis=0), dtype=np.float64).ravel()
    known = chosen / (chosen + PRIOR)
    words = np.array([is_word(term) for term in every], dtype=bool)
    found = sparse.csr_matrix(of_titles.shape, dtype=np.float32)
    for kind, weight in ((words, 1.0), (~words, LETTERS_WEIGH)):
        shares = _shares(of_titles, kind, 1 - known) + _shares(asked, kind, known)
        usual = np.asarray(shares.mean(axis=0)).ravel() if len(called) else np.zeros(len(every))
        shares.data = weight * np.log1p(ODDS * shares.data / usual[shares.indices])
        found = found + shares
    found = found.astype(np.float32).tocsr()
    found.sort_indices()
    return ItemTerms(vocabulary, found)


def shortened(found: ItemTerms, popular: np.ndarray, most: int) -> ItemTerms:
    """The same, of each term only the `most` items with the highest sum of weight and `popular` [I]."""
    from scipy import sparse

    by_term = found.weights.tocsc()
    column = np.repeat(np.arange(by_term.shape[1]), np.diff(by_term.indptr))
    order = np.lexsort((by_term.indices, -(by_term.data + popular[by_term.indices]), column))
    place = np.arange(len(order)) - by_term.indptr[column[order]]
    kept = order[place < most]
    entries = (by_term.data[kept], (by_term.indices[kept], column[kept]))
    return ItemTerms(found.vocabulary, sparse.csr_matrix(entries, shape=found.weights.shape))


def appeal(buyers: np.ndarray) -> np.ndarray:
    """[I] float64: what popularity adds to an item's score."""
    return np.asarray(POPULARITY_POWER * np.log(buyers + 1.0))


def _shares(counts: "csr_matrix", kind: np.ndarray, weight: np.ndarray) -> "csr_matrix":
    """[I, V] CSR float64: `weight` [I] times the share of each term of a kind, bool [V], in its row."""
    from scipy import sparse

    kept = (counts @ sparse.diags(kind.astype(np.float64))).tocsr()
    kept.eliminate_zeros()
    total = np.asarray(kept.sum(axis=1)).ravel()
    shares = (sparse.diags(weight / np.maximum(total, 1e-12)) @ kept).tocsr()
    shares.eliminate_zeros()
    return shares


def _counts(texts: Sequence[str], vocabulary: dict[str, int]) -> "csr_matrix":
    """[N, V] CSR float32: 1 where a text has a known term."""
    from scipy import sparse

    rows = [[vocabulary[term] for term in terms(text) if term in vocabulary] for text in texts]
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in rows], dtype=np.int64)])
    columns = np.array([column for row in rows for column in row], dtype=np.int32)
    ones = np.ones(len(columns), dtype=np.float32)
    return sparse.csr_matrix((ones, columns, indptr), shape=(len(texts), len(vocabulary)))
