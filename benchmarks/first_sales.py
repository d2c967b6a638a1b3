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

import argparse
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
from scipy import sparse

from benchmarks.cold_items import means
from benchmarks.scoring import BEGINNING, purchases
from pipeline.arrays import determinism
from pipeline.arrays.determinism import blas_threads
from pipeline.encoder import encoder as encoders
from pipeline.encoder import lexicon
from pipeline.features.read import read_cutoffs, read_items, read_users
from pipeline.ground import artifacts
from pipeline.operations import load_history, stages
from pipeline.sources import configuration, language_model

LENGTH = 50


@dataclass(frozen=True)
class Night:
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


def read_night(settings: configuration.FullConfig, night: date) -> Night:
    """Find the newcomers of a night whose features are there, and those of the night `horizon_days` later."""
    end = night + timedelta(days=settings.horizon_days)
    features = artifacts.stage_dir(settings.lake, "features", night)
    known = read_items(features)
    texts = [text or "" for text in known["text"].to_pylist()]
    item_row = {item: row for row, item in enumerate(known["item_id"].to_pylist())}
    later = read_items(artifacts.stage_dir(settings.lake, "features", end))
    for item, text in zip(later["item_id"].to_pylist(), later["text"].to_pylist(), strict=True):
        if item not in item_row:
            item_row[item] = len(texts)
            texts.append(text or "")
    user_row = {user: row for row, user in enumerate(read_users(features)["user_id"].to_pylist())}
    shape = (len(user_row), len(texts))

    def matrix(table: pa.Table) -> sparse.csr_matrix:
        pairs = zip(table["user_id"].to_pylist(), table["item_id"].to_pylist(), strict=True)
        found = np.array([(user_row[u], item_row[i]) for u, i in pairs if u in user_row and i in item_row])
        ones = np.ones(len(found), dtype=np.float32)
        return sparse.csr_matrix((ones, (found[:, 0], found[:, 1])), shape=shape)

    history = matrix(purchases(settings.folder, BEGINNING, night))
    bought = matrix(purchases(settings.folder, night, end))
    month = matrix(purchases(settings.folder, night - timedelta(days=28), night))
    new = np.flatnonzero((sold(history) == 0) & (sold(bought) > 0))
    tonight = read_cutoffs(features)[0].matrix(settings.language_model.values)
    tonight.data += np.float32(settings.language_model.floor)
    recent = sparse.csr_matrix((tonight.data, tonight.indices, tonight.indptr), shape=shape)
    truth = bought[:, new].toarray() > 0
    users = np.flatnonzero(truth.any(axis=1) & (np.diff(history.indptr) > 0) & (np.diff(recent.indptr) > 0))
    return Night(texts, new, history, recent, sold(month), users, truth[users])


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


def recall(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """[J] share of each customer's true items among the LENGTH with the highest scores; ties go to the lower row.

    Args:
        scores: [J, N]; -inf is never shown.
        truth: bool [J, N].
    """
    order = np.argsort(-scores, axis=1, kind="stable")[:, :LENGTH]
    shown = np.isfinite(np.take_along_axis(scores, order, axis=1))
    return np.asarray((np.take_along_axis(truth, order, axis=1) & shown).sum(axis=1) / truth.sum(axis=1))


def ndcg(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """[J] NDCG@10, binary gain; scores and truth as of `recall`."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :10]
    discount = 1 / np.log2(np.arange(2, 12))
    gain = np.take_along_axis(truth, order, axis=1) @ discount[: order.shape[1]]
    return np.asarray(gain / np.cumsum(discount)[np.minimum(truth.sum(axis=1), 10) - 1])


def judge(night: Night, scores: np.ndarray) -> tuple[float, float]:
    """Mean NDCG@10 among the newcomers, and mean recall@50 among everything not bought yet; scores [J, I]."""
    everything = np.where(night.history[night.users].toarray() > 0, -np.inf, scores)
    truth = np.zeros(scores.shape, dtype=bool)
    truth[:, night.new] = night.truth
    return float(ndcg(scores[:, night.new], night.truth).mean()), float(recall(everything, truth).mean())


def rankings(night: Night, settings: configuration.FullConfig, tuned: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Name and scores [J, I] of every way to rank; `tuned` is the night's folder of stage fine_tune."""
    shape = (len(night.users), len(night.texts))
    yield "random", np.random.default_rng(1).random(shape)
    known = sold(night.history) > 0
    yield (
        "popularity of the category",
        np.tile(category_popularity(night.texts, night.popularity, known), (len(night.users), 1)),
    )
    profiles = means(night.recent)[night.users]
    shown = sorted({text for text, there in zip(night.texts, known, strict=True) if there and text})
    words = lexicon.fit(shown, 1, seed=0).tfidf(night.texts)
    yield "TF-IDF", (profiles @ words @ words.T).toarray()
    with determinism.reproducible(settings.seed, settings.threads):
        plain = encoders.load(settings.fine_tune.model, max_tokens=settings.fine_tune.max_tokens).encode(night.texts)
    yield "encoder, zero-shot", (profiles @ plain) @ plain.T
    vectors, _ = language_model.item_vectors(night.texts, tuned, settings)
    preferences = language_model.fit_preferences(night.recent, vectors, settings.language_model)
    liked = language_model.user_vectors(night.recent[night.users], vectors, preferences)
    yield "language model (what runs)", liked @ vectors.T


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("nights", nargs="+", type=date.fromisoformat)
    options.add_argument("--config", type=Path)
    options.add_argument("--home", type=Path, help="default: NIGHTJAR_HOME, else .nightjar")
    chosen = options.parse_args()
    if chosen.home:
        os.environ["NIGHTJAR_HOME"] = str(chosen.home)
    settings = configuration.load(chosen.config)
    ends = [night + timedelta(days=settings.horizon_days) for night in chosen.nights]
    print(load_history.load_history(settings, until=max(ends)))
    found: dict[str, list[tuple[float, float]]] = {}
    for date_, end in zip(chosen.nights, ends, strict=True):
        stages.run(date_, settings, ["ingest", "features", "fine_tune"])
        stages.run(end, settings, ["ingest", "features"])
        with blas_threads(settings.threads):
            night = read_night(settings, date_)
            print(f"{date_}: {len(night.new)} newcomers among {len(night.texts)} items, {len(night.users)} customers")
            for name, scores in rankings(night, settings, artifacts.stage_dir(settings.lake, "fine_tune", date_)):
                found.setdefault(name, []).append(judge(night, scores))
    for place, measure in enumerate(("NDCG@10 among the newcomers", "Recall@50 among all not bought")):
        print(f"\n{measure:<32} {' '.join(f'{n!s:>10}' for n in chosen.nights)}     mean")
        for name, rows in sorted(found.items(), key=lambda entry: float(np.mean([row[place] for row in entry[1]]))):
            values = [row[place] for row in rows]
            print(f"{name:<32} {' '.join(f'{value:>10.4f}' for value in values)} {np.mean(values):>8.4f}")


if __name__ == "__main__":
    main()
