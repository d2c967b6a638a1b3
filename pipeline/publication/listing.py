"""With which chance an item stands in a list of which some slots are drawn, whichever of them shows it.

A slot's own chance is of that slot, given those above it. Whom an item was kept from by chance is told by the chance of
the whole list, over all ways in which its slots could have been drawn. Worked out, never simulated: a chance that is
off by an error of simulation bends every estimate that divides by it.

    uniform           any number of slots: an item is moved up, taken or left by each, whichever the others are
    fixed weights     two slots: the first is summed over
    anything else     one slot: its own chance

Where a list has more slots than that, those above the last two, or the last one, are taken as they were drawn: what is
left is a trial with chances as exact, and what stands there is no part of it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

LEAST = 1e-6
"""What is shown, or left out, with less of a chance teaches nothing: its one row would count for a million."""
ANY = 1 << 30
"""Slots, where there may be any number."""


@dataclass(frozen=True)
class Left:
    """What some slots of lists may still show.

    Attributes:
        can: bool [R, C], what is left, best first.
        weights: [R, C] float64, what each is drawn by; 0 where it cannot be.
        slots: [R] how many slots are to be drawn.
        share: how often a slot is drawn; else it shows the best that is left.
    """

    can: np.ndarray
    weights: np.ndarray
    slots: np.ndarray
    share: float

    def of(self, rows: np.ndarray) -> "Left":
        """Of some lists, bool [R]."""
        return Left(self.can[rows], self.weights[rows], self.slots[rows], self.share)


@dataclass(frozen=True)
class Among:
    """What the slots of some lists were drawn among.

    Attributes:
        rows: [R] which lists of the block.
        items: [R, C] item indices; scores: [R, C] float32.
        chance: [R, C] float64, of standing in the list; 0 where an item was not to be drawn, nor moved up.
        listed: bool [R, C], whether it stands there.
    """

    rows: np.ndarray
    items: np.ndarray
    scores: np.ndarray
    chance: np.ndarray
    listed: np.ndarray

    @property
    def open(self) -> np.ndarray:
        """bool [R, C], what was neither certain to stand there nor not to."""
        return np.asarray((self.chance > LEAST) & (self.chance < 1 - LEAST))


def one(left: Left) -> np.ndarray:
    """[R, C] the chances of a single slot."""
    total = left.weights.sum(axis=1, keepdims=True)
    drawn = np.where(total > 0, left.share, 0.0)
    found = drawn * left.weights / np.where(total > 0, total, 1)
    return np.asarray(found + (1 - drawn) * _first(left.can))


def two(left: Left) -> np.ndarray:
    """[R, C] the chances of two slots, of which the second is drawn by the same weights without what the first shows.

    Summed over what the first shows: where it is item j, the second shows i by weight_i / (all weights but j's).
    """
    first, best = one(left), _first(left.can)
    others = _all_but_one(left.weights)  # of the weights, when an item is gone
    drawn = np.where(others > 0, left.share, 0.0)
    each = np.divide(first * drawn, others, out=np.zeros_like(first), where=others > 0)
    second = left.weights * _all_but_one(each)
    moves_up = first * (1 - drawn)  # the second shows the best of what the first leaves
    of_best, of_next = (np.where(best, 0, moves_up).sum(axis=1), np.where(best, moves_up, 0).sum(axis=1))
    follows = _first(left.can & ~best)
    return np.asarray(first + second + best * of_best[:, None] + follows * of_next[:, None])


def uniform(left: Left) -> np.ndarray:
    """[R, C] the chances of any number of slots that are drawn uniformly."""
    number, place = left.can.sum(axis=1), np.cumsum(left.can, axis=1) - 1
    found = np.zeros(left.can.shape)
    for size, slots in sorted(set(zip(number.tolist(), left.slots.tolist(), strict=True))):
        rows = np.flatnonzero((number == size) & (left.slots == slots))
        by_place = np.append(1 - _stays(size, slots, left.share), 0.0)
        found[rows] = by_place[np.where(left.can[rows], place[rows], size)]
    return found


def _stays(size: int, slots: int, share: float) -> np.ndarray:
    """[size] with which chance no slot shows the item at each place of what is left, best first.

    By the last slot backwards: of m items a slot takes each with share / m, and the first with 1 - share besides; what
    stands behind the one that is taken moves up.
    """
    found = np.ones(max(size - slots, 0))
    for m in range(max(size - slots, 0) + 1, size + 1):
        before = np.arange(m)
        kept, moved = (np.pad(found, side)[:m] for side in ((0, 1), (1, 0)))
        up = share * before / m + (1 - share) * (before > 0)
        found = up * moved + share * (m - 1 - before) / m * kept
    return found


def _first(can: np.ndarray) -> np.ndarray:
    """bool [R, C], the best of each row."""
    return np.asarray(can & (np.cumsum(can, axis=1) == 1))


def _all_but_one(values: np.ndarray) -> np.ndarray:
    """[R, C] the sum of a row without each of its values; never by subtraction, which leaves nothing of small ones."""
    before = np.pad(np.cumsum(values, axis=1), ((0, 0), (1, 0)))[:, :-1]
    after = np.pad(np.cumsum(values[:, ::-1], axis=1), ((0, 0), (1, 0)))[:, :-1][:, ::-1]
    return np.asarray(before + after)


def way(policy: str, capped: bool) -> tuple[int, Callable[[Left], np.ndarray]]:
    """Of how many of the last slots a policy's chances are worked out, and how.

    Args:
        policy: of Explore.
        capped: whether a list holds only so many of a group: then what a slot shows changes what the next may.
    """
    if capped or policy in ("thompson", "learned"):
        return 1, one
    return (ANY, uniform) if policy == "uniform" else (2, _one_or_two)


def _one_or_two(left: Left) -> np.ndarray:
    found, both = one(left), left.slots > 1
    found[both] = two(left.of(both))
    return found
