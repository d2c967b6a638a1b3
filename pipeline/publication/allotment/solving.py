"""The assignment of greatest worth that keeps every limit, as nearly as it is found, and how near that is."""

from dataclasses import dataclass, replace

import numpy as np

from pipeline.publication.allotment import prices
from pipeline.publication.allotment.filling import feasible
from pipeline.publication.allotment.problem import Problem, used, worth_of

NEAR = 0.002
"""Share of the bound that may be missing before another way is tried: costs that are lumpy leave a gap."""
LOWER = (0.999, 0.95, 0.8)
"""Shares of the prices that are tried then."""
PARTS = 4
"""Into how many parts the users are then cut, of which one is a linear programme."""


@dataclass(frozen=True)
class Allotted:
    """An assignment.

    Attributes:
        chosen: bool [T, C], what is given.
        prices: [R + 1] float64, what a little more of each resource would be worth; 0: it is not what limits.
        used: [R + 1] float64, how much of each is used.
        worth: of the assignment.
        bound: what no assignment is worth more than.
    """

    chosen: np.ndarray
    prices: np.ndarray
    used: np.ndarray
    worth: float
    bound: float

    @property
    def gap(self) -> float:
        """Share of the bound that is missing: the best assignment is not better by more."""
        return max(0.0, 1 - self.worth / self.bound) if self.bound > 0 else 0.0


def allot(problem: Problem, largest: int = prices.LARGEST) -> Allotted:
    """Find an assignment; `largest` is how many pairs one linear programme may have.

    Raises:
        PipelineError: see linear.solve.
    """
    best = _by(problem, prices.find(problem, largest))
    pairs = int((problem.items >= 0).sum())
    if best.gap > NEAR and PARTS < pairs <= largest:
        other = _by(problem, prices.find(problem, pairs // PARTS))
        bound = min(best.bound, other.bound)
        best = replace(max(best, other, key=lambda one: one.worth), bound=bound)
    return best


def _by(problem: Problem, found: prices.Prices) -> Allotted:
    """The best assignment that some prices lead to.

    Where several assignments are worth the same at the prices, as where all budgets are spent whatever is shown, these
    do not say which rows to take; a little lower they do.
    """
    best = _from(problem, found, feasible(problem, found.values, found.given))
    for share in LOWER:
        if best.gap > NEAR:
            other = _from(problem, found, feasible(problem, found.values * share, None))
            best = max(best, other, key=lambda one: one.worth)
    return best


def _from(problem: Problem, found: prices.Prices, chosen: np.ndarray) -> Allotted:
    return Allotted(chosen, found.values, used(problem, chosen), worth_of(problem, chosen), found.bound)
