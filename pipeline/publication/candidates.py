"""What the lists of a surface are made of: the ensemble's final lists of its pool, or the baseline's."""

import json
from dataclasses import dataclass

import numpy as np

from pipeline.features.rates import item_rates
from pipeline.ground import lists
from pipeline.ground.errors import InputError
from pipeline.ground.lists import Pool
from pipeline.publication import surfaces
from pipeline.publication.night import Night
from pipeline.settings.sections.publication import Surface
from pipeline.sources import registry
from pipeline.sources.contract import Says


@dataclass(frozen=True)
class Candidates:
    """The ensemble's final lists of one pool.

    Attributes:
        items, scores: [T, n], see pipeline.ground.lists; where the ensemble calibrated them, scores are probabilities.
        sources: [T, n] int8, which list ranked the item best; see pipeline.publication.surfaces for the codes below 0.
        labels: the sources' names; codes below 0 count from the end.
    """

    items: np.ndarray
    scores: np.ndarray
    sources: np.ndarray
    labels: list[str]
    calibrated: bool = False

    @classmethod
    def read(cls, night: Night, surface: Surface, targets: int) -> "Candidates":
        """Read the pool of a surface, memory-mapped.

        Raises:
            InputError: the lists are not of these targets, or the sources or probabilities not of these lists.
        """
        pool = night.config.pool(surface)
        if pool in night.fallen_back:
            return cls._baseline(night, pool)
        folder = night.cutoff.dir_in(night.ensemble)
        items, scores = lists.read_list(folder, pool, "final")
        beside = {name: folder / f"{pool}.final.{name}.npy" for name in ("sources", "probability")}
        given = {n: np.load(p, mmap_mode="r", allow_pickle=False) for n, p in beside.items() if p.is_file()}
        sources = given.get("sources", np.broadcast_to(np.int8(surfaces.UNTOLD), items.shape))
        scores = given.get("probability", scores)
        if len(items) != targets or sources.shape != items.shape or scores.shape != items.shape:
            raise InputError(
                f"{folder}: the lists of pool '{pool}' are {items.shape}, their sources {sources.shape}, "
                f"their scores {scores.shape}, for "
                f"{targets} users of {night.cutoff.folder}: run stage 'ensemble' again with --force"
            )
        named = [path for parent in (folder, night.ensemble) if (path := parent / "sources.json").is_file()]
        labels = json.loads(named[0].read_text(encoding="utf-8")) if named else []
        return cls(items, scores, sources, [*labels, "popularity", "ensemble"], "probability" in given)

    @classmethod
    def _baseline(cls, night: Night, pool: Pool) -> "Candidates":
        """The baseline's lists, each item as probable as for any user."""
        name = night.config.evaluate.baseline
        folders = (night.cutoff.dir_in(stage) for stage in night.sources.values())
        found = [lists.read_list(folder, pool, name)[0] for folder in folders if name in lists.list_names(folder, pool)]
        if not found:
            raise InputError(f"no source has list '{name}' of {night.cutoff.part}: run the night again with --force")
        items = np.asarray(found[0])
        rates = item_rates(night.cutoff, night.config.horizon_of(pool))
        scores = np.where(items >= 0, np.minimum.accumulate(rates[items], axis=1), -np.inf).astype(np.float32)
        sources = np.broadcast_to(np.int8(surfaces.TOPPED_UP), items.shape)
        return cls(items, scores, sources, [name, "ensemble"], calibrated=True)

    def codes(self, says: Says) -> tuple[int, ...]:
        """The codes of the lists that listen to somebody; what was topped up listens to everybody."""
        known, made = len(self.labels) - 2, registry.candidate_lists()
        found = (code for code, label in enumerate(self.labels) if label in made and made[label].says == says)
        return tuple(code if code < known else code - len(self.labels) for code in found)

    def block(self, rows: np.ndarray) -> surfaces.Block:
        """The candidates of some targets."""
        return surfaces.Block(*(np.asarray(a[rows]) for a in (self.items, self.scores, self.sources)))
