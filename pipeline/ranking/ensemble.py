"""Several fused rankings into one: weighted average and voting; the configuration says which becomes `final`.

The weights are learned on the lists of the validation fold and used for the lists that are judged; tonight's lists use
weights learned on the judged fold. Each fold's lists were made without seeing the window they are weighed on.

    cutoff=YYYY-MM-DD/<pool>.{weighted,reciprocal_rank,borda,final}.*    the lists
    cutoff=YYYY-MM-DD/<pool>.final.sources.npy                           int8 [T, n], codes into sources.json, or -1
    cutoff=YYYY-MM-DD/<pool>.final.probability.npy                       float32 [T, n], that the user acts on the item
                                                                         within the horizon; not rising along a row
    cutoff=YYYY-MM-DD/<pool>.activity.npy                                float32 [U], that the user acts on anything
    weights.json, calibration.json                                       what was learned, per fold and pool

Probabilities are learned where the weights are. Where there is no window to learn from yet, an item's is the share of
all users who would buy it at the pace of the last 28 days.
"""

import contextlib
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.arrays.blocks import blocks
from pipeline.features import rates
from pipeline.features.read import Cutoff, read_cutoffs
from pipeline.ground import artifacts, lists
from pipeline.ground.artifacts import Memo
from pipeline.ground.errors import InputError
from pipeline.ranking import activity, calibration, merging
from pipeline.ranking.blend import ndcg
from pipeline.ranking.candidate_lists import with_made_lists
from pipeline.ranking.frames import label_keys, wanted
from pipeline.ranking.pairs import Listed, position, to_lists
from pipeline.settings.config import Config
from pipeline.sources import Sources

MERGED = ("weighted", "reciprocal_rank", "borda")

Pair = tuple[np.ndarray, np.ndarray]

# Where a fold's weights are learned: on the lists of the fold before.
WEIGHED_ON = {"judge": "validate", "publish": "judge"}


def run(*, features: Path, sources: Sources, fusion: Path, config: Config, memo: Memo, out: Path) -> dict[str, Any]:
    """Learn the weights and the calibration, merge the members' lists, and name the final one."""
    config = with_made_lists(config)
    cutoffs = {cutoff.cutoff: cutoff for cutoff in read_cutoffs(features)}
    folds = {fold: cutoffs[day] for fold, day in config.folds(max(cutoffs)).items() if day in cutoffs}
    (out / "sources.json").write_bytes((fusion / "sources.json").read_bytes())
    report: dict[str, Any] = {"linked": 0}
    weights: dict[str, Any] = {}
    calibrations: dict[str, Any] = {}
    places = {"fusion": fusion, **sources}
    applied = {fold: calibration.Applied(fold, cutoff, places) for fold, cutoff in folds.items()}
    for fold, weighed_on in WEIGHED_ON.items():
        weights[fold], calibrations[fold] = {}, {}
        for pool in lists.POOLS:
            learned = learn_weights(folds.get(weighed_on), places, pool, config)
            weights[fold][pool] = learned
            taught = calibrate(at, pool, learned, config) if (at := applied.get(weighed_on)) else None
            calibrations[fold][pool] = taught.to_json() if taught else None
            report |= {f"{fold}.{pool}.weight.{m}": w for m, w in zip(config.ensemble.members, learned, strict=True)}
        if fold not in folds:
            continue
        make = partial(merge, applied[fold], weights[fold], calibrations[fold], config)
        if fold == "publish":
            make(out / folds[fold].part)
        else:
            key = artifacts.text_sha256(
                config.digest("ensemble", "fusion"),
                (weights[fold], calibrations[fold]),
                _members_hash(folds[fold], fold, places, config),
            )
            report["linked"] += memo.part(folds[fold].part, key, make)
    for name, content in (("weights", weights), ("calibration", calibrations)):
        (out / f"{name}.json").write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return report


