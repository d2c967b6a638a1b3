"""Questions that ask the same: each joins the cluster whose centre is nearest, or founds one.

Questions come in the order in which nights first knew them, so that a night goes on where an earlier one ended, and
what was put together stays together under one name. A centre is the mean of the questions that joined before. Source:
MacQueen, "Some methods for classification and analysis of multivariate observations", 1967, with a cosine from which a
question founds a cluster of its own.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.answers import exact
from pipeline.arrays.blocks import blocks

AT_ONCE = 512
"""Questions that are compared with all centres together; they join one by one, and what moves is compared anew."""


@dataclass(frozen=True)
class Leaders:
    """Who founded the cluster of each question.

    Attributes:
        of: [N] int64 the place of the question that founded the cluster of each; a founder's own place.
    """

    of: np.ndarray

    @property
    def places(self) -> np.ndarray:
        """[L] places of the founders, rising."""
        return np.flatnonzero(self.of == np.arange(len(self.of)))


NOBODY = Leaders(np.zeros(0, dtype=np.int64))


class _Centres:
    """The centres of clusters, which can become more.

    Attributes:
        founders: place of the question that founded each.
        sums: [C, h] float64 whole numbers, of the questions of each.
        near: [C, h] of `exact.rounded`, the same at one length.
    """

    def __init__(self, before: Leaders, vectors: np.ndarray) -> None:
        self.founders = before.places.tolist()
        number, width = len(self.founders), vectors.shape[1]
        self.sums, self.near = np.zeros((number, width)), np.zeros((number, width), dtype=np.float32)
        place = np.searchsorted(before.places, before.of)
        np.add.at(self.sums, place, vectors[: len(before.of)].astype(np.float64))
        for one in range(number):
            self._move(one)

    def room(self, more: int) -> None:
        """Make room for so many more."""
        self.sums = np.concatenate([self.sums, np.zeros((more, self.sums.shape[1]))])
        self.near = np.concatenate([self.near, np.zeros((more, self.near.shape[1]), dtype=np.float32)])

    def join(self, one: int, vector: np.ndarray) -> None:
        """Add a question to a cluster."""
        self.sums[one] += vector
        self._move(one)

    def _move(self, one: int) -> None:
        length = np.sqrt((self.sums[one] ** 2).sum())
        self.near[one] = np.rint(self.sums[one] / max(length, 1.0) * exact.STEPS)


def go_on(before: Leaders, vectors: np.ndarray, same: float) -> Leaders:
    """Put together questions, the first of which were before.

    Args:
        before: of the first questions; NOBODY: of none.
        vectors: [N, h] of `exact.rounded`, in the order in which they became known.
        same: the cosine from which a question joins a cluster.
    """
    start = len(before.of)
    of = np.concatenate([before.of, np.zeros(len(vectors) - start, dtype=np.int64)])
    centres = _Centres(before, vectors)
    for block in blocks(len(vectors) - start, AT_ONCE):
        rows = np.arange(start + block.start, start + block.stop)
        there = len(centres.founders)
        centres.sums, centres.near = centres.sums[:there], centres.near[:there]
        centres.room(len(rows))
        _join(of, rows, centres, vectors, same)
    return Leaders(of)


def _join(of: np.ndarray, rows: np.ndarray, centres: _Centres, vectors: np.ndarray, same: float) -> None:
    """Write into `of` whose cluster some questions are in, one after the other; of equally near ones the first."""
    mine = vectors[rows]
    cosines = exact.cosines(mine, centres.near)  # [B, C + B]; a centre that is not there yet is near to nobody
    for number, row in enumerate(rows.tolist()):
        there = len(centres.founders)
        best = int(cosines[number, :there].argmax()) if there else 0
        if not there or cosines[number, best] < same:
            best = there
            centres.founders.append(row)
        centres.join(best, mine[number])
        cosines[number + 1 :, best] = exact.cosines(mine[number + 1 :], centres.near[best : best + 1])[:, 0]
        of[row] = centres.founders[best]
