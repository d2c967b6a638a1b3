"""How every model hands over its result: ranked lists of items, one row per target user.

    <stage>/cutoff=YYYY-MM-DD/<pool>.<list>.items.npy    int32   [T, n], -1 where a user has fewer than n
    <stage>/cutoff=YYYY-MM-DD/<pool>.<list>.scores.npy   float32 [T, n], descending, -inf where items is -1

Row t belongs to row t of the cut-off's targets. Pool `all` allows repeats; `new` holds only items without a positive
history. Both are of all items; of an assortment (pipeline.settings.assortments) they are `<assortment>-all` and
`<assortment>-new`. Arrays are memory-mapped when read, so a reader takes the block of users it needs.
"""

from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from pipeline.ground.errors import InputError
from pipeline.ground.pools import EVERYTHING, KINDS, Kind, Pool, assortment_of, file_of, kind_of, pool_of

__all__ = [
    "EVERYTHING",
    "KINDS",
    "Kind",
    "Pool",
    "Rows",
    "Writer",
    "assortment_of",
    "cutoff_dir",
    "file_of",
    "kind_of",
    "list_names",
    "pool_of",
    "read_list",
    "write_list",
]


def cutoff_dir(stage: Path, cutoff: date) -> Path:
    """The folder of one cut-off inside a stage's folder."""
    return stage / f"cutoff={cutoff.isoformat()}"


def write_list(folder: Path, pool: Pool, name: str, items: np.ndarray, scores: np.ndarray) -> None:
    """Write one ranked list.

    Args:
        folder: a cut-off folder, made if absent.
        pool: the pool.
        name: the list's name, e.g. "als".
        items: [T, n] item indices, -1 pads.
        scores: [T, n], descending along a row, -inf pads.
    """
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / f"{pool}.{name}.items.npy", np.ascontiguousarray(items, dtype=np.int32))
    np.save(folder / f"{pool}.{name}.scores.npy", np.ascontiguousarray(scores, dtype=np.float32))


class Rows:
    """An .npy file written row by row, so that an array of all users is never in memory; np.save's bytes.

    Args:
        path: the file.
        rows: how many rows there will be.
        columns: the length of a row.
        dtype: of the elements.
    """

    def __init__(self, path: Path, rows: int, columns: int, dtype: type) -> None:
        self._dtype, self._missing = np.dtype(dtype), rows
        self._file = path.open("wb")
        header = {"descr": np.lib.format.dtype_to_descr(self._dtype), "fortran_order": False, "shape": (rows, columns)}
        np.lib.format.write_array_header_1_0(self._file, header)

    def append(self, values: np.ndarray) -> None:
        """Write the next rows."""
        self._missing -= len(values)
        np.ascontiguousarray(values, dtype=self._dtype).tofile(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()
        if error is None and self._missing:
            raise ValueError(f"{self._file.name} lacks {self._missing} rows")


class Writer:
    """Files of one list that is written block by block; a context manager.

    Args:
        folder: a cut-off folder, made if absent.
        pool: "all" or "new".
        name: the list's name.
        rows: T, how many targets there are.
        length: n.
        sources: whether <pool>.<list>.sources.npy, int8 [T, n], is written too.
    """

    def __init__(self, folder: Path, pool: Pool, name: str, rows: int, length: int, *, sources: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        kinds: dict[str, type] = {"items": np.int32, "scores": np.float32}
        kinds |= {"sources": np.int8} if sources else {}
        self._files = [Rows(folder / f"{pool}.{name}.{k}.npy", rows, length, dtype) for k, dtype in kinds.items()]

    def append(self, *values: np.ndarray) -> None:
        """Write the next rows: items, scores and, where there are any, sources, each [B, n]."""
        for file, block in zip(self._files, values, strict=True):
            file.append(block)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for file in self._files:
            file.__exit__(kind, error, at)


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
