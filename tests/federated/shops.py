"""Three small branches of one shop: customers of two tastes, and what all of them would be in one log."""

import numpy as np
from scipy.sparse import csr_matrix, vstack

from pipeline.federated.branch import Branch
from pipeline.federated.fit import Shape

CUTOFFS = ("2024-01-07", "2024-01-14")
SHAPE = Shape(factors=5, reg=2.0, iterations=4, warm_iterations=2, seed=3)
ITEMS = 14


def matrix(users: int, seed: int, density: float = 0.3) -> csr_matrix:
    """[users, ITEMS] CSR float32 confidences of random pairs; nobody has the last item."""
    rng = np.random.default_rng(seed)
    dense = rng.random((users, ITEMS)) < density
    dense[:, -1] = False
    return csr_matrix(dense * (0.05 + 3 * rng.random(dense.shape)), dtype=np.float32)


def older(later: csr_matrix, seed: int) -> csr_matrix:
    """A part of a matrix, as it was a week before."""
    found = later.copy()
    found.data[np.random.default_rng(seed).random(found.nnz) < 0.4] = 0
    found.eliminate_zeros()
    return found


def histories() -> list[dict[str, csr_matrix]]:
    """Of each branch its confidences by cut-off."""
    latest = [matrix(users, seed) for seed, users in enumerate((30, 11, 6))]
    return [{CUTOFFS[0]: older(one, seed), CUTOFFS[1]: one} for seed, one in enumerate(latest)]


def branches() -> list[Branch]:
    """Anew, before any fit."""
    return [Branch(history, SHAPE.reg) for history in histories()]


def pooled() -> dict[str, csr_matrix]:
    """By cut-off, what a shop with all the logs would have."""
    return {cutoff: csr_matrix(vstack([history[cutoff] for history in histories()])) for cutoff in CUTOFFS}
