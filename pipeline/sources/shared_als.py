"""The factorisation on a cluster: each side is independent solves of its rows, which the executors share.

With the other side's factors given, a row's factors are a system of equations of its own (Hu, Koren & Volinsky, ICDM
2008, eq. 4); all rows share the Gram matrix of the other side. So a side is one job of blocks of rows, solved by the
same function of implicit as on one machine, to the same bits.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from pipeline.arrays.determinism import blas_threads
from pipeline.arrays.factorisation import require_finite
from pipeline.engine import Arrays, Bound, Work, map_blocks
from pipeline.settings.config import Config

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

ENOUGH_PAIRS = 10_000_000
"""Fewer pairs are factorised sooner in one process than the jobs of a cluster are started."""
ROWS = 2**14
"""Rows solved at a time: each block makes the Gram matrix of the other side."""
CG_STEPS = 3
"""Steps of a row's conjugate gradient, as implicit's class has them."""


def pays(matrix: "csr_matrix", config: Config) -> bool:
    """Whether a cluster should share the factorisation of a matrix."""
    return config.engine != "local" and matrix.nnz >= ENOUGH_PAIRS


def factorise(
    matrix: "csr_matrix", item_factors: np.ndarray, iterations: int, reg: float, *, config: Config, folder: Path
) -> tuple[np.ndarray, np.ndarray]:
    """arrays.factorisation.factorise by the executors.

    Args:
        matrix, item_factors, iterations, reg: as there.
        config: the engine.
        folder: an existing folder that all machines see.
    """
    users = np.zeros((matrix.shape[0], item_factors.shape[1]), dtype=np.float32)
    items = item_factors
    with tempfile.TemporaryDirectory(prefix=".sides-", dir=folder) as name:
        sides = [Path(name) / side for side in ("users", "items")]
        for side in sides:
            side.mkdir()
        of_users = Bound(_itself, {"value": matrix}).share(sides[0])
        of_items = Bound(_itself, {"value": matrix.T.tocsr()}).share(sides[1])
        for _ in range(iterations if matrix.nnz else 0):
            users = _solved("users", Solved(of_users, _value(users), _value(items), reg), config, folder)
            items = _solved("items", Solved(of_items, _value(items), _value(users), reg), config, folder)
    require_finite(users, items)
    return users, items


def _itself(value: "csr_matrix | np.ndarray") -> "csr_matrix | np.ndarray":
    return value


def _value(array: np.ndarray) -> "Bound[csr_matrix | np.ndarray]":
    return Bound(_itself, {"value": array})


@dataclass(frozen=True)
class Solved(Work):
    """Solves blocks of one side's rows.

    Attributes:
        matrix: [R, C] CSR confidences of that side's rows.
        mine: [R, d] its factors before, from which each row's solver starts.
        theirs: [C, d] the other side's.
        reg: L2 weight.
    """

    matrix: "Bound[csr_matrix | np.ndarray]"
    mine: "Bound[csr_matrix | np.ndarray]"
    theirs: "Bound[csr_matrix | np.ndarray]"
    reg: float

    def share(self, folder: Path) -> Self:
        """See Work.share: both sides' factors; the matrix was written down before."""
        given = {}
        for name in ("mine", "theirs"):
            (folder / name).mkdir()
            given[name] = getattr(self, name).share(folder / name)
        return replace(self, **given)

    def open(self, threads: int) -> Callable[[slice], Arrays]:
        """A function of a block of rows: their factors [B, d]."""
        from implicit.cpu._als import least_squares_cg

        matrix, mine = self.matrix.call(), self.mine.call()
        theirs = np.array(self.theirs.call())  # the solver wants memory that it could write to

        def make(block: slice) -> Arrays:
            found = np.array(mine[block])
            with blas_threads(1):
                least_squares_cg(_rows(matrix, block), found, theirs, self.reg, num_threads=threads, cg_steps=CG_STEPS)
            return (found,)

        return make


def _rows(matrix: "csr_matrix", block: slice) -> "csr_matrix":
    """Some rows of a matrix, in memory of their own."""
    from scipy.sparse import csr_matrix

    rows = matrix[block]
    arrays = (np.array(rows.data), np.array(rows.indices), np.array(rows.indptr))
    return csr_matrix(arrays, shape=rows.shape)


def _solved(side: str, work: Solved, config: Config, folder: Path) -> np.ndarray:
    matrix = work.matrix.call()
    made = map_blocks(f"als {side}", work, matrix.shape[0], config, folder, size=ROWS)
    return np.concatenate([factors for _, (factors,) in made])
