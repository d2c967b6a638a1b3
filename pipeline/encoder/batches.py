"""The batches of the encoder's training: a few hundred items, and all that was done among them.

A step samples a set of items and takes the actions of all users among those items: a few hundred texts, each encoded
once, give thousands of positives. Queries, where there are any, bring one item each that was chosen after them.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.encoder import distributed
from pipeline.encoder.sampling import als_neighbours, sample_items, sample_queries, users_among, with_neighbours
from pipeline.settings.sections.fine_tune import FineTune

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class Batch:
    """What one loss is taken of.

    Attributes:
        items: [S] the sampled items, ascending.
        users: [U'] rows of the users who acted on at least two of them, ascending.
        weights: [U', S] float32 their decayed actions.
        queries: [Q'] rows of the queries asked, ascending.
        chosen: [Q', S] float32, how many chose an item after a query.
        correction: [S] float32 taken off every item's logit, or None.
    """

    items: np.ndarray
    users: np.ndarray
    weights: np.ndarray
    queries: np.ndarray
    chosen: np.ndarray
    correction: np.ndarray | None


class Batches:
    """Draws batches; each process of a training draws others.

    Args:
        matrix: [U, I] decayed actions.
        filled: bool [I], which items have a text; the others take no part.
        choices: [Q, I] CSR float32, how many chose item i after query q; or None.
        section: how many, and how they are drawn.
        seed: of the drawing.
        threads: of the ALS that hard negatives come from.
    """

    def __init__(
        self,
        matrix: "csr_matrix",
        filled: np.ndarray,
        choices: "csr_matrix | None",
        section: FineTune,
        *,
        seed: int,
        threads: int,
    ) -> None:
        self.section, self.choices, self.seed = section, choices, seed
        self.rng = np.random.default_rng([seed, distributed.rank()] if distributed.rank() else seed)
        self.columns = matrix.tocsc()
        self.popularity = np.diff(self.columns.indptr) * filled
        self.neighbours: np.ndarray | None = None
        if section.hard_negatives > 0 and self.can_learn:
            self.neighbours = als_neighbours(matrix, filled, seed, threads)

    @property
    def can_learn(self) -> bool:
        """Whether there are two items to tell apart."""
        return bool((self.popularity > 0).sum() >= 2)

    def go_on(self, done: int) -> None:
        """After a checkpoint, which holds the first process's random numbers: the others take new ones."""
        if done and distributed.rank():
            self.rng = np.random.default_rng([self.seed, distributed.rank(), done])

    def items(self) -> np.ndarray:
        """[S] sampled items, hard negatives among them where they are wanted."""
        section = self.section
        drawn = round(section.batch_items * (1 - section.hard_negatives)) if self.neighbours is not None else None
        items = sample_items(self.popularity, drawn or section.batch_items, section.popularity_power, self.rng)
        if self.neighbours is None:
            return items
        return with_neighbours(items, self.neighbours, section.batch_items, self.rng)

    def draw(self) -> Batch | None:
        """A fresh batch; None where no user has two of its items and nothing was asked."""
        items, asked = self.items(), np.zeros(0, dtype=np.int64)
        if self.choices is not None:
            asked, clicked = sample_queries(self.choices, self.section.batch_items // 4, self.rng)
            items = np.union1d(items, clicked)
        users = users_among(self.columns, items, self.section.batch_positives, self.rng)
        if not len(users) and not len(asked):
            return None
        chosen = np.zeros((0, len(items)), dtype=np.float32)
        return Batch(
            items=items,
            users=users,
            weights=np.asarray(self.columns[:, items].tocsr()[users].toarray(), dtype=np.float32),
            queries=asked,
            chosen=chosen if self.choices is None else self.choices[asked][:, items].toarray(),
            correction=self.correction(items),
        )

    def correction(self, items: np.ndarray) -> np.ndarray | None:
        """[S] float32 the configured share of the log of each item's chance to be sampled; None without one."""
        if self.section.popularity_correction == 0:
            return None
        chance = self.section.popularity_power * np.log(np.maximum(self.popularity[items], 1))
        return np.asarray(self.section.popularity_correction * chance, dtype=np.float32)
