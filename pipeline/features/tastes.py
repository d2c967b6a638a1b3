"""What those who share a word have more of than others: users' words against the items of their histories."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from pipeline.features.attributes import Words
from pipeline.features.read import Cutoff

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

PRIOR = 5.0
"""Expected users who are added on both sides of a ratio: where few are expected, it says little."""


@dataclass(frozen=True)
class Tastes:
    """How many of the users of each word of an attribute have had each item, as of a cut-off.

    Attributes:
        code: [U] int32, each user's word; -1: none.
        had: [V, I] CSR float32, users of the word who have the item in their history.
    """

    code: np.ndarray
    had: "csr_matrix"

    @classmethod
    def read(cls, cutoff: Cutoff, words: Words) -> "Tastes":
        """Count the histories of a cut-off, a row group at a time."""
        from scipy.sparse import csr_matrix

        shape = (len(words.values), cutoff.items)
        had = csr_matrix(shape, dtype=np.float32)
        with cutoff.history(["user_index", "item_index"]) as history:
            for table in history.groups():
                users, items = (column.to_numpy() for column in table.columns)
                code = words.code[users]
                of = code >= 0
                had += csr_matrix((np.ones(int(of.sum()), np.float32), (code[of], items[of])), shape=shape)
        return cls(words.code, had)

    def ratios(self, codes: np.ndarray, prior: float = PRIOR) -> np.ndarray:
        """[C, I] float32: an item's users among those of each of some words, over how many were expected.

        Expected is what the word would have if its users had each item as often as all users do of whom a word is
        known. Without anybody who had the item it is 1.

        Args:
            codes: [C] words.
            prior: added to both, which shrinks the ratio towards 1 where few are expected.
        Source: DuMouchel, "Bayesian data mining in large frequency tables", The American Statistician 53 (1999).
        """
        expected = np.outer(self._of_words[codes], self._of_items / max(self._of_items.sum(), 1))
        return np.asarray((self.had[codes].toarray() + prior) / (expected + prior), dtype=np.float32)

    def ratios_at(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """[N] float32: `ratios` of pairs of a user and an item; nan for users without a word."""
        code = self.code[users]
        known = code >= 0
        found = np.full(len(users), np.nan, dtype=np.float32)
        if not known.any():
            return found
        code, items = code[known], items[known]
        expected = self._of_words[code] * self._of_items[items] / max(self._of_items.sum(), 1)
        found[known] = (np.asarray(self.had[code, items]).ravel() + PRIOR) / (expected + PRIOR)
        return found

    @cached_property
    def _of_words(self) -> np.ndarray:
        """[V] float64, items of histories of each word's users."""
        return np.asarray(self.had.sum(axis=1, dtype=np.float64)).ravel()

    @cached_property
    def _of_items(self) -> np.ndarray:
        """[I] float64, users with a word who have each item."""
        return np.asarray(self.had.sum(axis=0, dtype=np.float64)).ravel()
