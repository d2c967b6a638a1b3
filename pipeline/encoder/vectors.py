"""What turns an item's text into its vector: the encoder's direction, centred, beside the words' own.

vector = [unit(encoder(text) - center), lexicon(text)], float32 [h + l]
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.arrays.determinism import reproducible
from pipeline.encoder import encoder as encoders
from pipeline.encoder import lexicon as lexicons
from pipeline.encoder import pretrained
from pipeline.encoder import saved as saved_encoders
from pipeline.encoder.encoder import Encoder, NoEncoder
from pipeline.encoder.lexicon import Lexicon
from pipeline.encoder.static import StaticEncoder
from pipeline.settings.config import Config


@dataclass(frozen=True)
class TextVectors:
    """A function from texts to vectors.

    Attributes:
        encoder: the fine-tuned encoder.
        lexicon: the words.
        center: [h] float32, mean direction of the texts it was fitted on; what all texts share says nothing.
    """

    encoder: Encoder | NoEncoder | StaticEncoder
    lexicon: Lexicon
    center: np.ndarray

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """[N, d] float32; an empty text has a zero vector."""
        return self.join(texts, self.encoder.encode(texts))

    def join(self, texts: Sequence[str], encoded: np.ndarray) -> np.ndarray:
        """The same, of texts whose encoder output [N, h] is known already."""
        filled = np.array([bool(text.strip()) for text in texts], dtype=bool)
        directions = _unit((encoded - self.center) * filled[:, None])
        return np.hstack([directions, self.lexicon.encode(texts)])

    def save(self, folder: Path) -> None:
        """Write everything `load` needs."""
        self.encoder.save(folder)
        self.lexicon.save(folder)
        np.save(folder / "center.npy", self.center)


def fit(
    encoder: Encoder | NoEncoder | StaticEncoder,
    texts: Sequence[str],
    encoded: np.ndarray,
    lexicon_size: int,
    seed: int,
) -> TextVectors:
    """Learn the centre and the lexicon from texts.

    Args:
        encoder: the fine-tuned encoder.
        texts: [N] distinct, none empty.
        encoded: [N, h] float32, what the encoder makes of them.
        lexicon_size: length of the word part; 0 for none.
        seed: of the word part's decomposition.
    """
    center = encoded.mean(axis=0) if len(texts) > 1 else np.zeros(encoded.shape[1], dtype=np.float32)
    return TextVectors(encoder, lexicons.fit(texts, lexicon_size, seed), center)


def save_known(folder: Path, texts: Sequence[str], vectors: np.ndarray) -> None:
    """Write texts [N] and their vectors [N, d], for `known_vectors`."""
    np.save(folder / "vectors.npy", vectors)
    pq.write_table(pa.table({"text": pa.array(texts, pa.string())}), folder / "texts.parquet", compression="zstd")


def load(folder: Path) -> TextVectors:
    """Read what `TextVectors.save` wrote."""
    center = np.load(folder / "center.npy", allow_pickle=False)
    return TextVectors(saved_encoders.load(folder), lexicons.load(folder), center)


def known_vectors(folder: Path) -> tuple[dict[str, int], np.ndarray]:
    """The saved texts with their rows, and the vectors [N, d], memory-mapped."""
    texts = pq.read_table(folder / "texts.parquet").column(0).to_pylist()
    vectors = np.load(folder / "vectors.npy", mmap_mode="r", allow_pickle=False)
    return {text: row for row, text in enumerate(texts)}, vectors


def vectors_of(texts: Sequence[str], known: Path, encoder: Path, config: Config) -> tuple[np.ndarray, int]:
    """[N, d] float32 vectors of texts, and how many distinct texts had to be encoded.

    Args:
        texts: an empty one has a zero vector.
        known: folder of texts whose vectors are known.
        encoder: the folder `encoder`, for the others.
        config: seed and threads.
    """
    rows, saved = known_vectors(known)
    missing = sorted({text for text in texts if text.strip() and text not in rows})
    fresh = np.zeros((0, saved.shape[1]), dtype=np.float32)
    if missing:  # else torch is not even imported
        with nullcontext() if config.fine_tune.model == pretrained.NONE else reproducible(config.seed, config.threads):
            loaded = load(encoder)
            if config.fine_tune.encode_with == "int8" and isinstance(loaded.encoder, Encoder):
                loaded = replace(loaded, encoder=encoders.quantised(loaded.encoder))
            fresh = loaded.encode(missing)
    table = np.vstack([saved, fresh, np.zeros((1, saved.shape[1]), dtype=np.float32)])
    rows |= {text: len(saved) + number for number, text in enumerate(missing)}
    return table[[rows.get(text, len(table) - 1) for text in texts]], len(missing)


def _unit(rows: np.ndarray) -> np.ndarray:
    """Rows of length 1; zero rows stay zero, and what is not finite stays so: who reads the vectors refuses it."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(length > 0, length, 1), dtype=np.float32)
