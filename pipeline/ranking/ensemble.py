"""Several fused rankings into one: weighted average and voting; the configuration says which becomes `final`.

The weights are learned on the lists of the validation fold and used for the lists that are judged; tonight's lists use
weights learned on the judged fold. Where a single model's list did as well on the label windows, it takes part
(`backstop`). Each fold's lists were made without seeing the window they are weighed on.

    cutoff=YYYY-MM-DD/<pool>.{weighted,reciprocal_rank,borda,final}.*    the lists
    cutoff=YYYY-MM-DD/<pool>.final.sources.npy                           int8 [T, n], codes into sources.json, or -1
    cutoff=YYYY-MM-DD/<pool>.final.probability.npy                       float32 [T, n], that the user acts on the item
                                                                         within the horizon; not rising along a row
    cutoff=YYYY-MM-DD/<pool>.activity.npy                                float32 [U], that the user acts on anything
    fold=<fold>/learned.json                                             what was learned, per pool
    weights.json, calibration.json                                       the same, per fold and pool

Probabilities are learned where the weights are. Where there is no window to learn from yet, an item's is the share of
all users who would buy it at the pace of the last 28 days.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.arrays.blocks import blocks
from pipeline.arrays.determinism import blas_threads
from pipeline.features import rates
from pipeline.features.read import Cutoff, read_cutoffs
from pipeline.ground import artifacts, lists
from pipeline.ground.artifacts import Memo
from pipeline.ranking import activity, backstop, calibration, finals, merging
from pipeline.ranking.blend import ndcg
from pipeline.ranking.candidate_lists import with_made_lists
from pipeline.ranking.finals import Final, Recipe
from pipeline.ranking.frames import label_keys, wanted
from pipeline.ranking.fusion import anchored_files, anchored_hash
from pipeline.ranking.merged import merge
from pipeline.ranking.pairs import position
from pipeline.settings.config import Config
from pipeline.sources import Sources

# Where a fold's weights are learned: on the lists of the fold before.
WEIGHED_ON = {"judge": "validate", "publish": "judge"}
LEARNED = "learned.json"


@blas_threads(1)  # a product's last bits depend on their number
def run(*, features: Path, sources: Sources, fusion: Path, config: Config, memo: Memo, out: Path) -> dict[str, Any]:
    """Learn the weights and the calibration, merge the members' lists, and name the final one."""
    config = with_made_lists(config, sources)
    cutoffs = {cutoff.cutoff: cutoff for cutoff in read_cutoffs(features)}
    folds = {fold: cutoffs[day] for fold, day in config.folds(max(cutoffs)).items() if day in cutoffs}
    (out / "sources.json").write_bytes((fusion / "sources.json").read_bytes())
    windows = _windows(cutoffs, config)
    report: dict[str, Any] = {"linked": 0}
    weights: dict[str, Any] = {}
    calibrations: dict[str, Any] = {}
    places = {"fusion": fusion, **sources}
    applied = {fold: calibration.Applied(fold, cutoff, places) for fold, cutoff in folds.items()}
    key = _anchored_hash(features, sources, fusion, cutoffs, config)
    for fold, weighed_on in WEIGHED_ON.items():
        learned = partial(learn, windows[fold], applied.get(weighed_on), places, config)
        report["linked"] += memo.part(f"fold={fold}", f"{key} {fold}", learned)
        weights[fold], calibrations[fold] = _read_learned(out / f"fold={fold}")
        for pool, recipe in weights[fold].items():
            report |= _reported(f"{fold}.{pool}", Recipe.from_json(recipe), config)
        if fold not in folds:
            continue
        make = partial(merge, applied[fold], weights[fold], calibrations[fold], config)
        if fold == "publish":
            make(out / folds[fold].part, shared=True)
        else:
            made_of = artifacts.text_sha256(
                config.digest("ensemble", "fusion"),
                (weights[fold], calibrations[fold]),
                _members_hash(folds[fold], fold, places, _singles(weights[fold]), config),
            )
            report["linked"] += memo.part(folds[fold].part, made_of, make)
    for name, content in (("weights", weights), ("calibration", calibrations)):
        (out / f"{name}.json").write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return report


def learn(
    windows: Sequence[Cutoff],
    weighed_on: calibration.Applied | None,
    places: Mapping[str, Path],
    config: Config,
    folder: Path,
) -> None:
    """Learn one fold's recipes and probabilities, of every pool.

    Args:
        windows: the label windows that it may learn from, newest first.
        weighed_on: the label cut-off on whose lists it is learned; None: there is none yet.
        places: stage folders.
        config: the configuration.
        folder: where learned.json is written.
    """
    weights, calibrations = {}, {}
    for pool in config.pools:
        weighed = tuple(learn_weights(weighed_on.cutoff if weighed_on else None, places, pool, config))
        recipe = backstop.choose(windows, places, pool, Recipe(weighed), config)
        weights[pool] = recipe.to_json()
        taught = calibrate(weighed_on, pool, recipe, config) if weighed_on else None
        calibrations[pool] = taught.to_json() if taught else None
    text = json.dumps({"weights": weights, "calibration": calibrations}, indent=1, sort_keys=True)
    (folder / LEARNED).write_text(text + "\n", encoding="utf-8")


