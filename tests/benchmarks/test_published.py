"""The protocol of the literature on a hand-made log."""

import math

import numpy as np
import pytest

from benchmarks import published

SEQUENCES = [np.array(items, dtype=np.int32) for items in ([0, 1, 2, 3], [1, 2, 3, 0], [4, 1, 2, 5])]


def test_the_last_items_are_hidden_and_older_actions_count_less() -> None:
    log = published.Log.of(SEQUENCES, 1)
    assert log.wanted.tolist() == [3, 0, 5]
    assert log.shape == (3, 6)
    assert log.decayed(1.0).toarray().tolist() == [
        [0.25, 0.5, 1, 0, 0, 0],
        [0, 0.25, 0.5, 1, 0, 0],
        [0, 0.5, 1, 0, 0.25, 0],
    ]


def test_figures_are_those_of_one_wanted_item() -> None:
    items = np.array([[3, 9, 9, 9, 9, 9, 9], [9, 9, 9, 9, 9, 0, 9], [9, 9, 9, 9, 9, 9, 9]])
    found = published.figures(items, np.array([3, 0, 5]))
    assert found == pytest.approx((1 / 3, 1 / 3, 2 / 3, (1 + 1 / math.log2(7)) / 3))


def test_what_a_user_had_is_never_ranked() -> None:
    log = published.Log.of(SEQUENCES, 1)
    items, _ = published.rank(log, published.by_popularity(log, {}))
    assert not any(set(row) & set(had[:-1]) for row, had in zip(items.tolist(), SEQUENCES, strict=True))


def test_all_weight_on_one_member_is_that_member() -> None:
    log = published.Log.of(SEQUENCES, 1)
    found = [published.rank(log, published.by_popularity(log, {})), published.rank(log, published.by_ease(log, EASE))]
    both = published.merged(log, found, (0.0, 1.0))
    wanted = [[item for item in row if item >= 0] for row in found[1][0].tolist()]
    assert [row[: len(items)] for row, items in zip(both.tolist(), wanted, strict=True)] == wanted


EASE = {"half_life": 1.0, "reg": 1.0}
