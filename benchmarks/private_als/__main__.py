"""What noise that hides a whole person costs the item factors of `als`, and what an attacker still learns from them.

    python -m benchmarks.private_als 2010-10-03 2011-05-01 2011-06-05 [--home FOLDER] [--draws 3]
    python -m benchmarks.private_als 2011-06-05 --attack [--models 24] [--epsilons 1 3 10 inf]

Each night: item factors of the history up to it at epsilon 1, 3, 10 and without noise, by the pipeline's own functions,
and by the papers' way (alternating.py) at the same cost. A customer's factors are then solved from the customer's own
history, as the pipeline does, and the list is judged by what customers did in the 14 days after: NDCG@10 of all items,
and of those new to the customer. Beside them plain ALS as the stage makes it, with its factors judged in the same way.
Noise is drawn several times; its spread is that of the mean over the nights from draw to draw. `items`, `tail`,
`contributions` and `damping`, and all of the alternation's settings, were chosen on the nights 2010-10-03 and
2011-05-01; other nights before 2011-07-01 may be looked at.

With `--attack`, the last night only: is a customer among those the factors were made of (attack.py)?
"""

import argparse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import nights, scoring
from benchmarks.private_als import alternating, attack
from benchmarks.private_als.alternating import Budget, Shape
from pipeline.arrays import private_moments
from pipeline.arrays.private_moments import Bounds, Deviations
from pipeline.features.read import Cutoff, read_cutoffs
from pipeline.ground import artifacts
from pipeline.operations import stages
from pipeline.privacy import accountant
from pipeline.privacy.noise import Noise
from pipeline.privacy.pseudonyms import Key
from pipeline.settings.config import Config
from pipeline.sources import als, private_als
from pipeline.sources.als import Als

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

DELTA = 1e-5
ITEMS = {1.0: 200, 3.0: 300, 10.0: 800, np.inf: 2000}
"""Items that take part, by epsilon."""
ALTERNATING = {1.0: 8, 3.0: 16, 10.0: 24, np.inf: 64}
"""Factors of the alternation, by epsilon."""
REG = 5.0
Factors = Callable[["csr_matrix", float, Noise], np.ndarray]
"""Item factors [I, d] of confidences, at an epsilon."""


@dataclass(frozen=True)
class Night:
    """What is judged of a night.

    Attributes:
        confidence: [U, I] CSR, the history as `als` reads it.
        known, later: bool [J, I] of the judged customers: what they had, and what they did after.
        judged: [J] their rows.
        hidden: bool [J, I] what is on no list of theirs.
        plain: user factors [J, d] and item factors [I, d] of the stage `als`.
    """

    confidence: "csr_matrix"
    known: np.ndarray
    later: np.ndarray
    judged: np.ndarray
    hidden: np.ndarray
    plain: tuple[np.ndarray, np.ndarray]

    @classmethod
    def of(cls, settings: Config, night: date) -> "Night":
        """Make what is not there of a night, and read it."""
        stages.run(night, settings, ["ingest", "features", "als"])
        features = artifacts.stage_dir(settings.lake, "features", night)
        cutoff, rows = read_cutoffs(features)[0], nights.Rows.of(settings, night)
        tables = scoring.known_and_later(settings.folder, night, timedelta(days=settings.horizon_days))
        known, later = (rows.matrix(table).astype(bool) for table in tables)
        judged = np.flatnonzero((np.diff(known.indptr) > 0) & (np.diff(later.indptr) > 0))
        judged = judged[np.isin(judged, cutoff.targets())]
        dense = (known[judged].toarray(), later[judged].toarray(), judged, cutoff.disliked()[judged].toarray() > 0)
        return cls(als.confidence(cutoff, section_of(settings)), *dense, _plain(settings, night, cutoff, judged))

    def judge(self, users: np.ndarray, items: np.ndarray) -> tuple[float, float]:
        """NDCG@10 of all items and of new ones, by factors [J, d] and [I, d]; what scores 0 or less is no candidate."""
        scores = users @ items.T
        scores[(scores <= 0) | self.hidden] = -np.inf
        fresh = self.later & ~self.known
        some = fresh.any(axis=1)
        new = np.where(self.known, -np.inf, scores)[some]
        both = (scoring.ndcg_of_scores(scores, self.later), scoring.ndcg_of_scores(new, fresh[some]))
        return float(both[0].mean()), float(both[1].mean())


def section_of(settings: Config) -> Als:
    """The section of `als`."""
    section = getattr(settings, "als")  # noqa: B009 (sources are not fields that a type checker knows)
    assert isinstance(section, Als)
    return section


