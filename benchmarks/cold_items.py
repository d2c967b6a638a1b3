"""What the language model knows about items it never saw sold: a share of the items is hidden from all training.

    python -m benchmarks.cold_items 2011-07-31 2011-10-02 2011-11-06 [--steps N] [--seed N]

Hidden items and judge: hidden_items.py. EASE alone sees the hidden items' sales, as a ceiling.
Nights before 2011-07-01 are for tuning, later ones only for reporting.
"""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse

from benchmarks import hidden_items, nights
from benchmarks.hidden_items import HiddenItems, row_shares
from pipeline.arrays import determinism
from pipeline.encoder import encoder as encoders
from pipeline.encoder import lexicon, training
from pipeline.settings.config import Config

Scores = np.ndarray  # [judged users, hidden items]


def linear_content(
    night: HiddenItems, tfidf: sparse.csr_matrix, user_reg: float = 1.0, item_reg: float = 1.0
) -> Scores:
    """The yardstick: score = p M f with p the mean TF-IDF of the history and M by ridge regression on TF-IDF words."""
    profiles = (row_shares(night.known) @ tfidf).toarray()  # [U, V]
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
    return np.asarray(weights.astype(np.float32))


def rankings(night: HiddenItems, settings: Config) -> Iterator[tuple[str, Scores]]:
    """Name and scores of every way to rank the hidden items."""
    rng = np.random.default_rng(1)
    yield "random", rng.random(night.truth.shape)
    section = settings.fine_tune
    profiles, shown = (
        row_shares(night.known)[night.users],
        sorted({t for t in np.array(night.texts)[~night.hidden] if t}),
    )
    tfidf = lexicon.fit(shown, 1, seed=0).tfidf(night.texts)
    yield "TF-IDF", (profiles @ tfidf @ tfidf[night.hidden].T).toarray()
    yield "linear model on TF-IDF", linear_content(night, tfidf)
    yield "EASE that saw the sales", np.asarray(night.known[night.users] @ ease(night.whole)[:, night.hidden])
    with determinism.reproducible(settings.seed, settings.threads):
        encoder = encoders.load(section.model, max_tokens=section.max_tokens)
        plain = encoder.encode(night.texts)
        yield "encoder, zero-shot", (profiles @ plain) @ plain[night.hidden].T
        vectors = hidden_items.vectors_of(night, encoder, plain, settings)
        yield "zero-shot + words + preferences", hidden_items.preferred(night, vectors, settings)
        started, cpu = time.perf_counter(), time.process_time()
        encoder, _, ended = training.train(encoder, night.texts, night.learned, section, settings.seed)
        spent = f"{time.perf_counter() - started:.0f} s, {time.process_time() - cpu:.0f} s of CPU"
        print(f"  trained {ended['steps']} steps in {spent}, loss {ended.get('loss_last', 0):.3f}", flush=True)
        tuned = encoder.encode(night.texts)
        yield "encoder, fine-tuned", hidden_items.alone(night, tuned)
        vectors = hidden_items.vectors_of(night, encoder, tuned, settings)
        yield "fine-tuned + preferences", hidden_items.preferred(night, vectors[:, : tuned.shape[1]], settings)
        yield "fine-tuned + words + preferences", hidden_items.preferred(night, vectors, settings)


def main() -> None:
    """Print the table, one row per way to rank, NDCG@10 per night and the means."""
    options = nights.arguments(__doc__)
    options.add_argument("--steps", type=int, help="default: fine_tune.steps of the configuration")
    options.add_argument("--seed", type=int, default=hidden_items.SEED, help="draws the hidden items")
    chosen = options.parse_args()
    overrides: dict[str, Any] = {} if chosen.steps is None else {"fine_tune": {"steps": chosen.steps}}
    settings = nights.settings_of(chosen, overrides)
    found: dict[str, list[tuple[float, float]]] = {}
    for day, night in hidden_items.each(settings, chosen.nights, chosen.seed):
        print(f"{day}: {night.hidden.sum()} of {len(night.hidden)} items hidden, {len(night.users)} customers")
        for name, scores in rankings(night, settings):
            ndcg, recall = hidden_items.score(night, scores)
            found.setdefault(name, []).append((ndcg, recall))
            print(f"  {name:<34} {ndcg:.4f} {recall:.4f}", flush=True)
    print(f"\n{'NDCG@10 on hidden items':<34} {' '.join(f'{n!s:>10}' for n in chosen.nights)}     mean  Recall@50")
    for name, rows in sorted(found.items(), key=lambda entry: nights.means(entry[1])[0]):
        ndcg, recall = nights.means(rows)
        print(f"{name:<34} {' '.join(f'{row[0]:>10.4f}' for row in rows)} {ndcg:>8.4f} {recall:>10.4f}")


if __name__ == "__main__":
    main()
