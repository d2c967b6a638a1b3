"""Whether a single model's list did as well as the merged one, and how much of it the final list then takes.

A learned ranker is only as good as what it learned from: on a young, small or odd log a simple list can beat it. So the
final list is never far from the best of them: on a label window that neither has seen, the best single list is found,
and where it is not clearly worse than the merged one, that share of it is taken which did best there.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pipeline.arrays import metrics
from pipeline.arrays.blocks import blocks
from pipeline.features.read import Cutoff
from pipeline.ground import lists
from pipeline.ranking import finals
from pipeline.ranking.blend import K
from pipeline.ranking.finals import Final, Pair, Recipe
from pipeline.ranking.frames import label_keys, wanted
from pipeline.ranking.pairs import position
from pipeline.settings.config import Config

SHARES = (0.25, 0.5, 0.75, 1.0)
"""Of a single list that are tried; none of it is what is compared with."""


def choose(
    window: Cutoff | None, places: Mapping[str, Path], pool: lists.Pool, recipe: Recipe, config: Config
) -> Recipe:
    """Choose the single list and the share of it that did best on a label window.

    A single list is considered where its mean is less than one standard error of the paired difference below the merged
    list's: of lists that cannot be told apart a mixture is the safer choice, and where the merged list is clearly
    better nothing changes.

    Args:
        window: a label cut-off with the lists; None or nobody to judge: the recipe as it is.
        places: stage folders by name.
        pool: the pool.
        recipe: the members' weights.
        config: `ensemble.backstop` says whether, `fusion.sources` which lists are single ones. A member that is named
            as the final list is published as it is.
    Returns:
        The recipe, with a single list where one takes part.
    """
    if window is None or not config.ensemble.backstop or config.ensemble.final not in finals.MERGED:
        return recipe
    judged = np.flatnonzero(wanted(window, pool))
    singles = {
        name: pair
        for name, pair in finals.read(window, places, pool, config.fusion.sources).items()
        if name not in config.ensemble.members
    }
    if not len(judged) or not singles:
        return recipe
    judge = _Judge(window, pool, judged, config)
    plain = judge.values(Final.of(window, places, pool, recipe, config))
    own = {name: judge.values_of(pair) for name, pair in singles.items()}
    name = max(own, key=lambda name: (own[name].mean(), -list(own).index(name)))
    if own[name].mean() < plain.mean() - _standard_error(own[name] - plain):
        return recipe
    tried = [recipe, *(Recipe(recipe.weights, name, share) for share in SHARES)]
    worth = [plain.mean(), *(judge.values(Final.of(window, places, pool, one, config)).mean() for one in tried[1:])]
    return tried[int(np.argmax(worth))]


class _Judge:
    """NDCG@10 per judged user of one label window and pool.

    Args:
        window: the label cut-off.
        pool: the pool.
        judged: [J] rows of its targets with something to find.
        config: how many users are in memory at a time.
    """

    def __init__(self, window: Cutoff, pool: lists.Pool, judged: np.ndarray, config: Config) -> None:
        self._window, self._judged = window, judged
        self._parts = list(blocks(len(judged), config.block_users))
        self._keys, self._wanted = label_keys(window, pool), wanted(window, pool)[judged]

    def values(self, final: Final) -> np.ndarray:
        """[J] of a final list."""
        return np.concatenate([self._of(final.block(self._judged[part])[1][0], part) for part in self._parts])

    def values_of(self, single: Pair) -> np.ndarray:
        """[J] of a single list."""
        items = single[0]
        return np.concatenate([self._of(np.asarray(items[self._judged[part]]), part) for part in self._parts])

    def _of(self, items: np.ndarray, part: slice) -> np.ndarray:
        top = items[:, :K]
        users = self._window.targets()[self._judged[part]].astype(np.int64)
        keys = users[:, None] * self._window.items + top
        hit = position(self._keys, keys.ravel())[0].reshape(top.shape) & (top >= 0)
        return metrics.ndcg(hit, self._wanted[part], K)


def _standard_error(differences: np.ndarray) -> float:
    """Of their mean."""
    return float(differences.std(ddof=1) / np.sqrt(len(differences))) if len(differences) > 1 else np.inf
