"""Item-kNN against loops over items, and against a board whose missing squares are known."""

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from pipeline.ground import artifacts, lists
from pipeline.operations import stages
from pipeline.sources import item_knn
from tests.sources import shop

RNG = np.random.default_rng(3)
HISTORY = np.where(RNG.random((12, 7)) < 0.5, RNG.random((12, 7)), 0).astype(np.float32)
HISTORY[:, 5] = 0  # nobody ever acted on it


def plain_similarities(neighbours: int, user_power: float, shrinkage: float) -> np.ndarray:
    weighted = HISTORY / np.maximum((HISTORY > 0).sum(axis=1, keepdims=True), 1) ** user_power
    similar = np.zeros((7, 7))
    for i in range(7):
        near = []
        for j in range(7):
            lengths = [np.sqrt((weighted[:, k] ** 2).sum() + shrinkage) for k in (i, j)]
            product = float(weighted[:, i] @ weighted[:, j])
            if i != j and product > 0:
                near.append((product / lengths[0] / lengths[1], j))
        for value, j in sorted(near, reverse=True)[:neighbours]:
            similar[i, j] = value
    return similar


@pytest.mark.parametrize(("neighbours", "user_power", "shrinkage"), [(2, 0.0, 0.0), (3, 0.5, 1.0), (50, 1.0, 0.1)])
def test_scores_are_the_nearest_items_similarities(neighbours: int, user_power: float, shrinkage: float) -> None:
    comparable = item_knn.comparable(csr_matrix(HISTORY), user_power, shrinkage)
    similar = item_knn.neighbours(comparable, neighbours, threads=2)
    expected = plain_similarities(neighbours, user_power, shrinkage)
    assert similar.toarray() == pytest.approx(expected, abs=1e-6)
    for users in (np.arange(12), np.array([8, 4, 1])):
        assert item_knn.scoring(csr_matrix(HISTORY), similar)(users).toarray() == pytest.approx(
            HISTORY[users] @ expected, abs=1e-5
        )


def test_items_that_nobody_had_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are, between the others too; and the others' neighbours are what they were."""
    from implicit.nearest_neighbours import ItemItemRecommender

    fitted, fit = [], ItemItemRecommender.fit

    def counted(self: ItemItemRecommender, matrix: csr_matrix, **named: bool) -> None:
        fitted.append(matrix.shape)
        fit(self, matrix, **named)

    monkeypatch.setattr(ItemItemRecommender, "fit", counted)
    at = np.array([3, 4, 50, 51, 200, 777, 999])
    wide = np.zeros((12, 1000), np.float32)
    wide[:, at] = HISTORY
    alone, among = (
        item_knn.neighbours(item_knn.comparable(csr_matrix(part), 0.5, 0.1), 3, threads=2) for part in (HISTORY, wide)
    )
    assert fitted == [(12, 6)] * 2
    assert (among[np.ix_(at, at)].toarray() == alone.toarray()).all()
    assert among.nnz == alone.nnz
    assert among.shape == (1000, 1000)


def test_the_strongest_of_a_row_are_kept_ties_by_column() -> None:
    matrix = csr_matrix(np.array([[1, 3, 3, 3], [0, 0, 0, 0], [2, 0, 1, 4]], dtype=np.float32))
    assert item_knn.strongest(matrix, 2).toarray().tolist() == [[0, 3, 3, 0], [0, 0, 0, 0], [2, 0, 0, 4]]
    assert item_knn.strongest(matrix, 9).toarray().tolist() == matrix.toarray().tolist()


@pytest.mark.parametrize("seed", range(12))
def test_the_strongest_are_those_of_a_loop_over_rows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    dense = np.where(rng.random((9, 8)) < 0.6, rng.integers(-1, 4, (9, 8)), 0).astype(np.float32)
    for n in (1, 3, 8):
        expected = np.zeros_like(dense)
        for row, values in enumerate(dense):
            for column in sorted(np.flatnonzero(values > 0), key=lambda at: (-values[at], at))[:n]:
                expected[row, column] = values[column]
        found = item_knn.strongest(csr_matrix(dense), n)
        assert found.toarray().tolist() == expected.tolist()
        assert (found.data > 0).all()


def test_only_rows_of_which_something_is_left_out_are_sorted(monkeypatch: pytest.MonkeyPatch) -> None:
    ranked, sort = [], np.lexsort

    def counted(keys: tuple[np.ndarray, ...]) -> np.ndarray:
        ranked.append(len(keys[0]))
        return sort(keys)

    monkeypatch.setattr(item_knn.np, "lexsort", counted)
    few = csr_matrix(np.repeat([[1, 2, 0, 4], [1, 0, 0, 0]], [1, 50], axis=0).astype(np.float32))
    assert item_knn.strongest(few, 2).nnz == 2 + 50
    assert ranked == [3]


def test_checkerboard_gives_back_the_missing_square(tmp_path: Path) -> None:
    config = shop.config_for(tmp_path, item_knn={"enabled": True, "candidates": 4})
    shop.write_features(config.lake, {shop.NIGHT: shop.checkerboard(12)})
    stages.run_stage("item_knn", shop.NIGHT, config)
    folder = lists.cutoff_dir(artifacts.stage_dir(config.lake, "item_knn", shop.NIGHT), shop.NIGHT)
    items, scores = lists.read_list(folder, "new", "item_knn")
    assert items.tolist() == [[u, -1, -1, -1] for u in range(12)]
    assert (scores[:, 0] > 0).all()


def test_pool_all_adds_the_own_history(tmp_path: Path) -> None:
    config = shop.config_for(tmp_path, item_knn={"enabled": True, "own_weight": 10_000.0, "candidates": 3})
    shop.write_features(config.lake, {shop.NIGHT: HISTORY})
    stages.run_stage("item_knn", shop.NIGHT, config)
    folder = lists.cutoff_dir(artifacts.stage_dir(config.lake, "item_knn", shop.NIGHT), shop.NIGHT)
    items, _ = lists.read_list(folder, "all", "item_knn")
    assert items[:, 0].tolist() == HISTORY[HISTORY.any(axis=1)].argmax(axis=1).tolist()


@pytest.mark.parametrize("n", [1, 3, 8])
def test_of_one_too_many_the_weakest_other_item_goes(n: int) -> None:
    """As sorting each row without its own item would have it, with many values level."""
    rng = np.random.default_rng(n)
    rows = np.zeros((40, 40), np.float32)
    for row in rows:
        row[rng.choice(40, n + 1, replace=False)] = rng.integers(0, 4, n + 1)
    rows[np.arange(0, 40, 2), np.arange(0, 40, 2)] = 9  # some have n + 2, of which one is their own
    for number, row in enumerate(rows):  # at most n others beside the own item, else n + 1
        others = np.flatnonzero((row > 0) & (np.arange(40) != number))
        row[others[n:] if row[number] else others[n + 1 :]] = 0
    without = rows.copy()
    np.fill_diagonal(without, 0)
    expected = item_knn.strongest(csr_matrix(without), n)
    assert (item_knn._others(csr_matrix(rows), n) != expected).nnz == 0
