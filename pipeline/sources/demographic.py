"""What those buy who share the user's words: best-sellers by the attributes that the shop declares of its users.

For users with little history: whose own says enough has no list, and no more candidates. Where a shop declares no
words, or none was known at a cut-off, none is made at all.

    score = buyers of the last days x, for each of the user's words, how much more often its users have the item

The second is a ratio that is close to 1 where few users are expected (pipeline.features.tastes), so that a word which
says nothing of taste changes nothing. Words are taken for independent of one another.

Source: Pazzani, "A framework for collaborative, content-based and demographic filtering", Artificial Intelligence
Review 13 (1999).
"""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import PositiveFloat, PositiveInt

from pipeline.features.attributes import Attributes
from pipeline.features.read import Cutoff
from pipeline.features.tastes import PRIOR, Tastes
from pipeline.ground import artifacts
from pipeline.ground.artifacts import Memo
from pipeline.settings.config import Config
from pipeline.settings.sections.base import SourceSection
from pipeline.sources.candidates import Score, make_parts, write_source
from pipeline.sources.contract import CandidateList, Source
from pipeline.sources.popularity import item_popularity


class Demographic(SourceSection):
    """Best-sellers by the words of users, where the shop declares some."""

    days: Literal[7, 28, 91, 365] = 28
    """Best-sellers of the last days; counted in distinct buyers."""
    most_items: PositiveInt = 9
    """Users with more different items in their history have no list: what they do says more than what they are."""
    prior: PositiveFloat = PRIOR
    """Users by which a word's ratio is shrunk towards 1."""


SOURCE = Source(
    Demographic,
    lists=(CandidateList("demographic", "Best-sellers of who shares their attributes", says="peers", alike=True),),
    made_of={
        "interactions": ("user_index", "item_index"),
        "item_stats": ("buyers_{days}",),
        "user_attributes": ("attribute", "word"),
    },
)


def history_sizes(cutoff: Cutoff) -> np.ndarray:
    """[U] int64, the different items of each user's history."""
    sizes = np.zeros(cutoff.users, dtype=np.int64)
    with cutoff.history(["user_index"]) as history:
        for table in history.groups():
            sizes += np.bincount(table.column(0).to_numpy(), minlength=cutoff.users)
    return sizes


def scoring(popularity: np.ndarray, tastes: list[Tastes], prior: float, asked: np.ndarray) -> Score:
    """A function users [B] -> scores [B, I]; all 0 for a user without a word, or who is not asked for.

    Args:
        popularity: [I] float32, buyers of the last days.
        tastes: of every attribute.
        prior: see `Tastes.ratios`.
        asked: bool [U], whose list is wanted.
    """

    def score(users: np.ndarray) -> np.ndarray:
        codes = np.column_stack([np.where(asked[users], taste.code[users], -1) for taste in tastes])  # [B, A]
        alike, row = np.unique(codes, axis=0, return_inverse=True)  # [C, A]
        found = np.where((alike >= 0).any(axis=1, keepdims=True), popularity, np.float32(0))  # [C, I]
        for place, taste in enumerate(tastes):
            known = alike[:, place] >= 0
            found[known] *= taste.ratios(alike[known, place], prior)
        return np.asarray(found[row.ravel()])

    return score


def run(*, features: Path, config: Config, section: Demographic, memo: Memo) -> dict[str, Any]:
    """Write the list `demographic` of every cut-off at which words of users were known."""

    def make(cutoff: Cutoff, previous: Path | None, folder: Path) -> None:
        known = Attributes.of_users(cutoff, config)
        tastes = [Tastes.read(cutoff, words) for words in known.words.values() if len(words.values) > 1]
        if not tastes:
            return
        few = history_sizes(cutoff) <= section.most_items
        score = scoring(item_popularity(cutoff, section.days), tastes, section.prior, few)
        write_source(folder, "demographic", cutoff, score, section=section, config=config, above=0.0)

    tables = ("interactions", "item_stats")
    return make_parts("demographic", make, features=features, memo=memo, config=config, tables=tables, also=_attributes)


def _attributes(cutoff: Cutoff) -> str:
    """A hash of what was known of the users; "" where nothing was."""
    path = cutoff.folder / "user_attributes.parquet"
    return artifacts.file_sha256(path) if path.is_file() else ""
