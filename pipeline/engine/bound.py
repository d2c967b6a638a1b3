"""A function with the arrays it is called with, as other processes can be told: the arrays go into files, once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

import numpy as np

Result = TypeVar("Result")


@dataclass(frozen=True)
class _Array:
    path: Path


@dataclass(frozen=True)
class _Matrix:
    """The three arrays of a CSR matrix."""

    parts: tuple[_Array, _Array, _Array]
    shape: tuple[int, int]


@dataclass(frozen=True)
class Bound(Generic[Result]):
    """A function and what it is called with.

    Attributes:
        function: of a module, as other processes find it by its name.
        given: its arguments: arrays, CSR matrices, and what is small.
    """

    function: Callable[..., Result]
    given: Mapping[str, Any]

    def call(self) -> Result:
        """What the function gives; arrays that were shared are memory-mapped."""
        return self.function(**{name: _read(value) for name, value in self.given.items()})

    def share(self, folder: Path) -> Self:
        """The same with all arrays in files of a folder, so that little is left to be sent."""
        return replace(self, given={name: _written(value, folder / name) for name, value in self.given.items()})


def _written(value: Any, path: Path) -> Any:
    from scipy.sparse import csr_matrix, issparse

    if isinstance(value, np.ndarray):
        np.save(path.with_suffix(".npy"), value, allow_pickle=False)
        return _Array(path.with_suffix(".npy"))
    if issparse(value):
        matrix = csr_matrix(value)
        arrays = {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr}
        parts = [_written(array, path.with_name(f"{path.name}.{name}.npy")) for name, array in arrays.items()]
        return _Matrix((parts[0], parts[1], parts[2]), matrix.shape)
    return value


def _read(value: Any) -> Any:
    from scipy.sparse import csr_matrix

    if isinstance(value, _Array):
        return np.load(value.path, mmap_mode="r", allow_pickle=False)
    if isinstance(value, _Matrix):
        return csr_matrix(tuple(_read(part) for part in value.parts), shape=value.shape, copy=False)
    return value
