"""What the learned hybrid knows of a pair from the attributes that the shop declares of its users.

    <name>.of_user    a number as it is, a date as its age in days at the cut-off
    <name>.taste      of a word: the item's share among the users of that word against its share among all of them

The columns follow from what is declared, not from what was known at a cut-off; where nothing was, they are NaN.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.features.attributes import Attributes
from pipeline.features.read import Cutoff
from pipeline.features.tastes import Tastes
from pipeline.ranking.pair_features import Columns
from pipeline.ranking.pairs import Pairs
from pipeline.settings.config import Config


@dataclass(frozen=True)
class AttributeFacts:
    """The attributes at one cut-off.

    Attributes:
        numbers: [U] float32 by name, nan where unknown.
        tastes: by the name of an attribute of words.
    """

    numbers: dict[str, np.ndarray]
    tastes: dict[str, Tastes]

    @classmethod
    def read(cls, cutoff: Cutoff, config: Config) -> "AttributeFacts":
        """Read those of a cut-off; none where the shop declares none."""
        if not config.user_attributes:
            return cls({}, {})
        known = Attributes.read(cutoff, config)
        return cls(known.numbers, {name: Tastes.read(cutoff, words) for name, words in known.words.items()})

    def of_pairs(self, pairs: Pairs) -> Columns:
        """[N] float32 by name."""
        users = pairs.users[pairs.rows]
        found = {f"{name}.of_user": values[users] for name, values in self.numbers.items()}
        return found | {f"{name}.taste": taste.ratios_at(users, pairs.items) for name, taste in self.tastes.items()}
