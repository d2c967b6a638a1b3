"""Texts about one thing are one topic: against average linkage of SciPy, and where there is nothing to put together."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage

from pipeline.answers import exact
from pipeline.topics import grouping


def made(seed: int, number: int = 60, width: int = 16) -> np.ndarray:
    """Vectors about five things."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(5, width))
    return exact.rounded((centres[rng.integers(0, 5, number)] + rng.normal(0, 0.9, (number, width))).astype(np.float32))


def together(of: np.ndarray) -> np.ndarray:
    return of[:, None] == of[None, :]


@pytest.mark.parametrize("seed", range(5))
def test_cells_are_merged_as_scipy_merges_texts(seed: int) -> None:
    vectors = made(seed)
    cosines = exact.cosines(vectors, vectors).astype(np.float64)
    tree = linkage(1 - cosines[np.triu_indices(len(vectors), 1)], "average")
    found = grouping.merged(vectors.astype(np.float64), np.ones(len(vectors), dtype=np.int64), 0.3)
    assert 1 < len(set(found)) < len(vectors)
    assert np.array_equal(together(found), together(fcluster(tree, 0.7, "distance")))
    assert all(found[one] == one for one in found)


def test_groups_are_numbered_by_their_first_texts() -> None:
    of = grouping.groups(made(1), 0.3)
    first = np.unique(of, return_index=True)[1]
    assert np.array_equal(first, np.sort(first))
    assert np.array_equal(grouping.groups(made(1)[:, ::-1].copy(), 0.3), of)  # no order of adding is another


def test_nothing_and_one_text_and_texts_without_a_vector() -> None:
    assert grouping.groups(np.zeros((0, 4), dtype=np.float32), 0.3).tolist() == []
    assert grouping.groups(made(0, 1), 0.3).tolist() == [0]
    assert grouping.groups(np.zeros((3, 4), dtype=np.float32), 0.3).tolist() == [0, 1, 2]


def test_what_few_texts_are_in_stays_alone_where_there_are_too_many_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = exact.rounded(np.repeat(np.eye(6, dtype=np.float32), [3, 3, 1, 1, 1, 1], axis=0))
    monkeypatch.setattr(grouping, "CELLS", 2)
    assert grouping.groups(vectors, 0.0).tolist() == [0] * 6 + [1, 2, 3, 4]


def test_what_was_one_topic_is_a_little_more_alike_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against average linkage of cosines, each a tenth higher where two texts were one topic."""
    vectors, before = made(7), np.random.default_rng(7).integers(-1, 6, 60)
    monkeypatch.setattr(grouping, "CELL", 1.1)  # each text a cell of its own
    together_before = together(before) & (before >= 0)[:, None]
    cosines = exact.cosines(vectors, vectors).astype(np.float64) + (648 / 2048) ** 2 * together_before
    tree = linkage(1 - cosines[np.triu_indices(len(vectors), 1)], "average")
    found = grouping.groups(vectors, 0.3, before)
    assert np.array_equal(together(found), together(fcluster(tree, 0.7, "distance")))
    assert not np.array_equal(found, grouping.groups(vectors, 0.3))


def test_topics_of_one_text_each_cost_nothing() -> None:
    cells = np.arange(30_000)
    assert grouping._stay(cells, cells, 30_000).shape == (30_000, 0)
