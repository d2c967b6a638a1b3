"""Greedy ways to give out rows within the same limits: row after row, each as long as there is room for it."""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from pipeline.publication.allotment.problem import Problem


def best_first(problem: Problem) -> np.ndarray:
    """bool [T, C]: of all users' rows the one that is worth most first, of equals by user and place."""
    worth = np.concatenate([problem.pairs(rows).worth for rows in problem.blocks()])
    order = np.argsort(-worth, axis=None, kind="stable")
    return given(problem, zip(*np.unravel_index(order, worth.shape), strict=True))


def best_for_its_use_first(problem: Problem) -> np.ndarray:
    """bool [T, C]: of all users' rows the one that is worth most for the share that it uses of what there is first."""
    parts = []
    for rows in problem.blocks():
        pairs = problem.pairs(rows)
        parts.append(pairs.worth / np.maximum((pairs.uses / problem.most[pairs.resources]).sum(axis=0), 1e-300))
    rated = np.concatenate(parts)
    order = np.argsort(-rated, axis=None, kind="stable")
    return given(problem, zip(*np.unravel_index(order, rated.shape), strict=True))


def one_by_one(problem: Problem) -> np.ndarray:
    """bool [T, C]: user after user, each gets the best that is left, as lists that are made alone do."""
    worth = np.concatenate([problem.pairs(rows).worth for rows in problem.blocks()])
    order = np.argsort(-worth, axis=1, kind="stable")
    return given(problem, ((user, column) for user, columns in enumerate(order) for column in columns))


def given(problem: Problem, order: Iterable[tuple[int, int]]) -> np.ndarray:
    """What is given where users' candidates come in an order, and each is given if there is room for it."""
    pairs = problem.pairs(np.arange(len(problem.items)))
    left, chosen = problem.most.copy(), np.zeros(problem.items.shape, dtype=bool)
    rows, groups = Counter[int](), Counter[tuple[int, int]]()
    for user, column in order:
        group = int(pairs.groups[user, column])
        resources, uses = pairs.resources[:, user, column], pairs.uses[:, user, column]
        if pairs.worth[user, column] == -np.inf or rows[user] >= problem.k or (uses > left[resources]).any():
            continue
        if group >= 0 and groups[user, group] >= problem.per_group:
            continue
        chosen[user, column] = True
        left[resources] -= uses
        rows[user] += 1
        groups[user, group] += 1
    return chosen