def _plain(settings: Config, night: date, cutoff: Cutoff, judged: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    folder = cutoff.dir_in(artifacts.stage_dir(settings.lake, "als", night))
    users, items = np.load(folder / "user_factors.npy"), np.load(folder / "item_factors.npy")
    return users[np.searchsorted(cutoff.targets(), judged)], items


def moments(confidence: "csr_matrix", epsilon: float, noise: Noise) -> np.ndarray:
    """The pipeline's way."""
    history = confidence.copy()
    history.data = np.minimum(history.data, np.float32(private_als.MOST))
    found = private_als.Cost.of(epsilon, DELTA).deviations if np.isfinite(epsilon) else Deviations(0, 0)
    return private_moments.item_factors(history, Bounds(50, ITEMS[epsilon], 128, 0.15, 20.0), found, noise)


def turns(confidence: "csr_matrix", epsilon: float, noise: Noise) -> np.ndarray:
    """The papers' way, in two turns, with four fifths of the budget for the sums."""
    history = confidence.copy()
    history.data = np.minimum(history.data, np.float32(private_als.MOST))
    shape = Shape(ALTERNATING[epsilon], 2, REG / 10, 30.0, contributions=50, tail=0.5, seed=0)
    budget = Budget(0, 0, 0)
    if np.isfinite(epsilon):
        mu = accountant.mu_of(epsilon, DELTA)
        budget = Budget(*(accountant.multiplier(mu, share) for share in (0.1, 0.1 / 2, 0.8 / 2)))
    return alternating.item_factors(history, shape, budget, noise, threads=2)


WAYS: Mapping[str, Factors] = {"second moments": moments, "alternating": turns}


def measure(night: Night, draws: int) -> Iterator[tuple[str, float, np.ndarray]]:
    """Of every way and epsilon: NDCG@10 [draws, 2] of all items and of new ones."""
    for name, factors in WAYS.items():
        for epsilon in ITEMS:
            found = []
            for draw in range(draws if np.isfinite(epsilon) else 1):
                noise = Noise(Key(b"of a benchmark: everybody knows it"), f"{name} {epsilon} {draw}")
                items = factors(night.confidence, epsilon, noise)
                users = private_moments.user_factors(night.confidence[night.judged], items, REG, threads=2)
                found.append(night.judge(users, items))
            yield name, epsilon, np.array(found)


def show(found: Mapping[tuple[str, float], list[np.ndarray]], plain: np.ndarray) -> None:
    """Print means over the nights, and what share of plain ALS they are."""
    print(f"{'way':<16}{'epsilon':>8}   all    of plain   new    of plain   (spread of draws)")
    print(f"{'plain als':<16}{'':>8}   {plain[0]:.4f}          {plain[1]:.4f}")
    for (name, epsilon), values in found.items():
        each = np.mean(values, axis=0)  # [draws, 2]
        mean, spread = each.mean(axis=0), each.std(axis=0)
        share = mean / plain
        cells = f"{mean[0]:.4f}  {share[0]:6.1%}   {mean[1]:.4f}  {share[1]:6.1%}   {spread[0]:.4f} {spread[1]:.4f}"
        print(f"{name:<16}{epsilon:>8g}   {cells}")


def costs() -> None:
    """Print what fits cost together, of which each costs epsilon 1, or 3."""
    for fits in (1, 13, 30, 52, 365):
        together = [accountant.epsilon_of(accountant.mu_of(one, DELTA) * fits**0.5, DELTA) for one in (1.0, 3.0)]
        print(f"{fits:>4} fits of epsilon 1: {together[0]:.1f}; of epsilon 3: {together[1]:.1f}")


def main() -> None:
    """Make the nights that are not there, and measure."""
    options = nights.arguments(__doc__)
    options.add_argument("--draws", type=int, default=3, help="of noise, per epsilon")
    options.add_argument("--attack", action="store_true", help="attack the last night's factors instead")
    options.add_argument("--models", type=int, default=24, help="shadow models of the attack")
    options.add_argument("--epsilons", nargs="+", type=float, default=list(ITEMS), help="that are attacked")
    chosen: argparse.Namespace = options.parse_args()
    settings = nights.settings_of(chosen)
    nights.load_logs(settings, max(chosen.nights))
    if chosen.attack:
        night = Night.of(settings, chosen.nights[-1])
        attack.show(night.confidence, chosen.models, moments, DELTA, chosen.epsilons)
        return
    found: dict[tuple[str, float], list[np.ndarray]] = {}
    plain = []
    for day in chosen.nights:
        night = Night.of(settings, day)
        plain.append(night.judge(*night.plain))
        for name, epsilon, values in measure(night, chosen.draws):
            found.setdefault((name, epsilon), []).append(values)
        print(f"{day}: plain als {plain[-1][0]:.4f} {plain[-1][1]:.4f}", flush=True)
    show(found, np.mean(plain, axis=0))
    costs()


if __name__ == "__main__":
    main()
