"""Three small branches of one shop: customers of two tastes, and what all of them would be in one log."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.sparse import csr_matrix, vstack

from pipeline.federated.branch import Branch
from pipeline.federated.fit import Shape
from pipeline.sources.configuration import FullConfig
from tests.sources import shop

CUTOFFS = ("2024-01-07", "2024-01-14")
SHAPE = Shape(factors=5, reg=2.0, iterations=4, warm_iterations=2, seed=3)
ITEMS = 14
NIGHT = date(2024, 1, 14)


def matrix(users: int, seed: int, density: float = 0.3) -> csr_matrix:
    """[users, ITEMS] CSR float32 confidences of random pairs; nobody has the last item."""
    rng = np.random.default_rng(seed)
    dense = rng.random((users, ITEMS)) < density
    dense[:, -1] = False
    return csr_matrix(dense * (0.05 + 3 * rng.random(dense.shape)), dtype=np.float32)


def older(later: csr_matrix, seed: int) -> csr_matrix:
    """A part of a matrix, as it was a week before."""
    found = later.copy()
    found.data[np.random.default_rng(seed).random(found.nnz) < 0.4] = 0
    found.eliminate_zeros()
    return found


def histories() -> list[dict[str, csr_matrix]]:
    """Of each branch its confidences by cut-off."""
    latest = [matrix(users, seed) for seed, users in enumerate((30, 11, 6))]
    return [{CUTOFFS[0]: older(one, seed), CUTOFFS[1]: one} for seed, one in enumerate(latest)]


def branches() -> list[Branch]:
    """Anew, before any fit."""
    return [Branch(history, SHAPE.reg) for history in histories()]


def pooled() -> dict[str, csr_matrix]:
    """By cut-off, what a shop with all the logs would have."""
    return {cutoff: csr_matrix(vstack([history[cutoff] for history in histories()])) for cutoff in CUTOFFS}


def ids_of(number: int) -> list[str]:
    """A branch's item ids, in the order in which it came to know them: none has all, and each has another order."""
    mine = [f"item {one:02d}" for one in range(ITEMS) if one % 4 != number]
    return [mine[one] for one in np.random.default_rng(number).permutation(len(mine))]


def write_branch(home: Path, number: int, days: tuple[str, ...] = CUTOFFS, **als: Any) -> FullConfig:
    """A branch's home with the features of a night, and its configuration."""
    settings = {"factors": SHAPE.factors, "reg": SHAPE.reg, "iterations": 4, "alpha": 3.0} | als
    config = shop.config_for(home, als=settings)
    ids = ids_of(number)
    dense = matrix((30, 11, 6)[number], seed=number).toarray()[:, [int(one[-2:]) for one in ids]]
    dense = np.where(dense > 0, np.minimum(dense, 1), 0)
    known = len(ids) - 2  # the last two came in the last week
    cutoffs = {date.fromisoformat(day): dense[:, :known] * (dense[:, :known] > 0.5) for day in days[:-1]}
    folder = shop.write_features(config.lake, cutoffs | {NIGHT: dense}, night=NIGHT)
    pq.write_table(pa.table({"item_id": ids}), folder / "items.parquet")
    pq.write_table(
        pa.table({"user_id": [f"user-{number}-{row}" for row in range(len(dense))]}), folder / "users.parquet"
    )
    return config
