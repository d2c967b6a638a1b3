"""Labels of few texts, spread over texts that have none along those that are alike.

    F = (1 - REACH) Y + REACH S F,    S = D^-1/2 W D^-1/2,    W: cosine^SHARPNESS of each text's NEIGHBOURS nearest

Y holds the given labels. Each label's column of F is brought to the label's share of them, as one that lies in a crowd
would else take all of it.

Sources: Zhou, Bousquet, Lal, Weston and Schoelkopf, "Learning with local and global consistency", 2003; Zhu, Ghahramani
and Lafferty, "Semi-supervised learning using Gaussian fields and harmonic functions", 2003 (class mass normalisation).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.arrays import nearest

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

NEIGHBOURS, SHARPNESS = 10, 8
REACH = 0.8
"""How much of a text's label comes from those that are like it."""
STEPS = 30
"""Of F: what is left of the start after them is below REACH^STEPS, about a thousandth."""


@dataclass(frozen=True)
class Unlabelled:
    """Texts that have no label, or whose label is not told.

    Attributes:
        texts: [U].
        vectors: [U, h] float32.
    """

    texts: np.ndarray
    vectors: np.ndarray

    def __len__(self) -> int:
        return len(self.texts)

    @classmethod
    def none(cls) -> "Unlabelled":
        """Not one."""
        return cls(np.zeros(0, dtype=object), np.zeros((0, 0), dtype=np.float32))

    def and_these(self, texts: np.ndarray, vectors: np.ndarray) -> "Unlabelled":
        """With others, whose labels are not told; not one where there were none."""
        if not len(self):
            return self
        return Unlabelled(np.append(self.texts, texts), np.concatenate([self.vectors, vectors]))


def spread(vectors: np.ndarray, labels: np.ndarray, free: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The likeliest label of texts that have none, and how sure it is.

    Args:
        vectors: [N, h] of the texts that have a label.
        labels: [N] text.
        free: [U, h] of those that have none.
    Returns:
        labels [U]; float64 [U], its share of all labels' scores, 0 where no label reaches the text.
    """
    names, place = np.unique(labels.astype(str), return_inverse=True)
    given = np.zeros((len(labels) + len(free), len(names)))
    given[np.arange(len(labels)), place] = 1
    alike = _alike(np.concatenate([vectors, free]))
    found = given
    for _ in range(STEPS):
        found = REACH * (alike @ found) + (1 - REACH) * given
    found = (found / found.sum(axis=0) * given.sum(axis=0))[len(labels) :]
    of_all = found.sum(axis=1)
    sure = np.divide(found.max(axis=1, initial=0), of_all, out=np.zeros(len(free)), where=of_all > 0)
    return names[found.argmax(axis=1)].astype(object), sure


def _alike(vectors: np.ndarray) -> "csr_matrix":
    """S [M, M] of M texts."""
    from scipy import sparse

    every = np.arange(len(vectors))
    items, cosines = nearest.nearest(nearest.unit(vectors), every, every, NEIGHBOURS)
    rows, columns = np.nonzero(items >= 0)
    weights = cosines[rows, columns].astype(np.float64) ** SHARPNESS
    one_way = sparse.csr_matrix((weights, (rows, items[rows, columns])), shape=(len(vectors), len(vectors)))
    both = one_way.maximum(one_way.T)
    of_each = np.asarray(both.sum(axis=1)).ravel()
    scale = np.divide(1, np.sqrt(of_each), out=np.zeros(len(vectors)), where=of_each > 0)
    return sparse.csr_matrix(sparse.diags(scale) @ both @ sparse.diags(scale))
