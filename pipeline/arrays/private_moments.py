"""Item factors from noised second moments of what users have: what a factorisation may know of people in private.

Each user gives one vector of bounded length, |a_u| <= 1, whatever the user did. The sum of a_u a_u' over the users is
all that a linear factorisation learns of them, and a whole person moves it by at most 1 in Frobenius' norm. It is
released once, with Gaussian noise; its leading eigenvectors are the items' factors, and cost nothing more. Eigenvalues
that noise alone could have made are left out, and the others are brought back to where they were without it.

Two things are noised before it, at a small share of the budget: how many users have each item. They say which items
take part, as every item more adds noise to all, and how a user's vector is weighted: a decayed history times the count
to minus `tail`, so that a user's bounded part goes to what is rare rather than to what everybody has.
Source: Dwork, Talwar, Thakurta & Zhang, STOC 2014 (noised second moments); Krichene et al., ICML 2023 (weights by
noised counts); Capitaine, Donati-Martin & Feral, Annals of Probability 2009 (eigenvalues beside noise).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from pipeline.arrays.blocks import indptr_of

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

LEAST = 0.05
"""A count that is no less, where there is no noise: an item that nobody has is divided by it."""


class Normal(Protocol):
    """Where noise comes from: pipeline.privacy.noise."""

    def normal(self, *shape: int) -> np.ndarray:
        """Independent standard normal numbers."""

    def symmetric(self, size: int) -> np.ndarray:
        """A symmetric matrix of them, variance 1/2 beside the diagonal."""


@dataclass(frozen=True)
class Bounds:
    """How much of a user others may learn from, and of how much.

    Attributes:
        contributions: items of a user that count for others.
        items: M, how many items take part, by noised counts.
        factors: d, at most so many eigenvectors are kept.
        tail: power by which rare items get more of a user's part, >= 0.
        damping: users at which an eigenvector counts half as much as one that everybody shares.
    """

    contributions: int
    items: int
    factors: int
    tail: float
    damping: float


@dataclass(frozen=True)
class Deviations:
    """Standard deviations of the noise of each release, where a user moves it by at most 1; 0: no noise.

    Attributes:
        counts: of the items' counts.
        moments: of the second moments.
    """

    counts: float
    moments: float


def bounded(matrix: "csr_matrix", most: int) -> "csr_matrix":
    """Each row's largest values, made one unit long.

    Args:
        matrix: [U, I] CSR, >= 0.
        most: values kept of a row; of equal ones the lower column.
    Returns:
        [U, I] CSR float64; a row is 1 in length, or empty.
    """
    from scipy.sparse import csr_matrix

    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    order = np.lexsort((matrix.indices, -matrix.data, row))
    kept = np.zeros(matrix.nnz, dtype=bool)
    kept[order[np.arange(matrix.nnz) - matrix.indptr[row[order]] < most]] = True
    kept &= matrix.data > 0
    values = matrix.data[kept].astype(np.float64)
    length = np.sqrt(np.bincount(row[kept], values**2, minlength=matrix.shape[0]))
    indptr = indptr_of(np.bincount(row[kept], minlength=matrix.shape[0]))
    return csr_matrix((values / length[row[kept]], matrix.indices[kept], indptr), shape=matrix.shape)


def counted(history: "csr_matrix", most: int) -> np.ndarray:
    """[I] how many users have each item, each user 1 in length: k items of a user count 1 / sqrt(k) each.

    Args:
        history: [U, I] CSR, >= 0; the largest values of a row are its items.
        most: items kept of a user.
    """
    kept = bounded(history, most)
    number = np.diff(kept.indptr)
    return np.bincount(kept.indices, np.repeat(number, number) ** -0.5, minlength=history.shape[1])


def second_moments(weights: "csr_matrix") -> np.ndarray:
    """[M, M] float64, the sum of a_u a_u' over the users; rows a_u of `weights` [U, M] are at most 1 long."""
    return np.asarray((weights.T @ weights).toarray())


def beside_noise(eigenvalues: np.ndarray, deviation: float, size: int) -> np.ndarray:
    """What eigenvalues were before noise; 0 where the noise alone could have made them.

    Args:
        eigenvalues: of the noised matrix [size, size].
        deviation: of the noise on its diagonal; beside it 1 / sqrt(2) of that.
        size: M.
    """
    edge = deviation * np.sqrt(2 * size)  # where the semicircle of the noise's own eigenvalues ends
    found = np.maximum(eigenvalues, edge)
    return np.where(eigenvalues > max(edge, 1e-9), (found + np.sqrt(found**2 - edge**2)) / 2, 0)


def item_factors(history: "csr_matrix", bounds: Bounds, deviations: Deviations, noise: Normal) -> np.ndarray:
    """Items' factors that are private: all that they know of a person went through noise.

    Args:
        history: [U, I] CSR float32 decayed histories, >= 0.
        bounds: see there.
        deviations: of the noise.
        noise: where it comes from.
    Returns:
        [I, d'] float32, d' <= d and at least 1; an item that takes no part is zero. Of those that do the mean squared
        length is 1, or all are zero where nothing rises above the noise.
    """
    from scipy.linalg import eigh

    counts = counted(history, bounds.contributions) + deviations.counts * noise.normal(history.shape[1])
    head = np.sort(np.argsort(-counts, kind="stable")[: bounds.items])
    scale = np.maximum(counts[head], max(deviations.counts, LEAST)) ** -bounds.tail
    weights = history[:, head].tocsr()
    weights.data = weights.data * scale[weights.indices]
    size = len(head)
    moments = second_moments(bounded(weights, bounds.contributions)) + deviations.moments * noise.symmetric(size)
    found, vectors = eigh(moments, subset_by_index=(max(0, size - bounds.factors), size - 1))
    strength = beside_noise(found[::-1], deviations.moments, size)
    kept = max(1, int(np.count_nonzero(strength)))
    strength, vectors = strength[:kept], _upright(vectors[:, ::-1][:, :kept])
    factors = np.zeros((history.shape[1], kept), dtype=np.float32)
    factors[head] = vectors * np.sqrt(strength / (strength + bounds.damping))
    length = float(np.sqrt(np.einsum("id,id->", factors, factors, dtype=np.float64) / size))
    return factors / np.float32(length) if length > 0 else factors


def _upright(vectors: np.ndarray) -> np.ndarray:
    """Eigenvectors with the sign that makes their sum positive, as theirs is chance."""
    return np.asarray(vectors * np.where(vectors.sum(axis=0) < 0, -1.0, 1.0))


def user_factors(matrix: "csr_matrix", items: np.ndarray, reg: float, threads: int) -> np.ndarray:
    """[U, d] float32 factors of users, each of nothing but their own history and the items' factors.

    Args:
        matrix: [U, I] CSR float32 confidences, > 0; an absent pair has confidence 1 in "no".
        items: [I, d] float32.
        reg: L2 weight, > 0.
        threads: CPU threads.
    Source: Hu, Koren & Volinsky, ICDM 2008, eq. 4; solved exactly, by implicit.
    """
    from implicit.cpu._als import least_squares

    from pipeline.arrays.determinism import blas_threads

    users = np.zeros((matrix.shape[0], items.shape[1]), dtype=np.float32)
    with blas_threads(1):  # implicit threads over rows itself
        least_squares(matrix, users, np.ascontiguousarray(items, dtype=np.float32), reg, num_threads=threads)
    return users
