"""What a user has taken back, where the rankers have seen too few returns to have learned what they mean.

A list of the own history, and what follows it, knows how often a user acted on an item and not that it was given back.
The rankers are told (`own_returns`); where returns are rare, no tree can ask about them.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from pipeline.features.read import Cutoff
from pipeline.ranking.frames import Frame
from pipeline.settings.config import Config

if TYPE_CHECKING:
    from lightgbm import Booster

FEATURE = "own_returns"
RARE_SHARE, RARE_LEAVES = 0.01, 10
"""Returns are rare where fewer than this share of the pairs has one, or fewer than fill so many leaves of a tree."""
GAP = 1e-3
"""By how much the best item taken back scores below the worst other one."""


def are_rare(cutoff: Cutoff, config: Config) -> bool:
    """Whether so few pairs of user and item have a return that rankers cannot be expected to learn from them."""
    taken_back = cutoff.interactions(["returns"]).column(0).to_numpy() > 0
    few = RARE_LEAVES * config.fusion.min_leaf
    return bool(taken_back.sum() < max(few, RARE_SHARE * len(taken_back)))


def are_known(boosters: "Iterable[Booster]") -> bool:
    """Whether one of the models asks about returns."""
    for booster in boosters:
        asked = dict(zip(booster.feature_name(), booster.feature_importance("split").tolist(), strict=True))
        if asked.get(FEATURE):
            return True
    return False


def last(frame: Frame, scores: np.ndarray) -> np.ndarray:
    """[N] float32 scores whose order is kept, but that what a user took back ranks after all else.

    Args:
        frame: candidate pairs [N].
        scores: [N] float32, -inf excludes a pair.
    """
    if frame.returned is None or not (back := frame.returned & np.isfinite(scores)).any():
        return scores
    rows, users = frame.pairs.rows, len(frame.pairs.users)
    lowest, highest = np.full(users, np.inf, np.float32), np.full(users, -np.inf, np.float32)
    other = np.isfinite(scores) & ~back
    np.minimum.at(lowest, rows[other], scores[other])
    np.maximum.at(highest, rows[back], scores[back])
    mixed = np.isfinite(lowest) & (highest >= lowest)
    down = np.zeros(users, np.float32)
    down[mixed] = highest[mixed] - lowest[mixed] + GAP
    return np.where(back, scores - down[rows], scores).astype(np.float32)
