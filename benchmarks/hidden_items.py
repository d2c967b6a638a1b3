"""A night of which a share of the items is hidden from all training, and how a ranking of them is judged.

15 % of the items known by the night are drawn with a fixed seed and all their actions removed. Whatever is fitted is
fitted on the rest; the hidden items are ranked by their texts alone for every customer with a history of other items,
against what the customer bought of them in the days after the night and never before (those bought before are left
out of the ranking). History and truth come from the raw logs.
"""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from scipy import sparse

from benchmarks import nights, scoring
from pipeline.arrays import determinism
from pipeline.encoder import encoder as encoders
from pipeline.encoder import saved, training
from pipeline.encoder import vectors as text_vectors
from pipeline.encoder.encoder import Encoder
from pipeline.features.read import read_cutoffs, read_items
from pipeline.ground import artifacts
from pipeline.settings.config import Config
from pipeline.sources import language_model

SHARE, SEED = 0.15, 0


@dataclass(frozen=True)
class HiddenItems:
    """One night with hidden items.

    Attributes:
        texts: [I] item texts.
        hidden: bool [I].
        whole, known: [U, I] CSR, 1 where a customer bought an item; `known` without the hidden ones.
        recent: [U, I] CSR decayed as the language model reads it, without the hidden ones.
        learned: the same as fine-tuning weighs it.
        users: rows that are judged.
        truth: bool [users, hidden items].
        seen: bool [users, hidden items], left out of the ranking.
    """

    texts: list[str]
    hidden: np.ndarray
    whole: sparse.csr_matrix
    known: sparse.csr_matrix
    recent: sparse.csr_matrix
    learned: sparse.csr_matrix
    users: np.ndarray
    truth: np.ndarray
    seen: np.ndarray


def each(settings: Config, days: Sequence[date], seed: int = SEED) -> Iterator[tuple[date, HiddenItems]]:
    """Every night, its features made where they are not there; BLAS has the configured threads meanwhile."""
    nights.make_features(settings, days)
    for day in days:
        with determinism.blas_threads(settings.threads):
            yield day, read(settings, day, seed)


def read(settings: Config, night: date, seed: int = SEED) -> HiddenItems:
    """Hide items of one night whose features are there."""
    features = artifacts.stage_dir(settings.lake, "features", night)
    rows, texts = nights.Rows.of(settings, night), read_items(features)["text"].to_pylist()
    bought, after = scoring.known_and_later(settings.folder, night, timedelta(days=settings.horizon_days))
    whole, later = rows.matrix(bought), rows.matrix(after)
    hidden = np.zeros(len(texts), dtype=bool)
    hidden[np.random.default_rng(seed).permutation(len(texts))[: int(SHARE * len(texts))]] = True
    tonight = read_cutoffs(features)[0]
    section = nights.language_model_section(settings)
    recent = tonight.matrix(section.values)
    recent.data += np.float32(section.floor)
    known, recent, learned = (_without(m, hidden) for m in (whole, recent, tonight.matrix("decay_90")))
    truth, seen = (m[:, hidden].toarray() > 0 for m in (later, whole))
    truth &= ~seen
    users = np.flatnonzero(truth.any(axis=1) & (np.diff(known.indptr) > 0) & (np.diff(recent.indptr) > 0))
    return HiddenItems(texts, hidden, whole, known, recent, learned, users, truth[users], seen[users])


def _without(matrix: sparse.csr_matrix, hidden: np.ndarray) -> sparse.csr_matrix:
    kept = (matrix @ sparse.diags((~hidden).astype(np.float32))).tocsr()
    kept.eliminate_zeros()
    return kept.astype(np.float32)


def judge(night: HiddenItems, scores: np.ndarray) -> np.ndarray:
    """[2, users] NDCG@10 and Recall@50 of scores [users, hidden items]."""
    ranked = np.where(night.seen, -np.inf, scores)
    return np.stack([scoring.ndcg_of_scores(ranked, night.truth), scoring.recall_of_scores(ranked, night.truth)])


def row_shares(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """Rows that sum to 1."""
    return sparse.diags(1 / np.maximum(np.asarray(matrix.sum(axis=1)).ravel(), 1e-9)) @ matrix


def alone(night: HiddenItems, vectors: np.ndarray) -> np.ndarray:
    """Scores [users, hidden items] of an encoder alone: likeness to the mean of the recent history; vectors [I, d]."""
    return np.asarray((row_shares(night.recent)[night.users] @ vectors) @ vectors[night.hidden].T)


def vectors_of(night: HiddenItems, encoder: Encoder, encoded: np.ndarray, settings: Config) -> np.ndarray:
    """[I, d] of encoded texts; centre and words are learned from the items that are not hidden."""
    text, row = np.unique(np.array(night.texts)[~night.hidden], return_index=True)
    row, text = np.flatnonzero(~night.hidden)[row[text != ""]], text[text != ""]
    size, seed = settings.fine_tune.lexicon_size, settings.seed
    return text_vectors.fit(encoder, text.tolist(), encoded[row], size, seed).join(night.texts, encoded)


def preferred(night: HiddenItems, vectors: np.ndarray, settings: Config) -> np.ndarray:
    """Scores [users, hidden items] of the stage `language_model` for vectors [I, d]."""
    preferences = language_model.fit_preferences(night.recent, vectors, nights.language_model_section(settings))
    users = language_model.user_vectors(night.recent[night.users], vectors, preferences)
    return np.asarray(users @ vectors[night.hidden].T)


def score(night: HiddenItems, scores: np.ndarray) -> tuple[float, float]:
    """Mean NDCG@10 and Recall@50 of scores [users, hidden items]."""
    ndcg, recall = judge(night, scores).mean(axis=1)
    return float(ndcg), float(recall)


def tuned_encoder(night: HiddenItems, day: date, settings: Config, seed: int = SEED) -> Encoder:
    """The encoder after the configured fine-tuning on what is not hidden, trained once a home."""
    key = artifacts.text_sha256(settings.digest("fine_tune"), day, seed)
    folder = settings.home / "benchmarks" / key[:16]
    if (folder / "trained.json").is_file():
        kept = saved.load(folder)
        assert isinstance(kept, Encoder)
        return kept
    started = time.perf_counter()
    with determinism.reproducible(settings.seed, settings.threads):
        encoder = encoders.load(settings.fine_tune.model, max_tokens=settings.fine_tune.max_tokens)
        encoder, _, _ = training.train(encoder, night.texts, night.learned, settings.fine_tune, settings.seed)
    encoder.model.eval()
    folder.mkdir(parents=True, exist_ok=True)
    encoder.save(folder)
    (folder / "trained.json").write_text(json.dumps({"seconds": time.perf_counter() - started}))
    return encoder
