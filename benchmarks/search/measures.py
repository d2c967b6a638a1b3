"""How well lists answer queries: NDCG@10, MAP@5, MRR and the share without an answer, and intervals by query."""

from dataclasses import dataclass

import numpy as np

K, TOP = 10, 5
DRAWS = 1000


@dataclass(frozen=True)
class Measured:
    """Per judged choice [N] float64: what its list was worth. One item is right, so MAP@5 is its reciprocal rank."""

    ndcg: np.ndarray
    average_precision: np.ndarray
    reciprocal_rank: np.ndarray
    empty: np.ndarray

    def means(self, kept: np.ndarray) -> dict[str, float]:
        """Rounded means of the choices in `kept`, bool [N]."""
        values = {
            "ndcg@10": self.ndcg,
            "map@5": self.average_precision,
            "mrr": self.reciprocal_rank,
            "no result": self.empty,
        }
        return {name: round(float(value[kept].mean()), 4) if kept.any() else 0.0 for name, value in values.items()}


def measure(lists: np.ndarray, right: np.ndarray) -> Measured:
    """Measure lists [N, K], -1 pads, each with the one right item [N]."""
    hit = lists == right[:, None]
    rank = np.where(hit.any(axis=1), hit.argmax(axis=1) + 1.0, np.inf)
    reciprocal = 1 / rank
    ndcg = np.where(rank <= K, 1 / np.log2(np.minimum(rank, K) + 1), 0)
    return Measured(ndcg, np.where(rank <= TOP, reciprocal, 0), reciprocal, (lists < 0).all(axis=1).astype(float))


def difference(ours: np.ndarray, other: np.ndarray, query: np.ndarray, seed: int = 0) -> tuple[float, float, float]:
    """Mean difference of [N] values, and its 95 % interval by a paired bootstrap of queries, [N] codes from 0."""
    sums = np.bincount(query, weights=ours - other)
    sizes = np.bincount(query)
    rng = np.random.default_rng(seed)
    drawn = (rng.multinomial(len(sums), np.full(len(sums), 1 / len(sums))) for _ in range(DRAWS))
    found = [float(times @ sums) / max(float(times @ sizes), 1.0) for times in drawn]
    low, high = np.quantile(found, [0.025, 0.975])
    return float((ours - other).mean()), float(low), float(high)
