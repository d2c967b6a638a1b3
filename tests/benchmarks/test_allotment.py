"""The allotment's benchmark: greedy ways keep limits, serving keeps budgets, a table is read as published."""

from datetime import date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.allotment import ads, coupons, greedy
from pipeline.publication.allotment.problem import worth_of
from tests.publication.allotment.world import KINDS, keeps, world


@pytest.mark.parametrize("way", [greedy.best_first, greedy.one_by_one, greedy.best_for_its_use_first])
def test_greedy_ways_keep_every_limit(way: object) -> None:
    problem = world(np.random.default_rng(1), 30, 5, KINDS, items=9)
    chosen = way(problem)  # type: ignore[operator]
    assert chosen.any()
    assert keeps(problem, chosen)


def test_the_order_is_what_differs() -> None:
    table = coupons.Table(["a", "b"], ["x", "y"], np.array([[0, 1], [0, 1]]), np.array([[0.3, 0.2], [0.5, 0.1]]))
    problem = table.problem(k=1, capacity=1)
    assert greedy.one_by_one(problem).tolist() == [[True, False], [False, True]]
    assert greedy.best_first(problem).tolist() == [[False, True], [True, False]]
    assert worth_of(problem, greedy.best_first(problem)) == pytest.approx(0.7)


def test_what_a_coupon_takes_off_is_known_by_the_night(tmp_path: Path) -> None:
    covered = {"coupon_upc": [1, 1, 2], "product_id": [7, 8, 9]}
    pq.write_table(pa.table(covered), tmp_path / "coupons.parquet")
    off = {"product_id": [7, 7, 8, 9], "coupon_disc": [1.0, 0.0, 2.0, 9.0]}
    days = [datetime(2017, 6, day) for day in (1, 2, 11, 12)]
    pq.write_table(pa.table(off | {"transaction_timestamp": days}), tmp_path / "transactions.parquet")
    table = coupons.Table([], ["coupon-1", "coupon-2"], np.zeros((0, 1), np.int32), np.zeros((0, 1), np.float32))
    assert table.faces(tmp_path, date(2017, 6, 11)).tolist() == [1.5, 1.5]
    assert table.faces(tmp_path, date(2017, 6, 12)).tolist() == [1.5, 9.0]


def test_a_published_table_is_read(tmp_path: Path) -> None:
    rows = [("coupons", "u2", 1, "b", 0.5), ("coupons", "u2", 2, "a", 0.25), ("coupons", "u1", 1, "a", 0.125)]
    names = ["surface", "user_id", "rank", "item_id", "score"]
    columns = dict(zip(names, map(list, zip(*rows, ("home", "u3", 1, "c", 1.0), strict=True)), strict=True))
    pq.write_table(
        pa.table(columns).cast(pa.schema([pa.field(n, t) for n, t in zip(names, TYPES, strict=True)])), tmp_path / "t"
    )
    table = coupons.Table.read(tmp_path / "t", "coupons")
    found = {
        (table.users[u], table.ids[table.items[u, c]]): table.chances[u, c]
        for u, c in zip(*np.nonzero(table.items >= 0), strict=True)
    }
    assert found == {("u2", "b"): 0.5, ("u2", "a"): 0.25, ("u1", "a"): 0.125}
    assert table.redeemed(table.items >= 0, {("u1", "a"), ("u2", "x")}) == 1


TYPES = (pa.string(), pa.string(), pa.int32(), pa.string(), pa.float32())


def test_no_budget_is_exceeded_whoever_serves() -> None:
    day, found, served = ads.simulate(1, 1500, 1.3, 0.5)
    assert found.gap < 0.05
    expected = found.used[:-1]
    assert (expected <= day.budgets * (1 + 1e-9)).all()
    for name, one in served.items():
        assert (one.spent <= day.budgets).all(), name
        assert one.revenue == pytest.approx(one.spent.sum())
        assert (one.early <= one.spent).all()
    assert served["prices"].revenue > served["greedy"].revenue


def test_a_click_costs_the_bid_of_the_ad_that_was_shown() -> None:
    day = ads.Day.of(1, 200, 1.0, 5.0)
    one = ads.serve(day, lambda _user, spent, _over: 3 if spent[3] + day.bids[3] <= day.budgets[3] else -1)
    clicks = (day.luck < day.truth[day.visits, 3]).sum()
    assert one.spent[3] == pytest.approx(min(clicks, day.budgets[3] // day.bids[3]) * day.bids[3])
    assert np.delete(one.spent, 3).sum() == 0
