from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from pipeline.arrays import top_k
from pipeline.ground import lists
from pipeline.ground.errors import InputError


def brute_force(scores: np.ndarray, n: int) -> list[list[int]]:
    ranked = []
    for row in scores.tolist():
        order = sorted((i for i, s in enumerate(row) if s != -np.inf), key=lambda i: (-row[i], i))[:n]
        ranked.append(order + [-1] * (n - len(order)))
    return ranked


@pytest.mark.parametrize("n", [1, 3, 10, 25])
def test_top_n_agrees_with_a_sort(n: int) -> None:
    scores = np.random.default_rng(0).normal(size=(40, 17)).astype(np.float32)
    scores[3] = -np.inf
    scores[5, 2:] = -np.inf
    items, best = top_k.top_n(scores, n)
    assert items.tolist() == brute_force(scores, n)
    assert np.isneginf(best[items < 0]).all()
    assert (np.diff(best[:, : min(n, 17)][0]) <= 0).all()


def test_equal_scores_rank_by_item_index_when_all_are_taken() -> None:
    items, _ = top_k.top_n(np.array([[1, 2, 2, 1]], dtype=np.float32), 4)
    assert items.tolist() == [[1, 2, 0, 3]]


def test_a_list_comes_back_as_written(tmp_path: Path) -> None:
    items, scores = np.array([[2, 0], [1, -1]]), np.array([[0.5, 0.25], [1.0, -np.inf]])
    lists.write_list(tmp_path, "new", "als", items, scores)
    read_items, read_scores = lists.read_list(tmp_path, "new", "als")
    assert read_items.dtype == np.int32
    assert read_items.tolist() == items.tolist()
    assert read_scores.tolist() == scores.tolist()
    assert lists.list_names(tmp_path, "new") == ["als"]
    assert lists.list_names(tmp_path, "all") == []


def test_a_missing_list_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"all\.als"):
        lists.read_list(tmp_path / "als" / "run_date=2011-10-02" / "cutoff=2011-10-02", "all", "als")


@pytest.mark.parametrize("n", [1, 2, 5])
def test_ties_at_the_last_place_go_to_the_lowest_index(n: int) -> None:
    scores = np.random.default_rng(1).integers(0, 3, size=(60, 11)).astype(np.float32)
    assert top_k.top_n(scores, n)[0].tolist() == brute_force(scores, n)


@pytest.mark.parametrize("width", [160, 163, 1000, 4099])
@pytest.mark.parametrize("values", [2, 40, 10**6])
@pytest.mark.parametrize("above", [-np.inf, 0.0])
def test_wide_rows_agree_with_a_sort(width: int, values: int, above: float) -> None:
    """Few distinct values: ties everywhere, in groups that are looked at and in others; whole rows excluded too."""
    rng = np.random.default_rng(width + values)
    scores = rng.integers(-values // 2, values, size=(30, width)).astype(np.float32)
    scores[rng.random(scores.shape) < 0.3] = -np.inf
    scores[4], scores[5, 3:], scores[6, :-3] = -np.inf, -np.inf, -np.inf
    scores[7] = 1
    allowed = np.where(scores > above, scores, -np.inf)
    items, best = top_k.top_n(scores, 10, above)
    assert items.tolist() == brute_force(allowed, 10)
    assert (best == np.where(items >= 0, np.take_along_axis(scores, items, axis=1), -np.inf)).all()


@pytest.mark.parametrize("width", [160, 163, 4099])
def test_peaks_follow_the_cells_that_change(width: int) -> None:
    rng = np.random.default_rng(width)
    scores = rng.normal(size=(30, width)).astype(np.float32)
    tops = top_k.peaks(scores, 10)
    assert tops is not None
    rows, columns = np.nonzero(rng.random(scores.shape) < 0.2)
    scores[rows, columns] = rng.choice([-np.inf, -1, 9, 10], size=len(rows))
    items, _ = top_k.top_n(scores, 10, tops=tops.after(scores, rows, columns))
    assert items.tolist() == brute_force(scores, 10)
    assert not tops.has_nan(scores)
    for column in (0, width - 1):
        broken = scores.copy()
        broken[3, column] = np.nan
        found = top_k.peaks(broken, 10)
        assert found is not None
        assert found.has_nan(broken)


def test_sparse_rows_agree_with_dense_ones() -> None:
    rng = np.random.default_rng(3)
    scores = np.where(rng.random((50, 30)) < 0.2, rng.integers(-2, 4, size=(50, 30)), 0).astype(np.float32)
    for mine, theirs in zip(top_k.top_n_sparse(csr_matrix(scores), 4), top_k.top_n(scores, 4, above=0), strict=True):
        assert mine.tolist() == theirs.tolist()


def test_rows_written_one_block_at_a_time_are_the_bytes_of_numpy(tmp_path: Path) -> None:
    items, scores = np.arange(12).reshape(6, 2), np.arange(12.0).reshape(6, 2)
    lists.write_list(tmp_path, "all", "whole", items, scores)
    with lists.Writer(tmp_path, "all", "blocks", 6, 2) as file:
        file.append(items[:4], scores[:4])
        file.append(items[4:], scores[4:])
    for part in ("items", "scores"):
        written = (tmp_path / f"all.blocks.{part}.npy").read_bytes()
        assert written == (tmp_path / f"all.whole.{part}.npy").read_bytes()


def test_a_row_that_was_never_written_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="lacks 2 rows"), lists.Rows(tmp_path / "x.npy", 3, 2, np.int32) as file:
        file.append(np.zeros((1, 2)))
