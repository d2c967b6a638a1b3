"""The allotment of some users as a linear programme, which HiGHS solves."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.arrays.blocks import blocks
from pipeline.ground.errors import PipelineError
from pipeline.publication.allotment.problem import Problem

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class Solved:
    """The optimum of a linear programme.

    Attributes:
        prices: [R + 1] float64, what a little more of each resource would be worth.
        rows, columns: [P] of each pair that may be given.
        shares: [P] how much of it is given, 0 to 1; a vertex, so that few are between.
    """

    prices: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    shares: np.ndarray


def solve(problem: Problem, users: np.ndarray, most: np.ndarray) -> Solved:
    """Solve it for some users.

    Args:
        problem: the whole one.
        users: [N] rows of the users, ascending.
        most: [R + 1] how much they may use of each resource.
    Raises:
        PipelineError: HiGHS finds no optimum.
    """
    from scipy.optimize import linprog  # half a second, which a night without limits does not need
    from scipy.sparse import vstack

    row, column, worth, groups, resources, uses = _given(problem, users)
    prices = np.zeros(len(most))
    if not len(row):
        return Solved(prices, users[row], column, np.zeros(0))
    use, binding = _uses(resources, uses, most)
    own, caps = _of_users(row, groups, problem)
    found = linprog(
        -worth,
        A_ub=vstack([use, own], format="csr"),
        b_ub=np.concatenate([most[binding], caps]),
        bounds=(0, 1),
        method="highs-ds",  # a vertex: with counts alone nothing of it is between 0 and 1
    )
    if found.x is None:
        raise PipelineError(f"an allotment of {len(row)} pairs has no optimum: {found.message}")
    prices[binding] = np.maximum(-found.ineqlin.marginals[: len(binding)], 0)
    return Solved(prices, users[row], column, found.x)


def _given(problem: Problem, users: np.ndarray) -> tuple[np.ndarray, ...]:
    """Place among the users, column, worth and group of what may be given, [P], resources and uses, [L, P]."""
    found = []
    for part in blocks(len(users), problem.block):
        pairs = problem.pairs(users[part])
        row, column = np.nonzero(pairs.worth > -np.inf)
        of_limits = pairs.resources[:, row, column], pairs.uses[:, row, column]
        found.append((row + part.start, column, pairs.worth[row, column], pairs.groups[row, column], *of_limits))
    if not found:
        return tuple(np.zeros(shape, dtype=np.int64) for shape in (*[0] * 4, *[(len(problem.limits), 0)] * 2))
    return tuple(np.concatenate(arrays, axis=-1) for arrays in zip(*found, strict=True))


def _uses(resources: np.ndarray, uses: np.ndarray, most: np.ndarray) -> "tuple[csr_matrix, np.ndarray]":
    """One row for each resource that all pairs together would use too much of, and which these are."""
    from scipy.sparse import csr_matrix

    pairs = np.broadcast_to(np.arange(resources.shape[1]), resources.shape)
    total = np.bincount(resources.ravel(), weights=uses.ravel(), minlength=len(most))
    binding = np.flatnonzero(total > most)
    place = np.full(len(most), -1)
    place[binding] = np.arange(len(binding))
    at = place[resources]
    kept = at >= 0
    size = (len(binding), resources.shape[1])
    return csr_matrix((uses[kept], (at[kept], pairs[kept])), shape=size), binding


def _of_users(users: np.ndarray, groups: np.ndarray, problem: Problem) -> "tuple[csr_matrix, np.ndarray]":
    """One row for each user, and user and group, with more pairs than may be given; and how many may be."""
    from scipy.sparse import vstack

    grouped = np.flatnonzero(groups >= 0)
    keys = users[grouped] * (int(groups.max(initial=0)) + 1) + groups[grouped]
    every = np.arange(len(users))
    parts = [_counted(users, every, problem.k, len(users)), _counted(keys, grouped, problem.per_group, len(users))]
    sizes = (part.shape[0] for part in parts)
    return vstack(parts, format="csr"), np.repeat([problem.k, problem.per_group], list(sizes)).astype(np.float64)


def _counted(keys: np.ndarray, pairs: np.ndarray, most: int, width: int) -> "csr_matrix":
    """One row of ones for each key that more than `most` pairs have."""
    from scipy.sparse import csr_matrix

    _, code, count = np.unique(keys, return_inverse=True, return_counts=True)
    many = count > most
    place = np.cumsum(many) - 1
    kept = many[code]
    ones = np.ones(int(kept.sum()))
    return csr_matrix((ones, (place[code[kept]], pairs[kept])), shape=(int(many.sum()), width))
