"""A function with the arrays it is called with, as other processes can be told: the arrays go into files, once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
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

    parts: tuple[_Array, ...]
    shape: tuple[int, int]


@dataclass(frozen=True)
class _Record:
    """A dataclass by the values of its fields."""

    kind: type
    fields: Mapping[str, Any]


_Done = dict[int, tuple[np.ndarray, _Array]]
"""Where arrays were written, by their id; each is held, so that no other one gets its id."""


@dataclass(frozen=True)
class Bound(Generic[Result]):
    """A function and what it is called with.

    Attributes:
        function: of a module, as other processes find it by its name.
        given: its arguments: arrays, CSR matrices, dataclasses that have such, and what is small.
    """

    function: Callable[..., Result]
    given: Mapping[str, Any]

    def call(self) -> Result:
        """What the function gives; arrays that were shared are memory-mapped."""
        return self.function(**{name: _read(value) for name, value in self.given.items()})

    def share(self, folder: Path) -> Self:
        """The same with all arrays in files of a folder, so that little is left to be sent."""
        done: _Done = {}  # an array that several parts have is written once
        return replace(self, given={name: _written(value, folder / name, done) for name, value in self.given.items()})


def _written(value: Any, path: Path, done: _Done) -> Any:
    """A value, or where its arrays are: in files that begin with a path, or where they are mapped from."""
    from scipy.sparse import csr_matrix, issparse

    if isinstance(value, np.ndarray):
        if id(value) not in done:
            done[id(value)] = (value, _file_of(value) or _saved(value, path.with_name(f"{path.name}.npy")))
        return done[id(value)][1]
    if issparse(value):
        matrix = csr_matrix(value)
        parts = {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr}
        return _Matrix(
            tuple(_written(a, path.with_name(f"{path.name}.{n}"), done) for n, a in parts.items()), matrix.shape
        )
    if is_dataclass(value) and not isinstance(value, type):
        named = {field.name: getattr(value, field.name) for field in fields(value)}
        return _Record(
            type(value), {n: _written(v, path.with_name(f"{path.name}.{n}"), done) for n, v in named.items()}
        )
    if type(value) is tuple:
        return tuple(_written(v, path.with_name(f"{path.name}.{n}"), done) for n, v in enumerate(value))
    return value


def _file_of(array: np.ndarray) -> _Array | None:
    """The .npy file that all of an array is mapped from."""
    if not isinstance(array, np.memmap) or array.filename is None:
        return None
    whole = np.load(array.filename, mmap_mode="r", allow_pickle=False)
    same = (whole.shape, whole.dtype, whole.offset) == (array.shape, array.dtype, array.offset)
    return _Array(Path(array.filename)) if same else None


def _saved(array: np.ndarray, path: Path) -> _Array:
    np.save(path, array, allow_pickle=False)
    return _Array(path)


def _read(value: Any) -> Any:
    from scipy.sparse import csr_matrix

    if isinstance(value, _Array):
        return np.load(value.path, mmap_mode="r", allow_pickle=False)
    if isinstance(value, _Matrix):
        return csr_matrix(tuple(_read(part) for part in value.parts), shape=value.shape, copy=False)
    if isinstance(value, _Record):
        return value.kind(**{name: _read(field) for name, field in value.fields.items()})
    if type(value) is tuple:
        return tuple(map(_read, value))
    return value
