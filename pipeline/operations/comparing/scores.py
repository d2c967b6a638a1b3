"""Lists side by side: a user's scores are the mean of her nights, and a difference has an interval over users."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.arrays import metrics
from pipeline.ground.lists import Pool
from pipeline.settings.config import Config

PUBLISHED = "published"
NDCG, RECALL = range(2)
"""Columns of the scores."""


@dataclass(frozen=True)
class Judged:
    """A pool on one night.

    Attributes:
        users: [J] outside ids of who is judged.
        scores: by list, float64 [J, 2]: NDCG and recall.
    """

    users: Sequence[str]
    scores: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Line:
    """One list of a pool against the best simple one.

    Attributes:
        name: the list.
        ndcg, recall: means over the users.
        difference, low, high: of its NDCG and the best simple list's, with a 95 % interval.
    """

    name: str
    ndcg: float
    recall: float
    difference: float
    low: float
    high: float

    @property
    def word(self) -> str:
        """What the interval says."""
        return "better" if self.low > 0 else "worse" if self.high < 0 else "as good as"


@dataclass(frozen=True)
class Table:
    """All lists of a pool, the published one first, then the best first.

    Attributes:
        pool: the pool; surfaces: that draw on it.
        users, nights: how many were judged, and on how many nights.
        best: name of the simple list with the highest NDCG, "" where nobody was judged.
        lines: the lists; none where nobody was judged.
    """

    pool: Pool
    surfaces: tuple[str, ...]
    users: int
    nights: int
    best: str
    lines: tuple[Line, ...]


def pooled(nights: Sequence[Judged]) -> dict[str, np.ndarray]:
    """Every list's scores, [U, 2] each: a user's are the mean over the nights on which the user was judged.

    So a user counts once however many nights saw her, and nights whose label windows overlap make no interval narrower.
    A list that a night does not have shows nothing and scores 0 on it.
    """
    everybody = sorted({user for night in nights for user in night.users})
    row = {user: at for at, user in enumerate(everybody)}
    times = np.zeros((len(everybody), 1))
    sums = {name: np.zeros((len(everybody), 2)) for night in nights for name in night.scores}
    for night in nights:
        at = np.array([row[user] for user in night.users], dtype=np.int64)
        times[at] += 1
        for name, found in night.scores.items():
            sums[name][at] += found
    return {name: total / np.maximum(times, 1) for name, total in sums.items()}


def table(pool: Pool, nights: Sequence[Judged], config: Config) -> Table:
    """Compare the lists of a pool.

    The best simple list is chosen by the users who judge, which favours it over the published one, never the reverse.

    Args:
        pool: the pool.
        nights: how it was judged on each.
        config: `evaluate`, the seed and the surfaces.
    """
    surfaces = tuple(surface.name for surface in config.surfaces if config.pool(surface) == pool)
    scores, seen = pooled(nights), sum(bool(len(night.users)) for night in nights)
    if not seen:
        return Table(pool, surfaces, 0, 0, "", ())
    means = {name: found.mean(axis=0) for name, found in scores.items()}
    order = sorted(means, key=lambda name: (name != PUBLISHED, -means[name][NDCG], name))
    best = order[1]
    gaps = np.column_stack([scores[name][:, NDCG] - scores[best][:, NDCG] for name in order])
    low, high = metrics.bootstrap(gaps, config.evaluate.resamples, config.seed)
    lines = (
        Line(name, float(means[name][NDCG]), float(means[name][RECALL]), float(gap), float(below), float(above))
        for name, gap, below, above in zip(order, gaps.mean(axis=0), low, high, strict=True)
    )
    return Table(pool, surfaces, len(gaps), seen, best, tuple(lines))
