"""Why the final lists' scores are what they are: log-odds of a pair, shared out among what spoke for and against it.

    log-odds of P(acts on the item) = anybody + what each source and each kind of knowledge adds

A probability is P(acts at all) x P(acts on the item | acts), the second a curve of a ranker's log-odds and of the
place in the list (pipeline.ranking.calibration). The ranker's log-odds are a sum over trees, whose shares are exact.
The place comes from the merged score, a weighted sum of standardised scores of the members, which are sums over trees
again; where the merged score is that of a middling item, within NEAR, no share of the place can be told, and it is a
driver itself.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.explanation import sharing
from pipeline.explanation.drivers import ACTIVITY, ANYBODY, PLACE, RULES, Drivers
from pipeline.explanation.trees import Tabled
from pipeline.features.rates import item_rates
from pipeline.ground import lists
from pipeline.ground.errors import InputError
from pipeline.ranking import calibration, finals, merging, ranker
from pipeline.ranking.finals import TIES, Pair, Recipe
from pipeline.ranking.frames import Frame
from pipeline.ranking.pairs import Listed, position
from pipeline.settings.config import Config

if TYPE_CHECKING:
    from lightgbm import Booster

NEAR = 0.25
"""Standard deviations from the mean of the merged list within which a place is a driver of its own."""


@dataclass(frozen=True)
class Asked:
    """Pairs of a block of users that are explained.

    Attributes:
        block: which targets they are of.
        rows: [N] int64 places in the block, ascending; items: [N] int64.
        ranks: [N] their 1-based place in the final list.
        chance: [N] float64, the probability that is explained.
    """

    block: slice
    rows: np.ndarray
    items: np.ndarray
    ranks: np.ndarray
    chance: np.ndarray


@dataclass(frozen=True)
class _Trees:
    """What a ranker's trees say of the pairs that are asked about.

    Attributes:
        shares: [N, D] by driver, all but the start; known: bool [N], the pair is a candidate, else they are 0.
    """

    shares: np.ndarray
    known: np.ndarray


@dataclass(frozen=True)
class Scores:
    """Explains the final list of one pool of one night.

    Attributes:
        drivers: among whom is shared.
        at: the fold that made tonight's lists.
        pool: the pool.
        recipe: how the members' lists were merged.
        fitted: how scores became probabilities; None: nothing was learned yet.
        acting: float32 [U], P(acts at all).
        known: the log-odds that the probabilities are made of.
        boosters: the trees of every ranker by name; none where nothing could be learned.
        listed: items and scores [T, n] of the members, of the merged list ("weighted") and of the single one, by name.
        rates: float32 [I], the chance that any one user acts on an item.
        config: the configuration.
        many: whether very many pairs are asked about, so that it pays to tabulate the trees first.
    """

    drivers: Drivers
    at: calibration.Applied
    pool: lists.Pool
    recipe: Recipe
    fitted: calibration.Fitted | None
    acting: np.ndarray
    known: calibration.ListedOdds
    boosters: "Mapping[str, Sequence[Booster]]"
    listed: Mapping[str, Pair]
    rates: np.ndarray
    config: Config
    many: bool = False

    @classmethod
    def read(
        cls, at: calibration.Applied, ensemble: Path, pool: lists.Pool, config: Config, many: bool = False
    ) -> "Scores":
        """Read what made a pool's final lists.

        Args:
            at: the fold "publish" at tonight's cut-off; "fusion" is among its places.
            ensemble: the stage's folder.
            pool: the pool.
            config: with the lists that are made (with_made_lists).
            many: see above.
        """
        recipe = finals.recipes(ensemble)[pool]
        fitted = calibration.Fitted.from_json(_calibration(ensemble, pool))
        boosters = {name: ranker.read(at.learned / f"{pool}.{name}.txt") for name in config.fusion.rankers}
        names = [*config.ensemble.members, *filter(None, [recipe.single])]
        listed = finals.read(at.cutoff, at.places, pool, names)
        merged = at.cutoff.dir_in(ensemble)
        listed["weighted"] = lists.read_list(merged, pool, "weighted")
        acting = np.load(merged / f"{pool}.activity.npy", mmap_mode="r", allow_pickle=False)
        drivers = Drivers.of([*config.fusion.sources, *(n for n in names if not boosters.get(n))])
        known = calibration.ListedOdds.read(at, pool, config)
        rates = item_rates(at.cutoff, config.horizon_of(pool))
        return cls(drivers, at, pool, recipe, fitted, acting, known, boosters, listed, rates, config, many)

    def explain(self, asked: Asked, frame: Frame, threads: int = 1) -> np.ndarray:
        """[N, D] float64: what each driver adds to the log-odds; a row's sum is the log-odds of `chance`.

        Args:
            asked: the pairs.
            frame: of the block's candidates.
            threads: of LightGBM.
        Raises:
            InputError: the rankers were told other features than the frame has.
        """
        place = self.drivers.place
        final = sharing.log_odds(asked.chance)
        found = np.zeros((len(final), len(self.drivers.names)))
        if self.fitted is None:
            found[:, place(ANYBODY)] = final
            return found
        curve, acting = self.fitted.curve, self.acting[self.at.cutoff.targets()[asked.block]][asked.rows]
        trees = self._trees(asked, frame, threads)
        odds = self._odds(asked)
        terms = self._of_odds(asked, trees, curve.weights[1]) + self._of_place(asked, trees, curve.weights[2])
        z = curve.weights[0] + curve.weights[1] * odds + curve.weights[2] * np.log(asked.ranks)
        start = z - terms.sum(axis=1)
        usual = self.fitted.acting

        def chances(sums: np.ndarray) -> np.ndarray:
            return sharing.log_odds(usual * curve.at(sums))

        found += sharing.of_curve(chances, start, terms)
        found[:, place(ANYBODY)] += chances(start)
        mine = sharing.log_odds(acting * curve.at(z))
        found[:, place(ACTIVITY)] += mine - chances(z)
        found[:, place(RULES)] += final - mine
        return found

    def _trees(self, asked: Asked, frame: Frame, threads: int) -> dict[str, _Trees]:
        """What the trees of each ranker that has any say."""
        known, at = position(frame.pairs.keys, asked.rows * frame.pairs.width + asked.items)
        gather = self.drivers.gather(frame.names, self.config.fusion.sources)
        found = {}
        for name, boosters in self.boosters.items():
            if not boosters or not self._has_say(name):
                continue
            if boosters[0].feature_name() != list(frame.names):
                raise InputError(
                    f"{self.at.learned}: '{name}' was taught other features than the settings now say: run the night "
                    "again, or explain it with the settings it was run with"
                )
            each, which = np.unique(at[known], return_inverse=True)  # surfaces may show a user the same
            features, shares = frame.features[each], np.zeros((len(known), gather.shape[1]))
            if self.many:
                made = Tabled(boosters, gather.argmax(axis=1), gather.shape[1]).shares(features, threads)
            else:
                made = sharing.of_trees(boosters, features, threads)[:, :-1] @ gather
            shares[known] = made[which]
            found[name] = _Trees(shares, known)
        return found

    def _has_say(self, name: str) -> bool:
        """Whether a ranker's trees are in the score: as a member that weighs something, or by its log-odds."""
        weights = dict(zip(self.config.ensemble.members, self.recipe.weights, strict=True))
        merged = self.config.ensemble.final == "weighted" and weights.get(name, 0) != 0
        return merged or name in (self.config.ensemble.final, self._of_log_loss())

    def _of_log_loss(self) -> str | None:
        """The ranker whose log-odds the probabilities are made of."""
        if self.known.listed is None:
            return None
        files = {name: self.at.learned / f"{self.pool}.{name}.txt" for name in self.config.fusion.rankers}
        return next(name for name, file in files.items() if ranker.minimises_log_loss(file))

    def _odds(self, asked: Asked) -> np.ndarray:
        """[N] log-odds that the probabilities were made of."""
        n = max(int(np.bincount(asked.rows, minlength=1).max(initial=0)), 1)
        users = asked.block.stop - asked.block.start
        items = np.full((users, n), -1, dtype=np.int64)
        column = np.arange(len(asked.rows)) - np.searchsorted(asked.rows, asked.rows)
        items[asked.rows, column] = asked.items
        return np.asarray(self.known.log_odds(items, asked.block)[asked.rows, column])

    def _of_odds(self, asked: Asked, trees: Mapping[str, _Trees], slope: float) -> np.ndarray:
        """[N, D] what each driver adds to the curve's argument by the log-odds of the ranker that has them."""
        name = self._of_log_loss()
        if name is None or self.known.listed is None:
            return np.zeros((len(asked.rows), len(self.drivers.names)))
        listed = ~np.isnan(self._at(self.known.listed, asked)[1])
        return np.asarray(slope * np.where(listed[:, None], trees[name].shares, 0))

    def _of_place(self, asked: Asked, trees: Mapping[str, _Trees], fall: float) -> np.ndarray:
        """[N, D] what each driver adds to the curve's argument by the place in the list, against a middling one."""
        terms = self._merged(asked, trees)
        score = terms.sum(axis=1)
        changed = fall * (np.log(asked.ranks) - np.log(self._middle(asked)))
        near = np.abs(score) < NEAR
        found = terms * np.where(near, 0, changed / np.where(near, 1, score))[:, None]
        found[:, self.drivers.place(PLACE)] += np.where(near, changed, 0)
        return np.asarray(found)

    def _merged(self, asked: Asked, trees: Mapping[str, _Trees]) -> np.ndarray:
        """[N, D] the merged score, in standard deviations from the list's mean, shared out; 0 where it is no sum."""
        found = np.zeros((len(asked.rows), len(self.drivers.names)))
        config = self.config.ensemble
        weights = dict(zip(config.members, self.recipe.weights, strict=True))
        if config.final != "weighted":
            weights = {config.final: 1.0} if config.final in config.members else {}
        for name, weight in weights.items():
            found += weight * self._member(asked, name, trees.get(name))
        if config.final == "weighted":
            found = self._again(found, asked)
        if self.recipe.single is not None and self.recipe.share and self.recipe.single in self.listed:
            found *= max(1 - self.recipe.share, TIES)
            z = self._standard(self.listed[self.recipe.single], asked)[0]
            found[:, self.drivers.place(self.recipe.single)] += self.recipe.share * z
        return found

    def _member(self, asked: Asked, name: str, trees: _Trees | None) -> np.ndarray:
        """[N, D] a member's standardised score, shared out."""
        found = np.zeros((len(asked.rows), len(self.drivers.names)))
        if name not in self.listed:
            return found
        z, spread, listed = self._standard(self.listed[name], asked)
        told = np.zeros(len(z), dtype=bool) if trees is None else trees.known & listed & (spread > 0)
        if trees is not None:
            found += np.where(told, 1 / np.where(told, spread, 1), 0)[:, None] * trees.shares
        rest = z - found.sum(axis=1)
        found[:, self.drivers.place(ANYBODY if trees is not None else name)] += rest
        return found

    def _again(self, terms: np.ndarray, asked: Asked) -> np.ndarray:
        """The weighted score in standard deviations of the merged list itself."""
        z, spread, listed = self._standard(self.listed["weighted"], asked)
        usable = listed & (spread > 0)
        found = np.where(usable[:, None], terms / np.where(usable, spread, 1)[:, None], terms)
        found[:, self.drivers.place(ANYBODY)] += z - found.sum(axis=1)
        return np.asarray(found)

    def _standard(self, pair: Pair, asked: Asked) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """[N] each: standardised scores of a list, the lowest of the row where it lacks the item; the row's standard
        deviation; whether it lists the item."""
        scores = np.asarray(pair[1][asked.block])
        standard = merging.standardise(scores)
        lowest = np.where(np.isfinite(standard), standard, np.inf).min(axis=1, initial=0.0)
        there = np.isfinite(scores)
        some = there | ~there.any(axis=1, keepdims=True)  # numpy warns of rows of which nothing counts
        spread = np.std(np.where(there, scores, np.nan), axis=1, where=some, dtype=np.float64)
        z = self._at((pair[0], None), asked, standard)[1]
        listed = ~np.isnan(z)
        return np.where(listed, z, lowest[asked.rows]), np.nan_to_num(spread)[asked.rows], listed

    def _at(
        self, pair: tuple[np.ndarray, np.ndarray | None], asked: Asked, scores: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Ranks and scores [N] of a list's pairs, nan where it lacks one; `scores` of the block in place of its own."""
        items, own = pair
        given = np.asarray(own[asked.block]) if scores is None and own is not None else scores
        width = self.at.cutoff.items
        found = Listed.of(np.asarray(items[asked.block]), np.asarray(given), width)
        return found.at(asked.rows * width + asked.items)

    def _middle(self, asked: Asked) -> np.ndarray:
        """[N] the place in the merged list at which scores fall below their mean."""
        above = (merging.standardise(np.asarray(self.listed["weighted"][1][asked.block])) > 0).sum(axis=1)
        return np.asarray(np.maximum(above, 1)[asked.rows])


def _calibration(ensemble: Path, pool: lists.Pool) -> dict[str, Any] | None:
    content = json.loads((ensemble / "calibration.json").read_text(encoding="utf-8"))
    found: dict[str, Any] | None = content["publish"].get(pool)
    return found
