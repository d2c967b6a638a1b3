"""From rankings to probabilities: that the user acts on the item within the horizon, on one scale for all users.

    P(acts on the item) = P(acts on anything) x P(acts on the item | acts on anything)

The first factor is pipeline.ranking.activity. The second is learned per pool on the lists of one label window, from the
log-odds of a ranker that minimises log loss (corrected for the negatives it never saw) and the rank in the final list.
Along a list probabilities are then made not to rise, so that they say what the order says.
Sources: Platt, "Probabilistic outputs for support vector machines", 1999; Zadrozny & Elkan, KDD 2002 (isotonic);
Ayer et al., Annals of Mathematical Statistics 26 (1955), pool adjacent violators.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pipeline.arrays import logistic
from pipeline.arrays.falling import falling
from pipeline.features.rates import item_rates
from pipeline.features.read import Cutoff
from pipeline.ground import lists
from pipeline.ranking import activity
from pipeline.ranking.pairs import Listed
from pipeline.ranking.ranker import minimises_log_loss, prior_correction
from pipeline.settings.config import Config

Method = Literal["platt", "isotonic"]
_SMOOTHING = 5.0
"""Pairs at the average rate that a step of the isotonic curve is mixed with."""


@dataclass(frozen=True)
class Calibration:
    """P(acts on the item | acts on anything) of a pair, from its log-odds and its rank.

    Attributes:
        weights: of 1, the log-odds and log(rank); their sum z is the logistic curve's argument.
        z, level: of the isotonic curve, ascending: the probability `level` at `z`, linear between; empty: logistic.
    """

    weights: tuple[float, float, float]
    z: tuple[float, ...] = ()
    level: tuple[float, ...] = ()

    def probability(self, log_odds: np.ndarray, rank: np.ndarray) -> np.ndarray:
        """float64 in 0..1, shaped like the arguments; `rank` is 1-based."""
        constant, slope, fall = self.weights
        return self.at(constant + slope * log_odds + fall * np.log(rank))

    def at(self, z: np.ndarray) -> np.ndarray:
        """The probabilities, float64 in 0..1, of sums z of any shape."""
        z = np.clip(z, -logistic.FURTHEST, logistic.FURTHEST)
        return np.asarray(np.interp(z, self.z, self.level)) if self.z else logistic.sigmoid(z)

    def to_json(self) -> dict[str, Any]:
        """For calibration.json."""
        return asdict(self)


def learn(log_odds: np.ndarray, rank: np.ndarray, acted: np.ndarray, method: Method) -> Calibration | None:
    """Fit on the pairs of one window; None where nobody acted on any.

    Weights are drawn, very slightly, to what is right if the log-odds are: 1 for them and 0 for the rank. The rank's is
    not above 0: probabilities that rise along a list would contradict its order, and be evened out to many equal ones.

    Args:
        log_odds: [N]; all 0 where no ranker gives any, and the rank alone speaks.
        rank: [N], 1-based.
        acted: bool [N].
        method: "platt", or "isotonic" on top of it.
    """
    if not acted.any():
        return None
    columns = np.stack([np.ones(len(acted)), log_odds, np.log(rank)], axis=1).astype(np.float64)
    towards = np.array([0.0, float(np.any(log_odds)), 0.0])
    weights = _logistic(columns, acted.astype(np.float64), towards)
    if weights[2] > 0:
        weights = np.append(_logistic(columns[:, :2], acted.astype(np.float64), towards[:2]), 0.0)
    found = Calibration((float(weights[0]), float(weights[1]), float(weights[2])))
    return found if method == "platt" else _isotonic(found, columns @ weights, acted)


def _logistic(columns: np.ndarray, label: np.ndarray, towards: np.ndarray) -> np.ndarray:
    """Weights [C] of a logistic regression, drawn to `towards` as one pair would draw them; the first, nearly not."""
    drawn = np.array([1e-6, *np.ones(len(towards) - 1)])
    share = (label.sum() + 0.5) / (len(label) + 1)
    start = towards.copy()
    start[0] = np.log(share / (1 - share)) - (columns @ towards).mean()
    return logistic.fit(columns, label, start, ridge=drawn, towards=towards, iterations=30, longest_step=4.0)


def _isotonic(curve: Calibration, z: np.ndarray, acted: np.ndarray) -> Calibration:
    """The same with a monotone curve of steps instead of the logistic one, each mixed with the average rate."""
    from scipy.optimize import isotonic_regression

    distinct, place, number = np.unique(z, return_inverse=True, return_counts=True)  # pairs alike have one level
    fitted = isotonic_regression(np.bincount(place, acted) / number, weights=number)
    size = np.add.reduceat(number, fitted.blocks[:-1])
    centre = np.add.reduceat(distinct * number, fitted.blocks[:-1]) / size
    level = (fitted.x[fitted.blocks[:-1]] * size + acted.mean() * _SMOOTHING) / (size + _SMOOTHING)
    level = np.maximum.accumulate(level)
    return Calibration(curve.weights, tuple(centre.tolist()), tuple(level.tolist()))


@dataclass(frozen=True)
class Applied:
    """A fold of the fusion at the cut-off it is applied at.

    Attributes:
        fold: its name.
        cutoff: the cut-off.
        places: folders of the stages by name, "fusion" among them.
    """

    fold: str
    cutoff: Cutoff
    places: Mapping[str, Path]

    @property
    def learned(self) -> Path:
        """Where the fusion wrote the fold."""
        return self.places["fusion"] / f"fold={self.fold}"


@dataclass(frozen=True)
class ListedOdds:
    """What probabilities of one cut-off and pool are made from, beside the lists.

    Attributes:
        listed: items and log-odds [T, n] of a ranker that minimises log loss, memory-mapped; None: there is none.
        correction: float32 [T], added to the log-odds, see `ranker.prior_correction`.
        width: I, number of items.
    """

    listed: tuple[np.ndarray, np.ndarray] | None
    correction: np.ndarray
    width: int

    @classmethod
    def read(cls, at: Applied, pool: lists.Pool, config: Config) -> "ListedOdds":
        """Read what the fusion wrote."""
        for name in config.fusion.rankers:
            if minimises_log_loss(at.learned / f"{pool}.{name}.txt"):
                folder = at.cutoff.dir_in(at.places["fusion"])
                counts = folder / lists.file_of(lists.assortment_of(pool), "candidates.npy")
                candidates = np.load(counts, allow_pickle=False)
                correction = prior_correction(candidates, config.fusion.negatives)
                return cls(lists.read_list(folder, pool, name), correction, at.cutoff.items)
        return cls(None, np.zeros(0, dtype=np.float32), at.cutoff.items)

    def log_odds(self, items: np.ndarray, rows: np.ndarray | slice) -> np.ndarray:
        """float64 [B, n] of the lists of some targets; all 0 without a ranker; an unlisted item has its row's lowest.

        Args:
            items: [B, n] item indices, -1 pads.
            rows: which targets.
        """
        if self.listed is None or not items.size:
            return np.zeros(items.shape)
        given, scores = (np.asarray(array[rows]) for array in self.listed)
        lowest = np.where(given >= 0, scores, np.inf).min(axis=1, initial=np.inf)
        row, column = np.nonzero(items >= 0)
        found = Listed.of(given, scores, self.width).at(row.astype(np.int64) * self.width + items[row, column])[1]
        odds = np.zeros(items.shape)
        odds[row, column] = np.where(np.isnan(found), np.where(np.isfinite(lowest), lowest, 0)[row], found)
        return np.asarray(odds + self.correction[rows][:, None])


@dataclass(frozen=True)
class Fitted:
    """What a window taught about one pool.

    Attributes:
        curve: of a pair, given that the user acts.
        acting: share of the users with a history who acted in the window.
    """

    curve: Calibration
    acting: float

    def to_json(self) -> dict[str, Any]:
        """For calibration.json."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any] | None) -> "Fitted | None":
        """The inverse of to_json; None stays None."""
        if content is None:
            return None
        curve = {name: tuple(values) for name, values in content["curve"].items()}
        return cls(Calibration(**curve), content["acting"])


