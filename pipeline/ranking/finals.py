"""How a final list comes about: the members' lists merged, and with them a single model's list that did as well."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from pipeline.arrays.alike import Alike
from pipeline.features.read import Cutoff
from pipeline.ground import lists
from pipeline.ground.errors import InputError
from pipeline.ranking import merging
from pipeline.ranking.pairs import to_lists
from pipeline.settings.config import Config
from pipeline.settings.sections.lists import MERGED

TIES = 1e-3
"""What the merged list weighs where the single one is alone: enough to order what that does not list or rates alike."""

Pair = tuple[np.ndarray, np.ndarray]
"""Lists of some targets: items [B, n] (-1 pads) and scores [B, n] (-inf pads)."""


@dataclass(frozen=True)
class Recipe:
    """What a label window taught about the final list of a pool.

    Attributes:
        weights: of the configured members, sum 1.
        single: a single model's list that takes part; None: no one did as well as the merged list.
        share: how much of the final score is its, 0 to 1.
    """

    weights: tuple[float, ...]
    single: str | None = None
    share: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """For weights.json."""
        return asdict(self)

    @property
    def alone(self) -> bool:
        """Whether the list is a single model's, but for its ties."""
        return self.single is not None and self.share == 1

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """The inverse of to_json."""
        return cls(tuple(content["weights"]), content["single"], content["share"])


def recipes(ensemble: Path, fold: str = "publish") -> dict[lists.Pool, Recipe]:
    """How the ensemble made the final lists of a fold, by pool; tonight's by default."""
    content = json.loads((ensemble / "weights.json").read_text(encoding="utf-8"))
    return {pool: Recipe.from_json(recipe) for pool, recipe in content[fold].items()}


@dataclass(frozen=True)
class Final:
    """Makes the final lists of one cut-off and pool.

    Attributes:
        cutoff: whose targets they are for.
        members: the lists that are merged, by name, memory-mapped.
        recipe: how.
        single: the list that takes part beside them, memory-mapped; None where the recipe names none.
        config: `ensemble`.
    """

    cutoff: Cutoff
    members: Mapping[str, Pair]
    recipe: Recipe
    single: Pair | None
    config: Config

    @classmethod
    def of(
        cls, cutoff: Cutoff, places: Mapping[str, Path], pool: lists.Pool, recipe: Recipe, config: Config
    ) -> "Final":
        """Find the lists in the stages' folders."""
        single = None
        if recipe.single is not None and (folder := folder_of(cutoff, places, pool, recipe.single)) is not None:
            single = lists.read_list(folder, pool, recipe.single)
        return cls(cutoff, read_members(cutoff, places, pool, config), recipe, single, config)

    def kinds(self, rows: slice) -> tuple[np.ndarray, np.ndarray]:
        """The first target [G] of each kind that has the same lists, to the last bit, and the kind [B] of each."""
        taking_part = [*self.members.values(), *([] if self.single is None else [self.single])]
        words = [
            array[rows].view(np.float32) for pair in taking_part for array in pair
        ]  # of 32 bits, as Alike has them
        alike = Alike.of(np.concatenate(words, axis=1))
        return rows.start + alike.first, alike.group

    def block(self, rows: np.ndarray | slice) -> tuple[dict[str, Pair], Pair]:
        """Every merged list of some targets by name, and the one that is published."""
        ranked = self._merged(rows, MERGED)
        name, n = self.config.ensemble.final, self.config.ensemble.length
        final = ranked.get(name) or _padded(self.members, name, rows, n)
        return ranked, self._mixed(final, rows, [self.recipe.share])[0]

    def with_shares(self, rows: np.ndarray, shares: Sequence[float]) -> list[Pair]:
        """The final list of some targets with other shares of the single one, where it is a merged one."""
        name = self.config.ensemble.final
        return self._mixed(self._merged(rows, [name])[name], rows, shares)

    def _merged(self, rows: np.ndarray | slice, names: Sequence[str]) -> dict[str, Pair]:
        found = gathered(self.cutoff, self.members, rows, self.config)
        return merge_block(found, np.asarray(self.recipe.weights), self.config, names)

    def _mixed(self, final: Pair, rows: np.ndarray | slice, shares: Sequence[float]) -> list[Pair]:
        if self.single is None or not any(shares):
            return [final for _ in shares]
        users = self.cutoff.targets()[rows]
        items, scores = (np.asarray(array[rows]) for array in self.single)
        return mixtures(final, (items, scores), shares, users, self.cutoff.items)


