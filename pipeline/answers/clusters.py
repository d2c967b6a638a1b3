"""Questions that ask the same: each joins the earlier one that stands for those like it, or stands for itself.

Questions come in the order in which nights first knew them, so that a night goes on where an earlier one ended, and
what was put together stays together under one name. Source: leader clustering, Hartigan, "Clustering Algorithms", 1975.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.answers import exact
from pipeline.arrays.blocks import blocks

COMPARED = 2**24
"""Cosines that are in memory at a time."""
MOST_AT_ONCE = 2048


@dataclass(frozen=True)
class Leaders:
    """Which question stands for each.

    Attributes:
        of: [N] int64 the place of the question that stands for each; a leader's own place.
    """

    of: np.ndarray

    @property
    def places(self) -> np.ndarray:
        """[L] places of those that stand for themselves, rising."""
        return np.flatnonzero(self.of == np.arange(len(self.of)))


NOBODY = Leaders(np.zeros(0, dtype=np.int64))


def go_on(before: Leaders, vectors: np.ndarray, same: float) -> Leaders:
    """Put together questions, the first of which were before.

    Args:
        before: of the first questions; NOBODY: of none.
        vectors: [N, h] of `exact.rounded`, in the order in which they became known.
        same: the cosine from which a question is one of those that an earlier leader stands for.
    """
    of = np.concatenate([before.of, np.arange(len(before.of), len(vectors))])
    leaders = before.places
    start = len(before.of)
    for block in blocks(len(vectors) - start, MOST_AT_ONCE):
        rows = np.arange(start + block.start, start + block.stop)
        leaders = _join(of, rows, leaders, vectors, same)
    return Leaders(of)


def _join(of: np.ndarray, rows: np.ndarray, leaders: np.ndarray, vectors: np.ndarray, same: float) -> np.ndarray:
    """Write into `of` who stands for some questions; returns the leaders with those that were added."""
    place, cosine = _nearest(vectors[rows], vectors, leaders)
    joins = cosine >= same
    among = exact.cosines(vectors[rows], vectors[rows])
    added: list[int] = []
    while not joins.all():
        first = int(joins.argmin())
        added.append(int(rows[first]))
        near = among[first].copy()
        near[: first + 1] = -1
        better = (near >= same) & (near > cosine)
        place[better], cosine[better] = rows[first], near[better]
        joins |= better
        joins[first] = True
    of[rows] = place
    of[added] = added
    return np.concatenate([leaders, np.array(added, dtype=np.int64)])


def _nearest(asked: np.ndarray, vectors: np.ndarray, leaders: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The leader nearest to each of some questions and the cosine, of equals the first; -1 and -1: there is none."""
    place, cosine = np.full(len(asked), -1, dtype=np.int64), np.full(len(asked), -1, dtype=np.float32)
    for block in blocks(len(leaders), max(1, COMPARED // max(len(asked), 1))):
        found = exact.cosines(asked, vectors[leaders[block]])
        best = found.argmax(axis=1)
        value = found[np.arange(len(asked)), best]
        better = value > cosine
        place[better], cosine[better] = leaders[block][best[better]], value[better]
    return place, cosine
