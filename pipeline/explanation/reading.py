"""One pair of user and item of a night, explained: what `nightjar explain` shows."""

from dataclasses import dataclass

import numpy as np

from pipeline.explanation.scores import Asked, Scores
from pipeline.ground import lists
from pipeline.publication.night import Night
from pipeline.ranking import calibration
from pipeline.ranking.candidate_lists import with_made_lists
from pipeline.ranking.frames import Frame, Framed
from pipeline.settings.sections.publication import Surface

RANKS = (".rank", ".rank_new")


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


def of_pair(night: Night, surface: Surface, target: int, item: int, score: float | None = None) -> OfPair | None:
    """Explain one pair of a surface.

    Args:
        night: the night, with its fusion.
        surface: the surface.
        target: row of the user among the targets.
        item: the item's index.
        score: its published score; None: it is not shown, and the final list's is explained.
    Returns:
        None where the night has no fusion.
    """
    if night.fusion is None:
        return None
    config, pool = with_made_lists(night.config, night.sources), night.config.pool(surface)
    block = slice(target, target + 1)
    frame = Framed.read(night.cutoff, night.sources, config).of(block)[lists.assortment_of(pool)]
    folder = night.cutoff.dir_in(night.ensemble)
    row = np.asarray(lists.read_list(folder, pool, "final")[0][target])
    place = np.flatnonzero(row == item)
    ranks = _ranks(frame, item)
    if not len(place):
        return OfPair(0, {}, ranks)
    rank = int(place[0]) + 1
    if score is None:
        score = float(np.load(folder / f"{pool}.final.probability.npy", mmap_mode="r")[target, place[0]])
    at = calibration.Applied("publish", night.cutoff, {"fusion": night.fusion, **night.sources})
    scores = Scores.read(at, night.ensemble, pool, config)
    asked = Asked(block, np.array([0]), np.array([item]), np.array([rank]), np.array([score]))
    found = scores.explain(asked, frame, config.threads)[0]
    return OfPair(rank, dict(zip(scores.drivers.names, found.tolist(), strict=True)), ranks)


def _ranks(frame: Frame, item: int) -> dict[str, int]:
    """The best place of an item in each source's lists, of a frame with one user."""
    at = np.flatnonzero(frame.pairs.items == item)
    if not len(at):
        return {}
    known = dict(zip(frame.names, frame.features[at[0]].tolist(), strict=True))
    longest = {name: np.nanmax(frame.column(name), initial=0) for name in frame.names if name.endswith(RANKS)}
    found: dict[str, int] = {}
    for name, most in longest.items():
        rank, source = known[name], name.rpartition(".")[0]
        if np.isfinite(rank) and rank < most:
            found[source] = min(int(rank), found.get(source, int(rank)))
    return found
