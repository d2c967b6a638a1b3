"""What a branch computes of its own users, and the sums over them that leave it.

A user's factors are solved here and stay here. Items need of them, for each item i and any direction p_i that is asked
for, the sums over the branch's users

    pull_i = sum_u (c_ui - (c_ui - 1) x_u.y_i) x_u        of where the items' factors y_i stand
    push_i = sum_u (c_ui - 1) (x_u.p_i) x_u               of a direction of the conjugate gradient

and the Gram matrix sum_u x_u x_u'. Added up over the branches they are what one shop with all logs would have computed,
so the fit is the pooled one up to the rounding of sums. The matrices sum_u (c_ui - 1) x_u x_u' would do as well, and in
one exchange instead of four; at 256 factors they are 128 times as long, and tell more of each item's customers.
Source: Hu, Koren & Volinsky, ICDM 2008, eq. 4 and 5; Takacs, Pilaszy & Tikk, RecSys 2011 (conjugate gradient).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from pipeline.arrays.blocks import blocks, rows_for
from pipeline.arrays.determinism import blas_threads
from pipeline.ground.errors import InputError

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Step = Literal["begin", "go_on"]
"""What is asked: the sums of where the items stand, once their users are solved anew; or those of a direction."""
Arrays = dict[str, np.ndarray]
CG_STEPS = 3
"""Steps of a row's conjugate gradient, as implicit's class has them."""
CELLS = 2**22
"""Numbers that a block of pairs has at a time, per side."""
LONGEST = 4096
"""More factors are nothing that a fit asks for."""


def solve_users(matrix: "csr_matrix", users: np.ndarray, items: np.ndarray, reg: float, threads: int) -> np.ndarray:
    """[U, d] float32 factors of the users, from those of the iteration before.

    Args:
        matrix: [U, I] CSR float32 confidences, > 0; an absent pair has confidence 1 in "no".
        users: [U, d] float32.
        items: [I, d] float32.
        reg: L2 weight, > 0.
        threads: CPU threads.
    """
    from implicit.cpu._als import least_squares_cg

    found = np.array(users)
    with blas_threads(1):  # implicit threads over rows itself
        least_squares_cg(matrix, found, np.array(items), reg, num_threads=threads, cg_steps=CG_STEPS)
    return found


def pull(matrix: "csr_matrix", users: np.ndarray, items: np.ndarray) -> np.ndarray:
    """[I, d] float32 sum of (c - (c - 1) x.y) x over the users of each item; see the module."""
    return _summed(matrix, users, matrix.data - (matrix.data - 1) * _products(matrix, users, items))


def push(matrix: "csr_matrix", users: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """[I, d] float32 sum of (c - 1) (x.p) x over the users of each item; see the module."""
    return _summed(matrix, users, (matrix.data - 1) * _products(matrix, users, direction))


def _products(matrix: "csr_matrix", users: np.ndarray, items: np.ndarray) -> np.ndarray:
    """[N] float32 x.y of each pair, in the matrix's order."""
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    found = np.empty(matrix.nnz, dtype=np.float32)
    for part in blocks(matrix.nnz, rows_for(users.shape[1], CELLS)):
        found[part] = np.einsum("nd,nd->n", users[row[part]], items[matrix.indices[part]])
    return found


def _summed(matrix: "csr_matrix", users: np.ndarray, weights: np.ndarray) -> np.ndarray:
    from scipy.sparse import csr_matrix

    weighted = csr_matrix((weights, matrix.indices, matrix.indptr), shape=matrix.shape)
    return np.asarray((weighted.T.astype(np.float64) @ users).astype(np.float32))


def often_enough(matrix: "csr_matrix", fewest: int) -> "csr_matrix":
    """The matrix without the items that fewer than `fewest` of its users have."""
    from scipy.sparse import csr_matrix

    if fewest <= 1:
        return matrix
    kept = (np.bincount(matrix.indices, minlength=matrix.shape[1]) >= fewest)[matrix.indices]
    counts = np.add.reduceat(np.append(kept, False), matrix.indptr[:-1]) * (np.diff(matrix.indptr) > 0)
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(matrix.indptr.dtype)
    return csr_matrix((matrix.data[kept], matrix.indices[kept], indptr), shape=matrix.shape)


@dataclass
class Branch:
    """A branch in a fit: the users' side, which no other part of the program sees.

    Attributes:
        matrices: [U, I] CSR float32 confidences of each cut-off, the columns the shared items.
        reg: L2 weight, > 0.
        threads: CPU threads.
        cutoff: the cut-off that the users' factors are of; "" before the first.
        users: [U, d] factors of the users, which stay.
    """

    matrices: Mapping[str, "csr_matrix"]
    reg: float
    threads: int = 1
    cutoff: str = ""
    users: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))

    def answer(self, step: Step, cutoff: str, items: np.ndarray) -> Arrays:
        """The sums that leave the branch.

        Args:
            step: "begin" solves the users anew; "go_on" asks for a direction's sums with the users as they are.
            cutoff: of which history.
            items: [I, d] float32 the items' factors, or a direction.
        Returns:
            "begin": `pull` [I, d] and `gram` [d, d]; "go_on": `push` [I, d]; float32.
        Raises:
            InputError: what is asked is no step of a fit.
        """
        matrix = self._matrix(cutoff)
        require_factors(items, matrix.shape[1], "the server")
        if step == "begin":
            start = self.users if (self.cutoff, self.users.shape[1]) == (cutoff, items.shape[1]) else None
            shape = (matrix.shape[0], items.shape[1])
            before = np.zeros(shape, dtype=np.float32) if start is None else start
            self.users = solve_users(matrix, before, items, self.reg, self.threads)
            self.cutoff = cutoff
            with blas_threads(1):
                return {"pull": pull(matrix, self.users, items), "gram": self.users.T @ self.users}
        if step != "go_on" or self.cutoff != cutoff or self.users.shape[1] != items.shape[1]:
            raise InputError(
                f"the server asks for '{step}' of {cutoff}, before a step 'begin' of it: run the fit again"
            )
        return {"push": push(matrix, self.users, items)}

    def _matrix(self, cutoff: str) -> "csr_matrix":
        if cutoff not in self.matrices:
            raise InputError(
                f"the server asks for the cut-off {cutoff}, which this branch's night does not have: all branches need "
                "the same run date, horizon_days, refresh_days and tuning_days"
            )
        return self.matrices[cutoff]


def require_factors(items: np.ndarray, rows: int, whose: str) -> None:
    """Raise InputError where what comes from outside is no [I, d] float32 array of a fit."""
    if items.dtype != np.float32 or items.ndim != 2 or items.shape[0] != rows or not 1 <= items.shape[1] <= LONGEST:
        raise InputError(
            f"{whose} sent an array {items.dtype} {list(items.shape)} for the factors of {rows} items: it runs another "
            "version of this program, or is not what it says"
        )
    if not np.isfinite(items).all():
        raise InputError(f"{whose} sent factors that are not finite: raise als.reg")
