"""A day of ads with bids and budgets, served in four ways to the same visits, with the same luck.

The night before knows of every user and ad a calibrated chance of a click, and with which chance the user comes. A
click costs its ad the bid, and an ad whose budget has less than a bid left is not shown any more, whoever serves: so no
budget is ever exceeded. What differs is who is shown what:

    greedy    at each visit the ad of the highest bid x chance that has budget left
    table     the ad that the night allotted to the user, if it has budget left
    prices    at each visit the ad of the highest bid x chance x (1 - price): an ad whose budget is short is dear, and
              is kept for those it is best for (adaptive pacing, Balseiro & Gur, Management Science 2019, with the
              prices of the night's allotment); also for users nobody knew
    steered   the same with prices that are moved through the day: up where an ad has spent a greater share of its
              budget than is over of the day, else down, so that fewer or more visits than were foreseen do little
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.publication.allotment.problem import Limit, Problem
from pipeline.publication.allotment.solving import Allotted, allot

ADS, GROUPS, K = 60, 12, 1
COMES = 0.6
"""The chance that a user comes, as the night knows it."""
RESERVE = 0.002
"""What a row must be worth: bid x chance of a click."""
LEAST = 0.001
"""What an ad is worth of its bid, however dear: where all budgets are spent, the best for a user still comes first."""
STEER, EVERY = 0.1, 100
"""By how much of what an ad is ahead or behind its price is moved, and after how many visits."""
Serve = Callable[[int, np.ndarray, float], int]
"""The ad that a user is shown, given what each has spent, [A], and how much of the day is over; -1: none."""


@dataclass(frozen=True)
class Day:
    """The truth, and what the night before knows of it.

    Attributes:
        chances: [U, A] of a click at a visit, calibrated; 0: the ad is not for this user.
        truth: [U, A] the true ones.
        bids, budgets: [A].
        visits: [V] the users who come, in their order; luck: [V] a click is had where it is below the true chance.
    """

    chances: np.ndarray
    truth: np.ndarray
    bids: np.ndarray
    budgets: np.ndarray
    visits: np.ndarray
    luck: np.ndarray

    @classmethod
    def of(cls, seed: int, users: int, traffic: float, short: float) -> "Day":
        """Draw a day: `traffic` times the foreseen visits, and budgets `short` times what greedy would freely spend."""
        rng = np.random.default_rng([seed, users])
        groups = rng.integers(0, GROUPS, users)
        logit = (
            rng.normal(-3.6, 0.5, ADS) + rng.normal(0, 0.8, (GROUPS, ADS))[groups] + rng.normal(0, 0.4, (users, ADS))
        )
        chances = np.where((rng.random((GROUPS, ADS)) < 0.5)[groups], 1 / (1 + np.exp(-logit)), 0)
        truth = rng.beta(20 * np.maximum(chances, 1e-9), 20 * (1 - chances))  # right in the mean: calibrated
        bids = rng.lognormal(0, 0.6, ADS)
        free = COMES * (bids * chances).max(axis=1).sum()
        budgets = short * free * rng.dirichlet(np.full(ADS, 2.0))
        visits = rng.permutation(np.flatnonzero(rng.random(users) < COMES * traffic))
        return cls(chances, np.where(chances > 0, truth, 0), bids, budgets, visits, rng.random(len(visits)))

    def problem(self) -> Problem:
        """The night's table: of every user all ads, the likeliest first, and a budget for each ad."""
        order = np.argsort(-self.chances, axis=1, kind="stable").astype(np.int32)
        chances = COMES * np.take_along_axis(self.chances, order, axis=1)
        limit = Limit(np.arange(ADS, dtype=np.int32), self.budgets, self.bids, acted=True)
        return Problem(order, chances.astype(np.float32), self.bids, (limit,), K, reserve=RESERVE * COMES)


@dataclass(frozen=True)
class Served:
    """What came of a day.

    Attributes:
        revenue: what clicks paid.
        spent: [A]; early: [A] what of it was spent in the first half of the visits.
    """

    revenue: float
    spent: np.ndarray
    early: np.ndarray


def serve(day: Day, choose: Serve) -> Served:
    """Serve a day's visits."""
    spent, early = np.zeros(ADS), np.zeros(ADS)
    for number, (user, luck) in enumerate(zip(day.visits, day.luck, strict=True)):
        ad = choose(user, spent, number / len(day.visits))
        if ad >= 0 and luck < day.truth[user, ad]:
            spent[ad] += day.bids[ad]
        if number == len(day.visits) // 2:
            early = spent.copy()
    return Served(float(spent.sum()), spent, early)


@dataclass
class ByPrices:
    """Serves the highest bid x chance x (1 - price) that has budget left.

    Attributes:
        day: whose bids, budgets and chances.
        prices: [A].
        steered: whether they are moved through the day.
    """

    day: Day
    prices: np.ndarray
    steered: bool = False
    _served: int = 0

    def __call__(self, user: int, spent: np.ndarray, over: float) -> int:
        """See Serve."""
        self._served += 1
        if self.steered and self._served % EVERY == 0:
            self.prices = np.clip(self.prices + STEER * (spent / self.day.budgets - over), 0, 1)
        worth = self.day.bids * self.day.chances[user]
        left = (spent + self.day.bids <= self.day.budgets) & (worth >= RESERVE)
        best = int(np.where(left, worth * np.maximum(1 - self.prices, LEAST), 0).argmax())
        return best if left[best] else -1


def ways(day: Day, found: Allotted, problem: Problem) -> dict[str, Serve]:
    """The ways to serve, by name."""
    user = np.arange(len(problem.items))
    given = np.where(found.chosen.any(axis=1), problem.items[user, found.chosen.argmax(axis=1)], -1)

    def table(user: int, spent: np.ndarray, _: float) -> int:
        ad = int(given[user])
        return ad if ad >= 0 and spent[ad] + day.bids[ad] <= day.budgets[ad] else -1

    prices = found.prices[:-1]
    return {
        "greedy": ByPrices(day, np.zeros(ADS)),
        "table": table,
        "prices": ByPrices(day, prices),
        "steered": ByPrices(day, prices, steered=True),
    }


def simulate(seed: int, users: int, traffic: float, short: float) -> tuple[Day, Allotted, dict[str, Served]]:
    """A day, what the night allotted, and what came of each way to serve."""
    day = Day.of(seed, users, traffic, short)
    problem = day.problem()
    found = allot(problem)
    return day, found, {name: serve(day, choose) for name, choose in ways(day, found, problem).items()}
