"""What those buy who share the user's words: best-sellers by the attributes that the shop declares of its users.

For users with little history; where a shop declares no words, or none was known at a cut-off, no list is made.

    score = buyers of the last days x, for each of the user's words, how much more often its users have the item

The second is a ratio that is close to 1 where few users are expected (pipeline.features.tastes), so that a word which
says nothing of taste changes nothing. Words are taken for independent of one another.

Source: Pazzani, "A framework for collaborative, content-based and demographic filtering", Artificial Intelligence
Review 13 (1999).
"""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import PositiveFloat

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
    prior: PositiveFloat = PRIOR
    """Users by which a word's ratio is shrunk towards 1."""


SOURCE = Source(
    Demographic,
    lists=(CandidateList("demographic", "Best-sellers of who shares their attributes", says="peers"),),
)


def scoring(popularity: np.ndarray, tastes: list[Tastes], prior: float) -> Score:
    """A function users [B] -> scores [B, I]; all 0 for a user without a word.

    Args:
        popularity: [I] float32, buyers of the last days.
        tastes: of every attribute.
        prior: see `Tastes.ratios`.
    """

    def score(users: np.ndarray) -> np.ndarray:
        codes = np.column_stack([taste.code[users] for taste in tastes])  # [B, A]
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
        score = scoring(item_popularity(cutoff, section.days), tastes, section.prior)
        write_source(folder, "demographic", cutoff, score, section=section, config=config, above=0.0)

    tables = ("interactions", "item_stats")
    return make_parts("demographic", make, features=features, memo=memo, config=config, tables=tables, also=_attributes)


def _attributes(cutoff: Cutoff) -> str:
    """A hash of what was known of the users; "" where nothing was."""
    path = cutoff.folder / "user_attributes.parquet"
    return artifacts.file_sha256(path) if path.is_file() else ""
