"""The lists that the ensemble hands over: merged, the final one with its sources and probabilities."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.arrays.determinism import blas_threads
from pipeline.engine import Arrays, Work, map_works
from pipeline.ground import lists
from pipeline.ranking import calibration
from pipeline.ranking.finals import Final, Pair, Recipe
from pipeline.ranking.pairs import Listed
from pipeline.settings.config import Config
from pipeline.settings.sections.lists import MERGED


def merge(
    at: calibration.Applied,
    weights: Mapping[str, Mapping[str, Any]],
    calibrations: Mapping[str, dict[str, Any] | None],
    config: Config,
    folder: Path,
    *,
    shared: bool = False,
) -> None:
    """Write the merged lists of one cut-off, and the final one with its sources and probabilities; `shared` as of
    map_works."""
    cutoff, n = at.cutoff, config.ensemble.length
    users = len(cutoff.targets())
    folder.mkdir(parents=True, exist_ok=True)

    def works() -> Iterator[tuple[str, Work]]:
        for pool in config.pools:
            path = folder / f"{pool}.activity.npy"
            np.save(path, calibration.acting(calibration.Fitted.from_json(calibrations[pool]), at, pool, config))
            work = Merged(at, pool, weights[pool], calibrations[pool], path, config)
            yield f"ensemble {cutoff.cutoff} {pool}", work

    for pool, made in zip(config.pools, map_works(works(), users, config, folder, shared=shared), strict=True):
        with contextlib.ExitStack() as held:
            files = {
                name: held.enter_context(lists.Writer(folder, pool, name, users, n, sources=name == "final"))
                for name in (*MERGED, "final")
            }
            probability = held.enter_context(lists.Rows(folder / f"{pool}.final.probability.npy", users, n, np.float32))
            for _, (chances, *found) in made:
                for number, file in enumerate(files.values()):
                    file.append(*found[2 * number : 2 * number + (3 if file is files["final"] else 2)])
                probability.append(chances)


@dataclass(frozen=True)
class Merged(Work):
    """Merges the members' lists of blocks of targets, in one pool.

    Attributes:
        at: the cut-off and the stages' folders.
        pool: the pool.
        recipe: a Recipe as JSON.
        fitted: a calibration as JSON; None: none was learned.
        acting: an .npy file with the users' chance of acting at all.
        config: the configuration.
    """

    at: calibration.Applied
    pool: lists.Pool
    recipe: Mapping[str, Any]
    fitted: dict[str, Any] | None
    acting: Path
    config: Config

    def open(self, threads: int) -> Callable[[slice], Arrays]:
        """A function of a block: the probabilities [B, n]; items and scores [B, n] of every merged list, and of the
        final one with its sources last."""
        cutoff, places, pool, config = self.at.cutoff, self.at.places, self.pool, self.config
        merged = Final.of(cutoff, places, pool, Recipe.from_json(self.recipe), config)
        codes = _source_codes(merged, places, pool)
        acting = np.load(self.acting, mmap_mode="r", allow_pickle=False)
        fitted = calibration.Fitted.from_json(self.fitted)
        chances = calibration.Chances.of(fitted, acting, self.at, pool, config)

        def make(block: slice) -> Arrays:
            first, kind = merged.kinds(block)
            with blas_threads(1):  # a product's last bits depend on their number
                ranked, final = merged.block(first)
            items, scores = (column[kind] for column in final)
            spread = (column[kind] for name in MERGED for column in ranked[name])
            sources = _sources(items, codes, block, cutoff.items)
            return chances.of_lists(items, block), *spread, items, scores, sources

        return make


def _source_codes(final: Final, places: Mapping[str, Path], pool: lists.Pool) -> list[Pair]:
    """Items and source codes [T, n] of every list in a final one: as fusion wrote them, or itself if a source's."""
    found, cutoff, config = [], final.cutoff, final.config
    parts = dict(final.members)
    if final.single is not None and final.recipe.single is not None:
        parts[final.recipe.single] = final.single
    for name, (items, _) in parts.items():
        path = cutoff.dir_in(places["fusion"]) / f"{pool}.{name}.sources.npy"
        if path.is_file():
            found.append((items, np.load(path, mmap_mode="r", allow_pickle=False)))
        elif name in config.fusion.sources:
            code = np.int8(config.fusion.sources.index(name))
            found.append((items, np.broadcast_to(code, items.shape)))
    return found


def _sources(items: np.ndarray, codes: Sequence[Pair], block: slice, width: int) -> np.ndarray:
    """[B, n] int8: the code that the first member to list an item gave it, -1 if none did."""
    row, column = np.nonzero(items >= 0)
    keys = row.astype(np.int64) * width + items[row, column]
    result = np.full(items.shape, -1, dtype=np.int8)
    for listed, code in codes:
        known = Listed.of(np.asarray(listed[block]), np.asarray(code[block]), width).at(keys)[1]
        missing = (result[row, column] < 0) & ~np.isnan(known)
        result[row[missing], column[missing]] = known[missing].astype(np.int8)
    return result
