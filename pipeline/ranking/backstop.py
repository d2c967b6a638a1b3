"""Whether a single model's list did as well as the merged one, and how much of it the final list then takes.

A learned ranker is only as good as what it learned from: on a young, small or odd log a simple list can beat it. So the
final list is never far from the best of them. Which single list that is, all label windows say, as each of them has
every single list; how much of it the final one takes, those say for which merged lists were made without seeing them.
The rankers of those lists had learned from fewer windows than tonight's, which needs less of a single list.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np

from pipeline.arrays import metrics
from pipeline.arrays.blocks import blocks
from pipeline.features.read import Cutoff
from pipeline.ground import lists
from pipeline.ranking import finals
from pipeline.ranking.blend import K
from pipeline.ranking.finals import Final, Recipe
from pipeline.ranking.frames import label_keys, wanted
from pipeline.ranking.pairs import position
from pipeline.ranking.shown_features import ShownFacts
from pipeline.settings.config import Config
from pipeline.settings.sections.lists import MERGED

SHARES = (0.125, 0.25, 0.5, 0.75, 1.0)
"""Of a single list that are tried; none of it is what is compared with."""
DRAWS = 200
"""Bayesian bootstrap draws of the judged users behind a share."""
NOISE = 2
"""Standard errors within which a share is as good as the best."""
PRIOR, USUAL = 100, 0.125
"""Judged users that the usual share weighs as much as: what did best on the tuning nights of six logs."""


def choose(
    windows: Sequence[Cutoff], places: Mapping[str, Path], pool: lists.Pool, recipe: Recipe, config: Config
) -> Recipe:
    """Choose the single list that did best on the label windows, and the share of it.

    A single list that is clearly worse than the merged one is still worth a part of it as a rule, as the two err
    differently. The share is the mean of those that are best in draws of the judged users (a Bayesian bootstrap), taken
    from what the judged rankers had learned to what tonight's has (`for_learned`), shrunk towards the usual one, and
    not beyond those that are as good as the best but for noise: the best where many users judge, and where few do, no
    extreme that chance, or one odd window of two, made.

    Args:
        windows: label cut-offs that may be learned from; none, or nobody to judge: the recipe as it is.
        places: stage folders by name.
        pool: the pool.
        recipe: the members' weights.
        config: `ensemble.backstop` says whether, `fusion.sources` which lists are single ones. A member that is named
            as the final list is published as it is.
    Returns:
        The recipe, with a single list where one takes part.
    """
    if not config.ensemble.backstop or config.ensemble.final not in MERGED:
        return recipe
    judges = [judge for window in windows if len((judge := _Judge(window, places, pool, config)).judged)]
    names = [name for name in config.fusion.sources if name not in config.ensemble.members]
    worth = (
        {name: np.mean(np.concatenate([judge.single(name) for judge in judges])) for name in names} if judges else {}
    )
    with_merged = [place for place, judge in enumerate(judges) if judge.has_merged]
    if not with_merged or not any(worth.values()):
        return recipe
    name = max(worth, key=lambda name: (worth[name], -names.index(name)))
    shares, tried = (0.0, *SHARES), Recipe(recipe.weights, name, max(SHARES))
    values = np.concatenate([judges[place].finals(tried, shares) for place in with_merged], axis=1)
    users = np.array([len(judges[place].judged) for place in with_merged])
    learned = [_learned(judges[place].window, windows, config) for place in with_merged]
    part = float(np.average(learned, weights=users))
    least, most = (for_learned(end(shares[n] for n in as_good(values)), part) for end in (min, max))
    best = for_learned(expected_best(shares, values, config.seed), part)
    share = round(min(max(shrunk(best, int(users.sum())), least), most), 3)
    return Recipe(recipe.weights, name, share) if share else recipe


def _learned(judged: Cutoff, windows: Sequence[Cutoff], config: Config) -> float:
    """What the ranker of one window's lists had learned from, of all windows; one more each, as none is not nothing."""
    ends = timedelta(days=config.horizon_days)
    return (sum(window.cutoff + ends <= judged.cutoff for window in windows) + 1) / (len(windows) + 1)


def for_learned(share: float, part: float) -> float:
    """The share for a ranker that has learned more: its odds are as the ranker's error, which they are where weights go
    by inverse variance, and the error is as one over what was learned from.

    Args:
        share: of a single list, where the ranker had learned from a part.
        part: how large a part, in (0, 1].
    Returns:
        In 0..1.
    """
    return share * part / (share * part + 1 - share)


