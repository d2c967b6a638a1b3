"""Closed-form linear item-item model on the decayed history. Source: Steck, WWW 2019, eq. 8.

Only the most popular `max_items` items by decayed history take part, so memory stays at max_items^2 x 4 bytes x 3 and
time at max_items^3. Pool `all` adds the user's own history, which the model itself must not use (its diagonal is zero).
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import PositiveFloat, PositiveInt

from pipeline.arrays.determinism import blas_threads
from pipeline.engine import Bound
from pipeline.features.read import Cutoff
from pipeline.ground.artifacts import Memo
from pipeline.ground.errors import TrainingError
from pipeline.settings.config import Config
from pipeline.settings.sections.base import Decay, RepeatingSection
from pipeline.sources.candidates import Score, make_parts, narrowed, reached, write_source
from pipeline.sources.contract import CandidateList, Source

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


class Ease(RepeatingSection):
    """Closed-form item-item linear model (Steck, WWW 2019), for catalogues that fit in memory."""

    values: Decay = "decay_30"
    """Column of the interactions the model is fitted on and applied to."""
    reg: PositiveFloat = 100.0
    """L2 weight on the item-item weights."""
    max_items: PositiveInt = 2000
    """Items that take part, by decayed history; memory grows with its square, time with its cube."""


SOURCE = Source(
    Ease,
    lists=(CandidateList("ease", "Item to item (EASE)"),),
)


def modelled_items(history: "csr_matrix", max_items: int) -> np.ndarray:
    """[M] ascending indices of the items with most decayed history, none without; ties go to the older item."""
    weight = np.asarray(history.sum(axis=0)).ravel()
    order = np.argsort(-weight, kind="stable")[:max_items]
    return np.sort(order[weight[order] > 0])


def item_weights(history: "csr_matrix", reg: float) -> np.ndarray:
    """Item-item weights B with a zero diagonal that minimise |X - XB|^2 + reg |B|^2.

    Args:
        history: X, [U, M] CSR float32.
        reg: L2 weight, > 0.
    Returns:
        [M, M] float32.
    Raises:
        TrainingError: the system has no solution in float32.
    """
    from scipy.linalg import lapack

    if history.shape[1] == 0:
        return np.zeros((0, 0), dtype=np.float32)
    gram = (history.T @ history).toarray().astype(np.float32, order="F")  # [M, M]
    np.fill_diagonal(gram, gram.diagonal() + np.float32(reg))
    factor, failed = lapack.spotrf(gram, lower=1, overwrite_a=1)
    inverse, singular = lapack.spotri(factor, lower=1, overwrite_c=1)
    if failed or singular or not (inverse.diagonal() > 0).all():
        raise TrainingError("ease: the item-item matrix is not positive definite: raise ease.reg")
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    weights = -inverse / inverse.diagonal()
    np.fill_diagonal(weights, 0)
    return np.ascontiguousarray(weights)


def scoring(history: "csr_matrix", items: np.ndarray, weights: np.ndarray) -> Score:
    """A function users [B] -> scores [B, I]; an item the model leaves out has 0."""
    known = history[:, items]  # [U, M]

    def score(users: np.ndarray) -> np.ndarray:
        scores = np.zeros((len(users), history.shape[1]), dtype=np.float32)
        scores[:, items] = known[users].toarray() @ weights
        return scores

    return score


def run(*, features: Path, config: Config, section: Ease, memo: Memo) -> dict[str, Any]:
    """Write the list `ease` of every cut-off."""

    def make(cutoff: Cutoff, previous: Path | None, folder: Path) -> None:
        among = reached(cutoff)
        history = narrowed(cutoff.matrix(section.values), among)
        items = modelled_items(history, section.max_items)
        with blas_threads(1):  # as fast as two here, and not slowed down by what runs beside
            weights = item_weights(history[:, items], section.reg)
            score = Bound(scoring, {"history": history, "items": items, "weights": weights})
            given: dict[str, Any] = {"above": 0.0, "threads": config.threads, "among": among}
            write_source(folder, "ease", cutoff, score, section=section, config=config, **given)

    return make_parts("ease", make, features=features, memo=memo, config=config)
