"""The benchmarks' scorer against tables worked out by hand."""

from datetime import date
from math import log2
from pathlib import Path

import numpy as np
import pytest

from benchmarks import scoring

EXAMPLE = Path(__file__).parents[2] / "examples" / "online_retail"
HISTORY = {"ann": {"a", "b"}, "bob": {"a"}, "cid": {"z"}}
TRUTH = {"ann": {"b", "c"}, "bob": {"a"}, "new": {"a"}}


def test_all_counts_repeats_and_leaves_out_users_without_history() -> None:
    ndcg, recall = scoring.per_user({"ann": ["x", "b", "y", "c"], "new": ["a"]}, TRUTH, HISTORY, "all")
    # ann: hits at ranks 2 and 4 of an ideal 1 and 2; bob has no list
    assert ndcg == pytest.approx([(1 / log2(3) + 1 / log2(5)) / (1 + 1 / log2(3)), 0])
    assert recall == pytest.approx([1, 0])


def test_new_closes_the_ranks_of_known_items() -> None:
    ndcg, recall = scoring.per_user({"ann": ["a", "b", "c"]}, TRUTH, HISTORY, "new")
    assert ndcg == pytest.approx([1])  # bob's truth is a repeat: he is not judged
    assert recall == pytest.approx([1])
    assert scoring.judged(TRUTH, HISTORY, "new") == ["ann"]


def test_only_ten_ranks_count_for_ndcg_and_fifty_for_recall() -> None:
    shown = {"ann": [*map(str, range(10)), "b", *map(str, range(10, 50)), "c"]}
    ndcg, recall = scoring.per_user(shown, TRUTH, HISTORY, "all")
    assert ndcg[0] == 0
    assert recall[0] == 0.5


def test_a_repeated_item_counts_once() -> None:
    ndcg, _ = scoring.per_user({"ann": ["b", "b", "c"]}, TRUTH, HISTORY, "all")
    assert ndcg[0] == pytest.approx(1)


def test_lists_survive_the_disk(tmp_path: Path) -> None:
    shown = {"ann": ["b", "a"], "bob": ["c"]}
    scoring.write_lists(tmp_path / "lists.parquet", shown)
    assert scoring.read_lists(tmp_path / "lists.parquet") == shown


def test_the_pooled_interval_of_one_night_is_the_plain_one() -> None:
    values = np.random.default_rng(1).normal(0.1, 1, 400)
    users = [f"{n:03}" for n in range(400)]
    assert scoring.pooled_interval([users], [values]) == pytest.approx(scoring.interval(values), abs=0.02)


def test_nights_of_the_same_users_are_no_independent_evidence() -> None:
    values = np.random.default_rng(1).normal(0.1, 1, 400)
    users = [f"{n:03}" for n in range(400)]
    low, high = scoring.pooled_interval([users] * 3, [values] * 3)
    once = scoring.pooled_interval([users], [values])
    assert (low, high) == pytest.approx(once)


def test_raw_logs_are_read_up_to_the_night() -> None:
    day = scoring.events(EXAMPLE, date(2010, 12, 5), date(2010, 12, 6))
    assert {t.date() for t in day["time"].to_pylist()} == {date(2010, 12, 6)}
    assert set(day.column_names) == {"user_id", "item_id", "time", "weight"}
    bought = scoring.purchases(EXAMPLE, date(2010, 12, 5), date(2010, 12, 6))
    assert bought.num_rows == len(set(zip(*(bought[c].to_pylist() for c in ("user_id", "item_id")), strict=True)))
