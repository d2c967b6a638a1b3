"""What is allotted to whom, and what each user takes at given prices, which is closed form.

Maximise the sum of value x chance over the rows that are given out. A user gets at most k items, and of a group of
items, a campaign, at most so many; those limits are of one user. Others are of all users together: a limit has
resources, one for each coupon for instance, a row uses some of one of them, and of each there is only so much. With a
price on every resource the users part: each takes the best for them after paying (Lagrangean relaxation, Fisher,
Management Science 1981), and what they get together, with what all resources are worth, bounds every assignment.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipeline.arrays.blocks import blocks

BLOCK = 4096
"""Users worked on at a time; what comes out is the same for any number."""
ROUNDING = 1e-12
"""Sums of many costs are exact to so much of them."""


@dataclass(frozen=True)
class Limit:
    """What all rows of a table may use together.

    Attributes:
        of: [I] int32, the resource that an item uses; -1: none.
        most: [R] float64, how much there is of each, not negative; inf: no end.
        cost: [I] float64, how much a row uses.
        acted: whether it is used only where the user acts: a row then uses cost x chance.
    """

    of: np.ndarray
    most: np.ndarray
    cost: np.ndarray
    acted: bool = False


@dataclass(frozen=True)
class Pairs:
    """The candidates of some users.

    Attributes:
        worth: [B, C] float64, value x chance, or x what is added; -inf: not to be given.
        resources: [L, B, C] int64, by limit; the last resource of the problem has no end.
        uses: [L, B, C] float64.
        groups: [B, C] int32, -1: of no group.
    """

    worth: np.ndarray
    resources: np.ndarray
    uses: np.ndarray
    groups: np.ndarray

    def reduced(self, prices: np.ndarray) -> np.ndarray:
        """[B, C] what each is worth after paying; -inf where it is not to be given."""
        left = self.worth.copy()
        for resources, uses in zip(self.resources, self.uses, strict=True):
            left -= prices[resources] * uses
        return left


@dataclass(frozen=True)
class Problem:
    """Who may be given what, and what limits it.

    Attributes:
        items: [T, C] int32, a user's candidates; -1: none.
        chances: [T, C] float32, that the user acts on them.
        values: [I] float64, what an action is worth; what is not above 0 is not given.
        limits: of all users together.
        k: items of a user at most.
        groups: [I] int32, -1: of no group; None: there are none.
        per_group: items of a user and group at most.
        reserve: what a row must be worth at least.
        block: users worked on at a time.
        added: [T, C] float32, what giving them adds to the chance, where rows are worth that; None: the chance itself.
    """

    items: np.ndarray
    chances: np.ndarray
    values: np.ndarray
    limits: tuple[Limit, ...]
    k: int
    groups: np.ndarray | None = None
    per_group: int = 1
    reserve: float = 0.0
    block: int = BLOCK
    added: np.ndarray | None = None

    @cached_property
    def starts(self) -> np.ndarray:
        """[L + 1] int64, the first resource of each limit among all."""
        return np.concatenate([[0], np.cumsum([len(limit.most) for limit in self.limits], dtype=np.int64)])

    @cached_property
    def most(self) -> np.ndarray:
        """[R + 1] float64 of all resources; the last is what a row uses that a limit does not ask for."""
        return np.concatenate([*(limit.most for limit in self.limits), [np.inf]])

    def pairs(self, rows: slice | np.ndarray) -> Pairs:
        """The candidates of some users."""
        items, chances = np.asarray(self.items[rows]), np.asarray(self.chances[rows], dtype=np.float64)
        gained = chances if self.added is None else np.asarray(self.added[rows], dtype=np.float64)
        with np.errstate(invalid="ignore"):
            worth = np.where(items >= 0, self.values[items] * gained, -np.inf)
            worth = np.where((worth > 0) & np.isfinite(worth) & (worth >= self.reserve), worth, -np.inf)
        resources = np.full((len(self.limits), *items.shape), len(self.most) - 1, dtype=np.int64)
        uses = np.zeros(resources.shape)
        for n, limit in enumerate(self.limits):
            limited = (items >= 0) & (limit.of[items] >= 0)
            resources[n] = np.where(limited, self.starts[n] + limit.of[items], resources[n])
            used = limit.cost[items] * chances if limit.acted else limit.cost[items]
            uses[n] = np.where(limited, used, 0.0)
            fits = (uses[n] >= 0) & (
                uses[n] <= self.most[resources[n]] * (1 + ROUNDING)
            )  # a cost that nobody knows fits nothing
            uses[n] = np.where(fits, uses[n], 0.0)
            worth = np.where(fits, worth, -np.inf)
        none = np.int32(-1)
        groups = np.broadcast_to(none, items.shape) if self.groups is None else self.groups[items]
        return Pairs(worth, resources, uses, np.where(items >= 0, groups, none))

    def blocks(self) -> Iterator[slice]:
        """All users, some at a time."""
        return blocks(len(self.items), self.block)


def respond(reduced: np.ndarray, groups: np.ndarray, k: int, per_group: int) -> tuple[np.ndarray, np.ndarray]:
    """What each user takes: the best k above 0, of a group at most so many.

    Going down from the best, and leaving out what is one too many, is best here (a matroid's greedy algorithm).

    Args:
        reduced: [B, C] float64; of equal ones the first is taken.
        groups: [B, C] int32; -1: of no group.
        k, per_group: see Problem.
    Returns:
        bool [B, C] what is taken, and float64 [B, C] above what each would be taken, the others being as they are.
    """
    rival = np.full(reduced.shape, -np.inf)  # the one of its group that it would have to beat
    open_to = reduced > -np.inf
    if (groups >= 0).any():
        place, rival = _in_group(reduced, groups, per_group)
        open_to &= (place < per_group) | (groups < 0)
    sorted_by = np.where(open_to, reduced, -np.inf)
    order = np.argsort(-sorted_by, axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.broadcast_to(np.arange(reduced.shape[1]), order.shape), axis=1)
    best = np.take_along_axis(sorted_by, order, axis=1)
    best = np.pad(best, ((0, 0), (0, max(0, k + 1 - best.shape[1]))), constant_values=-np.inf)
    others = np.where(open_to & (ranks < k), best[:, k][:, None], best[:, k - 1][:, None])
    return open_to & (ranks < k) & (reduced > 0), np.maximum(0, np.maximum(rival, others))


def _in_group(reduced: np.ndarray, groups: np.ndarray, per_group: int) -> tuple[np.ndarray, np.ndarray]:
    """[B, C] each one's place within its group, and what the per_group-th best of the others there is worth."""
    by_worth = np.argsort(-reduced, axis=1, kind="stable")
    order = np.take_along_axis(
        by_worth, np.argsort(np.take_along_axis(groups, by_worth, axis=1), axis=1, kind="stable"), axis=1
    )
    codes, worth = np.take_along_axis(groups, order, axis=1), np.take_along_axis(reduced, order, axis=1)
    column = np.broadcast_to(np.arange(codes.shape[1]), codes.shape)
    begins = np.ones(codes.shape, dtype=bool)
    begins[:, 1:] = codes[:, 1:] != codes[:, :-1]
    first = np.maximum.accumulate(np.where(begins, column, 0), axis=1)
    place = column - first
    at = first + np.where(place < per_group, per_group, per_group - 1)
    inside = np.minimum(at, codes.shape[1] - 1)
    same = (at < codes.shape[1]) & (np.take_along_axis(codes, inside, axis=1) == codes) & (codes >= 0)
    rival = np.where(same, np.take_along_axis(worth, inside, axis=1), -np.inf)
    back = np.empty_like(place), np.empty_like(rival)
    for found, values in zip(back, (place, rival), strict=True):
        np.put_along_axis(found, order, values, axis=1)
    return back


def used(problem: Problem, chosen: np.ndarray) -> np.ndarray:
    """[R + 1] float64, what an assignment, bool [T, C], uses of each resource."""
    total = np.zeros(len(problem.most))
    for rows in problem.blocks():
        pairs = problem.pairs(rows)
        for resources, uses in zip(pairs.resources, pairs.uses, strict=True):
            np.add.at(total, resources[chosen[rows]], uses[chosen[rows]])  # in the users' order, whatever the blocks
    return total


def worth_of(problem: Problem, chosen: np.ndarray) -> float:
    """What an assignment is worth; no pair of it may be one that is not to be given."""
    each = np.zeros(len(problem.items))
    for rows in problem.blocks():
        each[rows] = np.where(chosen[rows], problem.pairs(rows).worth, 0.0).sum(axis=1)
    return float(each.sum())


def bound(problem: Problem, prices: np.ndarray) -> float:
    """What no assignment is worth more than: the dual function at prices, [R + 1], none below 0."""
    each = np.zeros(len(problem.items))
    for rows in problem.blocks():
        pairs = problem.pairs(rows)
        reduced = pairs.reduced(prices)
        taken, _ = respond(reduced, pairs.groups, problem.k, problem.per_group)
        each[rows] = np.where(taken, reduced, 0.0).sum(axis=1)
    return priced(problem, prices) + float(each.sum())


def priced(problem: Problem, prices: np.ndarray) -> float:
    """What all resources are worth at their prices; one without a price is worth nothing, also where it has no end."""
    sold = prices > 0
    return float((prices[sold] * problem.most[sold]).sum())
