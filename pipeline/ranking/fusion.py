"""Language model and collaborative filtering into one score: the alpha blend and the learned hybrid.

Three folds; each learns only from label windows that had ended on the day it is applied at:

    validate  applied two windows back: the ensemble's weights are learned on its lists
    judge     applied one window back: the evaluation judges its lists
    publish   applied tonight

    fold=<fold>/<pool>.<ranker>.txt      the learned hybrid, LightGBM's text model; further seeds .2.txt, .3.txt, ...
    fold=<fold>/<pool>.activity.txt      whether a user acts at all, likewise
    fold=<fold>/blend.json               curves and alphas of the blend, per pool
    fold=<fold>/importance.parquet       gain and splits of every feature
    cutoff=YYYY-MM-DD/<pool>.<list>.*    the lists `blend` and those of the rankers, with their sources
    cutoff=YYYY-MM-DD/candidates.npy     int32 [T], how many candidates each target had; of an assortment its name,
                                         a dash and this
    ablation/ablation.parquet            what each source is worth, see pipeline.ranking.ablation
    sources.json                         names of the source codes

All that is learned depends on the week's anchor only, so the nights of a week share it; tonight's lists are made anew.
"""

import contextlib
import hashlib
import json
import logging
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.arrays.determinism import blas_threads
from pipeline.engine import Arrays, map_works
from pipeline.features.read import Cutoff, read_cutoffs
from pipeline.ground import artifacts, lists
from pipeline.ground.artifacts import Memo
from pipeline.ground.errors import TrainingError
from pipeline.ranking import ablation, folds, ranker, returns, voting
from pipeline.ranking.blend import Blend
from pipeline.ranking.candidate_lists import item_text_vectors, with_made_lists
from pipeline.ranking.frames import Frame, FrameWork
from pipeline.ranking.lessons import Lessons, sides
from pipeline.ranking.pairs import to_lists
from pipeline.ranking.twins import Twins
from pipeline.settings.config import Config
from pipeline.sources import Sources

if TYPE_CHECKING:
    from lightgbm import Booster

log = logging.getLogger(__name__)

Parts = tuple[np.ndarray, np.ndarray, np.ndarray]


def run(*, features: Path, sources: Sources, config: Config, memo: Memo, out: Path) -> dict[str, Any]:
    """Learn the three folds, or link what an earlier night of the week learned, and write their lists."""
    config = with_made_lists(config, sources)
    tonight, *older = read_cutoffs(features)
    cutoffs = {cutoff.part: cutoff for cutoff in older}
    key = artifacts.text_sha256(config.digest("fusion"), anchored_hash(features, sources, cutoffs))
    lessons = Lessons(cutoffs, sources, config, out)
    (out / "sources.json").write_text(json.dumps(config.fusion.sources) + "\n", encoding="utf-8")

    report: dict[str, Any] = {"linked": 0}
    applied_at = config.folds(tonight.cutoff)
    with blas_threads(config.threads):
        for fold, applied in applied_at.items():
            windows = _windows(config, tonight.cutoff, applied, cutoffs)
            learned = partial(folds.learn, lessons, windows, config)
            report["linked"] += memo.part(f"fold={fold}", f"{key} {fold}", learned)
            report |= folds.report(out / f"fold={fold}", fold)
        for fold, applied in applied_at.items():
            part = f"cutoff={applied.isoformat()}"
            if fold != "publish" and part in cutoffs:
                make = partial(apply, cutoffs[part], sources, config, out / f"fold={fold}")
                report["linked"] += memo.part(part, f"{key} {fold}", make)
        judged = cutoffs.get(f"cutoff={applied_at['judge'].isoformat()}")
        if config.fusion.ablation and judged is not None:
            windows = _windows(config, tonight.cutoff, judged.cutoff, cutoffs)
            made = partial(_ablate, lessons, windows, judged)
            key = artifacts.text_sha256(key, config.evaluate.k, config.evaluate.resamples)
            report["linked"] += memo.part("ablation", f"{key} ablation", made)
        # last, as only this is shared: what comes before is done once
        apply(tonight, sources, config, out / "fold=publish", out / tonight.part, shared=True)
    return report


def _windows(config: Config, run_date: date, applied: date, cutoffs: Mapping[str, Cutoff]) -> list[str]:
    """Names of the label cut-offs that may be learned from, newest first."""
    learnable = (f"cutoff={day.isoformat()}" for day in config.learnable(run_date, applied))
    return [part for part in learnable if part in cutoffs]


def _ablate(lessons: Lessons, windows: Sequence[str], judged: Cutoff, folder: Path) -> None:
    found = [lessons.of(part) for part in windows]
    samples = {one.name: folds.sample(found, one.name) for one in lessons.config.assortments}
    ablation.run(samples, judged, lessons.sources, lessons.config, folder)


def anchored_hash(features: Path, sources: Sources, cutoffs: Mapping[str, Cutoff]) -> str:
    """A hash of everything the folds learn from: the upstream files of the label cut-offs, and the items' texts."""
    places = {"features": features, **sources}
    found = {name: anchored_files(folder, set(cutoffs)) for name, folder in places.items()}
    vectors = item_text_vectors(sources)
    if vectors is not None and cutoffs:  # the items known then are a prefix
        known = np.load(vectors, mmap_mode="r", allow_pickle=False)[: max(c.items for c in cutoffs.values())]
        found["item_vectors"] = [
            ("known", artifacts.text_sha256(known.shape, hashlib.sha256(np.ascontiguousarray(known).data).hexdigest()))
        ]
    return artifacts.text_sha256(found, [(c.part, c.users, c.items, c.repeats) for c in cutoffs.values()])


