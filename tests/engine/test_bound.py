"""What is written down for other processes is read as it was: arrays, matrices, and dataclasses that have them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix, random

from pipeline.engine import Bound


@dataclass(frozen=True)
class Inner:
    """A matrix beside a number."""

    matrix: csr_matrix
    weight: float


@dataclass(frozen=True)
class Outer:
    """An array, what is nested, and nothing."""

    array: np.ndarray
    inner: Inner
    nothing: None = None


def given(**values: object) -> dict[str, object]:
    """What a function is called with."""
    return values


def outer() -> Outer:
    """One with some of everything."""
    rng = np.random.default_rng(1)
    matrix = random(7, 5, 0.4, "csr", np.float32, random_state=rng)
    return Outer(rng.random((3, 2)), Inner(matrix, 0.25))


def test_arrays_matrices_and_dataclasses_are_read_as_they_were(tmp_path: Path) -> None:
    thing = outer()
    shared = Bound(given, {"thing": thing, "array": thing.array[:, 0], "name": "x", "numbers": [1, 2]}).share(tmp_path)
    assert not any(isinstance(value, np.ndarray) for value in shared.given.values())
    found = shared.call()
    assert (found["name"], found["numbers"]) == ("x", [1, 2])
    np.testing.assert_array_equal(found["array"], thing.array[:, 0])
    again = found["thing"]
    assert isinstance(again, Outer)
    assert (again.nothing, again.inner.weight) == (None, 0.25)
    np.testing.assert_array_equal(again.array, thing.array)
    assert (again.inner.matrix != thing.inner.matrix).nnz == 0
    assert again.inner.matrix[[3, 1]].toarray().dtype == np.float32


def test_unshared_it_is_called_with_what_it_was_given() -> None:
    thing = outer()
    assert Bound(given, {"thing": thing}).call()["thing"] is thing


@pytest.mark.parametrize("part", [slice(None), slice(1, 3)])
def test_what_is_mapped_from_a_file_as_a_whole_is_not_written_again(tmp_path: Path, part: slice) -> None:
    path, folder = tmp_path / "numbers.npy", tmp_path / "shared"
    folder.mkdir()
    np.save(path, np.arange(12).reshape(4, 3))
    mapped = np.load(path, mmap_mode="r")[part]
    shared = Bound(given, {"numbers": mapped}).share(folder)
    assert bool(list(folder.iterdir())) is (part != slice(None))
    np.testing.assert_array_equal(shared.call()["numbers"], np.arange(12).reshape(4, 3)[part])
