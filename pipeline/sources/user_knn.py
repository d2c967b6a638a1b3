"""What similar users acted on in the last days.

The neighbours of a user are those with the nearest decayed profile (cosine); each votes with its recent actions,
weighted by its similarity. Pool `all` adds the user's own history. Similarities exist for a block of users at a time,
and a large shop looks for neighbours among the users active last only: time grows with users, not with their square.
"""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import PositiveFloat, PositiveInt

from pipeline.arrays import top_k
from pipeline.arrays.blocks import blocks, indptr_of, rows_for
from pipeline.engine import Bound
from pipeline.features.read import Cutoff
from pipeline.ground.artifacts import Memo
from pipeline.settings.config import Config
from pipeline.settings.sections.base import Decay, RepeatingSection
from pipeline.sources.candidates import Score, make_parts, narrowed, reached, write_source
from pipeline.sources.contract import CandidateList, Source

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


KEPT = 2**22
"""Neighbours that are remembered, of profiles that may come again: 32 MiB."""


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
    made_of={"interactions": ("{profile}", "{votes}")},
)


def normalised(matrix: "csr_matrix") -> "csr_matrix":
    """[U, I] CSR with rows of length 1; an empty row stays empty."""
    rows = matrix.shape[0]
    row = np.repeat(np.arange(rows), np.diff(matrix.indptr))
    length = np.sqrt(np.bincount(row, weights=matrix.data.astype(np.float64) ** 2, minlength=rows))
    unit = matrix.copy()
    unit.data = (matrix.data / np.where(length > 0, length, 1.0)[row]).astype(np.float32)
    return unit


def row_bytes(matrix: "csr_matrix") -> list[bytes]:
    """[R] columns and values of each row of a CSR matrix, one after the other: equal for equal rows."""
    starts = matrix.indptr.tolist()
    columns, values = (np.ascontiguousarray(part).view(np.uint8).data for part in (matrix.indices, matrix.data))
    wide, deep = matrix.indices.itemsize, matrix.data.itemsize
    return [bytes(columns[a * wide : b * wide]) + bytes(values[a * deep : b * deep]) for a, b in pairwise(starts)]


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

    Time per profile does not grow with the number of users beyond the references, nor does memory: a block of profiles
    against all references, blocks.CELLS at a time. Users with the same profile, as all who only ever had the same item,
    have the same neighbours but for themselves: these are looked for once, and KEPT of them are remembered.

    Args:
        profiles: [R, I] CSR, what the reference users are compared by.
        among: [R] their ascending indices.
        neighbours: K, how many are found at most; a user is not its own neighbour.
        power: a neighbour weighs similarity ** power, divided by the sum of the K weights.
    """

    def __init__(self, profiles: "csr_matrix", among: np.ndarray, neighbours: int, power: float = 1.0) -> None:
        self._among, self._neighbours, self._power = among, neighbours, np.float32(power)
        self._by_item = normalised(profiles).T.tocsr()  # [I, R]
        self._known: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}
        self._room = KEPT // (neighbours + 1)

    def of(self, users: np.ndarray, profiles: "csr_matrix") -> "csr_matrix":
        """The neighbours of some users.

        Args:
            users: [B] their indices.
            profiles: [B, I] CSR, what they are compared by.
        Returns:
            [B, R] CSR float32 weights; a row sums to 1, or to 0 for whom nobody resembles.
        """
        from scipy.sparse import csr_matrix

        nearest, similarity = self._others(users, *self._nearest(normalised(profiles)))  # [B, K]
        found = nearest >= 0
        weight = np.where(found, similarity, 0) ** self._power
        weight /= np.maximum(weight.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
        shape = (len(users), len(self._among))
        return csr_matrix((weight[found], nearest[found], indptr_of(found.sum(axis=1))), shape=shape)

    def _nearest(self, profiles: "csr_matrix") -> tuple[np.ndarray, np.ndarray]:
        """Places (-1 pads) and cosines [B, K + 1] of the references most like some profiles, their owners included."""
        names = row_bytes(profiles)
        first = {name: row for row, name in enumerate(names) if name not in self._known}
        new = np.fromiter(first.values(), np.int64, len(first))
        found = {name: self._known[name] for name in set(names) - set(first)}
        for part in blocks(len(new), rows_for(len(self._among), len(new))):
            similar = (profiles[new[part]] @ self._by_item).toarray()  # [b, R]
            best = top_k.top_n(similar, self._neighbours + 1, above=0.0)
            found |= {names[row]: pair for row, pair in zip(new[part].tolist(), zip(*best, strict=True), strict=True)}
        self._remember(first, found)
        width = self._neighbours + 1
        places, cosines = (np.array([found[name][n] for name in names]).reshape(len(names), width) for n in (0, 1))
        return places, cosines

    def _others(self, users: np.ndarray, places: np.ndarray, cosines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """[B, K] of [B, K + 1]: without the user, or without the last where the user is not there."""
        owner = np.append(self._among, -1)[places]  # a pad reads the appended -1
        return top_k.without_one(places, cosines, owner == users[:, None])

    def _remember(self, names: Iterable[bytes], found: Mapping[bytes, tuple[np.ndarray, np.ndarray]]) -> None:
        """Keep what there is room for: whoever comes first, as a profile that many users have does."""
        for name in names:
            if len(self._known) >= self._room:
                return
            self._known[name] = (found[name][0].copy(), found[name][1].copy())


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
        voters, items = references(cutoff, section.reference_users), reached(cutoff)
        profiles, votes = (narrowed(cutoff.matrix(name), items) for name in (section.profile, section.votes))
        asked = {"neighbours": section.neighbours, "power": section.power, "among": voters}
        score = Bound(voting, {"profiles": profiles, "votes": votes} | asked)
        given: dict[str, Any] = {"above": 0.0, "threads": config.threads, "among": items}
        write_source(folder, "user_knn", cutoff, score, section=section, config=config, **given)

    return make_parts("user_knn", make, features=features, memo=memo, config=config)
