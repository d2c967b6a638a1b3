"""Best-sellers and buy-again against counts done by hand."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.arrays.blocks import rows_for
from pipeline.ground import artifacts, lists, schemas
from pipeline.operations import stages
from pipeline.sources import popularity
from tests.sources import shop

HISTORY = np.array([[2, 0, 1, 0], [0, 0, 1, 1], [0, 3, 0, 0]], dtype=np.float32)
BUYERS = np.array([0, 5, 31, 2])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    config = shop.config_for(tmp_path, popularity={"candidates": 3, "power": 0.2})
    shop.write_features(config.lake, {shop.NIGHT: HISTORY}, buyers=BUYERS)
    stages.run_stage("popularity", shop.NIGHT, config)
    return lists.cutoff_dir(artifacts.stage_dir(config.lake, "popularity", shop.NIGHT), shop.NIGHT)


def test_best_sellers_without_what_nobody_bought(folder: Path) -> None:
    items, scores = lists.read_list(folder, "all", "popularity")
    assert items.tolist() == [[2, 1, 3]] * 3
    assert scores.tolist() == [[31, 5, 2]] * 3


def test_who_has_everything_widens_a_few_rows_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(8)
    history = (rng.random((40, 30)) < 0.1).astype(np.float32)
    history[17] = 1
    found = {}
    for cells in (2**24, 60):
        config = shop.config_for(tmp_path / f"{cells}", popularity={"candidates": 5}, block_users=40)
        shop.write_features(config.lake, {shop.NIGHT: history})
        monkeypatch.setattr(popularity, "rows_for", lambda width, most, cells=cells: rows_for(width, most, cells))
        stages.run_stage("popularity", shop.NIGHT, config)
        found[cells] = shop.contents(artifacts.stage_dir(config.lake, "popularity", shop.NIGHT))
    assert found[60] == found[2**24]


def test_segments_are_of_equal_size_by_what_users_pay(tmp_path: Path) -> None:
    config = shop.config_for(tmp_path, popularity={"candidates": 4, "segments": 2, "everybody": 0.5})
    history = np.array([[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 1], [1, 0, 0, 0]], dtype=np.float32)
    features = shop.write_features(config.lake, {shop.NIGHT: history})
    prices = [1.0, 2.0, 8.0, 9.0, None]  # whoever has none stands in the middle, at 5
    stats = [
        dict.fromkeys(schemas.USER_STATS.names, 0) | {"user_index": u, "mean_price": p} for u, p in enumerate(prices)
    ]
    path = lists.cutoff_dir(features, shop.NIGHT) / "user_stats.parquet"
    pq.write_table(pa.Table.from_pylist(stats, schema=schemas.USER_STATS), path)
    stages.run_stage("popularity", shop.NIGHT, config)
    folder = lists.cutoff_dir(artifacts.stage_dir(config.lake, "popularity", shop.NIGHT), shop.NIGHT)
    cheap, dear = np.array([1, 2, 0, 0]) / 3, np.array([1, 0, 1, 2]) / 4
    share = np.stack([cheap, cheap, dear, dear, dear]) + 0.5 * np.array([2, 2, 1, 2]) / 7
    items, scores = lists.read_list(folder, "all", "segment_popularity")
    for user in range(5):
        assert scores[user] == pytest.approx(np.sort(share[user])[::-1])
        assert share[user][items[user]] == pytest.approx(scores[user])
    items, _ = lists.read_list(folder, "new", "segment_popularity")
    assert items[0].tolist() == [3, 2, -1, -1]


def test_a_log_without_prices_has_no_segments(tmp_path: Path) -> None:
    config = shop.config_for(tmp_path, popularity={"segments": 2})
    features = shop.write_features(config.lake, {shop.NIGHT: HISTORY})
    stats = [dict.fromkeys(schemas.USER_STATS.names, 0) | {"user_index": u, "mean_price": None} for u in range(3)]
    path = lists.cutoff_dir(features, shop.NIGHT) / "user_stats.parquet"
    pq.write_table(pa.Table.from_pylist(stats, schema=schemas.USER_STATS), path)
    stages.run_stage("popularity", shop.NIGHT, config)
    folder = lists.cutoff_dir(artifacts.stage_dir(config.lake, "popularity", shop.NIGHT), shop.NIGHT)
    assert lists.list_names(folder, "all") == ["buy_again", "popularity"]


def test_new_leaves_out_the_history(folder: Path) -> None:
    items, _ = lists.read_list(folder, "new", "popularity")
    assert items.tolist() == [[1, 3, -1], [1, -1, -1], [2, 3, -1]]


def test_buy_again_is_history_times_popularity_and_has_no_new_pool(folder: Path) -> None:
    items, scores = lists.read_list(folder, "all", "buy_again")
    assert items.tolist() == [[0, 2, -1], [2, 3, -1], [1, -1, -1]]  # 2 x 1^.2 = 2 against 1 x 32^.2 = 2: older first
    assert scores[0, :2] == pytest.approx([2, 2])
    assert scores[2, 0] == pytest.approx(3 * 6**0.2)
    assert lists.list_names(folder, "new") == ["popularity"]


def test_weight_of_an_item_nobody_bought_lately_is_one() -> None:
    assert popularity.buy_again_weight(np.array([0, 31], dtype=np.float32), 0.2) == pytest.approx([1, 2])