def anchored_files(folder: Path, parts: Collection[str]) -> list[tuple[str, str]]:
    """Names and hashes of the files in some parts of a finished folder, sorted."""
    files = artifacts.read_manifest(folder)["files"]
    return sorted((name, entry["sha256"]) for name, entry in files.items() if name.split("/")[0] in parts)


def apply(cutoff: Cutoff, sources: Sources, config: Config, fold: Path, folder: Path, *, shared: bool = False) -> None:
    """Rank the candidates of a cut-off's targets with what a fold learned, and write the lists.

    Args:
        cutoff, sources, config: as of `run`.
        fold: what was learned.
        folder: where the lists are written.
        shared: as of map_works.
    """
    users, n = len(cutoff.targets()), config.fusion.length
    work = Ranked(cutoff, sources, config, fold)
    assortments = [one.name for one in config.assortments]
    candidates = {name: np.zeros(users, dtype=np.int32) for name in assortments}
    with contextlib.ExitStack() as held:
        files = [
            held.enter_context(lists.Writer(folder, pool, name, users, n, sources=True)) for pool, name in work.written
        ]
        (made,) = map_works([(f"fusion {cutoff.cutoff}", work)], users, config, folder, shared=shared)
        for block, found in made:
            counts, ranked = found[: len(assortments)], found[len(assortments) :]
            for name, count in zip(assortments, counts, strict=True):
                candidates[name][block] = count
            for number, file in enumerate(files):
                file.append(*ranked[3 * number : 3 * number + 3])
    for assortment, counted in candidates.items():
        np.save(folder / lists.file_of(assortment, "candidates.npy"), counted)


@dataclass(frozen=True)
class Ranked(FrameWork):
    """Ranks the candidates of blocks of targets with what a fold learned.

    Attributes:
        fold: the fold's folder.
    """

    lanes = 2  # while one block's frames are made, by one thread, another's candidates are scored
    fold: Path

    @property
    def written(self) -> list[tuple[lists.Pool, str]]:
        """The lists, by pool and name."""
        pools, rankers = self.config.pools, self.config.fusion.rankers
        return [*((pool, name) for pool in pools for name in rankers), *((pool, "blend") for pool in pools)]

    def open(self, threads: int) -> Callable[[slice], Arrays]:
        """A function of a block: per assortment how many candidates each target has, int32 [B], and items, scores and
        sources [B, n] of every list."""
        cutoff, config = self.cutoff, self.config
        text = (self.fold / "blend.json").read_text(encoding="utf-8")
        blends = {pool: Blend.from_json(content) for pool, content in json.loads(text).items()}
        boosters = {
            (pool, name): ranker.read(self.fold / f"{pool}.{name}.txt")
            for pool in config.pools
            for name in config.fusion.rankers
        }
        blind = _blind(boosters) if returns.are_rare(cutoff, config) else set()
        framed, alone = self.framed(), threading.Lock()

        def ranked(twins: Twins, pool: lists.Pool, name: str) -> Arrays:
            frame = twins.frame
            if name == "blend":
                scores = blend_scores(blends[pool], frame, pool, config)
            else:
                scores = ranker.score(boosters[pool, name], frame, frame.in_pool(pool), threads, config.seed)
                scores = returns.last(frame, scores) if pool in blind else scores
            return twins.spread(_listed(frame, scores, config.fusion.length))

        def make(block: slice) -> Arrays:
            with alone:
                found = framed.of(block)
            listed = (found[one.name].pairs for one in config.assortments)
            counts = (np.bincount(pairs.rows, minlength=len(pairs.users)).astype(np.int32) for pairs in listed)
            twins = {assortment: Twins.of(frame) for assortment, frame in found.items()}
            parts = (ranked(twins[lists.assortment_of(pool)], pool, name) for pool, name in self.written)
            return (*counts, *chain.from_iterable(parts))

        return make


def _blind(boosters: Mapping[tuple[lists.Pool, str], "Sequence[Booster]"]) -> set[lists.Pool]:
    """Pools in which no ranker asks whether a user took an item back."""
    known = {pool for (pool, _), models in boosters.items() if returns.are_known(models)}
    return {pool for pool, _ in boosters} - known


def blend_scores(blend: Blend, frame: Frame, pool: lists.Pool, config: Config) -> np.ndarray:
    """[N] float32 blended probabilities, -inf for pairs the blend does not rank."""
    listed, columns = sides(frame, config.fusion.depth, config)
    if blend.lm is None and blend.cf is None:
        return voting.votes(frame, listed & frame.in_pool(pool), config.seed)
    return np.where(listed & frame.in_pool(pool), blend.scores(**columns), np.float32(-np.inf))


def _listed(frame: Frame, scores: np.ndarray, n: int) -> Parts:
    if np.isnan(scores).any():
        raise TrainingError("fusion: a score is not a number")
    items, best, place = to_lists(frame.pairs.rows, frame.pairs.items, scores, len(frame.pairs.users), n)
    source = np.append(frame.source, np.int8(-1))[place]  # a pad reads the appended -1
    return items, best, source
