"""What similar users acted on in the last days.

The neighbours of a user are those with the nearest decayed profile (cosine); each votes with its recent actions,
weighted by its similarity. Pool `all` adds the user's own history. Similarities exist for a block of users at a time.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import lists
from pipeline.config import Config
from pipeline.data import Cutoff
from pipeline.models.candidates import Score, make_parts, write_candidates

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


def normalised(matrix: "csr_matrix") -> "csr_matrix":
    """[U, I] CSR with rows of length 1; an empty row stays empty."""
    rows = matrix.shape[0]
    row = np.repeat(np.arange(rows), np.diff(matrix.indptr))
    length = np.sqrt(np.bincount(row, weights=matrix.data.astype(np.float64) ** 2, minlength=rows))
    unit = matrix.copy()
    unit.data = (matrix.data / np.where(length > 0, length, 1.0)[row]).astype(np.float32)
    return unit


def voting(profiles: "csr_matrix", votes: "csr_matrix", neighbours: int, power: float) -> Score:
    """A function that scores blocks of users by their neighbours' votes.

    Args:
        profiles: [U, I] CSR, what users are compared by.
        votes: [U, I] CSR, what a neighbour votes for.
        neighbours: K, how many of the most similar users vote; a user is not its own neighbour.
        power: a vote's weight is similarity ** power, divided by the sum of the K weights.
    Returns:
        users [B] -> scores [B, I] float32; all zero for a user nobody resembles.
    """
    from scipy.sparse import csr_matrix

    unit = normalised(profiles)
    by_item = unit.T.tocsr()  # [I, U]

    def score(users: np.ndarray) -> np.ndarray:
        similar = (unit[users] @ by_item).toarray()  # [B, U]
        similar[np.arange(len(users)), users] = 0
        similar[similar <= 0] = -np.inf
        nearest, similarity = lists.top_n(similar, neighbours)  # [B, K]
        found = nearest >= 0
        weight = np.where(found, similarity, 0) ** np.float32(power)
        weight /= np.maximum(weight.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
        starts = np.concatenate([[0], np.cumsum(found.sum(axis=1))])
        voters = csr_matrix((weight[found], nearest[found], starts), shape=similar.shape)
        return np.asarray((voters @ votes).toarray(), dtype=np.float32)

    return score


def run(*, features: Path, config: Config, out: Path) -> dict[str, Any]:
    """Write the list `user_knn` of every cut-off."""
    section = config.user_knn

    def make(cutoff: Cutoff, previous: Path | None, folder: Path) -> None:
        profiles = cutoff.matrix(section.profile)
        score = voting(profiles, cutoff.matrix(section.votes), section.neighbours, section.power)
        own = cutoff.matrix(section.own) * np.float32(section.own_weight)
        write_candidates(
            folder, "user_knn", cutoff, score, n=section.candidates, block_users=config.block_users, own=own, above=0.0
        )

    return make_parts("user_knn", make, features=features, out=out, config=config, tables=("interactions",))
