"""Implicit-feedback matrix factorisation as a function of arrays.

Source: Hu, Koren & Volinsky, ICDM 2008; solver: Takacs, Pilaszy & Tikk, RecSys 2011 (conjugate gradient), by implicit.
"""

from typing import TYPE_CHECKING

import numpy as np

from pipeline.arrays.determinism import blas_threads
from pipeline.ground.errors import TrainingError

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


def factorise(
    matrix: "csr_matrix", item_factors: np.ndarray, iterations: int, reg: float, threads: int
) -> tuple[np.ndarray, np.ndarray]:
    """Alternate between users and items.

    Args:
        matrix: [U, I] CSR float32 confidences, > 0.
        item_factors: [I, d] float32 to start from; changed in place.
        iterations: how often both sides are solved.
        reg: L2 weight, > 0.
        threads: CPU threads.
    Returns:
        user_factors [U, d], item_factors [I, d], float32; a row without interactions is zero.
    Raises:
        TrainingError: a factor is not finite.
    """
    from implicit.cpu.als import AlternatingLeastSquares
    from implicit.recommender_base import ModelFitError

    with blas_threads(1):  # implicit threads over rows itself
        model = AlternatingLeastSquares(
            factors=item_factors.shape[1], regularization=reg, alpha=1.0, iterations=iterations, num_threads=threads
        )
        model.user_factors = np.zeros((matrix.shape[0], item_factors.shape[1]), dtype=np.float32)
        model.item_factors = item_factors
        try:
            if matrix.nnz:
                model.fit(matrix, show_progress=False)
        except ModelFitError:
            model.item_factors[:] = np.nan
    require_finite(model.user_factors, model.item_factors)
    return model.user_factors, model.item_factors


def require_finite(*factors: np.ndarray) -> None:
    """Raise TrainingError where a factor is not finite."""
    if not all(np.isfinite(side).all() for side in factors):
        raise TrainingError("als: a factor is not finite: raise als.reg or lower als.alpha")
