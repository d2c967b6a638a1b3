"""What a reason may name: pairs that are clearly more alike than two items at random, against pairs made so."""

import numpy as np
import pyarrow as pa
import pytest

from pipeline.ground import sql
from pipeline.publication import likeness, similar
from pipeline.publication.night import NAME_LENGTH, NAMES


def clustered(groups: int, size: int, seed: int = 0, noise: float = 0.6) -> tuple[np.ndarray, np.ndarray]:
    """Vectors [groups x size, 64] around the groups' random directions, and each item's group."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), size)
    spread = rng.normal(size=(len(group), 64)) * noise
    return (rng.normal(size=(groups, 64))[group] + spread).astype(np.float32), group


def nearest(vectors: np.ndarray, k: int = 30) -> np.ndarray:
    """[I, k] the most similar items of each."""
    everything = np.ones(len(vectors), dtype=bool)
    return similar.similar_items(np.zeros_like(vectors), vectors, ~everything, everything, k)[0]


def test_what_is_named_is_of_the_same_group_and_most_of_it_is_named() -> None:
    """Each item has 4 others of its group, 0.8 % of all pairs, and 26 near ones that are near by chance."""
    vectors, group = clustered(100, 5)
    found = likeness.nameable(nearest(vectors), vectors, np.ones(len(vectors), dtype=bool), seed=0)
    row, column = np.nonzero(found >= 0)
    alike = group[row] == group[found[row, column]]
    assert alike.mean() > 0.75
    assert alike.sum() == len(vectors) * 4


def test_among_items_like_no_other_next_to_nothing_is_named() -> None:
    """The nearest of 300 random directions is near by chance: only one pair in a hundred passes."""
    vectors = np.random.default_rng(1).normal(size=(300, 64)).astype(np.float32)
    near = nearest(vectors, 10)
    found = likeness.nameable(near, vectors, np.ones(300, dtype=bool), seed=0)
    assert (near[:, 0] >= 0).all()
    assert (found >= 0).sum() <= 0.0101 * 300 * 299


def test_the_floor_of_few_pairs_is_their_quantile() -> None:
    vectors, _ = clustered(10, 4)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = (unit @ unit.T)[np.triu_indices(len(unit), 1)]
    assert likeness.floor(unit, np.arange(len(unit)), seed=0) == pytest.approx(np.quantile(pairs, 0.99))


def test_the_floor_of_drawn_pairs_is_that_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, _ = clustered(40, 10)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = (unit @ unit.T)[np.triu_indices(len(unit), 1)]
    monkeypatch.setattr(likeness, "PAIRS", 2**14)
    drawn = likeness.floor(unit, np.arange(len(unit)), seed=0)
    assert drawn == likeness.floor(unit, np.arange(len(unit)), seed=0)
    assert (pairs < drawn).mean() == pytest.approx(0.99, abs=0.003)


def test_nothing_is_named_of_one_item_of_equal_ones_or_without_vectors() -> None:
    equal = np.ones((6, 4), dtype=np.float32)
    for vectors in (equal, equal[:1], np.zeros((6, 4), dtype=np.float32)):
        near = np.tile(np.arange(3, dtype=np.int32), (len(vectors), 1)) % len(vectors)
        named = np.ones(len(vectors), dtype=bool)
        assert (likeness.nameable(near, vectors, named, seed=0) == -1).all()


def test_an_item_without_a_title_is_never_named() -> None:
    vectors, _ = clustered(100, 5)
    near, titled = nearest(vectors), np.arange(500) % 3 > 0
    found = likeness.nameable(near, vectors, titled, seed=0)
    assert titled[found[found >= 0]].all()
    whole = likeness.nameable(near, vectors, np.ones(500, dtype=bool), seed=0)
    assert (found == np.where(titled[whole], whole, -1)).all()


def test_a_title_that_nobody_sees_is_none() -> None:
    titles = ["RED  MUG", "", " \t", "\u200b\u00a0", "\u202e", "x" * 50, "\u00fc"]
    table = pa.table({"item_index": list(range(len(titles))), "item_id": ["i"] * len(titles), "title": titles})
    with sql.connect(1, 256) as connection:
        names = sql.query(connection, "publish/names", NAMES, {"items": table}, length=NAME_LENGTH)
    assert names.column("name").to_pylist() == ["RED MUG", None, None, None, None, "x" * 39 + "…", "ü"]
