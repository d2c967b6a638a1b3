"""A fine-tuned encoder distilled into a vector for every token: a text is the mean of its tokens', without a network.

Encodes about ninety times as many texts a second (benchmarks/compression.py), for catalogues of millions.
The table is the ridge regression of the encoder's vectors on the texts' shares of tokens; a token that was in no text
says nothing.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from pipeline.encoder.encoder import Encoder

KIND = "static"


@dataclass(frozen=True)
class StaticEncoder:
    """A tokeniser and a table.

    Attributes:
        tokenizer: the encoder's.
        table: [V, h] float32; zero for tokens that were in no text.
        prefix, max_tokens: as the encoder reads texts.
    """

    tokenizer: Any
    table: np.ndarray
    prefix: str
    max_tokens: int

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """[N, h] float32 unit vectors; zero for an empty text and for one of no known token."""
        filled = sorted({text for text in texts if text.strip()})
        if not filled:
            return np.zeros((len(texts), self.table.shape[1]), dtype=np.float32)
        given = [self.prefix + text for text in filled]
        tokens = self.tokenizer(given, truncation=True, max_length=self.max_tokens)["input_ids"]
        found = np.asarray(token_means(tokens, len(self.table)) @ self.table, dtype=np.float32)
        found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)
        row = {text: number for number, text in enumerate(filled)}
        whole = np.vstack([found, np.zeros((1, found.shape[1]), dtype=np.float32)])
        return np.asarray(whole[[row.get(text, len(found)) for text in texts]])

    def save(self, folder: Path) -> None:
        """Write what `load` reads: the tokeniser, and the rows of the table that are not zero."""
        from safetensors.numpy import save_file

        self.tokenizer.save_pretrained(folder)
        rows = np.flatnonzero(self.table.any(axis=1)).astype(np.int64)
        save_file({"rows": rows, "vectors": self.table[rows]}, folder / "static.safetensors")
        use = {"model": KIND, "prefix": self.prefix, "max_tokens": self.max_tokens, "tokens": len(self.table)}
        (folder / "encoder.json").write_text(json.dumps(use, indent=1, sort_keys=True) + "\n")


def distil(encoder: "Encoder", texts: Sequence[str], vectors: np.ndarray) -> StaticEncoder:
    """Fit a table to what an encoder makes of texts.

    Args:
        encoder: whose tokeniser and prefix are kept.
        texts: [N], none empty.
        vectors: [N, h] float32, what the encoder makes of them.
    """
    size = max(int(encoder.model.config.vocab_size), len(encoder.tokenizer))
    table = static_table(token_means(encoder.tokenise(texts), size), vectors)
    return StaticEncoder(encoder.tokenizer, table, encoder.prefix, encoder.max_tokens)


def load(folder: Path) -> StaticEncoder:
    """Read what `save` wrote."""
    from safetensors.numpy import load_file
    from transformers import AutoTokenizer

    use, saved = json.loads((folder / "encoder.json").read_text()), load_file(folder / "static.safetensors")
    table = np.zeros((use["tokens"], saved["vectors"].shape[1]), dtype=np.float32)
    table[saved["rows"]] = saved["vectors"]
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    return StaticEncoder(tokenizer, table, use["prefix"], use["max_tokens"])


def token_means(tokens: Sequence[Sequence[int]], size: int) -> "csr_matrix":
    """[N, size] CSR float32: each row the share of every token id in a text."""
    from scipy.sparse import csr_matrix

    rows = np.repeat(np.arange(len(tokens)), [len(text) for text in tokens])
    columns = np.fromiter((token for text in tokens for token in text), dtype=np.int64)
    shares = np.repeat([1 / max(len(text), 1) for text in tokens], [len(text) for text in tokens])
    return csr_matrix((shares.astype(np.float32), (rows, columns)), shape=(len(tokens), size))


def static_table(means: "csr_matrix", vectors: np.ndarray, reg: float = 0.01) -> np.ndarray:
    """[tokens, h] float32: the ridge regression of vectors [N, h] on their texts' token shares [N, tokens]."""
    from scipy import sparse
    from scipy.sparse.linalg import splu

    table = np.zeros((means.shape[1], vectors.shape[1]), dtype=np.float32)
    seen = np.flatnonzero(np.diff(means.tocsc().indptr))
    shown = means[:, seen].astype(np.float64)
    gram = (shown.T @ shown + reg * sparse.eye(len(seen))).tocsc()
    table[seen] = splu(gram).solve(np.asarray(shown.T @ vectors.astype(np.float64)))
    return table
