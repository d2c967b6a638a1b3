"""The alpha blend: alpha x LM + (1 - alpha) x CF on calibrated scores.

A source's score becomes the probability that the user acts on the item within the horizon (Platt's logistic curve,
fitted on label windows older than the one alpha is chosen on), so that both sides are on one scale. Alpha is searched
on a grid for four cells, warm and cold users times warm and cold items, and maximises NDCG@10 of the users concerned.
Source: Platt, "Probabilistic outputs for support vector machines", 1999.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product

import numpy as np

from pipeline.arrays import logistic, metrics
from pipeline.ranking.pairs import to_lists

K = 10
_COARSE = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Curve:
    """p = 1 / (1 + exp(-(slope x (score - centre) / scale + intercept))), slope >= 0."""

    slope: float
    intercept: float
    centre: float
    scale: float

    def probability(self, scores: np.ndarray) -> np.ndarray:
        """float32 in [0, 1]; a score that does not exist has probability 0."""
        z = self.slope * (scores.astype(np.float64) - self.centre) / self.scale + self.intercept
        probability = np.where(np.isnan(scores), 0.0, logistic.sigmoid(z))
        return probability.astype(np.float32)


@dataclass(frozen=True)
class Blend:
    """A chosen blend.

    Attributes:
        lm, cf: the curve of each side; None where the side has no score at all.
        alpha: [user cell][item cell], each warm then cold.
    """

    lm: Curve | None
    cf: Curve | None
    alpha: tuple[tuple[float, float], tuple[float, float]]

    def scores(self, lm: np.ndarray, cf: np.ndarray, cold_user: np.ndarray, cold_item: np.ndarray) -> np.ndarray:
        """[N] float32 blended probabilities of pairs."""
        return mix(*self.sides(lm, cf), np.asarray(self.alpha)[cold_user.astype(int), cold_item.astype(int)])

    def sides(self, lm: np.ndarray, cf: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Calibrated scores of both sides."""
        absent = np.zeros(len(lm), dtype=np.float32)
        left = absent if self.lm is None else self.lm.probability(lm)
        return left, absent if self.cf is None else self.cf.probability(cf)

    def to_json(self) -> dict[str, object]:
        """For blend.json."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict) -> "Blend":  # type: ignore[type-arg]
        """The inverse of to_json."""
        lm, cf = (Curve(**content[side]) if content[side] else None for side in ("lm", "cf"))
        warm, cold = (tuple(row) for row in content["alpha"])
        return cls(lm, cf, (warm, cold))


@dataclass(frozen=True)
class Evidence:
    """Pairs of one label window that either side listed, of one pool.

    Attributes:
        rows, items: [N] int64; rows are positions in the cut-off's targets.
        lm, cf: [N] float32 scores, NaN where a side has none.
        acted: bool [N].
        cold_user, cold_item: bool [N].
        wanted: [T] int64, how many items each target acted on.
    """

    rows: np.ndarray
    items: np.ndarray
    lm: np.ndarray
    cf: np.ndarray
    acted: np.ndarray
    cold_user: np.ndarray
    cold_item: np.ndarray
    wanted: np.ndarray

    def of_users(self, cold: bool) -> "Evidence":
        """The pairs of warm or of cold users; nothing is wanted by the others."""
        kept = self.cold_user == cold
        columns = {n: getattr(self, n)[kept] for n in ("rows", "items", "lm", "cf", "acted", "cold_user", "cold_item")}
        theirs = np.zeros(len(self.wanted), dtype=bool)
        theirs[self.rows[kept]] = True
        return Evidence(**columns, wanted=np.where(theirs, self.wanted, 0))


def mix(lm: np.ndarray, cf: np.ndarray, alpha: np.ndarray | float) -> np.ndarray:
    """alpha x LM + (1 - alpha) x CF, float32."""
    mixed: np.ndarray = (alpha * lm + (1 - np.asarray(alpha)) * cf).astype(np.float32)
    return mixed


def calibrate(scores: np.ndarray, acted: np.ndarray, iterations: int = 25) -> Curve | None:
    """Fit a logistic curve by Newton's method; None where there is nothing to fit.

    Args:
        scores: [N], NaN where absent.
        acted: bool [N].
        iterations: Newton steps.
    """
    there = ~np.isnan(scores)
    if not there.any() or not acted[there].any():
        return None
    raw, label = scores[there].astype(np.float64), acted[there].astype(np.float64)
    centre, scale = float(raw.mean()), float(raw.std()) or 1.0
    design = np.stack([(raw - centre) / scale, np.ones(len(raw))], axis=1)  # [N, 2]
    weights = np.array([0.0, np.log((label.mean() + 1e-6) / (1 - label.mean() + 1e-6))])
    ridge = np.full(2, 1e-3)
    weights = logistic.fit(design, label, weights, ridge=ridge, towards=np.zeros(2), iterations=iterations)
    return Curve(max(float(weights[0]), 1e-6), float(weights[1]), centre, scale)


def ndcg(rows: np.ndarray, items: np.ndarray, scores: np.ndarray, acted: np.ndarray, wanted: np.ndarray) -> float:
    """Mean NDCG@10 of pairs ranked by score within their row, over the rows with something wanted; 0 without any."""
    judged = wanted > 0
    if not judged.any():
        return 0.0
    place = to_lists(rows, items, scores, len(wanted), K)[2]
    hit = (place >= 0) & acted[place] if len(acted) else place >= 0
    return float(metrics.ndcg(hit[judged], wanted[judged], K).mean())


def choose(window: Evidence, lm: Curve | None, cf: Curve | None, step: float) -> Blend:
    """Search alpha on one label window.

    A side that does not exist gets no weight. Of equally good alphas the one nearest to the middle is taken, so that a
    cell nobody belongs to stays at one half.
    """
    if lm is None or cf is None:
        only = 0.0 if lm is None else 1.0
        return Blend(lm, cf, ((only, only), (only, only)))
    grid = sorted(np.unique(np.append(np.arange(0, 1 + step / 2, step).round(6), 0.5)), key=lambda a: abs(a - 0.5))
    sides = Blend(lm, cf, ((0.5, 0.5), (0.5, 0.5)))
    warm, cold = (_climb(window.of_users(cold), sides, grid) for cold in (False, True))
    return Blend(lm, cf, (warm, cold))


def _climb(users: Evidence, sides: Blend, grid: Sequence[float]) -> tuple[float, float]:
    """The best alphas of warm and of cold items: the best coarse pair, then each in turn until neither gets better."""
    left, right = sides.sides(users.lm, users.cf)
    known: dict[tuple[float, float], float] = {}

    def value(cell: tuple[float, float]) -> float:
        if cell not in known:
            scores = mix(left, right, np.asarray(cell)[users.cold_item.astype(int)])
            known[cell] = ndcg(users.rows, users.items, scores, users.acted, users.wanted)
        return round(known[cell], 9)  # of equals the first of the grid, the nearest to the middle

    best = max(sorted(product(_COARSE, _COARSE), key=lambda c: abs(c[0] - 0.5) + abs(c[1] - 0.5)), key=value)
    while True:
        cold = max([best, *((best[0], float(alpha)) for alpha in grid)], key=value)
        warm = max([cold, *((float(alpha), cold[1]) for alpha in grid)], key=value)
        if warm == best:
            return best
        best = warm