def _members_hash(cutoff: Cutoff, fold: str, places: Mapping[str, Path], config: Config) -> str:
    """A hash of the lists at a cut-off that are merged or tell log-odds, and of all else that is read there."""
    files = [cutoff.folder / f"{name}.parquet" for name in ("targets", "user_stats", "item_stats")]
    files += sorted((places["fusion"] / f"fold={fold}").glob("*.activity.txt"))
    files += sorted(cutoff.dir_in(places["fusion"]).glob("candidates.npy"))
    for pool in lists.POOLS:
        for member in dict.fromkeys((*config.ensemble.members, *config.fusion.rankers)):
            if (folder := _folder(cutoff, places, pool, member)) is not None:
                files += sorted(folder.glob(f"{pool}.{member}.*.npy"))
    return artifacts.text_sha256([(file.name, artifacts.file_sha256(file)) for file in files])


def _folder(cutoff: Cutoff, places: Mapping[str, Path], pool: lists.Pool, member: str) -> Path | None:
    """Which stage wrote a member's list, if any did."""
    folders = (cutoff.dir_in(stage) for stage in places.values())
    return next((folder for folder in folders if (folder / f"{pool}.{member}.items.npy").is_file()), None)


def read_members(cutoff: Cutoff, places: Mapping[str, Path], pool: lists.Pool, config: Config) -> dict[str, Pair]:
    """The members' lists of one pool, memory-mapped; a member without one for this pool (buy-again in `new`) is absent.

    Raises:
        InputError: no member has a list.
    """
    names = config.ensemble.members
    found = {name: folder for name in names if (folder := _folder(cutoff, places, pool, name)) is not None}
    if not found:
        raise InputError(
            f"no stage wrote any of ensemble.members {', '.join(names)} for pool '{pool}' at {cutoff.part}"
        )
    return {name: lists.read_list(folder, pool, name) for name, folder in found.items()}


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
    members = read_members(window, places, pool, config)
    keys, number_wanted = label_keys(window), wanted(window, pool)

    def gains(grid: Sequence[tuple[float, ...]]) -> np.ndarray:
        found = np.zeros(len(grid))
        for part in blocks(len(judged), config.block_users):
            rows = judged[part]
            merged = _gathered(window, members, rows, config)
            acted = position(keys, merged.pairs.history_keys)[0]
            columns = (merged.pairs.rows, merged.pairs.items)
            for place, weights in enumerate(grid):
                scores = merging.weighted(merged, np.asarray(weights))
                found[place] += ndcg(*columns, scores, acted, number_wanted[rows]) * len(rows)
        return found

    best = merging.best_weights(number, config.ensemble.step, gains, 1e-9 * len(judged))
    return [float(weight) for weight in merging.shrink(best, config.ensemble.shrinkage)]


