"""The words of the item texts as short vectors: TF-IDF of words and word pairs, projected on its principal directions.

A small encoder blurs rare words (a colour, a collection's name) that tell twin items apart; this keeps them.
Source: Deerwester et al., JASIS 1990 (latent semantic analysis).
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.arrays.determinism import blas_threads
from pipeline.ground import word_patterns

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


def terms(text: str) -> list[str]:
    """Lower-case words of a text and pairs of neighbouring words."""
    words = word_patterns.words(text)
    return [*words, *(f"{a} {b}" for a, b in pairwise(words))]


@dataclass(frozen=True)
class Lexicon:
    """What is needed to turn a text into its short vector.

    Attributes:
        vocabulary: terms, sorted.
        idf: [V] float32 weight of each term.
        projection: [V, d] float32.
    """

    vocabulary: tuple[str, ...]
    idf: np.ndarray
    projection: np.ndarray

    def tfidf(self, texts: Sequence[str]) -> "csr_matrix":
        """[N, V] CSR float32 rows of unit length, zero where no term is known."""
        from scipy.sparse import csr_matrix

        place = {term: index for index, term in enumerate(self.vocabulary)}
        starts, columns, values = [0], [], []
        for text in texts:
            counts = Counter(place[term] for term in terms(text) if term in place)
            found = sorted(counts)
            weights = np.array([(1 + np.log(counts[i])) * self.idf[i] for i in found], dtype=np.float32)
            columns += found
            values += list(weights / max(float(np.linalg.norm(weights)), 1e-12))
            starts.append(len(columns))
        shape = (len(texts), len(self.vocabulary))
        return csr_matrix((np.array(values, dtype=np.float32), np.array(columns, dtype=np.int64), starts), shape=shape)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """[N, d] float32; zero where no term is known."""
        return np.asarray(self.tfidf(texts) @ self.projection, dtype=np.float32)

    def save(self, folder: Path) -> None:
        """Write lexicon.json and the arrays."""
        (folder / "lexicon.json").write_text(json.dumps(self.vocabulary, ensure_ascii=False), encoding="utf-8")
        np.save(folder / "lexicon_idf.npy", self.idf)
        np.save(folder / "lexicon_projection.npy", self.projection)


def load(folder: Path) -> Lexicon:
    """Read what `Lexicon.save` wrote."""
    vocabulary = tuple(json.loads((folder / "lexicon.json").read_text(encoding="utf-8")))
    idf, projection = (np.load(folder / f"lexicon_{name}.npy", allow_pickle=False) for name in ("idf", "projection"))
    return Lexicon(vocabulary, idf, projection)


def fit(texts: Sequence[str], size: int, seed: int, min_texts: int = 2, max_terms: int = 50_000) -> Lexicon:
    """Learn vocabulary, weights and projection from texts.

    Args:
        texts: distinct texts.
        size: length of the short vectors; 0 gives vectors of length 0.
        seed: of the randomised decomposition.
        min_texts: a term in fewer texts is ignored.
        max_terms: the most frequent terms that are kept.
    """
    from sklearn.utils.extmath import randomized_svd

    counts = Counter(term for text in texts for term in set(terms(text)))
    frequent = sorted((t for t, n in counts.items() if n >= min_texts), key=lambda t: (-counts[t], t))[:max_terms]
    vocabulary = tuple(sorted(frequent)) if size else ()
    idf = np.array([np.log((1 + len(texts)) / (1 + counts[t])) + 1 for t in vocabulary], dtype=np.float32)
    empty = Lexicon(vocabulary, idf, np.zeros((len(vocabulary), size), dtype=np.float32))
    kept = min(size, len(vocabulary), len(texts))
    if kept == 0:
        return empty
    with blas_threads(1):  # with another number the directions are others, by some 1e-4
        directions = randomized_svd(empty.tfidf(texts), kept, n_iter=4, random_state=seed)[2]  # [kept, V]
    empty.projection[:, :kept] = directions.T
    return empty
