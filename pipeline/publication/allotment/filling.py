"""An assignment that keeps every limit, from prices that nearly do.

What is too much of a resource is taken back where it is missed least; then whoever has room takes, round by round, the
best that still fits. Nothing is given that a limit does not leave room for, so none is ever exceeded.
"""

from itertools import pairwise

import numpy as np

from pipeline.arrays.blocks import blocks
from pipeline.publication.allotment.problem import ROUNDING, Problem, respond, used, worth_of

ROUNDS = 100
"""How often what is left is offered at most."""
EQUAL = 1e-9
"""Assignments whose worths differ by no more of them are worth the same."""


def feasible(problem: Problem, prices: np.ndarray, given: np.ndarray | None) -> np.ndarray:
    """The assignment, bool [T, C]: of the two there are to begin with, what comes of the one that ends up worth more.

    Args:
        problem: what may be given.
        prices: [R + 1].
        given: bool [T, C], what is given to begin with, within the limits of each user; or None. The other, and of
            equals the better, as it goes by the order of a user's list, is what users take at the prices.
    """
    found = [_mended(problem, prices, begin) for begin in ([None] if given is None else [None, given])]
    worths = [worth_of(problem, chosen) for chosen in found]
    return found[-1] if worths[-1] > worths[0] * (1 + EQUAL) else found[0]


def _mended(problem: Problem, prices: np.ndarray, given: np.ndarray | None) -> np.ndarray:
    """The assignment that comes of one to begin with; arguments as `feasible`."""
    chosen = np.zeros(problem.items.shape, dtype=bool) if given is None else given.copy()
    missed = np.zeros(problem.items.shape, dtype=np.float32)
    for rows in problem.blocks():
        pairs = problem.pairs(rows)
        reduced = pairs.reduced(prices)
        taken, needed = respond(reduced, pairs.groups, problem.k, problem.per_group)
        if given is None:
            chosen[rows] = taken
        missed[rows] = np.where(chosen[rows], reduced - needed, 0)
    _take_back(problem, chosen, missed)
    _fill(problem, prices, chosen)
    return chosen


def _take_back(problem: Problem, chosen: np.ndarray, missed: np.ndarray) -> None:
    """Leave no more of a resource in use than there is, limit by limit."""
    for limit in range(len(problem.limits)):
        total = used(problem, chosen)
        over = total > problem.most * (1 + ROUNDING)
        over[: problem.starts[limit]] = over[problem.starts[limit + 1] :] = False
        if not over.any():
            continue
        found = [_using(problem, chosen, rows, limit, over) for rows in problem.blocks()]
        row, column, resource, use = (np.concatenate(parts) for parts in zip(*found, strict=True))
        keep = _fitting(resource, use, -missed[row, column] / np.maximum(use, np.finfo(np.float32).tiny), problem.most)
        chosen[row[~keep], column[~keep]] = False


def _using(
    problem: Problem, chosen: np.ndarray, rows: slice, limit: int, over: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Row, column, resource and use of what some users were given of some resources of a limit."""
    pairs = problem.pairs(rows)
    resources, uses = pairs.resources[limit], pairs.uses[limit]
    row, column = np.nonzero(chosen[rows] & over[resources] & (uses > 0))
    return row + rows.start, column, resources[row, column], uses[row, column]


def _fitting(resource: np.ndarray, use: np.ndarray, key: np.ndarray, left: np.ndarray) -> np.ndarray:
    """bool [N]: what fits, by ascending key, of equal ones the first; as soon as one does not, none after it does."""
    order = np.lexsort((np.arange(len(key)), key, resource))
    of, running = resource[order], use[order]
    ends = np.append(np.flatnonzero(of[1:] != of[:-1]) + 1, len(of))
    for start, stop in pairwise(np.append(0, ends)):  # each by itself: a sum over all would round small ones away
        running[start:stop] = np.cumsum(running[start:stop])
    fits = np.zeros(len(of), dtype=bool)
    fits[order] = running <= left[of] * (1 + ROUNDING)
    return fits


def _fill(problem: Problem, prices: np.ndarray, chosen: np.ndarray) -> None:
    """Give what is left, each round to every user who has room the best that fits, until nothing does."""
    left = problem.most - used(problem, chosen)
    users = np.arange(len(problem.items))
    for _ in range(ROUNDS):
        asking = [_asked(problem, prices, chosen, left, users[part]) for part in blocks(len(users), problem.block)]
        if not sum(len(part[0]) for part in asking):
            return
        users, column, value = (np.concatenate([part[n] for part in asking]) for n in range(3))
        resources, uses = (np.concatenate([part[n] for part in asking], axis=1) for n in (3, 4))
        keep = np.ones(len(users), dtype=bool)
        for of, use in zip(resources, uses, strict=True):
            keep[keep] = _fitting(of[keep], use[keep], -value[keep], left)
        chosen[users[keep], column[keep]] = True
        for of, use in zip(resources, uses, strict=True):
            np.subtract.at(left, of[keep], use[keep])


def _asked(
    problem: Problem, prices: np.ndarray, chosen: np.ndarray, left: np.ndarray, users: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """User and column of the best that some users could still be given, what it is worth after paying, and by limit,
    [L, N], its resource and use.
    """
    pairs, has = problem.pairs(users), chosen[users]
    can = (pairs.worth > -np.inf) & ~has & (has.sum(axis=1) < problem.k)[:, None]
    for resources, uses in zip(pairs.resources, pairs.uses, strict=True):
        can &= uses <= left[resources] * (1 + ROUNDING)
    held = np.zeros(has.shape, dtype=np.int64)
    for column in np.flatnonzero(has.any(axis=0)):
        held += has[:, column, None] & (pairs.groups == pairs.groups[:, column, None])
    can &= (pairs.groups < 0) | (held < problem.per_group)
    best = np.where(can, pairs.reduced(prices), -np.inf)
    column, row = best.argmax(axis=1), np.arange(len(users))
    there = can[row, column]
    row, column = row[there], column[there]
    return users[row], column, best[row, column], pairs.resources[:, row, column], pairs.uses[:, row, column]
