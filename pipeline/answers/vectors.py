"""Vectors of texts that are compared: the encoder's, or without one those of words and runs of letters, hashed."""

from typing import Any

import numpy as np

from pipeline.answers import exact
from pipeline.encoder import pretrained
from pipeline.ground.word_patterns import LONGER_WORD, folded
from pipeline.words.text_vectors import Reader, Vectors

SIZE = 1024
HOW: tuple[dict[str, Any], ...] = (
    {"analyzer": "word", "ngram_range": (1, 1), "token_pattern": LONGER_WORD, "preprocessor": folded},
    {"analyzer": "char_wb", "ngram_range": (3, 4), "preprocessor": folded},
)


def of(texts: np.ndarray, keys: np.ndarray, vectors: Vectors, section: Reader) -> np.ndarray:
    """[N, h] of `exact.rounded`, of texts [N] and their hashes [N]."""
    if section.model == pretrained.NONE:
        return exact.rounded(hashed(texts))
    return exact.rounded(vectors.of(keys)) if len(keys) else np.zeros((0, 1), dtype=np.float32)


def hashed(texts: np.ndarray) -> np.ndarray:
    """[N, SIZE] float32: half a text's length is of its words, half of its letters."""
    from sklearn.feature_extraction.text import HashingVectorizer

    found = np.zeros((len(texts), SIZE), dtype=np.float32)
    for how in HOW if len(texts) else ():
        counted = HashingVectorizer(n_features=SIZE, alternate_sign=True, norm="l2", dtype=np.float32, **how)
        found += counted.transform(texts).toarray()
    return found
