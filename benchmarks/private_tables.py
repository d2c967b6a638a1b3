"""What noise that hides a whole person costs the tables `popular_items` and `similar_items`.

    python -m benchmarks.private_tables 2010-10-03 2011-05-01 2011-06-05 [--home FOLDER] [--draws 5]

Each night: the ten most popular items by noised counts (pipeline.sources.private_counts), as a list for everybody who
acted in the 14 days after, NDCG@10, and how many of the ten are those of the plain counts. And the ten items most
similar to each by noised item factors (pipeline.sources.private_als): of what customers then acted on for the first
time, the share that is among the ten of something they had acted on in the four weeks before, and how many items have
ten. Beside them both without noise, the factors as the stage `als` makes them. Noise is drawn several times.

That of each person's counts 50 items take part, and not 3, 5, 10 or 20, and that they share what a person may move, was
chosen on these nights.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import nights, scoring
from benchmarks.private_als.__main__ import DELTA, ITEMS, moments, section_of
from pipeline.features.read import Cutoff, read_cutoffs
from pipeline.ground import artifacts
from pipeline.operations import stages
from pipeline.privacy import accountant
from pipeline.privacy.noise import Noise
from pipeline.privacy.pseudonyms import Key
from pipeline.publication.similar import similar_items
from pipeline.settings.config import Config
from pipeline.sources import als, private_counts

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

EPSILONS = (0.3, 1.0, 3.0, 10.0, np.inf)
CONTRIBUTIONS, K = 50, 10


@dataclass(frozen=True)
class Night:
    """What is judged of a night.

    Attributes:
        cutoff: tonight's.
        confidence: [U, I] CSR, the history as `als` reads it; factors: [I, d] that the stage made of it.
        later: bool [J, I], what those acted on in the 14 days after who acted on anything.
        lately, fresh: bool [J, I], what they had acted on in four weeks, and what they then did for the first time.
        buyers: [I], how many acted on each item in the last four weeks.
    """

    cutoff: Cutoff
    confidence: "csr_matrix"
    factors: np.ndarray
    later: np.ndarray
    lately: np.ndarray
    fresh: np.ndarray
    buyers: np.ndarray

    @classmethod
    def of(cls, settings: Config, night: date) -> "Night":
        """Make what is not there of a night, and read it."""
        stages.run(night, settings, ["ingest", "features", "als"])
        cutoff = read_cutoffs(artifacts.stage_dir(settings.lake, "features", night))[0]
        tables = scoring.known_and_later(settings.folder, night, timedelta(days=settings.horizon_days))
        known, later = (nights.Rows.of(settings, night).matrix(table).astype(bool) for table in tables)
        judged = np.flatnonzero(np.diff(later.indptr) > 0)
        had, did = known[judged].toarray(), later[judged].toarray()
        users, items, age = (
            c.to_numpy() for c in cutoff.interactions(["user_index", "item_index", "last_age"]).columns
        )
        young = age < private_counts.DAYS
        recent = np.zeros((cutoff.users, cutoff.items), dtype=bool)
        recent[users[young], items[young]] = True
        factors = np.load(cutoff.dir_in(artifacts.stage_dir(settings.lake, "als", night)) / "item_factors.npy")
        confidence = als.confidence(cutoff, section_of(settings))
        return cls(cutoff, confidence, factors, did, recent[judged], did & ~had, recent.sum(axis=0).astype(float))

    def popular(self, counts: np.ndarray) -> tuple[float, float]:
        """NDCG@10 of the ten with the highest counts [I], and which share of them are those of the plain counts."""
        scores = np.broadcast_to(counts, self.later.shape)
        first, plain = (set(np.argsort(-one, kind="stable")[:K].tolist()) for one in (counts, self.buyers))
        return float(scoring.ndcg_of_scores(scores, self.later).mean()), len(first & plain) / K

    def similar(self, factors: np.ndarray) -> tuple[float, float]:
        """Of fresh items the share that is among the ten of something recent, and which share of items has ten."""
        there = np.ones(self.cutoff.items, dtype=bool)
        found, _ = similar_items(factors, np.zeros((len(there), 1), np.float32), there, there, K)
        near = np.zeros((len(there), len(there)), dtype=np.float32)  # [seed, item]
        seed, column = np.nonzero(found >= 0)
        near[seed, found[seed, column]] = 1
        reached = (self.lately.astype(np.float32) @ near > 0) & self.fresh
        return float(reached.sum() / max(self.fresh.sum(), 1)), float((found >= 0).all(axis=1).mean())


def measure(night: Night, draws: int) -> Iterator[tuple[str, float, np.ndarray]]:
    """Of each table and epsilon what is measured, [draws, 2]; first without any of it."""
    counts = private_counts.counts(night.cutoff, CONTRIBUTIONS)
    yield "popular", 0.0, np.array([night.popular(night.buyers)])
    yield "similar", 0.0, np.array([night.similar(night.factors)])
    for epsilon in EPSILONS:
        several = range(draws if np.isfinite(epsilon) else 1)
        noises = [Noise(Key(b"of a benchmark: everybody knows it"), f"{epsilon} {draw}") for draw in several]
        deviation = 1 / accountant.mu_of(epsilon, DELTA) if np.isfinite(epsilon) else 0.0
        drawn = (counts + deviation * noise.normal(len(counts)) for noise in noises)
        yield "popular", epsilon, np.array([night.popular(one) for one in drawn])
        if epsilon in ITEMS:
            yield "similar", epsilon, np.array([night.similar(moments(night.confidence, epsilon, n)) for n in noises])


def main() -> None:
    """Make the nights that are not there, and measure."""
    options = nights.arguments(__doc__)
    options.add_argument("--draws", type=int, default=5, help="of noise, per epsilon")
    chosen = options.parse_args()
    settings = nights.settings_of(chosen)
    nights.load_logs(settings, max(chosen.nights))
    found: dict[tuple[str, float], list[np.ndarray]] = {}
    for day in chosen.nights:
        for table, epsilon, values in measure(Night.of(settings, day), chosen.draws):
            found.setdefault((table, epsilon), []).append(values)
        print(f"{day}: made", flush=True)
    print("table    epsilon   popular: NDCG@10, of the plain ten; similar: reached, of the items  (spread of draws)")
    for (table, epsilon), by_night in sorted(found.items()):
        each = np.mean(by_night, axis=0)
        mean, spread = each.mean(axis=0), each.std(axis=0)
        name = "plain" if epsilon == 0 else f"{epsilon:g}"
        print(f"{table:<8} {name:>7}   {mean[0]:.4f}  {mean[1]:6.1%}   {spread[0]:.4f} {spread[1]:.4f}")


if __name__ == "__main__":
    main()
