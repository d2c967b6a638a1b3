"""One pair of user and item of a night, explained: what `nightjar explain` shows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.explanation.scores import Asked, Scores
from pipeline.ground import lists
from pipeline.ground.errors import InputError
from pipeline.publication.night import Night
from pipeline.ranking import calibration, finals
from pipeline.ranking.candidate_lists import ADOPTION, with_made_lists
from pipeline.ranking.frames import Frame, Framed
from pipeline.settings.sections.publication import Surface


@dataclass(frozen=True)
class OfPair:
    """What is known of a pair.

    Attributes:
        rank: its 1-based place in the final list of the surface's pool; 0: it is not there.
        drivers: what each adds to the log-odds; empty where there is no score to explain.
        ranks: the best place in each source's list that has it.
    """

    rank: int
    drivers: dict[str, float]
    ranks: dict[str, int]


def of_pair(night: Night, surface: Surface, target: int, item: int, score: float | None = None) -> OfPair:
    """Explain one pair of a surface.

    Args:
        night: the night, with its fusion.
        surface: the surface.
        target: row of the user among the targets.
        item: the item's index.
        score: its published score; None: it is not shown, and the final list's is explained.
    Raises:
        InputError: the night has no fusion, or the rankers were taught other features than the settings say.
    """
    if night.fusion is None:
        raise InputError(f"the night of {night.run_date} has no fusion to explain")
    config, pool = with_made_lists(night.config, night.sources), night.config.pool(surface)
    block = slice(target, target + 1)
    frame = Framed.read(night.cutoff, night.sources, config).of(block)[lists.assortment_of(pool)]
    folder = night.cutoff.dir_in(night.ensemble)
    row = np.asarray(lists.read_list(folder, pool, "final")[0][target])
    place = np.flatnonzero(row == item)
    ranks = _ranks(night, pool, config.fusion.sources, target, item) | _adopted(frame, pool, item)
    if not len(place):
        return OfPair(0, {}, ranks)
    rank = int(place[0]) + 1
    if score is None:
        score = float(np.load(folder / f"{pool}.final.probability.npy", mmap_mode="r")[target, place[0]])
    at = calibration.Applied("publish", night.cutoff, {"fusion": night.fusion, **night.sources})
    scores = Scores.read(at, night.ensemble, pool, config)
    if scores.fitted is None:
        return OfPair(rank, {}, ranks)
    asked = Asked(block, np.array([0]), np.array([item]), np.array([rank]), np.array([score]))
    found = scores.explain(asked, frame, config.threads)[0]
    return OfPair(rank, dict(zip(scores.drivers.names, found.tolist(), strict=True)), ranks)


def _ranks(night: Night, pool: lists.Pool, names: Sequence[str], target: int, item: int) -> dict[str, int]:
    """The place of an item in each source's list of a pool that has it."""
    found = {}
    for name, (items, _) in finals.read(night.cutoff, night.sources, pool, names).items():
        place = np.flatnonzero(np.asarray(items[target]) == item)
        if len(place):
            found[name] = int(place[0]) + 1
    return found


def _adopted(frame: Frame, pool: lists.Pool, item: int) -> dict[str, int]:
    """The same of the list that the fusion makes of what neighbours discovered, of items that are new to the user."""
    at = np.flatnonzero(frame.pairs.items == item)
    name = f"{ADOPTION}.rank_new"
    if not len(at) or name not in frame.names or lists.kind_of(pool) != "new":
        return {}
    rank, score = (float(frame.column(one)[at[0]]) for one in (name, f"{ADOPTION}.score"))
    return {ADOPTION: int(rank)} if np.isfinite(rank) and score > 0 else {}
