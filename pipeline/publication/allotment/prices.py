"""The prices at which what users take fits the limits, as nearly as prices can make it.

Up to LARGEST pairs the whole is one linear programme. Of more users a sample is, with a like share of each resource;
from its prices all users are gone through again and again. Each time every resource's price is looked for at which
what is taken of it fits, the other prices as they are, and all prices go towards these as far as the bound falls (the
coordinate descent of Zhang et al., Solving Billion-Scale Knapsack Problems, WWW 2020, with a step that is held to the
bound: where each coordinate alone lowers a convex function, a small enough step along all of them does).
"""

from dataclasses import dataclass

import numpy as np

from pipeline.arrays.blocks import blocks
from pipeline.publication.allotment import linear
from pipeline.publication.allotment.problem import Problem, priced, respond

LARGEST = 120_000
"""Pairs of one linear programme: seconds of HiGHS."""
PASSES = 25
"""How often all users are gone through at most."""
BINS = 64
"""Parts of the window in which a price is looked for."""
ENOUGH = 1e-5
"""Share of the bound by which a pass must lower it for another one to be worth it."""
STEPS = 4
"""How often a step that did not lower the bound is halved."""


@dataclass(frozen=True)
class Prices:
    """What was found.

    Attributes:
        values: [R + 1] float64, none below 0; the last is 0.
        bound: what no assignment is worth more than.
        given: bool [T, C], what the linear programme gives whole; None: it was of a sample.
    """

    values: np.ndarray
    bound: float
    given: np.ndarray | None = None


def find(problem: Problem, largest: int = LARGEST) -> Prices:
    """Find the prices; `largest` is how many pairs one linear programme may have."""
    number, demand, ceiling = _demand(problem)
    every = max(1, -(-number // largest))
    users = np.arange(0, len(problem.items), every)
    if every == 1:
        solved = linear.solve(problem, users, problem.most)
        given = np.zeros(problem.items.shape, dtype=bool)
        whole = solved.shares > 1 - 1e-7
        given[solved.rows[whole], solved.columns[whole]] = True
        return Prices(solved.prices, _Pass.at(problem, solved.prices, np.zeros_like(solved.prices)).bound, given)
    sampled = _demand(problem, users)[1]
    share = np.divide(sampled, demand, out=np.zeros_like(demand), where=demand > 0)
    with np.errstate(invalid="ignore"):
        most = np.where(np.isfinite(problem.most), problem.most * share, np.inf)
    begin = linear.solve(problem, users, most).prices
    binding = demand > problem.most
    return _descend(problem, np.where(binding, begin, 0), np.where(binding, ceiling, 0))


def _demand(problem: Problem, users: np.ndarray | None = None) -> tuple[int, np.ndarray, np.ndarray]:
    """How many pairs there are, what they use of each resource, [R + 1], and what a unit of it is worth at most."""
    number, demand, ceiling = 0, np.zeros(len(problem.most)), np.zeros(len(problem.most))
    users = np.arange(len(problem.items)) if users is None else users
    for block in (users[part] for part in blocks(len(users), problem.block)):
        pairs = problem.pairs(block)
        can = pairs.worth > -np.inf
        number += int(can.sum())
        for resources, uses in zip(pairs.resources, pairs.uses, strict=True):
            np.add.at(demand, resources[can], uses[can])
            paid = can & (uses > 0)
            np.maximum.at(ceiling, resources[paid], pairs.worth[paid] / uses[paid])
    return number, demand, ceiling


@dataclass(frozen=True)
class _Pass:
    """What going through all users at given prices says.

    Attributes:
        prices, bound: of the pass.
        wanted: [R + 1] the price of each resource at which what is taken of it fits, the others as they are.
    """

    prices: np.ndarray
    bound: float
    wanted: np.ndarray

    @classmethod
    def at(cls, problem: Problem, prices: np.ndarray, width: np.ndarray) -> "_Pass":
        """Go through all users; `width` [R + 1] is how far from its price a resource's is looked for, 0: nowhere."""
        each = np.zeros(len(problem.items))
        low = np.maximum(prices - width, 0)
        step = np.maximum(prices + width - low, np.finfo(np.float64).tiny) / BINS
        bins = np.zeros((len(prices), BINS + 1))  # what is taken as long as the price is within a part, and above all
        for rows in problem.blocks():
            pairs = problem.pairs(rows)
            reduced = pairs.reduced(prices)
            taken, needed = respond(reduced, pairs.groups, problem.k, problem.per_group)
            each[rows] = np.where(taken, reduced, 0.0).sum(axis=1)
            for resources, uses in zip(pairs.resources, pairs.uses, strict=True):
                asked = (reduced > -np.inf) & (uses > 0) & (width[resources] > 0)
                of, use = resources[asked], uses[asked]
                until = prices[of] + (reduced[asked] - needed[asked]) / use
                part = np.clip(np.ceil((until - low[of]) / step[of]), 0, BINS + 1).astype(np.int64)
                np.add.at(bins, (of[part > 0], part[part > 0] - 1), use[part > 0])
        return cls(prices, priced(problem, prices) + float(each.sum()), _fitting(bins, problem.most, low, step))


def _fitting(bins: np.ndarray, most: np.ndarray, low: np.ndarray, step: np.ndarray) -> np.ndarray:
    """[R + 1] the lowest price of a window at which what is taken fits; its end where it never does."""
    above = np.cumsum(bins[:, ::-1], axis=1)[:, ::-1]  # what is taken at the beginning of each part
    fits = above <= most[:, None]
    at = np.where(fits.any(axis=1), fits.argmax(axis=1), BINS)
    row = np.arange(len(bins))
    before = bins[row, np.maximum(at - 1, 0)]
    over = above[row, np.maximum(at - 1, 0)] - most
    with np.errstate(invalid="ignore", divide="ignore"):
        within = np.where((at > 0) & (before > 0) & np.isfinite(over), np.clip(over / before, 0, 1), 0)
    return np.where(at > 0, low + (at - 1 + within) * step, low)


def _descend(problem: Problem, begin: np.ndarray, ceiling: np.ndarray) -> Prices:
    """Lower the bound from some prices, none above what a unit of its resource is worth at most."""
    width = np.minimum(np.maximum(0.5 * begin, 0.05 * ceiling), ceiling)
    best = _Pass.at(problem, begin, width)
    share, halved = 1 / max(1, len(problem.limits)), 0
    for _ in range(PASSES):
        far = best.wanted - best.prices
        prices = np.clip(best.prices + share * far, 0, ceiling)
        width = np.where(np.abs(far) > 0.9 * width, 2 * width, np.maximum(2 * np.abs(far), 0.3 * width))
        width = np.minimum(width, ceiling)
        now = _Pass.at(problem, prices, width)
        gained = best.bound - now.bound
        if gained > 0:
            best = now
        if gained > ENOUGH * best.bound:
            halved, share = 0, min(1.0, 1.2 * share)
        elif halved == STEPS:
            break
        else:
            halved, share = halved + 1, share / 2
    return Prices(best.prices, best.bound)
