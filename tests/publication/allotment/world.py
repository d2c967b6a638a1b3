"""Random things to allot, and independent answers: every assignment of a few, and HiGHS' integer programmes."""

from itertools import chain, combinations, product

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from pipeline.publication.allotment.problem import Limit, Problem

KINDS = ("capacity", "all", "cost", "spend")


def world(
    rng: np.random.Generator,
    users: int,
    candidates: int,
    kinds: tuple[str, ...],
    *,
    items: int,
    k: int = 2,
    tight: float = 0.3,
) -> Problem:
    """A problem with limits of some kinds: rows of an item, rows in all, costs in all, what a campaign spends."""
    shown = np.stack([rng.permutation(items)[:candidates] for _ in range(users)]).astype(np.int32)
    shown[rng.random(shown.shape) < 0.1] = -1
    chances = rng.beta(1, 10, shown.shape).astype(np.float32)
    values = rng.gamma(2, 1, items)
    campaigns = rng.integers(0, max(1, items // 3), items).astype(np.int32)
    everything, each = np.zeros(items, np.int32), users * k / items * tight
    made = {
        "capacity": Limit(np.arange(items, dtype=np.int32), np.floor(rng.gamma(1, each, items)) + 1, np.ones(items)),
        "all": Limit(everything, np.array([float(int(users * k * tight * 0.6) + 1)]), np.ones(items)),
        "cost": Limit(everything, np.array([users * k * tight]), rng.gamma(2, 1, items)),
        "spend": Limit(campaigns, rng.gamma(1, 0.4 * each, campaigns.max() + 1), values, acted=True),
    }
    return Problem(shown, chances, values, tuple(made[kind] for kind in kinds), k, campaigns, per_group=1)


def rows_of(problem: Problem) -> list[tuple[int, int, float]]:
    """User, column and worth of every pair that may be given, straight from the definition."""
    found = []
    for user, column in product(*map(range, problem.items.shape)):
        item = problem.items[user, column]
        if item >= 0 and (worth := problem.values[item] * float(problem.chances[user, column])) > 0:
            fits = all(use <= most for use, most in _used(problem, user, column))
            if worth >= problem.reserve and fits:
                found.append((user, column, worth))
    return found


def _used(problem: Problem, user: int, column: int) -> list[tuple[float, float]]:
    """What a pair uses of each limit, and how much there is of that."""
    item, found = problem.items[user, column], []
    for limit in problem.limits:
        if limit.of[item] >= 0:
            chance = float(problem.chances[user, column]) if limit.acted else 1.0
            found.append((limit.cost[item] * chance, limit.most[limit.of[item]]))
    return found


def constraints(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """[M, P] what each pair of rows_of counts in each constraint, and [M] the most."""
    pairs = rows_of(problem)
    items = [int(problem.items[user, column]) for user, column, _ in pairs]
    table: list[list[float]] = []
    most: list[float] = []
    for who in sorted({user for user, _, _ in pairs}):
        table.append([float(user == who) for user, _, _ in pairs])
        most.append(problem.k)
        for group in sorted({int(problem.groups[i]) for i in items}) if problem.groups is not None else []:
            if group >= 0:
                mine = zip(pairs, items, strict=True)
                table.append([float(pair[0] == who and problem.groups[item] == group) for pair, item in mine])
                most.append(problem.per_group)
    for limit in problem.limits:
        for resource, amount in enumerate(limit.most):
            row = []
            for (user, column, _), item in zip(pairs, items, strict=True):
                chance = float(problem.chances[user, column]) if limit.acted else 1.0
                row.append(limit.cost[item] * chance if limit.of[item] == resource else 0.0)
            table.append(row)
            most.append(amount)
    return np.array(table).reshape(len(most), len(pairs)), np.array(most)


def keeps(problem: Problem, chosen: np.ndarray) -> bool:
    """Whether an assignment keeps every limit and gives nothing that may not be given."""
    pairs = rows_of(problem)
    given = np.array([float(chosen[user, column]) for user, column, _ in pairs])
    if given.sum() != chosen.sum():
        return False
    table, most = constraints(problem)
    return bool((table @ given <= most * (1 + 1e-9)).all())


def best_of_all(problem: Problem) -> float:
    """What the best assignment is worth, of all that there are."""
    pairs = rows_of(problem)
    table, most = constraints(problem)
    sets = chain.from_iterable(combinations(range(len(pairs)), n) for n in range(len(pairs) + 1))
    fitting = (list(chosen) for chosen in sets)
    return max(
        sum(pairs[n][2] for n in chosen)
        for chosen in fitting
        if (table[:, chosen].sum(axis=1) <= most * (1 + 1e-9)).all()
    )


def best_by_integers(problem: Problem) -> float:
    """What the best assignment is worth, by branch and bound."""
    pairs = rows_of(problem)
    if not pairs:
        return 0.0
    table, most = constraints(problem)
    worth, ones = np.array([worth for _, _, worth in pairs]), np.ones(len(pairs))
    found = milp(-worth, constraints=LinearConstraint(table, ub=most), integrality=ones, bounds=Bounds(0, 1))
    return float(-found.fun)
