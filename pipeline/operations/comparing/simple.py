"""The simple lists that a published one has to match: popularity in several windows and by category, single models.

Popularity is counted as the sources count it, among the items that a pool may hold; a user is shown nothing that the
user dislikes or that was offered to others alone and, where lists hold what is new to a user, nothing the user has.
The other lists are the sources' own, each by itself.
"""

from collections.abc import Iterator
from datetime import date

import numpy as np

from pipeline.arrays import top_k
from pipeline.arrays.blocks import blocks, rows_for
from pipeline.features.offers import Never
from pipeline.features.read import Cutoff
from pipeline.ground import artifacts, lists
from pipeline.ground.lists import Pool
from pipeline.operations import stages
from pipeline.settings.config import Config
from pipeline.sources import SOURCES, popularity, trending
from pipeline.sources.candidates import Rank

WINDOWS = (7, 28, 91, 365)
"""Days of popularity."""
OF_CATEGORY_DAYS = 28
"""The window of the popularity that categories share."""
SEGMENTS = 4
"""Into how many the users are divided by what they pay, where the shop does not say."""
COUNTED = "popularity"
"""The source's list that the windows stand for."""


def settings(config: Config) -> Config:
    """The configuration of the single models: those that are on by default are made, whether they are fused or not.

    What needs a training of its own is as the shop has it.
    """
    usual, found = type(config)(), {}
    for name, trained in SOURCES.items():
        section = getattr(config, name)
        if not trained and usual.enabled(name) and not config.enabled(name):
            found[name] = section.model_copy(update={"enabled": True})
    counts = getattr(config, "popularity")  # noqa: B009 (a source's section, which the floors below do not know)
    found["popularity"] = counts.model_copy(update={"segments": max(counts.segments, SEGMENTS)})
    return config.model_copy(update=found)


def popular(cutoff: Cutoff, pool: Pool, config: Config) -> Iterator[tuple[str, np.ndarray]]:
    """The popularity of every window, and by category where items have one: names and items [T, n], -1 pads."""
    n, eligible = max(config.evaluate.k, config.evaluate.deep), cutoff.eligible(pool)
    never, history = Never.read(cutoff), cutoff.matrix("count")
    kind: lists.Kind = "all" if lists.kind_of(pool) == "all" and cutoff.repeats else "new"

    def counted(days: int) -> np.ndarray:
        buyers = popularity.item_popularity(cutoff, days)
        return buyers if eligible is None else np.where(eligible, buyers, np.float32(0))

    for days in WINDOWS:
        rank = popularity.best_sellers(counted(days), history, never, n)
        yield f"popularity, {days} days", _of_targets(rank, cutoff, kind, config)
    codes, categories = trending.category_codes(cutoff.trends().column("category"))
    if categories > 1:
        shares = trending.shares(cutoff.matrix("decay_90"), codes, categories, everybody=1.0)

        def by_category(users: np.ndarray) -> dict[lists.Kind, tuple[np.ndarray, np.ndarray]]:
            scores = shares[users][:, codes] * buyers
            scores[never.of(users).nonzero()] = 0
            if kind == "new":
                scores[history[users].nonzero()] = 0
            return {kind: top_k.top_n(scores, n, above=0.0)}

        buyers = counted(OF_CATEGORY_DAYS)
        yield "popularity by category", _of_targets(by_category, cutoff, kind, config)


def _of_targets(rank: Rank, cutoff: Cutoff, kind: lists.Kind, config: Config) -> np.ndarray:
    """[T, n] the items of every target, a block at a time."""
    targets = cutoff.targets()
    rows = rows_for(cutoff.items, config.block_users)
    return np.concatenate([rank(targets[block])[kind][0] for block in blocks(len(targets), rows)])


def made(night: date, published: Config, own: Config) -> dict[str, Config]:
    """Make the single models' lists of a night, those that the published list is not made of anyway.

    Args:
        night: whose features are made.
        published: of the night's run, in whose lake its sources lie.
        own: with the settings and the lake of the single models; it shares the features of the other.
    Returns:
        In which of the two lakes each source's lists are.
    """
    found = {}
    for name in filter(own.enabled, SOURCES):
        same = own.digest(name) == published.digest(name)
        found[name] = published if same else own
        if not same:
            stages.run_stage(name, night, own)
    return found


def listed(cutoff: Cutoff, pool: Pool, night: date, places: dict[str, Config]) -> Iterator[tuple[str, np.ndarray]]:
    """The single models' lists of a cut-off and pool: names and items [T, n], memory-mapped."""
    for name, place in places.items():
        folder = cutoff.dir_in(artifacts.stage_dir(place.lake, name, night))
        for one in lists.list_names(folder, pool):
            if one != COUNTED:
                yield one, lists.read_list(folder, pool, one)[0]
