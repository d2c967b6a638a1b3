"""Several rankings of the same users into one: weighted average, reciprocal rank, Borda. Pure functions on arrays.

A block of lists is held as scores of the union of their items: for each of M members the rank and the score of every
pair, absent where the member does not list it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from pipeline.ranking.pairs import Listed, Pairs, union

WHOLE = 4
"""Up to so many members all weights of the grid are tried."""


@dataclass(frozen=True)
class Members:
    """Lists of M members for the same block of users.

    Attributes:
        pairs: the union of their pairs [N].
        ranks: [M, N] float32, 1-based, NaN where a member does not list the pair.
        standard: [M, N] float32, scores with mean 0 and variance 1 within a member's list of a user; a pair that a
            member does not list has the lowest score of the list.
        length: longest list.
    """

    pairs: Pairs
    ranks: np.ndarray
    standard: np.ndarray
    length: int


def standardise(scores: np.ndarray) -> np.ndarray:
    """Rows of scores [B, n] (-inf pads) to mean 0 and variance 1; a row without spread becomes 0."""
    there = np.isfinite(scores)
    number = np.maximum(there.sum(axis=1, keepdims=True), 1)
    values = np.where(there, scores, 0).astype(np.float64)
    centred = np.where(there, values - values.sum(axis=1, keepdims=True) / number, 0)
    spread = np.sqrt((centred**2).sum(axis=1, keepdims=True) / number)
    return np.where(there, centred / np.where(spread > 0, spread, 1), -np.inf).astype(np.float32)


def gather(users: np.ndarray, width: int, lists: Sequence[tuple[np.ndarray, np.ndarray]]) -> Members:
    """Bring members' lists together.

    Args:
        users: [B] user indices.
        width: I, number of items.
        lists: per member items [B, n] (-1 pads) and scores [B, n] (-inf pads).
    """
    scaled = [standardise(np.asarray(scores)) for _, scores in lists]
    found = [Listed.of(np.asarray(items), z, width) for (items, _), z in zip(lists, scaled, strict=True)]
    length = max((items.shape[1] for items, _ in lists), default=0)
    pairs = union(users, width, {str(number): listed for number, listed in enumerate(found)}, length)
    ranks = np.full((len(found), len(pairs.keys)), np.nan, dtype=np.float32)
    standard = np.zeros((len(found), len(pairs.keys)), dtype=np.float32)
    for member, (listed, z) in enumerate(zip(found, scaled, strict=True)):
        lowest = np.where(np.isfinite(z), z, np.inf).min(axis=1, initial=0.0)  # [B], at most the mean
        ranks[member], scores = listed.at(pairs.keys)
        standard[member] = np.where(np.isnan(scores), lowest[pairs.rows], scores)
    return Members(pairs, ranks, standard, length)


def weighted(members: Members, weights: np.ndarray) -> np.ndarray:
    """[N] float32 weighted average of the standardised scores; weights [M] sum to 1."""
    return np.asarray(np.asarray(weights, dtype=np.float32) @ members.standard)


def reciprocal_rank(members: Members, constant: float) -> np.ndarray:
    """[N] float32, sum of 1 / (constant + rank) over the members that list a pair.

    Source: Cormack, Clarke & Buettcher, "Reciprocal rank fusion outperforms Condorcet", SIGIR 2009.
    """
    return np.asarray(np.nansum(1 / (np.float32(constant) + members.ranks), axis=0))


def borda(members: Members) -> np.ndarray:
    """[N] float32, sum over members of length + 1 - rank; a pair that a member does not list gets nothing from it."""
    return np.asarray(np.nansum(members.length + 1 - members.ranks, axis=0))


def simplex(members: int, step: float) -> list[tuple[float, ...]]:
    """All weights on a grid that sum to 1, those nearest to equal first."""
    number = max(1, round(1 / step))
    whole = (w for w in product(range(number + 1), repeat=max(members - 1, 0)) if sum(w) <= number)
    grid = [(*(part / number for part in w), (number - sum(w)) / number) for w in whole]
    return sorted(grid, key=lambda w: (sum((part - 1 / members) ** 2 for part in w), w))


def transfers(weights: tuple[float, ...], step: float) -> list[tuple[float, ...]]:
    """The weights themselves, then all that differ by one step taken from one member and given to another."""
    found = [weights]
    for giver, taker in product(range(len(weights)), repeat=2):
        if giver != taker and weights[giver] > step / 2:
            moved = list(weights)
            moved[giver] = round(max(moved[giver] - step, 0.0), 9)
            moved[taker] = round(moved[taker] + min(step, weights[giver]), 9)
            found.append(tuple(moved))
    return found


def best_weights(
    members: int, step: float, gains: Callable[[Sequence[tuple[float, ...]]], np.ndarray], tolerance: float = 0.0
) -> tuple[float, ...]:
    """The best weights: of the whole simplex for few members, else by ascent from equal weights.

    The simplex has 11 points for 2 members, 286 for 4 and 92,378 for 10 at a step of 0.1; an ascent looks at
    members x (members - 1) neighbours at a time until none is better.

    Args:
        members: how many weights.
        step: of the grid.
        gains: what weights are worth, [G] for G of them.
        tolerance: by how much weights must be better; of equals those nearest to equal weights are taken.
    """
    if members <= WHOLE:
        grid = simplex(members, step)
        values = gains(grid)
        return grid[int(np.argmax(values >= values.max() - tolerance))]
    best = (1 / members,) * members
    for _ in range(2 * round(1 / step)):
        around = transfers(best, step)
        values = gains(around)
        if values.max() <= values[0] + tolerance:
            break
        best = around[int(np.argmax(values))]
    return best


def shrink(weights: Sequence[float], shrinkage: float) -> np.ndarray:
    """Weights moved towards equal ones: 0 leaves them, 1 makes them equal."""
    equal = np.full(len(weights), 1 / max(len(weights), 1))
    return (1 - shrinkage) * np.asarray(weights, dtype=np.float64) + shrinkage * equal