def _read_learned(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    found = json.loads((folder / LEARNED).read_text(encoding="utf-8"))
    return found["weights"], found["calibration"]


def _anchored_hash(
    features: Path, sources: Sources, fusion: Path, cutoffs: Mapping[date, Cutoff], config: Config
) -> str:
    """A hash of all that is learned from: everything of the label cut-offs, and what fusion learned."""
    labels = {cutoff.part: cutoff for cutoff in cutoffs.values() if cutoff.cutoff != max(cutoffs)}
    fused = anchored_files(fusion, {*labels, *(f"fold={fold}" for fold in WEIGHED_ON.values())})
    folds = {fold: day for fold, day in config.folds(max(cutoffs)).items() if fold in WEIGHED_ON.values()}
    made_of = (anchored_hash(features, sources, labels), fused, folds)
    return artifacts.text_sha256(config.digest("ensemble", "fusion"), *made_of)


def _members_hash(cutoff: Cutoff, fold: str, places: Mapping[str, Path], singles: Sequence[str], config: Config) -> str:
    """A hash of the lists at a cut-off that are merged or tell log-odds, and of all else that is read there."""
    files = [cutoff.folder / f"{name}.parquet" for name in ("targets", "user_stats", "item_stats")]
    files += sorted((places["fusion"] / f"fold={fold}").glob("*.activity.txt"))
    files += sorted(cutoff.dir_in(places["fusion"]).glob("*candidates.npy"))
    for pool in config.pools:
        for member in dict.fromkeys((*config.ensemble.members, *config.fusion.rankers, *singles)):
            if (folder := finals.folder_of(cutoff, places, pool, member)) is not None:
                files += sorted(folder.glob(f"{pool}.{member}.*.npy"))
    return artifacts.text_sha256([(file.name, artifacts.file_sha256(file)) for file in files])


def _singles(recipes: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The single models' lists that take part."""
    return sorted({recipe["single"] for recipe in recipes.values() if recipe["single"]})


def _reported(prefix: str, recipe: Recipe, config: Config) -> dict[str, Any]:
    """A recipe as scalars of the manifest; a single list only where one takes part."""
    found: dict[str, Any] = {
        f"{prefix}.weight.{member}": weight
        for member, weight in zip(config.ensemble.members, recipe.weights, strict=True)
    }
    return found | ({f"{prefix}.single.{recipe.single}": recipe.share} if recipe.single else {})


def _windows(cutoffs: Mapping[date, Cutoff], config: Config) -> dict[str, list[Cutoff]]:
    """The label windows each fold may learn from, newest first."""
    days = config.folds(max(cutoffs))
    learnable = {fold: config.learnable(max(cutoffs), days[fold]) for fold in WEIGHED_ON}
    return {fold: [cutoffs[day] for day in found if day in cutoffs] for fold, found in learnable.items()}


def learn_weights(window: Cutoff | None, places: Mapping[str, Path], pool: lists.Pool, config: Config) -> list[float]:
    """Weights of the configured members that maximise NDCG@10 on a label window, shrunk to equal.

    Args:
        window: a label cut-off with the members' lists; None or nobody to judge: equal weights.
        places: stage folders.
        pool: the pool.
        config: the configuration.
    Returns:
        One weight per configured member, sum 1; a member without a list has the weight it would have if equal.
    """
    number = len(config.ensemble.members)
    equal = [1 / number] * number
    if window is None or not (judged := np.flatnonzero(wanted(window, pool))).size:
        return equal
    members = finals.read_members(window, places, pool, config)
    keys, number_wanted = label_keys(window, pool), wanted(window, pool)

    def gains(grid: Sequence[tuple[float, ...]]) -> np.ndarray:
        found = np.zeros(len(grid))
        for part in blocks(len(judged), config.block_users):
            rows = judged[part]
            merged = finals.gathered(window, members, rows, config)
            acted = position(keys, merged.pairs.history_keys)[0]
            columns = (merged.pairs.rows, merged.pairs.items)
            for place, weights in enumerate(grid):
                scores = merging.weighted(merged, np.asarray(weights))
                found[place] += ndcg(*columns, scores, acted, number_wanted[rows]) * len(rows)
        return found

    best = merging.best_weights(number, config.ensemble.step, gains, 1e-9 * len(judged))
    return [float(weight) for weight in merging.shrink(best, config.ensemble.shrinkage)]


def calibrate(at: calibration.Applied, pool: lists.Pool, recipe: Recipe, config: Config) -> calibration.Fitted | None:
    """Learn probabilities on a label window: of the final lists as a recipe makes them.

    Args:
        at: a label cut-off with the members' lists.
        pool: the pool.
        recipe: how they are made.
        config: the configuration.
    Returns:
        None where nobody acted on anything.
    """
    window = at.cutoff
    judged = np.flatnonzero(wanted(window, pool))
    if not len(judged):
        return None
    judged = judged[:: -(-len(judged) // config.ensemble.calibration_users)]
    final, keys = Final.of(window, at.places, pool, recipe, config), label_keys(window, pool)
    known = calibration.ListedOdds.read(at, pool, config)
    parts = []
    for part in blocks(len(judged), config.block_users):
        rows = judged[part]
        items = final.block(rows)[1][0]
        row, column = np.nonzero(items >= 0)
        users = window.targets()[rows][row].astype(np.int64)
        acted = position(keys, users * window.items + items[row, column])[0]
        parts.append((known.log_odds(items, rows)[row, column], column + 1, acted))
    odds, rank, acted = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    curve = calibration.learn(odds, rank, acted, config.ensemble.calibration)
    share = activity.acted(window, pool)[rates.has_history(window)].mean()
    return calibration.Fitted(curve, float(share)) if curve else None
