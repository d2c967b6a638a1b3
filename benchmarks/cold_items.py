"""What the language model knows about items it never saw sold: a share of the items is hidden from all training.

    python -m benchmarks.cold_items 2011-07-31 2011-10-02 2011-11-06 [--steps N] [--seed N]

For each night, 15 % of the items known by then are drawn with a fixed seed and all their actions removed. Everything is
fitted on the rest; the hidden items are ranked by their texts alone for every customer with a history of other items,
against what the customer bought of them in the 14 days after the night and never before (those bought before are left
out of the ranking). History and truth come from the raw logs. EASE alone sees the hidden items' sales, as a ceiling.
Nights before 2011-07-01 are for tuning, later ones only for reporting.
"""

import argparse
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from scipy import sparse

from benchmarks.scoring import BEGINNING, purchases
from pipeline.arrays import determinism
from pipeline.arrays.determinism import blas_threads
from pipeline.encoder import encoder as encoders
from pipeline.encoder import lexicon, training
from pipeline.encoder import vectors as text_vectors
from pipeline.features.read import read_cutoffs, read_items, read_users
from pipeline.ground import artifacts
from pipeline.operations import load_history, stages
from pipeline.sources import configuration, language_model

SHARE, SEED = 0.15, 0
Scores = np.ndarray  # [judged users, hidden items]


@dataclass(frozen=True)
class Night:
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


def read_night(settings: configuration.FullConfig, night: date, seed: int) -> Night:
    """Hide items of one night whose features are there."""
    features = artifacts.stage_dir(settings.lake, "features", night)
    user_row = {u: n for n, u in enumerate(read_users(features)["user_id"].to_pylist())}
    items = read_items(features)
    item_row = {i: n for n, i in enumerate(items["item_id"].to_pylist())}
    shape = (len(user_row), len(item_row))

    def matrix(table: pa.Table) -> sparse.csr_matrix:
        pairs = zip(table["user_id"].to_pylist(), table["item_id"].to_pylist(), strict=True)
        found = np.array([(user_row[u], item_row[i]) for u, i in pairs if u in user_row and i in item_row])
        ones = np.ones(len(found), dtype=np.float32)
        return sparse.csr_matrix((ones, (found[:, 0], found[:, 1])), shape=shape)

    whole = matrix(purchases(settings.folder, BEGINNING, night))
    later = matrix(purchases(settings.folder, night, night + timedelta(days=settings.horizon_days)))
    hidden = np.zeros(shape[1], dtype=bool)
    hidden[np.random.default_rng(seed).permutation(shape[1])[: int(SHARE * shape[1])]] = True
    tonight = read_cutoffs(features)[0]
    recent = tonight.matrix(settings.language_model.values)
    recent.data += np.float32(settings.language_model.floor)
    known, recent, learned = (_without(m, hidden) for m in (whole, recent, tonight.matrix("decay_90")))
    truth, seen = (m[:, hidden].toarray() > 0 for m in (later, whole))
    truth &= ~seen
    users = np.flatnonzero(truth.any(axis=1) & (np.diff(known.indptr) > 0) & (np.diff(recent.indptr) > 0))
    texts = items["text"].to_pylist()
    return Night(texts, hidden, whole, known, recent, learned, users, truth[users], seen[users])


def _without(matrix: sparse.csr_matrix, hidden: np.ndarray) -> sparse.csr_matrix:
    kept = (matrix @ sparse.diags((~hidden).astype(np.float32))).tocsr()
    kept.eliminate_zeros()
    return kept.astype(np.float32)


def judge(night: Night, scores: Scores) -> np.ndarray:
    """[2, users] NDCG@10 and Recall@50."""
    ranked = np.where(night.seen, -np.inf, scores)
    order = np.argsort(-ranked, axis=1, kind="stable")[:, :50]
    hits = np.take_along_axis(night.truth, order, axis=1)
    count = night.truth.sum(axis=1)
    discount = 1 / np.log2(np.arange(2, 12))
    ndcg = hits[:, :10] @ discount / np.cumsum(discount)[np.minimum(count, 10) - 1]
    return np.stack([ndcg, hits.sum(axis=1) / count])


