"""Who gets the attention of ranked lists: what a place is worth, how unequal its shares are, what is no best-seller."""

import numpy as np

UNIT = 1_000_000_000
"""What the first place is worth as a whole number, so that sums over users are the same in any order."""


def worth(k: int) -> np.ndarray:
    """What each of the first k places is worth, int64 [k]: UNIT / log2(1 + rank), rounded; what stands below has none.

    It is the discount of DCG: the first place 1, the second 0.63, the tenth 0.29 of it.

    Source: Singh & Joachims, Fairness of Exposure in Rankings, KDD 2018, who take DCG's for how likely a place is seen.
    """
    return np.rint(UNIT / np.log2(np.arange(2, k + 2))).astype(np.int64)


def gini(amounts: np.ndarray) -> float:
    """How unequal amounts are: 0 where all are equal, 1 - 1 / n where one has everything; 0 where there is nothing.

    Args:
        amounts: [n], none below 0.
    Source: Gini, 1912, as the mean absolute difference over twice the mean.
    """
    total = float(amounts.sum())
    if total <= 0:
        return 0.0
    ascending = np.sort(amounts).astype(np.float64)
    ranks = np.arange(1, len(ascending) + 1)
    return float(((2 * ranks - len(ascending) - 1) * ascending).sum() / (len(ascending) * total))


def head(acted: np.ndarray, share: float) -> np.ndarray:
    """The fewest items that make up `share` of all that is acted on: bool [I]; of equals the first come first.

    What is left is the long tail. A share of 0.8 is what the literature of popularity bias takes for it.

    Args:
        acted: [I] int, how often each item was acted on.
        share: of them.
    Source: Abdollahpouri, Burke & Mobasher, Managing Popularity Bias in Recommender Systems with Personalized
        Re-ranking, FLAIRS 2019, after Celma, The Long Tail in Recommender Systems, 2008.
    """
    order = np.argsort(-acted.astype(np.int64), kind="stable")
    before = np.cumsum(acted[order]) - acted[order]
    chosen = np.zeros(len(acted), dtype=bool)
    chosen[order] = (before < share * acted.sum()) & (acted[order] > 0)
    return chosen
