"""Slots of a list that are drawn: what a table never shows, it never learns of.

A slot of `explore.slots` shows the best item that is left or, with the chance `explore.share`, one that is drawn among
the best `explore.top` that the surface may show this user and that stand nowhere else in the list. Slots are drawn from
the top down; each says with which chance it shows what it shows, given the slots above it. With that an application's
log can judge any other table, exactly (pipeline.policies).

The draws follow from the run, the surface, the user, the slot and the item: the same run has the same bytes.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.arrays import draws
from pipeline.arrays.blocks import blocks
from pipeline.arrays.metrics import repeated
from pipeline.policies.learned import Belief
from pipeline.publication import listing, thompson
from pipeline.publication.editorial import settle
from pipeline.publication.listing import Among, Left
from pipeline.publication.surfaces import Block, Cap
from pipeline.settings.sections.publication import Explore

BEST = 1
"""Code of the policy of a slot that is not drawn; 0: the surface draws none."""
DRAWN = 2
"""Code of `Explore.policy`."""
CELLS = 1 << 21
"""Numbers that are worked on at a time."""


@dataclass(frozen=True)
class Exploration:
    """How a surface's slots are drawn.

    Attributes:
        settings: the surface's.
        seed: of the run and the surface.
        is_new: bool [I], what counts as new.
        actions: [I], how many acted on each item lately.
        caps: how many of a group a list may hold.
        belief: what earlier slots teach, which policy "learned" draws by.
    """

    settings: Explore
    seed: int
    is_new: np.ndarray
    actions: np.ndarray
    caps: Sequence[Cap] = ()
    belief: Belief | None = None

    @classmethod
    def of(
        cls,
        settings: Explore,
        salt: str,
        is_new: np.ndarray,
        actions: np.ndarray,
        caps: Sequence[Cap],
        *,
        belief: Belief | None = None,
    ) -> "Exploration":
        """The exploration of one surface of a run, whose names are the salt."""
        return cls(settings, int(hashlib.sha256(salt.encode()).hexdigest()[:16], 16), is_new, actions, caps, belief)

    @property
    def share(self) -> float:
        """How often a slot is drawn tonight: what the settings say, while it is learned as far as slots allow."""
        return self.settings.share if self.belief is None else self.settings.share * self.belief.opened

    def draw(self, block: Block, pool: Block, pinned: np.ndarray, users: np.ndarray) -> "tuple[Block, np.ndarray]":
        """Draw the slots.

        Args:
            block: [B, k] the lists.
            pool: [B, m] what may be drawn, best first: what the surface may show each user.
            pinned: bool [B, k], slots that stay as they are.
            users: [B] user indices.
        Returns:
            The lists, and [B, k] float64, the chance of what each slot shows: 1 where it is not drawn.
        """
        drawn, chance, _ = self.draw_among(block, pool, pinned, users)
        return drawn, chance

    def draw_among(
        self, block: Block, pool: Block, pinned: np.ndarray, users: np.ndarray
    ) -> "tuple[Block, np.ndarray, Among]":
        """What `draw` gives, and for the users whose draws are recorded what was drawn among; arguments as there."""
        ranks = [rank - 1 for rank in sorted(self.settings.slots) if rank <= block.items.shape[1]]
        chance = np.ones(block.items.shape)
        choices = _Choices.of(block, pool, ranks, (block.items >= 0) & ~pinned, self)
        recorded = np.flatnonzero(draws.uniform(self.seed + 2, users) < self.settings.record)
        of_list = np.zeros((len(recorded), choices.block.items.shape[1]))
        items, scores, sources = (a.copy() for a in (block.items, block.scores, block.sources))
        for number, rank in enumerate(ranks):
            choices.note(number, recorded, of_list)
            rows, column, of = choices.slot(number, users)
            items[rows, rank] = choices.block.items[rows, column]
            scores[rows, rank] = choices.block.scores[rows, column]
            sources[rows, rank] = choices.block.sources[rows, column]
            chance[rows, rank] = of
        among, told = choices.block.items[recorded], choices.block.scores[recorded]
        listed = _among(among, items[recorded]) if len(recorded) else np.zeros(among.shape, dtype=bool)
        drawn = Block(items, settle(items, scores, items != block.items), sources)
        return drawn, chance, Among(recorded, among, told, of_list, listed)


@dataclass
class _Choices:
    """What is left to be drawn, while slots are filled from the top down.

    Every slot has an item that it can show whatever those above it do: what stood there or, where one above shows that,
    what stood in that one. So no group is ever too full to fill a list.

    Attributes:
        block: [B, C] what stood in the slots, then the others, best first.
        open: bool [B, C], what may still be drawn.
        drawn: bool [B, S], which slots are drawn at all.
        owed: [B, S] the column of the item that a slot can always show.
        held: [B, k + S] what counts against a cap: items that are not drawn; by slot, what it shows or is owed.
        by: how they are drawn.
    """

    block: Block
    open: np.ndarray
    drawn: np.ndarray
    owed: np.ndarray
    held: np.ndarray
    by: Exploration

    @classmethod
    def of(cls, block: Block, pool: Block, ranks: list[int], free: np.ndarray, by: Exploration) -> "_Choices":
        drawn = free[:, ranks]
        fixed = block.items.copy()
        fixed[:, ranks] = np.where(drawn, -1, fixed[:, ranks])
        stood = np.where(drawn, block.items[:, ranks], -1)
        choices = Block(
            np.concatenate([stood, pool.items], axis=1),
            np.concatenate([block.scores[:, ranks], pool.scores], axis=1),
            np.concatenate([block.sources[:, ranks], pool.sources], axis=1),
        )
        can = (choices.items >= 0) & ~repeated(choices.items) & ~_among(choices.items, fixed)
        owed = np.broadcast_to(np.arange(len(ranks)), drawn.shape).copy()
        return cls(choices, can, drawn, owed, np.concatenate([fixed, stood], axis=1), by)

    def slot(self, number: int, users: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Fill a slot of every list in which it is drawn: rows, the column of what each shows, with which chance."""
        rows = np.flatnonzero(self.drawn[:, number])
        place, items, seed, often = np.arange(len(rows)), self.block.items[rows], self.by.seed, self.by.share
        can, weights = self._left(rows, number)
        best = can.argmax(axis=1)
        total = weights.sum(axis=1)
        slot = np.array([number])
        explores = (draws.uniform(seed, users[rows], slot) < often) & (total > 0)
        with np.errstate(divide="ignore"):
            drawn = np.log(weights) + draws.gumbel(seed + 1, users[rows][:, None], slot[:, None], items)
        column = np.where(explores, drawn.argmax(axis=1), best)
        share = np.where(total > 0, often, 0.0)
        chance = share * weights[place, column] / np.where(total > 0, total, 1) + (1 - share) * (column == best)
        self._take(rows, number, column)
        return rows, column, chance

    def note(self, number: int, recorded: np.ndarray, chance: np.ndarray) -> None:
        """Note with which chance each list is to show what, where as many slots are left as can be summed over.

        Args:
            number: of the slot that comes next.
            recorded: [R] the lists of which it is noted; chance: [R, C] of them, written where it is this slot's turn.
        """
        if not len(recorded):
            return
        most, found = listing.way(self.by.settings.policy, bool(self.by.caps))
        slots, left = self.drawn[recorded].sum(axis=1), self.drawn[recorded, number:].sum(axis=1)
        turn = np.flatnonzero(self.drawn[recorded, number] & (left == np.minimum(most, slots)))
        can, weights = self._left(recorded[turn], number)
        chance[turn] = found(Left(can, weights, left[turn], self.by.share))

    def _left(self, rows: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
        """bool [R, C] what a slot may show, and [R, C] what each is drawn by, 0 for the others."""
        can = self._allowed(rows, number)
        return can, np.where(can, self._weights(rows, can), 0.0)

    def _take(self, rows: np.ndarray, number: int, column: np.ndarray) -> None:
        """Note what a slot shows: where a slot below was owed it, that one is owed what this one was."""
        self.open[rows, column] = False
        first = self.held.shape[1] - self.owed.shape[1]
        place, swapped = np.nonzero(self.owed[rows] == column[:, None])
        later = swapped > number
        place, swapped = place[later], swapped[later]
        instead = self.owed[rows[place], number]
        self.owed[rows[place], swapped] = instead
        self.held[rows[place], first + swapped] = self.block.items[rows[place], instead]
        self.held[rows, first + number] = self.block.items[rows, column]

    def _weights(self, rows: np.ndarray, can: np.ndarray) -> np.ndarray:
        """[R, C] what each is drawn by; what cannot be drawn, bool [R, C], has any."""
        settings, block = self.by.settings, self.block
        if settings.policy in ("thompson", "learned"):
            items, belief = block.items[rows], self.by.belief
            means = thompson.log_odds(block.scores[rows])
            unsure = thompson.uncertainty(self.by.actions) if belief is None else belief.deviation
            means = means if belief is None else belief.slope * means + belief.shift[items]
            unsure = settings.temperature * unsure[items]
            found = [thompson.chance_to_be_best(means[part], unsure[part], can[part]) for part in _parts(can)]
            return np.concatenate([can[:0].astype(np.float64), *found])
        if settings.policy == "softmax":
            scores = np.maximum(block.scores[rows], np.finfo(np.float32).tiny).astype(np.float64)
            return np.asarray((scores / scores.max(axis=1, keepdims=True)) ** (1 / settings.temperature))
        if settings.policy == "new":
            return np.asarray(self.by.is_new[block.items[rows]], dtype=np.float64)
        return np.ones((len(rows), block.items.shape[1]))

    def _allowed(self, rows: np.ndarray, number: int) -> np.ndarray:
        """bool [R, C]: what is left for a slot, and of groups with room, or owed to it or a slot below."""
        can: np.ndarray = self.open[rows]
        if not self.by.caps:
            return can
        others = np.delete(self.held[rows], self.held.shape[1] - self.owed.shape[1] + number, axis=1)
        room = np.ones(can.shape, dtype=bool)
        for cap in self.by.caps:
            groups = cap.groups[self.block.items[rows]]
            count = np.zeros(groups.shape, dtype=np.int64)
            for items in others.T:
                there = np.where(items >= 0, cap.groups[items], -1)[:, None]
                count += (groups == there) & (there >= 0)
            room &= (groups < 0) | (count < cap.most)
        owed = np.zeros(can.shape, dtype=bool)
        np.put_along_axis(owed, self.owed[rows, number:], True, axis=1)
        return np.asarray(can & (owed | room))


def _parts(can: np.ndarray) -> Iterator[slice]:
    """Rows of which at most CELLS numbers are worked on at a time."""
    return blocks(len(can), max(1, CELLS // (thompson.NODES * max(can.shape[1], 1))))


def _among(items: np.ndarray, others: np.ndarray) -> np.ndarray:
    """bool [B, n]: which items stand in a row of others [B, m]."""
    width = int(max(items.max(initial=0), others.max(initial=0))) + 2
    place = np.arange(len(items), dtype=np.int64)[:, None] * width
    return np.isin(place + items, (place + others)[others >= 0])
