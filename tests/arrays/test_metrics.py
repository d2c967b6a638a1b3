"""The metrics against definitions spelled out user by user, and against cases solved by hand."""

import itertools
import math

import numpy as np
import pytest

from pipeline.arrays import metrics
from pipeline.arrays.determinism import blas_threads

K = 5


def lists_and_sets(rng: np.random.Generator, users: int = 50, width: int = 8) -> tuple[np.ndarray, list[set[int]]]:
    """Random lists, some short, some empty, and what each user wanted."""
    items = np.array([rng.permutation(30)[:width] for _ in range(users)])
    for row in items:
        row[rng.integers(0, width + 1) :] = -1
    return items, [set(rng.choice(30, rng.integers(1, 9), replace=False).tolist()) for _ in range(users)]


def ragged(sets: list[set[int]]) -> tuple[np.ndarray, np.ndarray]:
    starts = np.cumsum([0, *map(len, sets)])
    return starts, np.array([item for one in sets for item in sorted(one)], dtype=np.int64)


@pytest.fixture(name="case")
def fixture_case() -> tuple[np.ndarray, list[set[int]], np.ndarray, np.ndarray]:
    items, sets = lists_and_sets(np.random.default_rng(3))
    hit = metrics.member(items, *ragged(sets))
    return items, sets, hit, np.array([len(one) for one in sets])


def test_member_is_set_membership(case: tuple[np.ndarray, list[set[int]], np.ndarray, np.ndarray]) -> None:
    items, sets, hit, _ = case
    assert hit.tolist() == [[item in one for item in row] for row, one in zip(items.tolist(), sets, strict=True)]


def test_member_of_a_block_uses_its_own_starts(case: tuple[np.ndarray, list[set[int]], np.ndarray, np.ndarray]) -> None:
    items, sets, hit, _ = case
    starts, members = ragged(sets)
    np.testing.assert_array_equal(metrics.member(items[20:30], starts[20:31], members), hit[20:30])


def test_a_pad_never_hits_the_last_item_of_the_user_before() -> None:
    hit = metrics.member(np.array([[0], [-1]]), np.array([0, 1, 2]), np.array([1, 1]))
    assert hit.tolist() == [[False], [False]]


@pytest.mark.parametrize("sets", [[set(), set()], [set(), {1}]])
def test_member_of_nothing(sets: list[set[int]]) -> None:
    assert not metrics.member(np.array([[1, 2], [3, -1]]), *ragged(sets)).any()


def test_repeated_marks_all_but_the_best_rank() -> None:
    items = np.array([[4, 7, 4, -1, -1], [7, 7, 7, 2, 4]])
    assert metrics.repeated(items).tolist() == [[False, False, True, False, False], [False, True, True, False, False]]


def test_close_up_moves_the_ranks_up() -> None:
    items = np.array([[5, 6, 7, -1], [1, 2, 3, 4]])
    dropped = np.array([[True, False, False, False], [False, True, False, True]])
    assert metrics.close_up(items, dropped).tolist() == [[6, 7, -1, -1], [1, 3, -1, -1]]


def test_every_metric_equals_its_definition(
    case: tuple[np.ndarray, list[set[int]], np.ndarray, np.ndarray],
) -> None:
    items, sets, hit, wanted = case
    for i, (row, want) in enumerate(zip(items.tolist(), sets, strict=True)):
        top = [item for item in row[:K] if item >= 0]
        ranks = [rank for rank, item in enumerate(top, 1) if item in want]
        best = sum(1 / math.log2(rank + 1) for rank in range(1, min(K, len(want)) + 1))
        gained = sum(1 / math.log2(rank + 1) for rank in ranks)
        precisions = [sum(other <= rank for other in ranks) / rank for rank in ranks]
        assert metrics.ndcg(hit, wanted, K)[i] == pytest.approx(gained / best, abs=1e-12)
        assert metrics.recall(hit, wanted, K)[i] == pytest.approx(len(ranks) / len(want))
        assert metrics.average_precision(hit, wanted, K)[i] == pytest.approx(sum(precisions) / min(K, len(want)))
        assert metrics.reciprocal_rank(hit, K)[i] == (1 / ranks[0] if ranks else 0)
        assert metrics.hit_rate(hit, K)[i] == (len(ranks) > 0)
        assert metrics.precision(hit, K)[i] == pytest.approx(len(ranks) / K)