def calibrate(
    at: calibration.Applied, pool: lists.Pool, weights: Sequence[float], config: Config
) -> calibration.Fitted | None:
    """Learn probabilities on a label window: of the final lists as these weights make them.

    Args:
        at: a label cut-off with the members' lists.
        pool: the pool.
        weights: of the members.
        config: the configuration.
    Returns:
        None where nobody acted on anything.
    """
    window = at.cutoff
    judged = np.flatnonzero(wanted(window, pool))
    if not len(judged):
        return None
    judged = judged[:: -(-len(judged) // config.ensemble.calibration_users)]
    members, keys = read_members(window, at.places, pool, config), label_keys(window)
    known = calibration.ListedOdds.read(at, pool, config)
    parts = []
    for part in blocks(len(judged), config.block_users):
        rows = judged[part]
        items = _final(window, members, rows, weights, config)[1][0]
        row, column = np.nonzero(items >= 0)
        users = window.targets()[rows][row].astype(np.int64)
        acted = position(keys, users * window.items + items[row, column])[0]
        parts.append((known.log_odds(items, rows)[row, column], column + 1, acted))
    odds, rank, acted = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    curve = calibration.learn(odds, rank, acted, config.ensemble.calibration)
    share = activity.acted(window, pool)[rates.has_history(window)].mean()
    return calibration.Fitted(curve, float(share)) if curve else None


def _gathered(cutoff: Cutoff, members: Mapping[str, Pair], rows: np.ndarray | slice, config: Config) -> merging.Members:
    """The members' lists of some targets; a configured member without a list lists nothing."""
    users = cutoff.targets()[rows]
    found = []
    for name in config.ensemble.members:
        if name in members:
            items, scores = members[name]
            found.append((np.asarray(items[rows]), np.asarray(scores[rows])))
        else:
            found.append((np.full((len(users), 1), -1, np.int32), np.full((len(users), 1), -np.inf, np.float32)))
    return merging.gather(users, cutoff.items, found)


def _final(
    cutoff: Cutoff,
    members: Mapping[str, Pair],
    rows: np.ndarray | slice,
    weights: Sequence[float],
    config: Config,
) -> tuple[dict[str, Pair], Pair]:
    """Every merged list of some targets by name, and the one that is published: items and scores [B, n]."""
    ranked = merge_block(_gathered(cutoff, members, rows, config), np.asarray(weights), config)
    final = ranked.get(config.ensemble.final)
    return ranked, final or _padded(members, config.ensemble.final, rows, config.ensemble.length)


def merge(
    at: calibration.Applied,
    weights: Mapping[str, Sequence[float]],
    calibrations: Mapping[str, dict[str, Any] | None],
    config: Config,
    folder: Path,
) -> None:
    """Write the merged lists of one cut-off, and the final one with its sources and probabilities."""
    cutoff, places = at.cutoff, at.places
    for pool in lists.POOLS:
        members = read_members(cutoff, places, pool, config)
        codes = _source_codes(cutoff, places, members, pool, config)
        fitted = calibration.Fitted.from_json(calibrations[pool])
        chances = calibration.Chances.of(fitted, at, pool, config)
        users, n = len(cutoff.targets()), config.ensemble.length
        with contextlib.ExitStack() as held:
            files = {
                name: held.enter_context(lists.Writer(folder, pool, name, users, n, sources=name == "final"))
                for name in (*MERGED, "final")
            }
            probability = held.enter_context(lists.Rows(folder / f"{pool}.final.probability.npy", users, n, np.float32))
            for block in blocks(users, config.block_users):
                ranked, final = _final(cutoff, members, block, weights[pool], config)
                for name, columns in ranked.items():
                    files[name].append(*columns)
                files["final"].append(*final, _sources(final[0], codes, block, cutoff.items))
                probability.append(chances.of_lists(final[0], block))
        np.save(folder / f"{pool}.activity.npy", chances.acting)


def merge_block(merged: merging.Members, weights: np.ndarray, config: Config) -> dict[str, Pair]:
    """The merged lists of a block of users: items and scores [B, n] by name."""
    scores = {
        "weighted": merging.weighted(merged, weights),
        "reciprocal_rank": merging.reciprocal_rank(merged, config.ensemble.constant),
        "borda": merging.borda(merged),
    }
    pairs, n = merged.pairs, config.ensemble.length
    return {name: to_lists(pairs.rows, pairs.items, s, len(pairs.users), n)[:2] for name, s in scores.items()}


def _padded(members: Mapping[str, Pair], name: str, block: np.ndarray | slice, n: int) -> tuple[np.ndarray, np.ndarray]:
    """A member's own list, cut or padded to n."""
    if name not in members:
        raise InputError(f"ensemble.final = '{name}' is neither one of {', '.join(MERGED)} nor a member with a list")
    items, scores = (np.asarray(array[block, :n]) for array in members[name])
    short = ((0, 0), (0, n - items.shape[1]))
    return np.pad(items, short, constant_values=-1), np.pad(scores, short, constant_values=-np.inf)


def _source_codes(
    cutoff: Cutoff,
    places: Mapping[str, Path],
    members: Mapping[str, Pair],
    pool: lists.Pool,
    config: Config,
) -> list[Pair]:
    """Items and source codes [T, n] of every member: as fusion wrote them, or the member itself if it is a source."""
    found = []
    for name, (items, _) in members.items():
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
