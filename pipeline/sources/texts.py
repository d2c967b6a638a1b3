"""The different texts of a large catalogue: what many items say is compared and added up once."""

from dataclasses import dataclass

import numpy as np

from pipeline.arrays.alike import Alike
from pipeline.arrays.nearest import FEW

MANY_ALIKE = 0.75
"""Where this share of the items' texts are different ones, or more, every item is looked at for itself."""


@dataclass(frozen=True)
class Texts:
    """Items by what their text says.

    Attributes:
        vectors: [G, d] float32, the different item vectors in the order of their first items.
        of_items: [I] which of them each item has.
    """

    vectors: np.ndarray
    of_items: np.ndarray

    @classmethod
    def of(cls, vectors: np.ndarray) -> "Texts | None":
        """Find the different ones of item vectors [I, d]; None where they are many, or the items few."""
        if len(vectors) ** 2 <= FEW:
            return None
        alike = Alike.of(vectors)
        first = alike.first
        return cls(vectors[first], alike.group) if len(first) < MANY_ALIKE * len(vectors) else None

    def first(self, items: int) -> "Texts":
        """The same of the first items only."""
        of_items = self.of_items[:items]
        return Texts(self.vectors[: int(of_items.max(initial=-1)) + 1], of_items)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """[G] float64 sums of one number per item [I]."""
        return np.bincount(self.of_items, values, len(self.vectors))


def weighed_gram(rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """[d, d] float64, the sum of weight x row' row.

    Args:
        rows: [N, d].
        weights: [N], at least 0; rows that weigh nothing are left out.
    """
    there = weights > 0
    if not there.all():
        rows, weights = rows[there], weights[there]
    weighed = rows * np.sqrt(weights.astype(np.float64))[:, None]
    return np.asarray(weighed.T @ weighed)  # half a product, as it is symmetric
