"""The sources as the fusion sees them: for a block of users every list as pairs, and exact scores where vectors exist.

Two signals are made here because they need only the features and the item vectors:

* `adoption`: what the nearest users discovered lately (their first action on the item), a source of candidates;
* `neighbours_7`, `neighbours_30`: what they acted on lately, for every pair;
* `text_affinity`: how near an item's text is to the user's decayed history.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from pipeline.arrays import top_k
from pipeline.arrays.blocks import blocks, rows_for
from pipeline.arrays.nearest import FEW
from pipeline.features.read import Cutoff, read_cutoffs, rows_matrix
from pipeline.ground import lists
from pipeline.ground.errors import InputError
from pipeline.ranking import near_texts
from pipeline.ranking.pairs import Listed, Pairs
from pipeline.settings.config import Config
from pipeline.settings.sections.lists import Fusion
from pipeline.sources import Sources, registry
from pipeline.sources.user_knn import Neighbourhood, references

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

ADOPTION = registry.ADOPTION.name
# Elements gathered at a time when exact scores are computed.
_GATHERED = 8_000_000

NEAR = "near_texts.npz"
NEIGHBOURS = ("neighbours_7", "neighbours_30")
"""The real and the imaginary part of one kind of vote: both come from one product, at the cost of one."""
ADDED, MULTIPLIED = 20, 11
"""Nanoseconds for a vote that is added to one pair, and for one of a product, where a cell takes one: by a block of
1,024 of a million users on one core. Other machines have other ones, and much the same ratios."""


@dataclass(frozen=True)
class Votes:
    """What others say about items, for a block of users: products of sparse matrices, made as far as they are needed.

    Attributes:
        voters: [B, R] CSR, how much each user listens to each voter; None: nobody is asked.
        votes: [R, I] CSR by name, float32 or two kinds at once (NEIGHBOURS).
    """

    voters: "csr_matrix | None"
    votes: "dict[str, csr_matrix]"

    def dense(self, name: str) -> Iterator[tuple[slice, np.ndarray]]:
        """One vote for every item, for parts of the block: [b, I] of at most CELLS elements."""
        if self.voters is not None:
            yield from _dense(self.voters, self.votes[name])

    def at(self, name: str, pairs: Pairs) -> np.ndarray:
        """[N] float32, or complex64, one vote for each pair.

        Of a large catalogue only the pairs' votes are added, where that takes less than the whole product. These are
        the same numbers in the order of the voters, not of how near they are: in the last bit the sum may be another.
        """
        if self.voters is None:
            return np.empty(len(pairs.keys), dtype=np.float32)
        votes = self.votes[name]
        found = np.empty(len(pairs.keys), dtype=votes.dtype)
        asked = np.flatnonzero(np.bincount(pairs.items, minlength=pairs.width))
        are_few = 2 * len(asked) <= pairs.width  # an item's votes are the same numbers whether others' are added or not
        if votes.shape[1] ** 2 > FEW:
            voted = np.bincount(votes.indices, minlength=votes.shape[1])[pairs.items]  # [N]
            products = int(np.diff(votes.indptr)[self.voters.indices].sum())
            cells = self.voters.shape[0] * (len(asked) if are_few else pairs.width)
            if ADDED * voted.sum() < MULTIPLIED * products + cells:
                return _summed(self.voters, votes, pairs, voted)
        for part, dense in _dense(self.voters, votes[:, asked] if are_few else votes):
            mine = pairs.of(part)
            place = pairs.keys[mine] - part.start * pairs.width
            if are_few:
                place = place // pairs.width * len(asked) + np.searchsorted(asked, pairs.items[mine])
            found[mine] = dense.ravel()[place]
        return found


@dataclass(frozen=True)
class CandidateLists:
    """All sources at one cut-off.

    Attributes:
        cutoff: whose targets the lists belong to.
        sources: folders of the sources that wrote them.
        settings: which lists take part, and the settings of `adoption` and `text_affinity`.
        near: a folder with what `share` wrote; None: nobody did.
    """

    cutoff: Cutoff
    sources: Sources
    settings: Fusion
    near: Path | None = None

    @cached_property
    def _lists(self) -> dict[tuple[lists.Pool, str], Path]:
        folders = [self.cutoff.dir_in(stage) for stage in self.sources.values()]
        pools = [lists.pool_of(name, kind) for name in self.cutoff.assortments() for kind in lists.KINDS]
        found = {(pool, name): f for f in folders for pool in pools for name in lists.list_names(f, pool)}
        return {key: folder for key, folder in found.items() if key[1] in self.settings.sources}

    @cached_property
    def _targets(self) -> int:
        return len(self.cutoff.targets())

    @cached_property
    def _among(self) -> np.ndarray:
        """[R] ascending indices of the users among whom neighbours are looked for."""
        return references(self.cutoff, self.settings.reference_users)

    @cached_property
    def _votes(self) -> "dict[str, csr_matrix]":
        """[R, I] what users vote for as neighbours: their last days, their last weeks, and what they discovered."""
        with self.cutoff.history(["user_index", "item_index", "first_age", "decay_7", "decay_30"]) as history:
            table = history.among(self._among)
        age, week, month = (table.column(i).to_numpy() for i in (2, 3, 4))
        names = dict(zip(NEIGHBOURS, ((week, age >= 0), (month, age >= 0)), strict=True))
        if ADOPTION in self.settings.sources:
            weight = 0.5 ** (age / self.settings.adoption_half_life)
            names[ADOPTION] = (weight, age < self.settings.adoption_days)
        width = self.cutoff.items
        made = {n: rows_matrix(table.filter(pa.array(k)), v[k], self._among, width) for n, (v, k) in names.items()}
        both, month = (made.pop(name) for name in NEIGHBOURS)
        both = both.astype(np.complex64)
        both.data += np.complex64(1j) * month.data
        return {"neighbours": both} | made

    @cached_property
    def _neighbourhood(self) -> Neighbourhood:
        with self.cutoff.history(["user_index", "item_index", "decay_90"]) as history:
            table = history.among(self._among)
        profiles = rows_matrix(table, table.column(2).to_numpy(), self._among, self.cutoff.items)
        return Neighbourhood(profiles, self._among, self.settings.neighbours)

    def listed(self, block: slice, assortment: str) -> dict[tuple[lists.Pool, str], Listed]:
        """Every list of a block of targets by (pool, name), of an assortment's pools."""
        width = self.cutoff.items
        found = {}
        for (pool, name), folder in self._lists.items():
            if lists.assortment_of(pool) != assortment:
                continue
            items, scores = lists.read_list(folder, pool, name)
            if len(items) != self._targets:
                raise InputError(f"{folder}: list '{pool}.{name}' does not belong to the cut-off's targets")
            found[pool, name] = Listed.of(items[block], scores[block], width)
        return found

    def neighbours(self, users: np.ndarray, profiles: "csr_matrix") -> Votes:
        """The votes of the users nearest to some users with the profiles [B, I]; none if nobody is asked."""
        if not self.settings.neighbours:
            return Votes(None, {})
        return Votes(self._neighbourhood.of(users, profiles), self._votes)

    def adoption(self, votes: Votes, profiles: "csr_matrix", eligible: np.ndarray | None = None) -> Listed:
        """The list `adoption`: what the nearest users discovered, ranked among the items the user never acted on.

        Args:
            votes: of the users nearest to the block.
            profiles: [B, I] CSR, what the block's users acted on.
            eligible: bool [I], which items may be listed; None: all.
        """
        n = 2 * self.settings.depth
        found = [(np.empty((0, n), np.int32), np.empty((0, n), np.float32))]
        for part, discovered in votes.dense(ADOPTION):
            known = profiles[part].tocoo()
            discovered[known.row[known.data > 0], known.col[known.data > 0]] = 0
            if eligible is not None:
                discovered[:, ~eligible] = 0
            found.append(top_k.top_n(discovered, n, above=0.0))
        items, scores = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
        return Listed.of(items, scores, self.cutoff.items)

    def vectors(self, source: str) -> tuple[Path, Path] | None:
        """Files of user [T, d] and item [I, d] vectors whose product is the source's score; None if it has none."""
        folder = self.sources.get(source)
        places = [] if folder is None else [self.cutoff.dir_in(folder), folder]
        users, items = (_first(places, f"{side}_factors.npy", f"{side}_vectors.npy") for side in ("user", "item"))
        return None if users is None or items is None else (users, items)

    def exact(self, source: str, block: slice, pairs: Pairs) -> np.ndarray | None:
        """[N] float32 scores of a source with vectors, for any pair; None if it has none."""
        paths = self.vectors(source)
        if paths is None:
            return None
        users, items = np.asarray(_mapped(paths[0])[block]), _mapped(paths[1])  # mapped anew: nothing stays mapped
        rows, columns = pairs.rows, pairs.items
        found = np.empty(len(rows), dtype=np.float32)
        for part in blocks(len(rows), max(1, _GATHERED // max(users.shape[1], 1))):
            found[part] = np.einsum("nd,nd->n", users[rows[part]], items[columns[part]])
        return found

    @cached_property
    def _near(self) -> "csr_matrix | None":
        """[I, I] nearness of the nearest texts of every item that somebody had; None without item vectors.

        All label cut-offs share one, made among the items of the newest, of which each takes its known prefix; and
        tonight's begins with it.
        """
        from scipy.sparse import load_npz

        path = item_text_vectors(self.sources)
        if path is None:
            return None
        if self.near is not None:
            return load_npz(self.near / NEAR)
        cutoffs = read_cutoffs(self.cutoff.folder.parent)
        roles = [[c for c in cutoffs if c.role == role] for role in dict.fromkeys(("label", self.cutoff.role))]
        known = tuple((max(c.items for c in found), near_texts.had(found).tobytes()) for found in roles if found)
        near = near_texts.of_file(path, path.stat().st_mtime_ns, known, self.settings.nearest_texts)
        return near[: self.cutoff.items, : self.cutoff.items]

    def share(self, folder: Path) -> Path:
        """Let a folder say what the nearest texts are, for processes that would each compare them all."""
        from scipy.sparse import save_npz

        if not (folder / NEAR).is_file() and self._near is not None:
            save_npz(folder / NEAR, self._near, compressed=False)
        return folder

    def text_affinity(self, pairs: Pairs, profiles: "csr_matrix") -> np.ndarray | None:
        """[N] float32, the decayed history's nearness in text to the item; None without item vectors."""
        return None if self._near is None else Votes(profiles, {"text": self._near}).at("text", pairs)


def _dense(voters: "csr_matrix", votes: "csr_matrix") -> Iterator[tuple[slice, np.ndarray]]:
    """Voters [B, R] times votes [R, C], for parts of the block: [b, C] of at most CELLS elements."""
    for part in blocks(voters.shape[0], rows_for(votes.shape[1], voters.shape[0])):
        yield part, np.asarray((voters[part] @ votes).toarray(), dtype=votes.dtype)


def _summed(voters: "csr_matrix", votes: "csr_matrix", pairs: Pairs, voted: np.ndarray) -> np.ndarray:
    """`Votes.at` by the voters of each pair's item; voted [N]: how many they are."""
    found, by_item, rows = np.zeros(len(voted), dtype=votes.dtype), votes.tocsc(), voters.shape[0]
    for part in blocks(rows, rows_for(voters.shape[1], rows)):
        heard, mine = voters[part].toarray(), pairs.of(part)  # [b, R]
        most_first = np.argsort(-voted[mine], kind="stable")
        row, first = pairs.rows[mine][most_first] - part.start, by_item.indptr[pairs.items[mine][most_first]]
        left = len(voted[mine]) - np.searchsorted(np.sort(voted[mine]), np.arange(voted[mine].max(initial=0)), "right")
        total = np.zeros(len(row), dtype=votes.dtype)
        for place, some in enumerate(left):
            at = first[:some] + place
            total[:some] += heard[row[:some], by_item.indices[at]] * by_item.data[at]
        found[mine.start + most_first] = total
    return found


def item_text_vectors(sources: Sources) -> Path | None:
    """The file [I, d] of what is known of the items' texts; None where no source made one."""
    name = registry.scoring("text")
    return None if name is None or name not in sources else _first([sources[name]], "item_vectors.npy")


def with_made_lists(config: Config, sources: Sources | None = None) -> Config:
    """The configuration whose fusion.sources names the lists that are made: those it names, by default all.

    Args:
        config: the configuration.
        sources: where they were made; a list that no cut-off has, as its source has nothing to say about such a log, is
            left out. Default: nobody looks.
    Raises:
        InputError: it names a list that no source makes.
    """
    known, makers = registry.candidate_lists(), registry.made_by()
    if unknown := sorted(set(config.fusion.sources) - set(known)):
        raise InputError(f"fusion.sources: there is no list {', '.join(unknown)}; there are {', '.join(known)}")
    named = tuple(name for name in config.fusion.sources if config.enabled(makers.get(name, name)))
    chosen = named or registry.made_lists(config)
    if sources is not None:
        files = (file for folder in sources.values() for file in folder.glob("cutoff=*/*.items.npy"))
        made = {file.name.split(".")[1] for file in files} | {ADOPTION}
        chosen = tuple(name for name in chosen if name in made)
    fusion = config.fusion.model_copy(update={"sources": chosen})
    return config.model_copy(update={"fusion": fusion})


def _first(folders: list[Path], *names: str) -> Path | None:
    return next((folder / name for folder in folders for name in names if (folder / name).is_file()), None)


def _mapped(path: Path) -> np.ndarray:
    return np.asanyarray(np.load(path, mmap_mode="r", allow_pickle=False))
