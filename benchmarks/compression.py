"""Smaller encoders and smaller vectors: what each costs in quality on items without sales, and saves in time and space.

    python -m benchmarks.compression 2011-05-08 2011-06-05 [--home FOLDER]

Nights, hidden items and judge are those of benchmarks/hidden_items.py; every row's vectors have preferences fitted
on them as in production. An item's vector is the encoder's (384 numbers) beside its words' (384).

    int8 vectors      each vector's numbers in 8 bits, with one float32 scale a vector
    first n of ...    the encoder's part turned onto its principal directions, the first n kept
    int8 encoder      the linear layers' weights in 8 bits, inputs quantised as they come (torch, dynamic)
    static            no encoder at run time: a vector for every token, fitted so that a text's mean of them is its
                      encoder vector (ridge regression on the texts that are not hidden)
    words alone       the profile `fast`
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from benchmarks import hidden_items, nights
from benchmarks.hidden_items import HiddenItems
from pipeline.arrays import determinism
from pipeline.encoder import encoder as encoders
from pipeline.encoder import static
from pipeline.encoder import vectors as text_vectors
from pipeline.encoder.encoder import Encoder, NoEncoder
from pipeline.settings.config import Config


@dataclass(frozen=True)
class Row:
    """A variant: quality on a night, bytes of a vector, MB of what makes vectors, texts made into vectors a second."""

    name: str
    ndcg: float
    recall: float
    item_bytes: int
    model_mb: float
    rate: float


def int8(vectors: np.ndarray) -> np.ndarray:
    """[I, d] as it comes back from 8 bits a number and a float32 scale a row."""
    scale = np.abs(vectors).max(axis=1, keepdims=True) / 127
    stored = np.round(vectors / np.where(scale > 0, scale, 1)).astype(np.int8)
    return np.asarray(stored * scale, dtype=np.float32)


def principal(vectors: np.ndarray, fitted_on: np.ndarray, size: int) -> np.ndarray:
    """[I, size] unit rows: the first principal coordinates, learned from some rows; zero rows stay zero."""
    _, directions = np.linalg.eigh(fitted_on.T.astype(np.float64) @ fitted_on)
    short = (vectors @ directions[:, ::-1][:, :size]).astype(np.float32)
    return np.asarray(short / np.maximum(np.linalg.norm(short, axis=1, keepdims=True), 1e-9))


def timed(make: Callable[[], np.ndarray], texts: int) -> tuple[np.ndarray, float]:
    """The vectors, and texts a second: the better of two runs."""
    best = np.inf
    for _ in range(2):
        started = time.perf_counter()
        vectors = make()
        best = min(best, time.perf_counter() - started)
    return vectors, texts / best


def file_mb(encoder: Encoder) -> float:
    """MB of the float32 parameters."""
    return float(sum(p.numel() * p.element_size() for p in encoder.model.parameters()) / 2**20)


def dynamic_int8(encoder: Encoder) -> tuple[Encoder, float]:
    """The encoder with 8-bit linear layers, and its MB."""
    import torch

    linear = [m for m in encoder.model.modules() if isinstance(m, torch.nn.Linear)]
    saved = sum(3 * m.weight.numel() for m in linear) / 2**20  # each weight takes 1 byte where it took 4
    return encoders.quantised(encoder), file_mb(encoder) - saved


def variants(night: HiddenItems, encoder: Encoder, settings: Config) -> Iterator[Row]:
    """One row per variant."""
    filled = sorted({text for text in night.texts if text.strip()})
    shown = sorted({t for t, hidden in zip(night.texts, night.hidden, strict=True) if not hidden and t.strip()})
    row_of = {text: row for row, text in enumerate(filled)}
    known = np.array([row_of[text] for text in shown])
    place = [row_of.get(text, len(filled)) for text in night.texts]

    def spread(distinct: np.ndarray) -> np.ndarray:
        return np.vstack([distinct, np.zeros((1, distinct.shape[1]), dtype=np.float32)])[place]

    def row(name: str, vectors: np.ndarray, item_bytes: int, model_mb: float, rate: float) -> Row:
        found = hidden_items.score(night, hidden_items.preferred(night, vectors, settings))
        return Row(name, *found, item_bytes, model_mb, rate)

    with determinism.reproducible(settings.seed, settings.threads):
        encoded, rate = timed(lambda: encoder.encode(filled), len(filled))
        small, small_mb = dynamic_int8(encoder)
        quick, quick_rate = timed(lambda: small.encode(filled), len(filled))
    fitted = text_vectors.fit(encoder, shown, encoded[known], settings.fine_tune.lexicon_size, settings.seed)
    lexicon_mb = fitted.lexicon.projection.nbytes / 2**20
    whole = fitted.join(filled, encoded)
    h, words = encoded.shape[1], whole.shape[1] - encoded.shape[1]
    size = file_mb(encoder) + lexicon_mb
    yield row("float32 (what runs)", spread(whole), 4 * (h + words), size, rate)
    yield row("int8 vectors", spread(int8(whole)), h + words + 4, size, rate)
    yield row("encoder part alone", spread(whole[:, :h]), 4 * h, file_mb(encoder), rate)
    for kept in (256, 128, 64):
        short = principal(whole[:, :h], whole[known, :h], kept)
        yield row(
            f"first {kept} of {h}, with words", spread(np.hstack([short, whole[:, h:]])), 4 * (kept + words), size, rate
        )
    both = principal(whole, whole[known], 256)
    yield row(f"first 256 of all {h + words}", spread(both), 4 * 256, size, rate)
    yield row("first 256 of all, int8", spread(int8(both)), 256 + 4, size, rate)
    yield row("int8 encoder", spread(fitted.join(filled, quick)), 4 * (h + words), small_mb + lexicon_mb, quick_rate)
    still_encoder = static.distil(encoder, shown, encoded[known])
    still, still_rate = timed(lambda: still_encoder.encode(filled), len(filled))
    used = float(still_encoder.table.any(axis=1).sum() * h * 4 / 2**20)
    yield row("static", spread(fitted.join(filled, still)), 4 * (h + words), used + lexicon_mb, still_rate)
    none = NoEncoder()
    alone, word_rate = timed(
        lambda: replace(fitted, encoder=none, center=fitted.center[:0]).encode(filled), len(filled)
    )
    yield row("words alone", spread(alone), 4 * words, lexicon_mb, word_rate)


def main() -> None:
    """Print the table: means over the nights."""
    chosen = nights.arguments(__doc__).parse_args()
    settings = nights.settings_of(chosen)
    found: dict[str, list[Row]] = {}
    for day, night in hidden_items.each(settings, chosen.nights):
        for row in variants(night, hidden_items.tuned_encoder(night, day, settings), settings):
            found.setdefault(row.name, []).append(row)
    print(f"\n{'':<28}{'NDCG@10':>9}{'Recall@50':>11}{'bytes/item':>12}{'model MB':>10}{'texts/s':>9}")
    for name, rows in found.items():
        ndcg, recall, rate = nights.means([(row.ndcg, row.recall, row.rate) for row in rows])
        print(f"{name:<28}{ndcg:>9.4f}{recall:>11.4f}{rows[0].item_bytes:>12}{rows[0].model_mb:>10.1f}{rate:>9.0f}")


if __name__ == "__main__":
    main()