def acting(fitted: Fitted | None, at: Applied, pool: lists.Pool, config: Config) -> np.ndarray:
    """float32 [U], that a user acts on anything in the pool; all 1 where nothing was learned."""
    model, cutoff = at.learned / f"{pool}.activity.txt", at.cutoff
    if fitted is None:
        return np.ones(cutoff.users, dtype=np.float32)
    if not model.is_file():
        return np.full(cutoff.users, fitted.acting, dtype=np.float32)
    odds = activity.log_odds(model, cutoff, config.threads).astype(np.float64)
    return np.asarray(logistic.sigmoid(odds).astype(np.float32))


@dataclass(frozen=True)
class Chances:
    """Makes the probabilities of one cut-off's final lists.

    Attributes:
        fitted: what was learned; None: nothing yet, an item's rate among all users stands for it.
        acting: float32 [U], see `acting`.
        targets: [T] user indices of the lists' rows.
        known: the log-odds.
        rates: float32 [I], see item_rates.
    """

    fitted: Fitted | None
    acting: np.ndarray
    targets: np.ndarray
    known: ListedOdds
    rates: np.ndarray

    @classmethod
    def of(cls, fitted: Fitted | None, acting: np.ndarray, at: Applied, pool: lists.Pool, config: Config) -> "Chances":
        """What a fold knows about the cut-off it is applied at."""
        rates = item_rates(at.cutoff, config.horizon_of(pool))
        return cls(fitted, acting, at.cutoff.targets(), ListedOdds.read(at, pool, config), rates)

    def of_lists(self, items: np.ndarray, block: slice) -> np.ndarray:
        """float32 [B, n] of the final lists of a block of targets: in 0..1, not rising along a row, 0 at pads."""
        if self.fitted is None:
            return falling(self.rates[items] if len(self.rates) else np.zeros(items.shape), items >= 0)
        rank = np.arange(1, items.shape[1] + 1)[None, :]
        given = self.fitted.curve.probability(self.known.log_odds(items, block), rank)
        return falling(given * self.acting[self.targets[block]][:, None], items >= 0)
