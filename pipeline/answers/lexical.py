"""BM25 of words, as a share of what a text that answers every word of the query would have.

    score(q, d) = sum_t rare(t) tf (k1 + 1) / (tf + k1 (1 - b + b |d| / mean |d|))  /  sum_t rare(t) (k1 + 1),  t in q
    rare(t) = idf(t) ** 2

The square is for questions of many words, most of which say nothing: it was better on the earlier questions of two
sites (benchmarks/answers.py), and needs no list of such words, of which every language has its own. A word that no
document has counts below the line: a query that nobody's words meet has low shares everywhere.
Source: Robertson & Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009, with Lucene's idf.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.ground.word_patterns import WORD, folded

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

K1, B = 1.5, 0.75


@dataclass(frozen=True)
class Lexicon:
    """The words of documents, and how rare each is.

    Attributes:
        counter: turns texts into counts of words.
        rare: [V] float64.
        unknown: the same of a word that no document has.
    """

    counter: Any
    rare: np.ndarray
    unknown: float

    def documents(self, texts: Sequence[str]) -> "csr_matrix":
        """[N, V] CSR float64: what each word of a document adds to the score of a query that has it."""
        counts = self.counter.transform(texts).tocsr().astype(np.float64)
        length = np.asarray(counts.sum(axis=1)).ravel()
        of = np.repeat(np.arange(len(length)), np.diff(counts.indptr))
        mean = max(length.mean(), 1.0) if len(length) else 1.0
        counts.data *= (K1 + 1) / (counts.data + K1 * (1 - B + B * length[of] / mean))
        counts.data *= self.rare[counts.indices]
        return counts

    def queries(self, texts: Sequence[str]) -> "csr_matrix":
        """[N, V] CSR float64: each word's share of what the words of a query could add at most."""
        known = self.counter.transform(texts).tocsr().astype(np.float64)
        known.data[:] = 1
        words = np.array([len(set(self.counter.build_analyzer()(text))) for text in texts], dtype=np.float64)
        missing = words - np.diff(known.indptr)
        most = (known @ self.rare + missing * self.unknown) * (K1 + 1)
        of = np.repeat(np.arange(len(words)), np.diff(known.indptr))
        known.data /= most[of]
        return known


def learn(texts: Sequence[str]) -> Lexicon:
    """The words of texts; texts without a word teach none."""
    from sklearn.feature_extraction.text import CountVectorizer

    counter = CountVectorizer(token_pattern=WORD, preprocessor=folded, dtype=np.float32)
    try:
        counts = counter.fit_transform(texts).tocsr()
    except ValueError:  # sklearn's word for texts without one
        counter.vocabulary_, counts = {"": 0}, None
    number = len(texts)
    of_word = np.zeros(1) if counts is None else np.bincount(counts.indices, minlength=counts.shape[1])
    return Lexicon(counter, rare(of_word, number), float(rare(np.zeros(1), number)[0]))


def rare(documents: np.ndarray, number: int) -> np.ndarray:
    return np.asarray(np.log1p((number - documents + 0.5) / (documents + 0.5)) ** 2)


def shares(queries: "csr_matrix", documents: "csr_matrix") -> np.ndarray:
    """[Q, N] float32 dense: the score of each document for each query, from 0 to about 1."""
    return np.asarray((queries @ documents.T).toarray(), dtype=np.float32)