def mixtures(final: Pair, single: Pair, shares: Sequence[float], users: np.ndarray, width: int) -> list[Pair]:
    """Two lists of the same users as one: the weighted average of their standardised scores.

    Args:
        final: the merged list of B users.
        single: another one.
        shares: of the single list's scores, one result each; with 0 it is the merged list, with 1 that only settles
            ties and fills up.
        users: [B] their indices.
        width: I, number of items.
    Returns:
        As many items of each as the merged list has places.
    """
    found = merging.gather(users, width, [final, single])

    def mixed(share: float) -> Pair:
        scores = merging.weighted(found, np.array([max(1 - share, TIES), share]))
        return to_lists(found.pairs.rows, found.pairs.items, scores, len(users), final[0].shape[1])[:2]

    return [mixed(share) if share else final for share in shares]


def folder_of(cutoff: Cutoff, places: Mapping[str, Path], pool: lists.Pool, name: str) -> Path | None:
    """Which stage wrote a list, if any did: its folder of the cut-off."""
    folders = (cutoff.dir_in(stage) for stage in places.values())
    return next((folder for folder in folders if (folder / f"{pool}.{name}.items.npy").is_file()), None)


def read_members(cutoff: Cutoff, places: Mapping[str, Path], pool: lists.Pool, config: Config) -> dict[str, Pair]:
    """The members' lists of one pool, memory-mapped; a member without one for this pool (buy-again in `new`) is absent.

    Raises:
        InputError: no member has a list.
    """
    names = config.ensemble.members
    found = read(cutoff, places, pool, names)
    if not found:
        raise InputError(
            f"no stage wrote any of ensemble.members {', '.join(names)} for pool '{pool}' at {cutoff.part}"
        )
    return found


def read(cutoff: Cutoff, places: Mapping[str, Path], pool: lists.Pool, names: Sequence[str]) -> dict[str, Pair]:
    """Those of the named lists that a stage wrote, memory-mapped."""
    folders = {name: folder_of(cutoff, places, pool, name) for name in names}
    return {name: lists.read_list(folder, pool, name) for name, folder in folders.items() if folder is not None}


def gathered(cutoff: Cutoff, members: Mapping[str, Pair], rows: np.ndarray | slice, config: Config) -> merging.Members:
    """The members' lists of some targets; a configured member without a list lists nothing."""
    users = cutoff.targets()[rows]
    found = []
    for name in config.ensemble.members:
        if name in members:
            items, scores = members[name]
            found.append((np.asarray(items[rows]), np.asarray(scores[rows])))
        else:
            found.append((np.full((len(users), 1), -1, np.int32), np.full((len(users), 1), -np.inf, np.float32)))
    return merging.gather(users, cutoff.items, found)


def merge_block(merged: merging.Members, weights: np.ndarray, config: Config, names: Sequence[str]) -> dict[str, Pair]:
    """Merged lists of a block of users: items and scores [B, n] by name, of MERGED."""
    scores: dict[str, Callable[[], np.ndarray]] = {
        "weighted": lambda: merging.weighted(merged, weights),
        "reciprocal_rank": lambda: merging.reciprocal_rank(merged, config.ensemble.constant),
        "borda": lambda: merging.borda(merged),
    }
    pairs, n = merged.pairs, config.ensemble.length
    return {name: to_lists(pairs.rows, pairs.items, scores[name](), len(pairs.users), n)[:2] for name in names}


def _padded(members: Mapping[str, Pair], name: str, block: np.ndarray | slice, n: int) -> Pair:
    """A member's own list, cut or padded to n."""
    if name not in members:
        raise InputError(f"ensemble.final = '{name}' is neither one of {', '.join(MERGED)} nor a member with a list")
    items, scores = (np.asarray(array[block, :n]) for array in members[name])
    short = ((0, 0), (0, n - items.shape[1]))
    return np.pad(items, short, constant_values=-1), np.pad(scores, short, constant_values=-np.inf)
