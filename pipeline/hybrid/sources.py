"""The sources as the fusion sees them: for a block of users every list as pairs, and exact scores where vectors exist.

Two signals are made here because they need only the features and the item vectors:

* `adoption`: what the nearest users discovered lately (their first action on the item), a source of candidates;
* `neighbours_7`, `neighbours_30`: what they acted on lately, for every pair;
* `text_affinity`: how near an item's text is to the user's decayed history.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline import data, lists
from pipeline.config import Fusion
from pipeline.data import Cutoff, blocks
from pipeline.errors import InputError
from pipeline.hybrid.pairs import Listed, Pairs
from pipeline.models.user_knn import normalised

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

ADOPTION = "adoption"
# Elements gathered at a time when exact scores are computed.
_GATHERED = 8_000_000


@dataclass(frozen=True)
class Sources:
    """All sources at one cut-off.

    Attributes:
        cutoff: whose targets the lists belong to.
        stages: folders of the stages that wrote lists.
        settings: which lists take part, and the settings of `adoption` and `text_affinity`.
    """

    cutoff: Cutoff
    stages: Mapping[str, Path]
    settings: Fusion
    _vectors: dict[str, tuple[np.ndarray, np.ndarray] | None] = field(default_factory=dict)

    @cached_property
    def _lists(self) -> dict[tuple[lists.Pool, str], Path]:
        folders = [self.cutoff.dir_in(stage) for stage in self.stages.values()]
        found = {(pool, name): f for f in folders for pool in lists.POOLS for name in lists.list_names(f, pool)}
        return {key: folder for key, folder in found.items() if key[1] in self.settings.sources}

    @cached_property
    def _votes(self) -> "dict[str, csr_matrix]":
        """[U, I] what users vote for as neighbours: their last days, their last weeks, and what they discovered."""
        from scipy.sparse import csr_matrix

        table = self.cutoff.interactions(["user_index", "item_index", "first_age"])
        users, items, age = (column.to_numpy() for column in table.columns)
        lately = age < self.settings.adoption_days
        weight = (0.5 ** (age[lately] / self.settings.adoption_half_life)).astype(np.float32)
        discoveries = csr_matrix((weight, (users[lately], items[lately])), shape=(self.cutoff.users, self.cutoff.items))
        names = {"neighbours_7": self.cutoff.matrix("decay_7"), "neighbours_30": self.cutoff.matrix("decay_30")}
        return names | {ADOPTION: discoveries}

    @cached_property
    def _profiles(self) -> "csr_matrix":
        return self.cutoff.matrix("decay_90")

    def listed(self, block: slice) -> dict[tuple[lists.Pool, str], Listed]:
        """Every list of a block of targets by (pool, name)."""
        width = self.cutoff.items
        found = {}
        for (pool, name), folder in self._lists.items():
            items, scores = lists.read_list(folder, pool, name)
            if len(items) != len(self.cutoff.targets()):
                raise InputError(f"{folder}: list '{pool}.{name}' does not belong to the cut-off's targets")
            found[pool, name] = Listed.of(items[block], scores[block], width)
        return found

    def neighbours(self, users: np.ndarray) -> dict[str, np.ndarray]:
        """Votes of the nearest users for every item: [B, I] float32 by name of the vote."""
        voters = nearest_users(self._profiles, users, self.settings.neighbours)
        return {name: np.asarray((voters @ votes).toarray(), dtype=np.float32) for name, votes in self._votes.items()}

    def adoption(self, votes: np.ndarray, users: np.ndarray) -> Listed:
        """The list `adoption`: what the nearest users discovered, ranked among the items the user never acted on."""
        scores = np.where((votes > 0) & (self._profiles[users].toarray() <= 0), votes, -np.inf)
        return Listed.of(*lists.top_n(scores, 2 * self.settings.depth), self.cutoff.items)

    def vectors(self, stage: str) -> tuple[np.ndarray, np.ndarray] | None:
        """User [T, d] and item [I, d] vectors whose product is the stage's score; None if it has none."""
        if stage not in self._vectors:
            folder = self.stages.get(stage)
            places = [] if folder is None else [self.cutoff.dir_in(folder), folder]
            users, items = (_first(places, f"{side}_factors.npy", f"{side}_vectors.npy") for side in ("user", "item"))
            self._vectors[stage] = None if users is None or items is None else (_mapped(users), _mapped(items))
        return self._vectors[stage]

    def exact(self, stage: str, block: slice, pairs: Pairs) -> np.ndarray | None:
        """[N] float32 scores of a stage with vectors, for any pair; None if it has none."""
        pair = self.vectors(stage)
        if pair is None:
            return None
        users, items = np.asarray(pair[0][block]), pair[1]
        rows, columns = pairs.rows, pairs.items
        found = np.empty(len(rows), dtype=np.float32)
        for part in blocks(len(rows), max(1, _GATHERED // max(users.shape[1], 1))):
            found[part] = np.einsum("nd,nd->n", users[rows[part]], items[columns[part]])
        return found

    @cached_property
    def _near(self) -> "csr_matrix | None":
        """[I, I] nearness of the nearest texts of every item; None without item vectors.

        All label cut-offs share one, made among the items of the newest, of which each takes its known prefix.
        """
        folder = self.stages.get("language_model")
        path = None if folder is None else _first([self.cutoff.dir_in(folder), folder], "item_vectors.npy")
        if path is None:
            return None
        cutoffs = data.read_cutoffs(self.cutoff.folder.parent)
        among = max(c.items for c in cutoffs if c.role == self.cutoff.role)
        near = _nearest_in(path, path.stat().st_mtime_ns, among, self.settings.nearest_texts)
        return near[: self.cutoff.items, : self.cutoff.items]

    def text_affinity(self, pairs: Pairs) -> np.ndarray | None:
        """[N] float32, the decayed history's nearness in text to the item; None without item vectors."""
        if self._near is None:
            return None
        affinity = np.asarray((self._profiles[pairs.users] @ self._near).toarray())  # [B, I]
        return np.asarray(affinity[pairs.rows, pairs.items], dtype=np.float32)


def nearest_users(profiles: "csr_matrix", users: np.ndarray, n: int) -> "csr_matrix":
    """[B, U] CSR float32 cosine of each user's n most similar users, itself excluded; rows sum to 1."""
    from scipy.sparse import csr_matrix

    unit = normalised(profiles)
    similar = (unit[users] @ unit.T).toarray()  # [B, U]
    similar[np.arange(len(users)), users] = 0
    near, cosine = lists.top_n(np.where(similar > 0, similar, -np.inf).astype(np.float32), n)
    found = near >= 0
    weight = np.where(found, cosine, 0)
    weight /= np.maximum(weight.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    starts = np.concatenate([[0], np.cumsum(found.sum(axis=1))])
    return csr_matrix((weight[found], near[found], starts), shape=similar.shape)


def _first(folders: list[Path], *names: str) -> Path | None:
    return next((folder / name for folder in folders for name in names if (folder / name).is_file()), None)


def _mapped(path: Path) -> np.ndarray:
    return np.asanyarray(np.load(path, mmap_mode="r", allow_pickle=False))


@lru_cache(maxsize=2)
def _nearest_in(path: Path, changed: int, items: int, n: int) -> "csr_matrix":
    """`nearest` among the first items of a file of vectors, kept; `changed` tells a rewritten file from the old one."""
    return nearest(_mapped(path)[:items], n)


def nearest(vectors: np.ndarray, n: int, block_items: int = 1024) -> "csr_matrix":
    """[I, I] CSR with the n largest positive cosines of each row, itself excluded, to the power 4.

    The power makes the near ones count and the crowd not.

    Args:
        vectors: [I, h]; a zero row is near nothing.
        n: neighbours kept per row.
        block_items: rows compared at a time.
    """
    from scipy.sparse import csr_matrix, vstack

    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = (vectors / np.where(length > 0, length, 1)).astype(np.float32)
    parts = []
    for part in blocks(len(unit), block_items):
        cosine = unit[part] @ unit.T  # [b, I]
        cosine[np.arange(len(cosine)), np.arange(part.start, part.stop)] = -np.inf
        items, values = lists.top_n(np.where(cosine > 0, cosine, -np.inf), n)
        starts = np.concatenate([[0], np.cumsum((items >= 0).sum(axis=1))])
        parts.append(csr_matrix((values[items >= 0] ** 4, items[items >= 0], starts), shape=cosine.shape))
    return vstack(parts, format="csr") if parts else csr_matrix((0, 0), dtype=np.float32)
