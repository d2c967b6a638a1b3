"""The table `audiences`: the reverse of the lists, for an item or a category the users most likely to act on it.

Nothing is scored again: the final lists of a surface's recommender have every user's best items with the probability
that the user acts on each. An item's audience are the users who have it there, the likeliest first; of a category it is
the chance that the user acts on any of its items in the list, 1 - prod(1 - p).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.arrays.blocks import blocks
from pipeline.ground.errors import InputError
from pipeline.publication.candidates import Candidates
from pipeline.publication.night import Night
from pipeline.publication.parquet import ROW_GROUP
from pipeline.published.contract import OF_RUN, Column, PublishedTable
from pipeline.settings import predicates
from pipeline.settings.sections.audiences import Audience

TABLE = PublishedTable(
    name="audiences",
    grain="one row per audience, item or category, and rank",
    columns=(
        Column("audience", pa.string(), "its name in the configuration", of=OF_RUN),
        Column("about", pa.string(), "the item_id, or the category", of=("same features.items(item_id, category)",)),
        Column(
            "rank",
            pa.int32(),
            "the place among the users, 1 is the likeliest",
            of=("sort ensemble.lists(probability)",),
        ),
        Column(
            "user_id",
            pa.string(),
            "the user, as the logs or their pseudonyms have it",
            of=("same features.users(user_id)",),
        ),
        Column(
            "score",
            pa.float32(),
            "probability that the user acts on it within the horizon",
            of=("made ensemble.lists(probability)",),
        ),
    ),
    key=("about", "audience", "rank"),
    index="about",
    things=("about", "items and categories"),
    added_later=True,
)
HELD = 2**22
"""Pairs that are held before those of too low a rank are dropped; 16 bytes each."""


def make(night: Night) -> Iterable[pa.Table]:
    """The audiences, sorted by audience, about, rank over all pieces; nothing where none is configured."""
    for audience in sorted(night.config.publish.audiences, key=lambda one: one.name):
        yield from _made(night, audience)


def _made(night: Night, audience: Audience) -> Iterator[pa.Table]:
    surface = next(surface for surface in night.config.surfaces if surface.name == audience.surface)
    targets = night.cutoff.targets()
    candidates = Candidates.read(night, surface, len(targets))
    if not candidates.calibrated:
        raise InputError(
            f"publish.audiences '{audience.name}': the lists of surface '{surface.name}' have no probabilities: set "
            "ensemble.final to a merged list"
        )
    shown = night.shown[surface.name] & _chosen(night, audience)
    names = night.items.column("item_id" if audience.by == "item" else "category")
    encoded = pc.dictionary_encode(pc.if_else(pc.equal(names, ""), None, names)).combine_chunks()
    about = np.where(shown, pc.fill_null(encoded.indices, -1).to_numpy(), -1)  # [I]
    best = Best(audience.k)
    for block in blocks(len(targets), night.config.block_users):
        items, scores = (np.asarray(array[block]) for array in (candidates.items, candidates.scores))
        there = (items >= 0) & ~_limited(night, targets[block], items)
        best.add(*_pairs(np.where(there, about[items], -1), scores, targets[block]))
    yield from _rows(night, audience.name, encoded.dictionary, best)


def _limited(night: Night, users: np.ndarray, items: np.ndarray) -> np.ndarray:
    """bool [B, n], which items of lists their users may not be shown; what else is never shown is in no list."""
    limits = night.never.limits
    return np.zeros(items.shape, bool) if limits is None else limits.forbidden(users[:, None], items)


def _chosen(night: Night, audience: Audience) -> np.ndarray:
    """bool [I], the items that the audience is about."""
    if audience.where == "true":
        return np.ones(night.items.num_rows, dtype=bool)
    return predicates.passing(night.items, {audience.name: audience.where}, night.valid_on)[audience.name]


def _pairs(about: np.ndarray, chance: np.ndarray, users: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What each user of a block has in the list, with the chance that the user acts on any of it.

    Args:
        about: [B, n] what each item counts as, -1: nothing.
        chance: [B, n] of each item; users: [B].
    """
    row, column = np.nonzero(about >= 0)
    code = about[row, column].astype(np.int64)
    key, place = np.unique(row * (about.max(initial=0) + 1) + code, return_inverse=True)
    spared = np.log1p(-np.clip(chance[row, column].astype(np.float64), 0, 1 - 1e-9))
    found = -np.expm1(np.bincount(place, weights=spared, minlength=len(key)))
    width = about.max(initial=0) + 1
    return key % width, users[key // width], found.astype(np.float32)


@dataclass
class Best:
    """The k users with the highest chance of each thing, of pairs that come in pieces; of equals the first known.

    Attributes:
        k: how many.
    """

    k: int
    _held: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=list)
    _kept: int = 0

    def add(self, about: np.ndarray, users: np.ndarray, chance: np.ndarray) -> None:
        """Take pairs, [N] each."""
        self._held.append((about, users, chance))
        # twice what was left the last time: many things with many users each must not be sorted with every piece
        if sum(len(piece[0]) for piece in self._held) > max(HELD, 2 * self._kept):
            self._held = [self.found()]
            self._kept = len(self._held[0][0])

    def found(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What is left, by thing, then the highest chance first."""
        nothing = (np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32))
        about, users, chance = (np.concatenate(arrays) for arrays in zip(nothing, *self._held, strict=True))
        order = np.lexsort((users, -chance, about))
        about, users, chance = about[order], users[order], chance[order]
        kept = np.arange(len(about)) - np.searchsorted(about, about) < self.k
        return about[kept], users[kept], chance[kept]


def _rows(night: Night, name: str, things: pa.Array, best: Best) -> Iterator[pa.Table]:
    about, users, chance = best.found()
    order = np.argsort(pc.rank(things, "ascending").to_numpy()[about], kind="stable") if len(about) else about
    rank = (np.arange(len(about)) - np.searchsorted(about, about) + 1)[order].astype(np.int32)
    user_ids = night.users.column("user_id")
    for part in blocks(len(order), ROW_GROUP):
        at = order[part]
        columns = {
            "run_id": pa.repeat(night.run_id, len(at)),
            "audience": pa.repeat(name, len(at)),
            "about": things.take(pa.array(about[at])),
            "rank": rank[part],
            "user_id": user_ids.take(pa.array(users[at])),
            "score": chance[at],
        }
        yield pa.table(columns, schema=TABLE.schema)
