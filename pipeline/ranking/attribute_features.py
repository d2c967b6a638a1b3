"""What the learned hybrid knows of a pair from the attributes that the shop declares of its users and items.

    <name>.of_user, <name>.of_item    a number as it is, a date as its age in days at the cut-off
    <name>.taste      of a user's word: the item's share among the users of that word against its share among all
    <name>.share      of an item's word: its share of the user's decayed history, of whose items a word is known

The columns follow from what is declared, not from what was known at a cut-off; where nothing was, they are NaN.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.features.attributes import Attributes, Words
from pipeline.features.read import Cutoff
from pipeline.features.tastes import Tastes
from pipeline.ranking.pair_features import Columns
from pipeline.ranking.pairs import Pairs
from pipeline.settings.config import Config

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class AttributeFacts:
    """The attributes at one cut-off.

    Attributes:
        users: numbers of the users.
        tastes: of the users' words, by the name of the attribute.
        items: the items' attributes.
    """

    users: dict[str, np.ndarray]
    tastes: dict[str, Tastes]
    items: Attributes

    @classmethod
    def read(cls, cutoff: Cutoff, config: Config) -> "AttributeFacts":
        """Read those of a cut-off; none where the shop declares none."""
        users = Attributes.of_users(cutoff, config)
        tastes = {name: Tastes.read(cutoff, words) for name, words in users.words.items()}
        return cls(users.numbers, tastes, Attributes.of_items(cutoff, config))

    def of_pairs(self, pairs: Pairs, profiles: "csr_matrix") -> Columns:
        """All columns of this module: [N] float32 by name.

        Args:
            pairs: of a block of users.
            profiles: [B, I] CSR, what they acted on, decayed.
        """
        users, items = pairs.users[pairs.rows], pairs.items
        found = {f"{name}.of_user": values[users] for name, values in self.users.items()}
        found |= {f"{name}.taste": taste.ratios_at(users, items) for name, taste in self.tastes.items()}
        found |= {f"{name}.of_item": values[items] for name, values in self.items.numbers.items()}
        return found | {f"{name}.share": shares(pairs, profiles, words) for name, words in self.items.words.items()}


def shares(pairs: Pairs, profiles: "csr_matrix", words: Words) -> np.ndarray:
    """[N] float32: the share of the history that has the item's word, of what has any; nan where nothing has one.

    Args:
        pairs: of a block of users.
        profiles: [B, I] CSR, what they acted on, decayed.
        words: of the items.
    """
    from scipy.sparse import csr_matrix

    known = np.flatnonzero(words.code >= 0)
    shape = (profiles.shape[1], max(len(words.values), 1))
    has = csr_matrix((np.ones(len(known), np.float32), (known, words.code[known])), shape=shape)
    of_words = (profiles @ has).toarray()  # [B, V]
    total = of_words.sum(axis=1)
    code = words.code[pairs.items]
    there = (code >= 0) & (total[pairs.rows] > 0)
    found = np.full(len(code), np.nan, dtype=np.float32)
    rows = pairs.rows[there]
    found[there] = of_words[rows, code[there]] / total[rows]
    return found
