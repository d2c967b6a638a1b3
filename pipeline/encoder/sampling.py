"""What a step of the encoder's training reads: items drawn by popularity, their neighbours, users, queries, tokens."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csc_matrix, csr_matrix

_NEIGHBOURS = 10
_ALS_FACTORS, _ALS_ITERATIONS, _ALS_REG, _ALS_ALPHA = 64, 8, 1.0, 10.0


def sample_items(popularity: np.ndarray, size: int, power: float, rng: np.random.Generator) -> np.ndarray:
    """[S] distinct item indices, drawn with probability ~ popularity ** power, ascending."""
    chance = popularity.astype(np.float64) ** power * (popularity > 0)
    size = min(size, int((chance > 0).sum()))
    return np.sort(rng.choice(len(chance), size=size, replace=False, p=chance / chance.sum()))


def with_neighbours(items: np.ndarray, neighbours: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Sampled items [S'] and as many of their neighbours [I, n] (-1 pads) as make `size`, ascending."""
    near = np.setdiff1d(neighbours[items].ravel(), np.r_[items, -1])
    return np.sort(np.r_[items, rng.permutation(near)[: max(0, size - len(items))]])


def als_neighbours(matrix: "csr_matrix", filled: np.ndarray, seed: int, threads: int) -> np.ndarray:
    """[I, n] int32 indices of the items with text that ALS puts nearest to each, -1 pads: the hard negatives."""
    from pipeline.arrays import factorisation, nearest

    start = np.random.default_rng(seed).random((matrix.shape[1], _ALS_FACTORS), dtype=np.float32) * np.float32(0.01)
    confident = (matrix * np.float32(_ALS_ALPHA)).tocsr()
    _, factors = factorisation.factorise(confident, start, _ALS_ITERATIONS, _ALS_REG, threads)
    factors = nearest.unit(factors)
    candidates = np.flatnonzero(filled & factors.any(axis=1))
    return nearest.nearest(factors, np.arange(len(factors)), candidates, _NEIGHBOURS)[0]


def users_among(columns: "csc_matrix", items: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """[U'] the users who acted on at least two of the items; so many that they have at most `most` positives."""
    count = np.bincount(columns[:, items].indices, minlength=columns.shape[0])
    users = np.flatnonzero(count >= 2)
    if count[users].sum() > most:
        users = rng.permutation(users)
        users = np.sort(users[np.cumsum(count[users]) <= most])
    return users


def sample_queries(choices: "csr_matrix", size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """[Q'] distinct queries of `size` draws by the root of their choices; [S'] distinct items, one choice of each."""
    total = np.sqrt(np.asarray(choices.sum(axis=1)).ravel().astype(np.float64))
    asked = np.unique(rng.choice(len(total), size=size, p=total / total.sum()))
    spread = choices[asked]
    place = spread.indptr[:-1] + (rng.random(len(asked)) * np.diff(spread.indptr)).astype(np.int64)
    return asked, np.unique(spread.indices[place])


def thinned(tokens: list[int], share: float, rng: np.random.Generator) -> list[int]:
    """A text's tokens without a share of them; the first and the last (the tokeniser's own) and one more stay."""
    kept = rng.random(len(tokens)) >= share
    kept[[0, -1]] = True
    if not kept[1:-1].any() and len(tokens) > 2:
        kept[rng.integers(1, len(tokens) - 1)] = True
    return [token for token, stays in zip(tokens, kept, strict=True) if stays]
