"""What one label window teaches: pairs for the learned hybrid, evidence for the alpha blend; made when first needed."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from pipeline.engine import Arrays, map_blocks
from pipeline.features.read import Cutoff
from pipeline.ground import lists
from pipeline.ranking.blend import Evidence
from pipeline.ranking.frames import Frame, FrameWork, wanted
from pipeline.ranking.ranker import Sample, draw, join
from pipeline.settings.config import Config
from pipeline.sources import Sources, registry
from pipeline.sources.contract import Vectors

log = logging.getLogger(__name__)

Columns = dict[str, np.ndarray]
_SAMPLE = ("features", "acted", "fresh", "query")
_EVIDENCE = ("rows", "items", "lm", "cf", "acted", "cold_user", "cold_item")


@dataclass(frozen=True)
class Lesson:
    """One label window.

    Attributes:
        samples: pairs to learn from by assortment; None if nobody acted on a candidate.
        evidence: per pool, the pairs the blend is chosen on.
    """

    samples: dict[str, Sample | None]
    evidence: dict[lists.Pool, Evidence]


@dataclass(frozen=True)
class Lessons:
    """All label windows of a run, each made once and kept: about 300 bytes per kept pair.

    Attributes:
        cutoffs: the label cut-offs, by the names of their parts.
        sources: the sources' folders.
        config: the configuration.
        folder: where processes hand over what they draw.
    """

    cutoffs: Mapping[str, Cutoff]
    sources: Sources
    config: Config
    folder: Path
    _made: dict[str, Lesson] = field(default_factory=dict)

    def of(self, part: str) -> Lesson:
        """The lesson of one label cut-off, by the name of its part."""
        if part not in self._made:
            self._made[part] = self._make(self.cutoffs[part])
            log.info("fusion learns from %s, window %d", part, len(self._made))
        return self._made[part]

    def _make(self, cutoff: Cutoff) -> Lesson:
        pools = self.config.pools
        samples: dict[str, list[Sample]] = {one.name: [] for one in self.config.assortments}
        pieces: dict[lists.Pool, list[Columns]] = {pool: [] for pool in pools}
        work, said = Drawn(cutoff, self.sources, self.config), f"fusion {cutoff.cutoff}"
        for _, arrays in map_blocks(said, work, len(cutoff.targets()), self.config, self.folder):
            found = iter(arrays)
            for drawn in samples.values():
                names, *columns = islice(found, 1 + len(_SAMPLE))
                drawn.append(Sample(tuple(names.tolist()), **dict(zip(_SAMPLE, columns, strict=True))))
            for pool in pools:
                pieces[pool].append(dict(zip(_EVIDENCE, islice(found, len(_EVIDENCE)), strict=True)))
        evidence = {pool: _joined(pieces[pool], wanted(cutoff, pool)) for pool in pools}
        return Lesson({name: join(drawn) for name, drawn in samples.items()}, evidence)


@dataclass(frozen=True)
class Drawn(FrameWork):
    """Draws from the frames of a label cut-off what is learned from."""

    def open(self, threads: int) -> Callable[[slice], Arrays]:
        """A function of a block: per assortment the features' names and a sample's columns; per pool the evidence's."""
        framed, config = self.framed(), self.config

        def make(block: slice) -> Arrays:
            found = framed.of(block)
            seed = (config.seed, self.cutoff.cutoff.toordinal(), block.start)
            arrays: list[np.ndarray] = []
            for one in config.assortments:
                sample = draw(found[one.name], config.fusion.negatives, seed)
                arrays += [np.array(sample.names), *(getattr(sample, name) for name in _SAMPLE)]
            for pool in config.pools:
                evidence = _evidence(found[lists.assortment_of(pool)], pool, block.start, config)
                arrays += [evidence[name] for name in _EVIDENCE]
            return tuple(arrays)

        return make


def sides(frame: Frame, depth: int, config: Config) -> tuple[np.ndarray, Columns]:
    """What the blend reads of a frame.

    Returns:
        bool [N], pairs that the source with vectors of texts (the language model) or of behaviour (ALS) ranks
        within its `depth` best; and [N] columns: the scores of both, NaN where absent, and whether the user and
        the item are cold.
    """
    names = [_fused(kind, config) for kind in ("text", "behaviour")]
    ranks = [frame.column(f"{name}.{column}") for name in names if name for column in ("rank", "rank_new")]
    listed = np.zeros(len(frame.fresh), dtype=bool)
    for rank in ranks:
        listed |= rank <= depth  # false where NaN
    absent = np.full(len(frame.fresh), np.nan, dtype=np.float32)
    lm, cf = (frame.column(f"{name}.score") if name else absent for name in names)
    return listed, {
        "lm": lm,
        "cf": cf,
        "cold_user": ~(frame.column("user_items") >= config.fusion.cold_user_items),
        "cold_item": ~(frame.column("item_buyers_total") >= config.fusion.cold_item_buyers),
    }


def _fused(kind: Vectors, config: Config) -> str | None:
    """The fused list that the vectors of a kind score; None where there is none."""
    source = registry.scoring(kind)
    name = next((name for name, maker in registry.exact_lists().items() if maker == source), None)
    return name if name in config.fusion.sources else None


def _evidence(frame: Frame, pool: lists.Pool, start: int, config: Config) -> Columns:
    listed, columns = sides(frame, config.fusion.depth, config)
    kept = listed & frame.in_pool(pool)
    acted = np.zeros(len(kept), dtype=bool) if frame.acted is None else frame.acted
    columns |= {"rows": frame.pairs.rows + start, "items": frame.pairs.items, "acted": acted}
    return {name: column[kept] for name, column in columns.items()}


_KINDS = {"rows": np.int64, "items": np.int64, "lm": np.float32, "cf": np.float32}


def _joined(pieces: list[Columns], number: np.ndarray) -> Evidence:
    empty = {name: np.empty(0, dtype=_KINDS.get(name, bool)) for name in _EVIDENCE}
    joined = {name: np.concatenate([nothing, *(piece[name] for piece in pieces)]) for name, nothing in empty.items()}
    return Evidence(**joined, wanted=number)
