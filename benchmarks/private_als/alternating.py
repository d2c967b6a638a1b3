"""The papers' way to private item factors, beside the pipeline's: users and items in turn, with noise in every turn.

A user's factors are solved from that user's own history and the items' factors. What goes from users to items are sums
over users: per item the vector sum_u w_ui x_u, and one Gram matrix sum_u x_u x_u'. A user's part in them is bounded
(|w_u| <= 1 over all the user's items, |x_u| <= 1), so that the whole history of a user moves each by at most 1 in
length, and Gaussian noise hides it. The rest is made of the noised sums, and costs nothing.

Weights are bounded where the budget is best spent: w_ui is a decayed history times (noised count of the item) to minus
`tail`, of which the `contributions` largest of each user are kept and made one unit long. So what is rarely bought gets
more of each buyer's part than what everybody has.
Source: Chien, Jain, Krichene, Rendle, Song, Thakurta & Zhang, ICML 2021 (private alternating least squares); Krichene,
Jain, Song, Sundararajan, Thakurta & Zhang, ICML 2023 (weights by noised counts). Unlike theirs the weights of what was
seen are in the users' systems only, not in the items': per item a vector is released, and no matrix.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.arrays.determinism import blas_threads
from pipeline.arrays.private_moments import LEAST, Normal, bounded, counted, user_factors

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class Budget:
    """Standard deviations of the noise of each release, where a user moves it by at most 1; 0: no noise.

    Attributes:
        counts: of the items' counts, released once.
        gram: of each iteration's Gram matrix.
        sums: of each iteration's sums per item.
    """

    counts: float
    gram: float
    sums: float


@dataclass(frozen=True)
class Shape:
    """What a fit looks like.

    Attributes:
        factors: d, length of the vectors.
        iterations: how often both sides are solved.
        reg: L2 weight of the users' side.
        item_reg: of the items' side.
        contributions: items of a user that count for others.
        tail: power by which rare items get more of a user's part, >= 0.
        seed: of the numbers that a fit starts from, which are no secret.
    """

    factors: int
    iterations: int
    reg: float
    item_reg: float
    contributions: int
    tail: float
    seed: int


def of_length_one(users: np.ndarray) -> np.ndarray:
    """[U, d] float64 rows made one unit long; a row of zeros stays."""
    wide = users.astype(np.float64)
    length = np.linalg.norm(wide, axis=1, keepdims=True)
    return np.asarray(wide / np.where(length > 0, length, 1))


def sums_for_items(weights: "csr_matrix", users: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What goes from users to items, before noise: one user moves each of the two by at most 1 in length.

    Args:
        weights: [U, I] CSR, rows at most 1 long.
        users: [U, d], rows at most 1 long.
    Returns:
        Gram matrix [d, d] (length: Frobenius), sums [I, d].
    """
    return users.T @ users, np.asarray(weights.T @ users)


def not_negative(symmetric: np.ndarray) -> np.ndarray:
    """The nearest matrix without negative eigenvalues: what a Gram matrix was before its noise had none either."""
    values, vectors = np.linalg.eigh(symmetric)
    return np.asarray((vectors * np.maximum(values, 0)) @ vectors.T)


def shrunk(sums: np.ndarray, deviation: float) -> np.ndarray:
    """Rows as long as they would be without noise, as far as the noise lets one know; a row of mere noise is zero.

    Source: James & Stein, 1961, positive part.
    """
    squared = np.einsum("id,id->i", sums, sums)
    expected = deviation**2 * sums.shape[1]
    return np.asarray(sums * np.maximum(0, 1 - expected / np.maximum(squared, 1e-300))[:, None])


def item_factors(history: "csr_matrix", shape: Shape, budget: Budget, noise: Normal, threads: int) -> np.ndarray:
    """Alternate between users and items, from random items; what is returned is private.

    Args:
        history: [U, I] CSR float32 confidences, > 0.
        shape: of the fit.
        budget: of its noise.
        noise: where it comes from.
        threads: CPU threads.
    Returns:
        [I, d] float32.
    """
    counts = counted(history, shape.contributions) + budget.counts * noise.normal(history.shape[1])
    weights = history.copy()
    weights.data = weights.data * np.maximum(counts, max(budget.counts, LEAST))[weights.indices] ** -shape.tail
    weights = bounded(weights, shape.contributions)
    rng = np.random.default_rng(shape.seed)
    items = rng.standard_normal((history.shape[1], shape.factors)) / np.sqrt(shape.factors)
    for _ in range(shape.iterations):
        users = of_length_one(user_factors(history, items, shape.reg, threads))
        with blas_threads(1):
            gram, sums = sums_for_items(weights, users)
            gram = not_negative(gram + budget.gram * noise.symmetric(shape.factors))
            sums = shrunk(sums + budget.sums * noise.normal(*sums.shape), budget.sums)
            items = np.linalg.solve(gram + shape.item_reg * np.eye(shape.factors), sums.T).T
            items /= max(float(np.sqrt(np.mean(np.einsum("id,id->i", items, items)))), 1e-12)
    return np.asarray(items, dtype=np.float32)
