"""Another list in place of the final one, for an arm of an experiment: any that the night has made anyway.

Its items have the probability and the source that the final list gives them and, where that does not list them, the
chance of any user. Along a list probabilities are then made not to rise, as in the final one.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipeline.arrays.falling import falling
from pipeline.features.rates import item_rates
from pipeline.ground import lists
from pipeline.ground.errors import InputError
from pipeline.publication import surfaces
from pipeline.publication.candidates import Candidates
from pipeline.publication.night import Night
from pipeline.settings.sections.publication import Surface
from pipeline.sources import registry

CODES = 2
"""Labels at the end that are counted from it."""


@dataclass(frozen=True, kw_only=True)
class Instead(Candidates):
    """The lists of one pool that are shown instead of the final ones, of which the other fields are.

    Attributes:
        listed: [T, n] item indices, -1 pads.
        code: the source of what the final list does not have.
        rates: float32 [I], the chance that any one user acts on an item.
    """

    listed: np.ndarray
    code: int
    rates: np.ndarray

    def block(self, rows: np.ndarray) -> surfaces.Block:
        """The candidates of some targets."""
        known, items = super().block(rows), np.asarray(self.listed[rows])
        place = self._place(known.items, items)
        chance = np.where(place >= 0, known.scores.ravel()[place], self.rates[items])
        source = np.where(place >= 0, known.sources.ravel()[place], np.int8(self.code))
        return surfaces.Block(items, falling(chance, items >= 0), np.where(items >= 0, source, surfaces.TOPPED_UP))

    def _place(self, known: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Where each item [B, n] stands among those of the same row of `known` [B, m], both counted through; or -1."""
        width = len(self.rates)
        row = np.arange(len(items), dtype=np.int64)[:, None] * width
        keys = np.where(known >= 0, row + known, -1).ravel()
        order = np.argsort(keys)
        wanted = np.where(items >= 0, row + items, -2)
        at = np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)
        found = order[at]
        return np.asarray(np.where(keys[found] == wanted, found, -1))


def labelled(candidates: Candidates, names: list[str | None]) -> Candidates:
    """The candidates with labels for the sources' lists among the names, those that fusion has not read too."""
    made = registry.candidate_lists()
    more = [name for name in dict.fromkeys(names) if name in made and name not in candidates.labels[:-CODES]]
    known, last = candidates.labels[:-CODES], candidates.labels[-CODES:]
    return replace(candidates, labels=[*known, *filter(None, more), *last])


def of(night: Night, surface: Surface, final: Candidates, name: str | None) -> Candidates:
    """What an arm's lists of a surface are made of.

    Args:
        night: the night.
        surface: the surface.
        final: the final lists, from `labelled`.
        name: of the list that is shown instead; None: the final one, as where the gate has given the pool up.
    Raises:
        InputError: no stage made such a list, or one of other users.
    """
    pool = night.config.pool(surface)
    if name is None or pool in night.fallen_back:
        return final
    stages = [night.ensemble, *filter(None, [night.fusion]), *night.sources.values()]
    folders = [night.cutoff.dir_in(stage) for stage in stages]
    listed = next((lists.read_list(f, pool, name)[0] for f in folders if _has(f, pool, name)), None)
    if listed is None:
        there = sorted({found for folder in folders for found in lists.list_names(folder, pool)})
        raise InputError(
            f"experiment '{night.config.experiment.name}': an arm is to be shown list '{name}', which there is not for "
            f"surface '{surface.name}': there are {', '.join(there)} (or let experiment.surfaces name other surfaces)"
        )
    if len(listed) != len(final.items):
        raise InputError(f"list '{name}' of pool '{pool}' is of {len(listed)} users: run the night again with --force")
    known = final.labels[:-CODES]
    code = known.index(name) if name in known else surfaces.UNTOLD
    rates = item_rates(night.cutoff, night.config.horizon_of(pool))
    given = (final.items, final.scores, final.sources, final.labels, final.calibrated)
    return Instead(*given, listed=listed, code=code, rates=rates)


def _has(folder: Path, pool: lists.Pool, name: str) -> bool:
    return name in lists.list_names(folder, pool)
