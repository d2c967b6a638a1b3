"""The nearest of many vectors against brute force, with ties; what is compared, counted; and what cells miss."""

import numpy as np
import pytest

from pipeline.arrays import cells, nearest, top_k
from pipeline.arrays.alike import Alike
from pipeline.arrays.cells import Cells


def small(rng: np.random.Generator, rows: int) -> np.ndarray:
    """[rows, 3] unit vectors of which many are equal and some are zero."""
    different = np.concatenate([rng.normal(size=(9, 3)), np.zeros((1, 3))])
    return nearest.unit(different[rng.integers(0, 10, rows)].astype(np.float32))


def plain(vectors: np.ndarray, query: int, candidates: np.ndarray, k: int) -> list[int]:
    cosines = {int(c): round(float(vectors[query] @ vectors[c]), 5) for c in candidates if c != query}
    best = sorted((item for item in cosines if cosines[item] > 0), key=lambda item: (-cosines[item], item))[:k]
    return best + [-1] * (k - len(best))


@pytest.mark.parametrize("few", [0, 2**26])
@pytest.mark.parametrize("seed", range(10))
def test_the_nearest_are_those_of_brute_force_alike_or_not(
    monkeypatch: pytest.MonkeyPatch, seed: int, few: int
) -> None:
    monkeypatch.setattr(nearest, "FEW", few)
    rng = np.random.default_rng(seed)
    vectors = small(rng, int(rng.integers(2, 40)))
    queries = rng.permutation(len(vectors))[: rng.integers(0, len(vectors) + 1)]
    candidates = np.sort(rng.permutation(len(vectors))[: rng.integers(1, len(vectors) + 1)])
    for k in (1, 3, 50):
        items, cosines = nearest.nearest(vectors, queries, candidates, k)
        assert items.tolist() == [plain(vectors, int(query), candidates, k) for query in queries]
        row, column = np.nonzero(items >= 0)
        products = (vectors[queries[row]] * vectors[items[row, column]]).sum(axis=1)
        assert cosines[row, column] == pytest.approx(products, abs=1e-6)
        assert np.isneginf(cosines[items < 0]).all()


def test_rows_are_alike_where_all_their_numbers_are() -> None:
    rows = np.array([[1, 2], [3, 4], [1, 2], [0, 0], [3, 4], [1, 2]], np.float32)
    found = Alike.of(rows)
    assert found.group.tolist() == [0, 1, 0, 2, 1, 0]
    assert found.first.tolist() == [0, 1, 3]
    assert Alike.of(rows[:, :0]).group.tolist() == [0] * 6
    assert Alike.of(rows[:0]).first.tolist() == []


def test_what_is_alike_is_compared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many items say the same."""
    shapes, best = [], top_k.top_n

    def counted(scores: np.ndarray, n: int, above: float) -> tuple[np.ndarray, np.ndarray]:
        shapes.append(scores.shape)
        return best(scores, n, above=above)

    monkeypatch.setattr(top_k, "top_n", counted)
    monkeypatch.setattr(nearest, "FEW", 0)
    vectors = nearest.unit(np.random.default_rng(5).normal(size=(7, 4)).astype(np.float32))
    for copies in (1, 30):
        everything = np.arange(7 * copies)
        nearest.nearest(np.tile(vectors, (copies, 1)), everything, everything, 5)
    assert shapes == [(7, 7)] * 2


def clustered(rng: np.random.Generator, rows: int) -> np.ndarray:
    centres = rng.normal(size=(40, 12))
    return nearest.unit((centres[rng.integers(0, 40, rows)] + 0.6 * rng.normal(size=(rows, 12))).astype(np.float32))


def test_with_all_cells_nothing_is_missed_and_with_an_eighth_of_them_little(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = clustered(np.random.default_rng(8), 4000)
    monkeypatch.setattr(nearest, "FEW", 0)
    asked, everything = np.arange(0, 4000, 7), np.arange(4000)
    exact = nearest.nearest(vectors, asked, everything, 20)[0]
    monkeypatch.setattr(nearest, "MANY", 0)
    number = len(Cells.of(vectors).centres)
    monkeypatch.setattr(cells, "PROBED", number)
    assert (nearest.nearest(vectors, asked, everything, 20)[0] == exact).mean() > 0.999  # but for the last bit
    monkeypatch.setattr(cells, "PROBED", number // 8)
    found = nearest.nearest(vectors, asked, everything, 20)[0]
    recall = np.mean([len(np.intersect1d(one, other)) / 20 for one, other in zip(exact, found, strict=True)])
    assert 0.95 < recall < 1
    again = nearest.nearest(vectors, asked, everything, 20)[0]
    assert (again == found).all()


def test_cells_of_few_and_of_empty_vectors_find_what_there_is() -> None:
    vectors = np.array([[1, 0], [0, 0], [0, 1], [1, 0]], np.float32)
    places, cosines = Cells.of(vectors).best(vectors, 3)
    assert places.tolist() == [[0, 3, -1], [-1, -1, -1], [2, -1, -1], [0, 3, -1]]
    assert cosines[0].tolist() == [1, 1, -np.inf]


def test_a_list_without_one_place_or_without_its_last() -> None:
    items, scores = np.array([[4, 2, 9], [3, 1, 7]]), np.array([[3.0, 2.0, 1.0]] * 2)
    left = top_k.without_one(items, scores, items == np.array([[2], [8]]))
    assert [part.tolist() for part in left] == [[[4, 9], [3, 1]], [[3, 1], [3, 2]]]
