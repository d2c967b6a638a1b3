"""Both protocols against a neutral scorer that works on ids, user by user, as a stranger would write it."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pipeline.features.read import Cutoff, read_cutoffs
from pipeline.ground.lists import Pool
from pipeline.judging import measuring
from pipeline.settings.sections.lists import Evaluate
from tests.judged_night import CUTOFF, ITEMS, LATE_ITEMS, USERS, Night, make


def neutral(rows: np.ndarray, night: Night, pool: str, k: int, deep: int) -> dict[int, tuple[float, float, bool]]:
    """NDCG@k, recall@deep and hit@k of every user who has something to find."""
    found = {}
    for user, row in enumerate(rows.tolist()):
        seen = set(night.history[user]) if pool == "new" else set()
        want = set(night.truth[user]) - seen
        if not want:
            continue
        shown = [item for item in dict.fromkeys(row) if item >= 0 and item not in seen]
        gains = [(item in want) / math.log2(rank + 1) for rank, item in enumerate(shown[:k], 1)]
        ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(k, len(want)) + 1))
        deep_hits = len(want.intersection(shown[:deep]))
        found[user] = (sum(gains) / ideal, deep_hits / len(want), bool(want.intersection(shown[:k])))
    return found


@pytest.fixture(name="night", scope="module")
def fixture_night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    return make(tmp_path_factory.mktemp("judged"), k=4, deep=9)


@pytest.fixture(name="cutoff", scope="module")
def fixture_cutoff(night: Night) -> Cutoff:
    return next(c for c in read_cutoffs(night.folder("features")) if c.cutoff == CUTOFF)


def messy(night: Night) -> Iterator[np.ndarray]:
    """Lists as a careless model would give them: repeats, seen items, short rows, empty rows, all items."""
    clean = night.rows["all", "final"]
    yield clean
    rng = np.random.default_rng(0)
    yield rng.integers(0, ITEMS, (USERS, 15))
    short = clean.copy()
    short[::3, 2:] = -1
    short[::7] = -1
    yield short
    yield np.tile(np.arange(ITEMS), (USERS, 1))
    yield clean[:, :1]


@pytest.mark.parametrize("pool", ["all", "new"])
def test_both_protocols_agree_with_a_neutral_scorer(night: Night, cutoff: Cutoff, pool: Pool) -> None:
    truth = measuring.read_truth(cutoff, pool)
    buckets = measuring.read_buckets(cutoff, ITEMS, night.config.evaluate)
    for rows in messy(night):
        values = measuring.measure(rows, truth, buckets, night.config)["everyone"]
        expected = neutral(rows, night, pool, 4, 9)
        assert truth.rows.tolist() == list(expected)
        mine = zip(values["ndcg@4"], values["recall@9"], values["hit_rate@4"], strict=True)
        np.testing.assert_allclose(list(mine), list(expected.values()), atol=1e-12)


def test_an_item_bucket_counts_only_its_items(night: Night, cutoff: Cutoff) -> None:
    truth = measuring.read_truth(cutoff, "all")
    buckets = measuring.read_buckets(cutoff, ITEMS, night.config.evaluate)
    rows = night.rows["all", "final"]
    measured = measuring.measure(rows, truth, buckets, night.config)
    for code, name in enumerate(measuring.ITEM_BUCKETS):
        of_bucket = {item for item in range(ITEMS) if buckets.items[item] == code}
        wanted = [len(of_bucket.intersection(night.truth[user])) for user in range(USERS)]
        hits = [len(of_bucket.intersection(night.truth[u]).intersection(rows[u, :9].tolist())) for u in range(USERS)]
        assert measured[name]["wanted"].tolist() == wanted
        judged = np.array(wanted) > 0
        found = measured[name]["recall@9"][judged]
        np.testing.assert_allclose(found, np.array(hits)[judged] / np.array(wanted)[judged])


def test_items_are_cold_tail_or_head(night: Night, cutoff: Cutoff) -> None:
    settings = Evaluate(cold_days=60, head_share=0.4)
    codes = measuring.read_buckets(cutoff, ITEMS, settings).items
    stats = cutoff.item_stats().to_pylist()
    old = [row for row in stats if row["first_age"] is not None and row["first_age"] > 60]
    assert [i for i in range(ITEMS) if codes[i] > 0] == [row["item_index"] for row in old]
    assert all(codes[ITEMS - LATE_ITEMS :] == 0), "what was unknown at the cut-off is cold"


def test_users_fall_into_buckets_by_the_size_of_their_history(night: Night, cutoff: Cutoff) -> None:
    codes = measuring.read_buckets(cutoff, ITEMS, night.config.evaluate).users
    sizes = [len(night.history[user]) for user in range(USERS)]
    assert [measuring.USER_BUCKETS[c] for c in codes] == [
        "new" if size < 3 else "heavy" if size >= 6 else "light" for size in sizes
    ]


def test_averages_leave_out_who_has_nothing_to_find() -> None:
    hit = np.array([[True], [False], [False]])
    found = measuring.values(hit, np.ones((3, 1), dtype=bool), np.array([1, 2, 0]), 1, 1)
    means, users = measuring.averages(found, np.ones(3, dtype=bool), 1)
    assert users == 2
    assert means["ndcg@1"] == 0.5
    assert means["decision_precision@1"] == 0.5
    assert means["decision_recall@1"] == pytest.approx(1 / 3)
    assert measuring.averages(found, np.zeros(3, dtype=bool), 1) == ({}, 0)


def test_the_catalogue_side_is_measured_over_all_lists(night: Night) -> None:
    items = np.array([[0, 1, 2, 3], [0, 1, -1, -1]])
    information = np.arange(4, dtype=float)
    found = measuring.catalogue(items, 8, information, np.eye(4, dtype=np.float32), night.config)
    assert found == pytest.approx({"coverage@4": 0.5, "novelty@4": (1.5 + 0.5) / 2, "diversity@4": 1.0})


def test_nobody_to_judge_gives_no_values(tmp_path: Path, night: Night, cutoff: Cutoff) -> None:
    nobody = measuring.Truth("all", *(np.zeros(n, dtype=np.int64) for n in (0, 1, 0, 1, 0)))
    buckets = measuring.read_buckets(cutoff, ITEMS, night.config.evaluate)
    values = measuring.measure(night.rows["all", "final"], nobody, buckets, night.config)["everyone"]
    assert {len(column) for column in values.values()} == {0}
