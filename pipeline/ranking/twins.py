"""Users of whom the same is known: what is told by it is worked out once for all of them.

Of users who came once and clicked on one item many have the same candidates with the same features, to the last bit;
then they have the same scores and lists.
"""

from dataclasses import dataclass, replace

import numpy as np

from pipeline.ranking.frames import Frame
from pipeline.ranking.pairs import Pairs

FEW = 0.9
"""Where this share of the users differ, or more, nobody is put together: it would cost more than it saves."""


@dataclass(frozen=True)
class Twins:
    """A frame with one user of each kind.

    Attributes:
        frame: of G of the block's B users.
        kind: [B] which of them each user is like; None: the frame has all users.
    """

    frame: Frame
    kind: np.ndarray | None

    @classmethod
    def of(cls, frame: Frame) -> "Twins":
        """Put together the users of a frame whose pairs have the same items and the same of everything but labels."""
        starts = np.searchsorted(frame.pairs.keys, frame.pairs.width * np.arange(len(frame.pairs.users) + 1))
        columns = _columns(frame)
        _, first, kind = np.unique(_digests(columns, starts), return_index=True, return_inverse=True)
        if len(first) >= FEW * len(kind) or not _same(columns, starts, first[kind]):
            return cls(frame, None)
        counts = np.diff(starts)[first]
        row = np.repeat(np.arange(len(first)), counts)
        found = frame.take(_pairs_of(starts, first))
        keys = row * frame.pairs.width + found.pairs.items
        return cls(replace(found, pairs=Pairs(frame.pairs.users[first], frame.pairs.width, keys)), kind)

    def spread(self, lists: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
        """Arrays [B, ...] of all users, of arrays [G, ...]."""
        return lists if self.kind is None else tuple(array[self.kind] for array in lists)


def _columns(frame: Frame) -> list[np.ndarray]:
    """Integers [N, ...] that tell pairs of one user apart from another's: items, and the bits of what is known."""
    marks = [mark for mark in (frame.fresh, frame.source, frame.returned) if mark is not None]
    return [frame.pairs.items, np.ascontiguousarray(frame.features).view(np.uint32), *marks]


def _digests(columns: list[np.ndarray], starts: np.ndarray) -> np.ndarray:
    """[B] uint64, equal where the pairs of two users are equal, and seldom elsewhere.

    Args:
        columns: [N] or [N, F] integers of pairs, by user.
        starts: [B + 1] where each user's begin.
    """
    rng, digest = np.random.default_rng(0), np.zeros(starts[-1], dtype=np.uint64)
    for column in columns:
        wide = column if column.ndim == 2 else column[:, None]
        factors = rng.integers(0, 2**64, (wide.shape[1],), dtype=np.uint64)
        for number in range(wide.shape[1]):
            digest += wide[:, number].astype(np.uint64) * (factors[number] | np.uint64(1))  # wraps around, as it should
    digest = (digest ^ (digest >> np.uint64(31))) * np.uint64(0x9E3779B97F4A7C15)
    total = np.concatenate([np.zeros(1, np.uint64), np.cumsum(digest ^ (digest >> np.uint64(29)), dtype=np.uint64)])
    return np.asarray(total[starts[1:]] - total[starts[:-1]])


def _pairs_of(starts: np.ndarray, users: np.ndarray) -> np.ndarray:
    """Places of the pairs of some users, one user after the other."""
    counts = np.diff(starts)[users]
    return np.asarray(np.repeat(starts[users] - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum()))


def _same(columns: list[np.ndarray], starts: np.ndarray, like: np.ndarray) -> bool:
    """Whether every user's pairs are in truth those of the user it is said to be like [B]."""
    mine = np.flatnonzero(like != np.arange(len(like)))
    counts = np.diff(starts)
    if not np.array_equal(counts[mine], counts[like[mine]]):
        return False
    here, there = _pairs_of(starts, mine), _pairs_of(starts, like[mine])
    return all(np.array_equal(column[here], column[there]) for column in columns)
