"""Items on their first days: those first sold within the 14 days after a night, recommended from their texts alone.

    python -m benchmarks.first_sales 2011-07-31 2011-10-02 2011-11-06 [--home FOLDER]

Newcomers are the items that nobody had bought by the night and somebody bought in the 14 days after it. Everything is
fitted on what was known by the night; of a newcomer only its text is read. Each customer with a history who bought a
newcomer is judged twice: NDCG@10 on a ranking of the newcomers among themselves (there are fewer than 50 of them, so
their recall@50 would be 1), and recall@50 among everything the customer had not bought. History and truth come from
the raw logs. This log names no categories: an item's is the last word of its title ("RED RETROSPOT MUG": mug), and its
popularity the mean number of buyers, in the last 28 days, of the category's items.
Nights before 2011-07-01 are for tuning, later ones only for reporting.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from scipy import sparse

from benchmarks import nights, scoring
from benchmarks.hidden_items import row_shares
from pipeline.arrays import determinism
from pipeline.arrays.determinism import blas_threads
from pipeline.encoder import encoder as encoders
from pipeline.encoder import lexicon
from pipeline.features.read import read_cutoffs, read_items
from pipeline.ground import artifacts
from pipeline.operations import stages
from pipeline.settings.config import Config
from pipeline.sources import language_model


@dataclass(frozen=True)
class Newcomers:
    """One night and the items that came after it.

    Attributes:
        texts: [I] texts of the items known by the night, then of the newcomers not even known.
        new: [N] rows of the newcomers.
        history: [U, I] CSR, 1 where a customer had bought an item by the night.
        recent: [U, I] CSR decayed as the language model reads it.
        popularity: [I] buyers in the 28 days before the night.
        users: [J] rows of the customers who are judged.
        truth: bool [J, N].
    """

    texts: list[str]
    new: np.ndarray
    history: sparse.csr_matrix
    recent: sparse.csr_matrix
    popularity: np.ndarray
    users: np.ndarray
    truth: np.ndarray


def read(settings: Config, night: date) -> Newcomers:
    """Find the newcomers of a night whose features are there, and those of the night `horizon_days` later."""
    end = night + timedelta(days=settings.horizon_days)
    features = artifacts.stage_dir(settings.lake, "features", night)
    rows, texts = nights.Rows.of(settings, night), read_items(features)["text"].to_pylist()
    later = read_items(artifacts.stage_dir(settings.lake, "features", end))
    for item, text in zip(later["item_id"].to_pylist(), later["text"].to_pylist(), strict=True):
        if item not in rows.item:
            rows.item[item] = len(texts)
            texts.append(text)
    texts = [text or "" for text in texts]
    bought, after = scoring.known_and_later(settings.folder, night, timedelta(days=settings.horizon_days))
    history, following = rows.matrix(bought), rows.matrix(after)
    month = rows.matrix(scoring.purchases(settings.folder, night - timedelta(days=28), night))
    new = np.flatnonzero((sold(history) == 0) & (sold(following) > 0))
    section = nights.language_model_section(settings)
    tonight = read_cutoffs(features)[0].matrix(section.values)
    tonight.data += np.float32(section.floor)
    recent = sparse.csr_matrix((tonight.data, tonight.indices, tonight.indptr), shape=history.shape)
    truth = following[:, new].toarray() > 0
    users = np.flatnonzero(truth.any(axis=1) & (np.diff(history.indptr) > 0) & (np.diff(recent.indptr) > 0))
    return Newcomers(texts, new, history, recent, sold(month), users, truth[users])


def sold(matrix: sparse.csr_matrix) -> np.ndarray:
    """[I] customers who bought each item."""
    return np.asarray((matrix > 0).sum(axis=0)).ravel()


def category_popularity(texts: Sequence[str], popularity: np.ndarray, known: np.ndarray) -> np.ndarray:
    """[I] mean popularity of the known items that share a text's last word; of all known items where none does."""
    members: defaultdict[str, list[float]] = defaultdict(list)
    categories = [(text.split() or [""])[-1].lower() for text in texts]
    for row in np.flatnonzero(known):
        members[categories[row]].append(float(popularity[row]))
    everywhere = float(popularity[known].mean())
    return np.array([np.mean(members[c]) if c and c in members else everywhere for c in categories])


def judge(night: Newcomers, scores: np.ndarray) -> tuple[float, float]:
    """Mean NDCG@10 among the newcomers, and mean recall@50 among everything not bought yet; scores [J, I]."""
    everything = np.where(night.history[night.users].toarray() > 0, -np.inf, scores)
    truth = np.zeros(scores.shape, dtype=bool)
    truth[:, night.new] = night.truth
    return (
        float(scoring.ndcg_of_scores(scores[:, night.new], night.truth).mean()),
        float(scoring.recall_of_scores(everything, truth).mean()),
    )


def rankings(night: Newcomers, settings: Config, tuned: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Name and scores [J, I] of every way to rank; `tuned` is the night's folder of stage fine_tune."""
    shape = (len(night.users), len(night.texts))
    yield "random", np.random.default_rng(1).random(shape)
    known = sold(night.history) > 0
    yield (
        "popularity of the category",
        np.tile(category_popularity(night.texts, night.popularity, known), (len(night.users), 1)),
    )
    profiles = row_shares(night.recent)[night.users]
    shown = sorted({text for text, there in zip(night.texts, known, strict=True) if there and text})
    words = lexicon.fit(shown, 1, seed=0).tfidf(night.texts)
    yield "TF-IDF", (profiles @ words @ words.T).toarray()
    with determinism.reproducible(settings.seed, settings.threads):
        plain = encoders.load(settings.fine_tune.model, max_tokens=settings.fine_tune.max_tokens).encode(night.texts)
    yield "encoder, zero-shot", (profiles @ plain) @ plain.T
    vectors, _ = language_model.item_vectors(night.texts, tuned, settings)
    preferences = language_model.fit_preferences(night.recent, vectors, nights.language_model_section(settings))
    liked = language_model.user_vectors(night.recent[night.users], vectors, preferences)
    yield "language model (what runs)", liked @ vectors.T


def main() -> None:
    """Print the table."""
    chosen = nights.arguments(__doc__).parse_args()
    settings = nights.settings_of(chosen)
    found: dict[str, list[tuple[float, float]]] = {}
    ends = [day + timedelta(days=settings.horizon_days) for day in chosen.nights]
    nights.make_features(settings, [*chosen.nights, *ends])
    for day in chosen.nights:
        stages.run(day, settings, ["fine_tune"])
        with blas_threads(settings.threads):
            night = read(settings, day)
            print(f"{day}: {len(night.new)} newcomers among {len(night.texts)} items, {len(night.users)} customers")
            for name, scores in rankings(night, settings, artifacts.stage_dir(settings.lake, "fine_tune", day)):
                found.setdefault(name, []).append(judge(night, scores))
    for place, measure in enumerate(("NDCG@10 among the newcomers", "Recall@50 among all not bought")):
        print(f"\n{measure:<32} {' '.join(f'{n!s:>10}' for n in chosen.nights)}     mean")
        for name, rows in sorted(found.items(), key=lambda entry: float(np.mean([row[place] for row in entry[1]]))):
            values = [row[place] for row in rows]
            print(f"{name:<32} {' '.join(f'{value:>10.4f}' for value in values)} {np.mean(values):>8.4f}")


if __name__ == "__main__":
    main()