def test_ndcg_by_hand() -> None:
    hit = np.array([[True, False, True], [False, True, False], [True, True, True]])
    wanted = np.array([2, 1, 9])
    expected = [(1 + 1 / 2) / (1 + 1 / math.log2(3)), 1 / math.log2(3), 1.0]
    np.testing.assert_allclose(metrics.ndcg(hit, wanted, 3), expected)
    assert metrics.ndcg(hit, wanted, 10)[2] < 1, "three hits are not all of nine, and the list could have had ten"


def test_lists_without_columns_hit_nothing() -> None:
    nobody, wanted = np.zeros((2, 0), dtype=bool), np.array([1, 3])
    for found in (
        metrics.ndcg(nobody, wanted, K),
        metrics.recall(nobody, wanted, K),
        metrics.average_precision(nobody, wanted, K),
        metrics.reciprocal_rank(nobody, K),
        metrics.hit_rate(nobody, K),
        metrics.precision(nobody, K),
    ):
        assert found.tolist() == [0, 0]


def test_the_relevance_decision_pools_the_pairs(
    case: tuple[np.ndarray, list[set[int]], np.ndarray, np.ndarray],
) -> None:
    items, sets, hit, wanted = case
    shown = {(user, item) for user, row in enumerate(items.tolist()) for item in row[:K] if item >= 0}
    truth = {(user, item) for user, want in enumerate(sets) for item in want}
    found = metrics.decision(int(hit[:, :K].sum()), int((items[:, :K] >= 0).sum()), int(wanted.sum()))
    precision, recall = len(shown & truth) / len(shown), len(shown & truth) / len(truth)
    harmonic = 2 * precision * recall / (precision + recall)
    assert found == pytest.approx({"precision": precision, "recall": recall, "f1": harmonic})
    assert metrics.decision(0, 0, 0) == {"precision": 0, "recall": 0, "f1": 0}


def test_coverage_counts_distinct_items() -> None:
    assert metrics.coverage(np.array([[1, 2, -1], [2, 3, 1]]), 12) == 3 / 12


def test_novelty_is_the_mean_information_of_what_is_shown() -> None:
    information = metrics.self_information(np.array([8, 2, 1, 0]), 8)
    np.testing.assert_allclose(information, [0, 2, 3, 3])
    found = metrics.novelty(np.array([[0, 1, 2], [3, -1, -1], [-1, -1, -1]]), information)
    np.testing.assert_allclose(found, [5 / 3, 3, np.nan])


def test_diversity_is_one_minus_the_mean_cosine_of_the_pairs() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(30, 6)).astype(np.float32)
    vectors[::10] = 0
    lengths = np.maximum(np.linalg.norm(vectors, axis=1), 1e-9)
    items, _ = lists_and_sets(rng)
    for row, value in zip(items, metrics.diversity(items, vectors), strict=True):
        pairs = list(itertools.combinations(row[row >= 0], 2))
        cosines = [float(vectors[a] @ vectors[b] / (lengths[a] * lengths[b])) for a, b in pairs]
        expected = 1 - sum(cosines) / len(cosines) if cosines else np.nan
        assert value == pytest.approx(expected, abs=1e-6, nan_ok=True)


def test_bootstrap_equals_resampling_one_column_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(1).normal(size=(40, 3))
    drawn = np.random.default_rng(5).integers(0, 40, (200, 40))
    means = np.array([[values[row, column].mean() for column in range(3)] for row in drawn])
    low, high = metrics.bootstrap(values, 200, seed=5)
    np.testing.assert_allclose([low, high], np.quantile(means, [0.025, 0.975], axis=0))
    monkeypatch.setattr(metrics, "BOOTSTRAP_CELLS", 300)  # blocks of 7 resamples, the last one smaller
    np.testing.assert_allclose(metrics.bootstrap(values, 200, seed=5), [low, high])


def test_intervals_are_the_same_bits_however_many_threads_there_are() -> None:
    values = np.random.default_rng(2).normal(size=(777, 17))
    found = []
    for threads in (1, 2):
        with blas_threads(threads):
            found.append(metrics.bootstrap(values, 400, seed=1))
    assert all(np.array_equal(one, other) for one, other in zip(*found, strict=True))


def test_bootstrap_covers_the_true_mean_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    draws = rng.exponential(size=(200, 300)) - 1  # 300 experiments with 200 users each; the true mean is 0
    low, high = metrics.bootstrap(draws, 400, seed=0)
    assert 0.9 < np.mean((low <= 0) & (high >= 0)) < 0.98


def test_bootstrap_of_nobody_is_not_a_number() -> None:
    assert np.isnan(metrics.bootstrap(np.zeros((0, 2)), 10, seed=0)).all()
