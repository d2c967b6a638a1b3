"""Several fused rankings into one: weighted average and voting; the configuration says which becomes `final`.

The weights are learned on the lists of the validation fold and used for the lists that are judged; tonight's lists use
weights learned on the judged fold. Each fold's lists were made without seeing the window they are weighed on.

    cutoff=YYYY-MM-DD/<pool>.{weighted,reciprocal_rank,borda,final}.*    the lists
    cutoff=YYYY-MM-DD/<pool>.final.sources.npy                           int8 [T, n], codes into sources.json, or -1
    weights.json                                                         weights of the members, per fold and pool
"""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import artifacts, data, lists
from pipeline.config import Config
from pipeline.data import Cutoff, blocks
from pipeline.errors import InputError
from pipeline.hybrid import merging
from pipeline.hybrid.blend import ndcg
from pipeline.hybrid.frames import label_keys, wanted
from pipeline.hybrid.pairs import Listed, position, to_lists

MERGED = ("weighted", "reciprocal_rank", "borda")

# Where a fold's weights are learned: on the lists of the fold before.
WEIGHED_ON = {"judge": "validate", "publish": "judge"}


def run(
    *,
    features: Path,
    popularity: Path,
    als: Path,
    user_knn: Path,
    item_knn: Path,
    ease: Path,
    matrix_factorisation: Path,
    language_model: Path,
    sasrec: Path,
    fusion: Path,
    config: Config,
    out: Path,
) -> dict[str, Any]:
    """Learn the weights, merge the members' lists, and name the final one."""
    sources = (popularity, als, user_knn, item_knn, ease, matrix_factorisation, language_model, sasrec)
    cutoffs = {cutoff.cutoff: cutoff for cutoff in data.read_cutoffs(features)}
    folds = {fold: cutoffs[day] for fold, day in config.folds(max(cutoffs)).items() if day in cutoffs}
    (out / "sources.json").write_bytes((fusion / "sources.json").read_bytes())
    report: dict[str, Any] = {"linked": 0}
    weights: dict[str, Any] = {}
    for fold, weighed_on in WEIGHED_ON.items():
        places = {folder.parent.name: folder for folder in (fusion, *sources)}
        weights[fold] = {}
        for pool in lists.POOLS:
            learned = learn_weights(folds.get(weighed_on), places, pool, config)
            weights[fold][pool] = learned
            report |= {f"{fold}.{pool}.weight.{m}": w for m, w in zip(config.ensemble.members, learned, strict=True)}
        if fold not in folds:
            continue
        make = partial(merge, folds[fold], places, weights[fold], config)
        if fold == "publish":
            make(out / folds[fold].part)
        else:
            key = artifacts.text_sha256(
                config.digest("ensemble", "fusion"), weights[fold], _members_hash(folds[fold], places, config)
            )
            report["linked"] += artifacts.memo(out, folds[fold].part, key, make)
    (out / "weights.json").write_text(json.dumps(weights, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return report


def _members_hash(cutoff: Cutoff, places: Mapping[str, Path], config: Config) -> str:
    """A hash of the members' lists at a cut-off and of its targets."""
    files = [cutoff.folder / "targets.parquet"]
    for pool in lists.POOLS:
        for member in config.ensemble.members:
            if (folder := _folder(cutoff, places, pool, member)) is not None:
                files += sorted(folder.glob(f"{pool}.{member}.*.npy"))
    return artifacts.text_sha256([(file.name, artifacts.file_sha256(file)) for file in files])


def _folder(cutoff: Cutoff, places: Mapping[str, Path], pool: lists.Pool, member: str) -> Path | None:
    """Which stage wrote a member's list, if any did."""
    folders = (cutoff.dir_in(stage) for stage in places.values())
    return next((folder for folder in folders if (folder / f"{pool}.{member}.items.npy").is_file()), None)


def read_members(
    cutoff: Cutoff, places: Mapping[str, Path], pool: lists.Pool, config: Config
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
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
    grid = merging.simplex(number, config.ensemble.step)
    gains = np.zeros(len(grid))
    members = read_members(window, places, pool, config)
    keys, number_wanted = label_keys(window), wanted(window, pool)
    for part in blocks(len(judged), config.block_users):
        rows = judged[part]
        merged = _gathered(window, members, rows, config)
        acted = position(keys, merged.pairs.history_keys)[0]
        columns = (merged.pairs.rows, merged.pairs.items)
        for place, weights in enumerate(grid):
            scores = merging.weighted(merged, np.asarray(weights))
            gains[place] += ndcg(*columns, scores, acted, number_wanted[rows]) * len(rows)
    best = grid[int(np.argmax(gains > gains.max() - 1e-9 * len(judged)))]  # of equals the nearest to equal weights
    return [float(weight) for weight in merging.shrink(best, config.ensemble.shrinkage)]


def _gathered(
    cutoff: Cutoff, members: Mapping[str, tuple[np.ndarray, np.ndarray]], rows: np.ndarray | slice, config: Config
) -> merging.Members:
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


def merge(
    cutoff: Cutoff, places: Mapping[str, Path], weights: Mapping[str, Sequence[float]], config: Config, folder: Path
) -> None:
    """Write the merged lists of one cut-off, and the final one with its sources."""
    for pool in lists.POOLS:
        members = read_members(cutoff, places, pool, config)
        codes = _source_codes(cutoff, places, members, pool, config)
        parts: dict[str, list[tuple[np.ndarray, ...]]] = {name: [] for name in (*MERGED, "final")}
        for block in blocks(
            max(len(cutoff.targets()), 1), config.block_users
        ):  # nobody: an empty block gives the shape
            merged = _gathered(cutoff, members, block, config)
            ranked = merge_block(merged, np.asarray(weights[pool]), config)
            final = ranked.get(config.ensemble.final)
            if final is None:
                final = _padded(members, config.ensemble.final, block, config.ensemble.length)
            for name, (items, scores) in ranked.items():
                parts[name].append((items, scores))
            parts["final"].append((*final, _sources(final[0], codes, block, cutoff.items)))
        for name, found in parts.items():
            items, scores, *sources = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
            lists.write_list(folder, pool, name, items, scores)
            if sources:
                np.save(folder / f"{pool}.final.sources.npy", sources[0])


def merge_block(
    merged: merging.Members, weights: np.ndarray, config: Config
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The merged lists of a block of users: items and scores [B, n] by name."""
    scores = {
        "weighted": merging.weighted(merged, weights),
        "reciprocal_rank": merging.reciprocal_rank(merged, config.ensemble.constant),
        "borda": merging.borda(merged),
    }
    pairs, n = merged.pairs, config.ensemble.length
    return {name: to_lists(pairs.rows, pairs.items, s, len(pairs.users), n)[:2] for name, s in scores.items()}


def _padded(
    members: Mapping[str, tuple[np.ndarray, np.ndarray]], name: str, block: slice, n: int
) -> tuple[np.ndarray, np.ndarray]:
    """A member's own list, cut or padded to n."""
    if name not in members:
        raise InputError(f"ensemble.final = '{name}' is neither one of {', '.join(MERGED)} nor a member with a list")
    items, scores = (np.asarray(array[block, :n]) for array in members[name])
    short = ((0, 0), (0, n - items.shape[1]))
    return np.pad(items, short, constant_values=-1), np.pad(scores, short, constant_values=-np.inf)


def _source_codes(
    cutoff: Cutoff,
    places: Mapping[str, Path],
    members: Mapping[str, tuple[np.ndarray, np.ndarray]],
    pool: lists.Pool,
    config: Config,
) -> list[tuple[np.ndarray, np.ndarray]]:
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


def _sources(items: np.ndarray, codes: Sequence[tuple[np.ndarray, np.ndarray]], block: slice, width: int) -> np.ndarray:
    """[B, n] int8: the code that the first member to list an item gave it, -1 if none did."""
    row, column = np.nonzero(items >= 0)
    keys = row.astype(np.int64) * width + items[row, column]
    result = np.full(items.shape, -1, dtype=np.int8)
    for listed, code in codes:
        known = Listed.of(np.asarray(listed[block]), np.asarray(code[block]), width).at(keys)[1]
        missing = (result[row, column] < 0) & ~np.isnan(known)
        result[row[missing], column[missing]] = known[missing].astype(np.int8)
    return result
