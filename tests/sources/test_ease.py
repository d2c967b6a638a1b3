"""EASE against the constrained regression it solves, column by column."""

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from pipeline.ground import artifacts, lists
from pipeline.ground.errors import TrainingError
from pipeline.operations import stages
from pipeline.sources import ease
from tests.sources import shop

RNG = np.random.default_rng(11)
HISTORY = np.where(RNG.random((30, 8)) < 0.4, RNG.random((30, 8)), 0).astype(np.float32)


def test_weights_are_a_ridge_regression_of_each_item_on_the_others() -> None:
    weights = ease.item_weights(csr_matrix(HISTORY), 0.5)
    for item in range(8):
        others = np.delete(np.arange(8), item)
        x = HISTORY[:, others].astype(np.float64)
        expected = np.linalg.solve(x.T @ x + 0.5 * np.eye(7), x.T @ HISTORY[:, item])
        assert weights[others, item] == pytest.approx(expected, abs=1e-5)
        assert weights[item, item] == 0


def test_only_the_items_with_most_history_take_part() -> None:
    history = csr_matrix(np.array([[1, 0, 5, 1, 0], [1, 0, 0, 1, 3]], dtype=np.float32))
    assert ease.modelled_items(history, 10).tolist() == [0, 2, 3, 4]
    assert ease.modelled_items(history, 3).tolist() == [0, 2, 4]
    items = np.array([0, 2])
    weights = np.array([[0, 2], [3, 0]], dtype=np.float32)
    scores = ease.scoring(history, items, weights)(np.array([1, 0]))
    assert scores.tolist() == [[0, 0, 2, 0, 0], [15, 0, 2, 0, 0]]


def test_unsolvable_system_is_an_error() -> None:
    history = csr_matrix(np.full((2, 2), 1e20, dtype=np.float32))
    with pytest.raises(TrainingError, match=r"raise ease\.reg"):
        ease.item_weights(history, 1.0)


def test_checkerboard_gives_back_the_missing_square(tmp_path: Path) -> None:
    config = shop.config_for(tmp_path, ease={"reg": 1.0, "candidates": 2})
    shop.write_features(config.lake, {shop.NIGHT: shop.checkerboard(12)})
    stages.run_stage("ease", shop.NIGHT, config)
    folder = lists.cutoff_dir(artifacts.stage_dir(config.lake, "ease", shop.NIGHT), shop.NIGHT)
    items, _ = lists.read_list(folder, "new", "ease")
    assert items[:, 0].tolist() == list(range(12))


def test_pool_all_adds_the_own_history_even_of_items_left_out(tmp_path: Path) -> None:
    config = shop.config_for(tmp_path, ease={"max_items": 1, "own_weight": 1.0, "candidates": 8})
    features = shop.write_features(config.lake, {shop.NIGHT: HISTORY})
    stages.run_stage("ease", shop.NIGHT, config)
    folder = lists.cutoff_dir(artifacts.stage_dir(config.lake, "ease", shop.NIGHT), shop.NIGHT)
    items, _ = lists.read_list(folder, "all", "ease")
    for row, user in enumerate(np.unique(HISTORY.nonzero()[0])):
        assert set(items[row]) - {-1} == set(HISTORY[user].nonzero()[0])
    assert features.exists()