def means(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """Rows that sum to 1."""
    return sparse.diags(1 / np.maximum(np.asarray(matrix.sum(axis=1)).ravel(), 1e-9)) @ matrix


def linear_content(night: Night, tfidf: sparse.csr_matrix, user_reg: float = 1.0, item_reg: float = 1.0) -> Scores:
    """The yardstick: score = p M f with p the mean TF-IDF of the history and M by ridge regression on TF-IDF words."""
    profiles = (means(night.known) @ tfidf).toarray()  # [U, V]
    shown = tfidf[~night.hidden].toarray()
    unit = np.eye(tfidf.shape[1], dtype=np.float32)
    left = np.linalg.solve(
        profiles.T @ profiles + user_reg * unit, profiles.T @ (night.known[:, ~night.hidden] @ shown)
    )
    weights = np.linalg.solve(shown.T @ shown + item_reg * unit, left.T).T
    return np.asarray((profiles[night.users] @ weights) @ tfidf[night.hidden].T.toarray())


def ease(matrix: sparse.csr_matrix, reg: float = 300.0) -> np.ndarray:
    """[I, I] item-item weights. Source: Steck, WWW 2019."""
    inverse = np.linalg.inv((matrix.T @ matrix).toarray().astype(np.float64) + reg * np.eye(matrix.shape[1]))
    weights = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return weights.astype(np.float32)


def vectors_of(
    night: Night, encoder: encoders.Encoder, encoded: np.ndarray, settings: configuration.FullConfig
) -> np.ndarray:
    """[I, d] of encoded texts; centre and words are learned from the items that are not hidden."""
    text, row = np.unique(np.array(night.texts)[~night.hidden], return_index=True)
    row, text = np.flatnonzero(~night.hidden)[row[text != ""]], text[text != ""]
    size, seed = settings.fine_tune.lexicon_size, settings.seed
    return text_vectors.fit(encoder, text.tolist(), encoded[row], size, seed).join(night.texts, encoded)


def preferred(night: Night, vectors: np.ndarray, settings: configuration.FullConfig) -> Scores:
    """Scores of the stage `language_model` for vectors [I, d]."""
    preferences = language_model.fit_preferences(night.recent, vectors, settings.language_model)
    users = language_model.user_vectors(night.recent[night.users], vectors, preferences)
    return np.asarray(users @ vectors[night.hidden].T)


def rivals(night: Night, settings: configuration.FullConfig) -> Iterator[tuple[str, Scores]]:
    """Name and scores of every way to rank the hidden items."""
    rng = np.random.default_rng(1)
    yield "random", rng.random(night.truth.shape)
    section = settings.fine_tune
    profiles, shown = means(night.known)[night.users], sorted({t for t in np.array(night.texts)[~night.hidden] if t})
    tfidf = lexicon.fit(shown, 1, seed=0).tfidf(night.texts)
    yield "TF-IDF", (profiles @ tfidf @ tfidf[night.hidden].T).toarray()
    yield "linear model on TF-IDF", linear_content(night, tfidf)
    yield "EASE that saw the sales", np.asarray(night.known[night.users] @ ease(night.whole)[:, night.hidden])
    with determinism.reproducible(settings.seed, settings.threads):
        encoder = encoders.load(section.model, max_tokens=section.max_tokens)
        plain = encoder.encode(night.texts)
        yield "encoder, zero-shot", (profiles @ plain) @ plain[night.hidden].T
        vectors = vectors_of(night, encoder, plain, settings)
        yield "zero-shot + words + preferences", preferred(night, vectors, settings)
        started, cpu = time.perf_counter(), time.process_time()
        encoder, _, ended = training.train(encoder, night.texts, night.learned, section, settings.seed)
        spent = f"{time.perf_counter() - started:.0f} s, {time.process_time() - cpu:.0f} s of CPU"
        print(f"  trained {ended['steps']} steps in {spent}, loss {ended.get('loss_last', 0):.3f}", flush=True)
        tuned = encoder.encode(night.texts)
        recent = means(night.recent)[night.users]
        yield "encoder, fine-tuned", (recent @ tuned) @ tuned[night.hidden].T
        vectors = vectors_of(night, encoder, tuned, settings)
        yield "fine-tuned + preferences", preferred(night, vectors[:, : tuned.shape[1]], settings)
        yield "fine-tuned + words + preferences", preferred(night, vectors, settings)


def main() -> None:
    """Print the table, one row per way to rank, NDCG@10 per night and the means."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("nights", nargs="+", type=date.fromisoformat)
    options.add_argument("--config", type=Path)
    options.add_argument("--home", type=Path, help="default: NIGHTJAR_HOME, else .nightjar")
    options.add_argument("--steps", type=int, help="default: fine_tune.steps of the configuration")
    options.add_argument("--seed", type=int, default=SEED, help="draws the hidden items")
    chosen = options.parse_args()
    if chosen.home:
        os.environ["NIGHTJAR_HOME"] = str(chosen.home)
    overrides: dict[str, Any] = {} if chosen.steps is None else {"fine_tune": {"steps": chosen.steps}}
    settings = configuration.load(chosen.config, overrides)
    print(load_history.load_history(settings, until=max(chosen.nights)))
    found: dict[str, list[np.ndarray]] = {}
    for date_ in chosen.nights:
        stages.run(date_, settings, ["ingest", "features"])
        with blas_threads(settings.threads):
            night = read_night(settings, date_, chosen.seed)
            print(f"{date_}: {night.hidden.sum()} of {len(night.hidden)} items hidden, {len(night.users)} customers")
            for name, scores in rivals(night, settings):
                found.setdefault(name, []).append(judge(night, scores).mean(axis=1))
                print(f"  {name:<34} {found[name][-1][0]:.4f} {found[name][-1][1]:.4f}", flush=True)
    print(f"\n{'NDCG@10 on hidden items':<34} {' '.join(f'{n!s:>10}' for n in chosen.nights)}     mean  Recall@50")
    for name, rows in sorted(found.items(), key=lambda entry: np.mean(entry[1], axis=0)[0]):
        mean = np.mean(rows, axis=0)
        print(f"{name:<34} {' '.join(f'{row[0]:>10.4f}' for row in rows)} {mean[0]:>8.4f} {mean[1]:>10.4f}")


if __name__ == "__main__":
    main()