def as_good(values: np.ndarray) -> list[int]:
    """Which choices are less than NOISE standard errors of the paired difference worse than the best in the mean.

    Args:
        values: [C, J] what each is worth by observation.
    """
    best = values[values.mean(axis=1).argmax()]
    lost = best - values  # [C, J]
    error = lost.std(axis=1) / np.sqrt(values.shape[1])
    return np.flatnonzero(lost.mean(axis=1) <= NOISE * error).tolist()


def expected_best(choices: Sequence[float], values: np.ndarray, seed: int) -> float:
    """The mean of the choices that are best in Bayesian bootstrap draws (Rubin, 1981) of the observations.

    Args:
        choices: [C] numbers; of equally good ones the first is taken.
        values: [C, J] what each is worth by observation.
        seed: of the draws.
    """
    random, means = np.random.default_rng(seed), np.zeros((DRAWS, len(choices)))
    for part in blocks(values.shape[1], 4096):
        means += random.exponential(size=(DRAWS, part.stop - part.start)) @ values[:, part].T
    return float(np.mean(np.asarray(choices)[means.argmax(axis=1)]))


def shrunk(share: float, users: int) -> float:
    """A share that so many users judged, with PRIOR more who are for the usual one."""
    return (users * share + PRIOR * USUAL) / (users + PRIOR)


def rarity(looks: np.ndarray | None) -> np.ndarray | None:
    """[I] what a hit counts, by how often its item was looked at: one over that, and over the mean for what was not.

    Users act on what they are shown. Where the log says what was, a list of what was shown most would seem the best
    whatever it is worth. Source: inverse propensities as in Yang et al., RecSys 2018; the mean is added, as users
    also find items by themselves.

    Args:
        looks: [I] how often each item was looked at; None: nobody says, and every hit counts as one.
    """
    if looks is None or not looks.any():
        return None
    return np.asarray(looks.mean() / (looks + looks.mean()))


class _Judge:
    """What a list found of each judged user of one label window and pool: NDCG@10 or, where the log says what was shown
    before, the discounted gain of hits that count by their rarity.

    Attributes:
        window: the label cut-off.
        judged: [J] rows of the window's targets with something to find.

    Args:
        window: the label cut-off.
        places: stage folders by name.
        pool: the pool.
        config: how many users are in memory at a time.
    """

    def __init__(self, window: Cutoff, places: Mapping[str, Path], pool: lists.Pool, config: Config) -> None:
        number = wanted(window, pool)
        self.judged = np.flatnonzero(number)
        self.window, self._places, self._pool, self._config = window, places, pool, config
        self._parts = list(blocks(len(self.judged), config.block_users))
        self._keys, self._wanted = label_keys(window, pool), number[self.judged]
        self._rarity = rarity(ShownFacts.read(window, config).looks)

    @property
    def has_merged(self) -> bool:
        """Whether any member has a list here."""
        members = self._config.ensemble.members
        return any(finals.folder_of(self.window, self._places, self._pool, name) for name in members)

    def finals(self, recipe: Recipe, shares: Sequence[float]) -> np.ndarray:
        """[S, J] of the final lists that a recipe makes with some shares of its single list."""
        final = Final.of(self.window, self._places, self._pool, recipe, self._config)
        made = (final.with_shares(self.judged[part], shares) for part in self._parts)
        found = [[self._of(items, part) for items, _ in lists] for lists, part in zip(made, self._parts, strict=True)]
        return np.concatenate(found, axis=1)

    def single(self, name: str) -> np.ndarray:
        """[J] of a single list; one that was not made found nothing, as nobody can show it."""
        found = finals.read(self.window, self._places, self._pool, [name])
        if name not in found:
            return np.zeros(len(self.judged))
        items: np.ndarray = found[name][0]
        return np.concatenate([self._of(np.asarray(items[self.judged[part], :K]), part) for part in self._parts])

    def _of(self, items: np.ndarray, part: slice) -> np.ndarray:
        top = items[:, :K]
        users = self.window.targets()[self.judged[part]].astype(np.int64)
        keys = users[:, None] * self.window.items + top
        hit = position(self._keys, keys.ravel())[0].reshape(top.shape) & (top >= 0)
        if self._rarity is None:
            return metrics.ndcg(hit, self._wanted[part], K)
        return np.asarray((hit * self._rarity[top]) @ (1 / np.log2(np.arange(2, top.shape[1] + 2))))
