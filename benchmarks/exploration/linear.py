"""A contextual bandit whose rewards are linear in features, in closed form: LinUCB, and Thompson sampling's normal.

Ridge regression of all rewards on the features of what was shown gives a mean and, for any other features, how far it
may be off. Sums over nights are all that is kept, and older ones count less.
Source: Li, Chu, Langford & Schapire, WWW 2010 (LinUCB); Agrawal & Goyal, ICML 2013 (Thompson sampling).
No part of the pipeline, as it is not worth its slots here.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Ridge:
    """What was seen.

    Attributes:
        precision: [d, d], the ridge's identity and the sum of the features' products.
        moment: [d], the sum of features times rewards.
    """

    precision: np.ndarray
    moment: np.ndarray

    @classmethod
    def nothing(cls, features: int, ridge: float = 1.0) -> "Ridge":
        """Before anything is seen."""
        return cls(ridge * np.eye(features), np.zeros(features))

    def seen(self, features: np.ndarray, reward: np.ndarray, weight: np.ndarray, kept: float = 1.0) -> "Ridge":
        """After more was seen.

        Args:
            features: [N, d] of what was shown; reward: [N]; weight: [N] how often it was.
            kept: what all before still counts, the ridge with it.
        """
        weighted = features * weight[:, None]
        return Ridge(kept * self.precision + weighted.T @ features, kept * self.moment + weighted.T @ reward)

    def expected(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """[N] the reward expected of features [N, d], and its standard deviation in units of a reward's noise."""
        mean = features @ np.linalg.solve(self.precision, self.moment)
        spread = np.einsum("nd,dn->n", features, np.linalg.solve(self.precision, features.T))
        return np.asarray(mean), np.sqrt(np.maximum(spread, 0))

    def upper(self, features: np.ndarray, alpha: float) -> np.ndarray:
        """[N] LinUCB's bounds: the mean and alpha deviations."""
        mean, spread = self.expected(features)
        return np.asarray(mean + alpha * spread)
