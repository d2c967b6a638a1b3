"""What similar users acted on in the last days.

The neighbours of a user are those with the nearest decayed profile (cosine); each votes with its recent actions,
weighted by its similarity. Pool `all` adds the user's own history. Similarities exist for a block of users at a time,
and a large shop looks for neighbours among the users active last only: time grows with users, not with their square.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import PositiveFloat, PositiveInt

from pipeline.arrays import top_k
from pipeline.arrays.blocks import blocks, indptr_of, rows_for
from pipeline.features.read import Cutoff
from pipeline.ground.artifacts import Memo
from pipeline.settings.config import Config
from pipeline.settings.sections.base import Decay, RepeatingSection
from pipeline.sources.candidates import Score, make_parts, write_source
from pipeline.sources.contract import CandidateList, Source

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


class UserKnn(RepeatingSection):
    """What similar users acted on in the last days."""

    profile: Decay = "decay_90"
    """Column of the interactions that users are compared by."""
    votes: Decay = "decay_7"
    """Column of the interactions that neighbours vote with."""
    neighbours: PositiveInt = 400
    """How many of the most similar users vote."""
    reference_users: PositiveInt = 20_000
    """Neighbours are looked for among this many users, those active last; in a smaller shop, among all."""
    power: PositiveFloat = 2.0
    """A vote weighs the similarity to this power."""


SOURCE = Source(
    UserKnn,
    lists=(CandidateList("user_knn", "Similar customers", says="peers"),),
)


def normalised(matrix: "csr_matrix") -> "csr_matrix":
    """[U, I] CSR with rows of length 1; an empty row stays empty."""
    rows = matrix.shape[0]
    row = np.repeat(np.arange(rows), np.diff(matrix.indptr))
    length = np.sqrt(np.bincount(row, weights=matrix.data.astype(np.float64) ** 2, minlength=rows))
    unit = matrix.copy()
    unit.data = (matrix.data / np.where(length > 0, length, 1.0)[row]).astype(np.float32)
    return unit


def references(cutoff: Cutoff, limit: int) -> np.ndarray:
    """[R] ascending indices of the users among whom neighbours are looked for: all, or the `limit` active last.

    Neighbours vote with what they did lately, so whoever has been away has little to say. Ties go to the older user.
    """
    if cutoff.users <= limit:
        return np.arange(cutoff.users)
    youngest = np.full(cutoff.users, np.inf, dtype=np.float32)
    with cutoff.history(["user_index", "last_age"]) as history:
        for table in history.groups():
            users, age = (column.to_numpy() for column in table.columns)
            starts = np.flatnonzero(np.diff(users, prepend=-1))
            youngest[users[starts]] = np.minimum(youngest[users[starts]], np.minimum.reduceat(age, starts))
    return np.sort(np.argsort(youngest, kind="stable")[:limit])


class Neighbourhood:
    """Finds the most similar of a bounded number of reference users, by the cosine of their profiles.

    Time per user does not grow with the number of users beyond the references, nor does memory: a block of users
    against all references, data.CELLS at a time.

    Args:
        profiles: [R, I] CSR, what the reference users are compared by.
        among: [R] their ascending indices.
        neighbours: K, how many are found at most; a user is not its own neighbour.
        power: a neighbour weighs similarity ** power, divided by the sum of the K weights.
    """

    def __init__(self, profiles: "csr_matrix", among: np.ndarray, neighbours: int, power: float = 1.0) -> None:
        self._among, self._neighbours, self._power = among, neighbours, np.float32(power)
        self._by_item = normalised(profiles).T.tocsr()  # [I, R]

    def of(self, users: np.ndarray, profiles: "csr_matrix") -> "csr_matrix":
        """The neighbours of some users.

        Args:
            users: [B] their indices.
            profiles: [B, I] CSR, what they are compared by.
        Returns:
            [B, R] CSR float32 weights; a row sums to 1, or to 0 for whom nobody resembles.
        """
        from scipy.sparse import csr_matrix, vstack

        width = len(self._among)
        parts = [self._of(users[part], profiles[part]) for part in blocks(len(users), rows_for(width, len(users)))]
        return vstack(parts, format="csr") if parts else csr_matrix((0, width), dtype=np.float32)

    def _of(self, users: np.ndarray, profiles: "csr_matrix") -> "csr_matrix":
        from scipy.sparse import csr_matrix

        similar = (normalised(profiles) @ self._by_item).toarray()  # [B, R]
        at = np.minimum(np.searchsorted(self._among, users), max(len(self._among) - 1, 0))
        itself = np.flatnonzero(self._among[at] == users) if len(self._among) else at[:0]
        similar[itself, at[itself]] = 0
        nearest, similarity = top_k.top_n(similar, self._neighbours, above=0.0)  # [B, K]
        found = nearest >= 0
        weight = np.where(found, similarity, 0) ** self._power
        weight /= np.maximum(weight.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
        return csr_matrix((weight[found], nearest[found], indptr_of(found.sum(axis=1))), shape=similar.shape)


def voting(
    profiles: "csr_matrix", votes: "csr_matrix", neighbours: int, power: float, among: np.ndarray | None = None
) -> Score:
    """A function that scores blocks of users by their neighbours' votes.

    Args:
        profiles: [U, I] CSR, what users are compared by.
        votes: [U, I] CSR, what a neighbour votes for.
        neighbours: K, how many of the most similar users vote; a user is not its own neighbour.
        power: a vote's weight is similarity ** power, divided by the sum of the K weights.
        among: [R] ascending indices of the users who may be neighbours; default: all.
    Returns:
        users [B] -> scores [B, I] float32; all zero for a user nobody resembles.
    """
    among = np.arange(profiles.shape[0]) if among is None else among
    everybody = len(among) == profiles.shape[0]
    neighbourhood = Neighbourhood(profiles if everybody else profiles[among], among, neighbours, power)
    cast = votes if everybody else votes[among]

    def score(users: np.ndarray) -> np.ndarray:
        return np.asarray((neighbourhood.of(users, profiles[users]) @ cast).toarray(), dtype=np.float32)

    return score


def run(*, features: Path, config: Config, section: UserKnn, memo: Memo) -> dict[str, Any]:
    """Write the list `user_knn` of every cut-off."""

    def make(cutoff: Cutoff, previous: Path | None, folder: Path) -> None:
        among = references(cutoff, section.reference_users)
        profiles = cutoff.matrix(section.profile)
        score = voting(profiles, cutoff.matrix(section.votes), section.neighbours, section.power, among)
        write_source(
            folder, "user_knn", cutoff, score, section=section, config=config, above=0.0, threads=config.threads
        )

    return make_parts("user_knn", make, features=features, memo=memo, config=config)
