"""The words and the letters of a text: TF-IDF of words, pairs of words, and runs of letters within a word."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.ground.word_patterns import LONGER_WORD, folded

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

MOST = {"words": 30_000, "letters": 60_000}
"""The most frequent terms that count."""
HOW: dict[str, dict[str, Any]] = {
    "words": {"ngram_range": (1, 2), "token_pattern": LONGER_WORD, "preprocessor": folded},
    "letters": {"analyzer": "char_wb", "ngram_range": (2, 5), "preprocessor": folded},
}
MANY = 2000
"""From so many texts on, a run of letters that only one has is left out."""


@dataclass(frozen=True)
class Terms:
    """What turns a text into the weights of its terms.

    Attributes:
        vocabulary: by kind, the terms, sorted.
        idf: by kind, [V] float32.
    """

    vocabulary: dict[str, tuple[str, ...]]
    idf: dict[str, np.ndarray]

    @property
    def size(self) -> int:
        """How many terms there are."""
        return sum(len(terms) for terms in self.vocabulary.values())

    def weights(self, texts: Sequence[str]) -> "csr_matrix":
        """[N, V] CSR float32; the words of a row have length 1, and so have its letters, or 0 where none is known."""
        from scipy import sparse
        from sklearn.feature_extraction.text import TfidfVectorizer

        found = []
        for kind, how in HOW.items():
            terms = {term: place for place, term in enumerate(self.vocabulary[kind])}
            if not terms:
                continue
            counted = TfidfVectorizer(sublinear_tf=True, dtype=np.float32, vocabulary=terms, **how)
            counted.idf_ = self.idf[kind]
            found.append(counted.transform(texts))
        whole = sparse.hstack(found) if found else sparse.csr_matrix((len(texts), 0), dtype=np.float32)
        return whole.tocsr()

    def save(self, folder: Path) -> None:
        """Write terms.json and idf.<kind>.npy."""
        (folder / "terms.json").write_text(json.dumps(self.vocabulary, ensure_ascii=False), encoding="utf-8")
        for kind, idf in self.idf.items():
            np.save(folder / f"idf.{kind}.npy", idf)


def load(folder: Path) -> Terms:
    """Read what `Terms.save` wrote."""
    said = json.loads((folder / "terms.json").read_text(encoding="utf-8"))
    idf = {kind: np.load(folder / f"idf.{kind}.npy", allow_pickle=False) for kind in said}
    return Terms({kind: tuple(terms) for kind, terms in said.items()}, idf)


def fit(texts: Sequence[str]) -> Terms:
    """Learn terms and their weights from texts; of texts without a word there are none."""
    from sklearn.feature_extraction.text import CountVectorizer

    vocabulary: dict[str, tuple[str, ...]] = {}
    idf: dict[str, np.ndarray] = {}
    for kind, how in HOW.items():
        counted = CountVectorizer(binary=True, dtype=np.float32, **how)
        try:
            in_texts = np.asarray(counted.fit_transform(texts).sum(axis=0)).ravel()
        except ValueError:  # sklearn's word for a vocabulary without a term
            vocabulary[kind], idf[kind] = (), np.zeros(0, dtype=np.float32)
            continue
        names = counted.get_feature_names_out()
        enough = 2 if kind == "letters" and len(texts) > MANY else 1
        often = np.lexsort([np.arange(len(names)), -in_texts])
        kept = np.sort(often[in_texts[often] >= enough][: MOST[kind]])
        vocabulary[kind] = tuple(names[kept])
        idf[kind] = (np.log((1 + len(texts)) / (1 + in_texts[kept])) + 1).astype(np.float32)
    return Terms(vocabulary, idf)
