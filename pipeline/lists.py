"""How every model hands over its result: ranked lists of items, one row per target user.

    <stage>/cutoff=YYYY-MM-DD/<pool>.<list>.items.npy    int32   [T, n], -1 where a user has fewer than n
    <stage>/cutoff=YYYY-MM-DD/<pool>.<list>.scores.npy   float32 [T, n], descending, -inf where items is -1

Row t belongs to row t of the cut-off's targets. Pool `all` allows repeats; `new` holds only items without a positive
history. Arrays are memory-mapped when read, so a reader takes the block of users it needs.
"""

from datetime import date
from pathlib import Path
from typing import Literal

import numpy as np

from pipeline.errors import InputError

Pool = Literal["all", "new"]
POOLS: tuple[Pool, ...] = ("all", "new")


def cutoff_dir(stage: Path, cutoff: date) -> Path:
    """The folder of one cut-off inside a stage's folder."""
    return stage / f"cutoff={cutoff.isoformat()}"


def write_list(folder: Path, pool: Pool, name: str, items: np.ndarray, scores: np.ndarray) -> None:
    """Write one ranked list.

    Args:
        folder: a cut-off folder, made if absent.
        pool: "all" or "new".
        name: the list's name, e.g. "als".
        items: [T, n] item indices, -1 pads.
        scores: [T, n], descending along a row, -inf pads.
    """
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / f"{pool}.{name}.items.npy", np.ascontiguousarray(items, dtype=np.int32))
    np.save(folder / f"{pool}.{name}.scores.npy", np.ascontiguousarray(scores, dtype=np.float32))


def read_list(folder: Path, pool: Pool, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Read one ranked list, memory-mapped: (items int32 [T, n], scores float32 [T, n]).

    Raises:
        InputError: the stage wrote no such list for this cut-off.
    """
    try:
        items = np.load(folder / f"{pool}.{name}.items.npy", mmap_mode="r", allow_pickle=False)
        scores = np.load(folder / f"{pool}.{name}.scores.npy", mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise InputError(f"{folder} has no list '{pool}.{name}': run stage '{folder.parent.parent.name}'") from None
    return items, scores


def list_names(folder: Path, pool: Pool) -> list[str]:
    """Names of the lists in a cut-off folder for one pool, sorted."""
    return sorted(p.name.split(".")[1] for p in folder.glob(f"{pool}.*.items.npy"))


def _settle_ties(scores: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Where the worst score taken is not taken everywhere it stands, take it at the lowest indices.

    Args:
        scores: [B, I].
        chosen: [B, n] indices of n best scores of each row, any order.
    Returns:
        [B, n], `chosen` with ties at the last place settled by item index.
    """
    taken = np.take_along_axis(scores, chosen, axis=1)
    worst = taken.min(axis=1, keepdims=True)
    tied = np.flatnonzero((scores == worst).sum(axis=1) > (taken == worst).sum(axis=1))
    if len(tied):
        better, equal = scores[tied] > worst[tied], scores[tied] == worst[tied]
        missing = chosen.shape[1] - better.sum(axis=1, keepdims=True)
        chosen[tied] = np.nonzero(better | (equal & (equal.cumsum(axis=1) <= missing)))[1].reshape(len(tied), -1)
    return chosen


def top_n(scores: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The n best items of each row, best first; equal scores rank by item index, -inf is never taken.

    Args:
        scores: [B, I] float32; -inf excludes an item.
        n: length of the lists.
    Returns:
        items int32 [B, n] with -1 pads, scores float32 [B, n] with -inf pads.
    """
    rows, width = scores.shape
    kept = min(n, width)
    items = np.full((rows, n), -1, dtype=np.int32)
    best = np.full((rows, n), -np.inf, dtype=np.float32)
    if kept == 0 or rows == 0:
        return items, best
    if kept < width:
        chosen = np.argpartition(scores, width - kept, axis=1)[:, width - kept :]
        chosen = _settle_ties(scores, chosen)
        chosen.sort(axis=1)  # by index first, so the stable sort below breaks ties by index
    else:
        chosen = np.broadcast_to(np.arange(width), (rows, width))
    values = np.take_along_axis(scores, chosen, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    best[:, :kept] = np.take_along_axis(values, order, axis=1)
    items[:, :kept] = np.take_along_axis(chosen, order, axis=1)
    items[np.isneginf(best)] = -1
    return items, best
