"""Scores turned into ranked lists, a block of users at a time, in this process or in others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from pipeline.engine import Arrays, Bound, Work
from pipeline.features.offers import Never
from pipeline.features.read import Cutoff
from pipeline.ground import lists
from pipeline.ground.errors import TrainingError
from pipeline.settings.sections.base import Decay
from pipeline.sources.shelves import Lists, Shelf

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

# Scores of a block of users against every item, in the cut-off's own item order: an array that may be written to, or a
# matrix whose absent entries are no candidates.
Score = Callable[[np.ndarray], "np.ndarray | csr_matrix"]  # [B] user indices -> [B, I] float32
Ranked = dict[lists.Kind, Lists]
Rank = Callable[[np.ndarray], Ranked]  # [B] user indices -> lists by kind of pool, of one assortment
Own = tuple[Decay, float]
"""A column of the interactions, and what it weighs, that is added to the scores of what a user has had."""
RankAll = Callable[[np.ndarray], dict[lists.Pool, Lists]]  # the same of every assortment, by pool


def narrowed(matrix: "csr_matrix", among: np.ndarray | None) -> "csr_matrix":
    """Some columns [N, K] of a CSR matrix [N, I]; None: all."""
    return matrix if among is None else matrix[:, among]


@dataclass(frozen=True)
class Scored(Work):
    """Ranks blocks of targets by their scores; the attributes are arguments of `write_candidates`."""

    name: str
    cutoff: Cutoff
    score: Bound[Score]
    n: int
    kinds: tuple[lists.Kind, ...]
    own: Own | None
    above: float
    among: Bound[np.ndarray | None]

    @property
    def pools(self) -> list[lists.Pool]:
        """The pools, in the order in which a block's arrays come."""
        return [lists.pool_of(of, kind) for of in self.cutoff.assortments() for kind in self.kinds]

    def share(self, folder: Path) -> Self:
        """See Work.share: the model's arrays."""
        for name in ("model", "items"):
            (folder / name).mkdir()
        score, among = self.score.share(folder / "model"), self.among.share(folder / "items")
        return replace(self, score=score, among=among)

    def open(self, threads: int) -> Callable[[slice], Arrays]:
        """A function of a block of targets: items and scores [B, n] of each pool."""
        rank, targets, pools = self.rank(), self.cutoff.targets(), self.pools

        def make(block: slice) -> Arrays:
            found = rank(targets[block])
            return tuple(array for pool in pools for array in found[pool])

        return make

    def rank(self) -> RankAll:
        """A function of users that ranks in every pool."""
        cutoff, n, above = self.cutoff, self.n, self.above
        score, among = self.score.call(), self.among.call()
        own = _weighed(cutoff, self.own) if self.own is not None and cutoff.repeats else None
        never, shelves = Never.read(cutoff), _shelves(cutoff, self.kinds, own, among)

        def rank(users: np.ndarray) -> dict[lists.Pool, Lists]:
            forbidden, found = narrowed(never.of(users), among), score(users)
            if not isinstance(found, np.ndarray):
                if own is None and self.kinds == ("all",):
                    return {s.pool("all"): s.listed_sparse(_without(found, forbidden), n, above) for s in shelves}
                found = found.toarray()
            scores = found.astype(np.float32, copy=found.base is not None or not found.flags.writeable)  # [B, I]
            scores[forbidden.nonzero()] = -np.inf
            try:
                return {pool: made for shelf in shelves for pool, made in shelf.listed(scores, users, n, above).items()}
            except FloatingPointError:
                raise TrainingError(f"{cutoff.folder}: list '{self.name}' has a score that is not a number") from None

        return rank


def _weighed(cutoff: Cutoff, own: Own) -> "csr_matrix":
    """[U, I] what is added to the scores of a user's own items."""
    values, weight = own
    matrix = cutoff.matrix(values)
    matrix.data *= np.float32(weight)
    return matrix


def _shelves(
    cutoff: Cutoff, kinds: Sequence[lists.Kind], own: "csr_matrix | None", among: np.ndarray | None
) -> list[Shelf]:
    """Every assortment's, for pools of some kinds; `own` is added where repeats are allowed."""
    changing = {"all": own, "new": cutoff.matrix("count") if "new" in kinds else None}
    wanted = {kind: changing[kind] for kind in kinds}
    return [Shelf.of(*one, wanted, among) for one in cutoff.assortments().items()]


def _without(scores: "csr_matrix", never: "csr_matrix") -> "csr_matrix":
    """Scores without the pairs of `never`: as 0, which no sparse source lists."""
    return scores - scores.multiply(never) if never.nnz else scores
