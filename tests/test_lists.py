from pathlib import Path

import numpy as np
import pytest

from pipeline import lists
from pipeline.errors import InputError


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
    items, best = lists.top_n(scores, n)
    assert items.tolist() == brute_force(scores, n)
    assert np.isneginf(best[items < 0]).all()
    assert (np.diff(best[:, : min(n, 17)][0]) <= 0).all()


def test_equal_scores_rank_by_item_index_when_all_are_taken() -> None:
    items, _ = lists.top_n(np.array([[1, 2, 2, 1]], dtype=np.float32), 4)
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
    assert lists.top_n(scores, n)[0].tolist() == brute_force(scores, n)
