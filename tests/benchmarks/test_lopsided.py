"""The lopsided logs have the sizes they promise, and their twins as many events."""

import numpy as np
import pytest

from benchmarks.lopsided.logs import LOGS, Even, Passers
from benchmarks.lopsided.measuring import Spent
from benchmarks.lopsided.report import ratio, table
from benchmarks.synthetic import DAYS


@pytest.mark.parametrize("name", list(LOGS))
def test_twins_have_as_many_events(name: str) -> None:
    twins = LOGS[name]
    counts = [sum(len(shop.draw(day)[0]) for day in range(DAYS)) for shop in (twins.lopsided, twins.even)]
    assert counts[0] == counts[1] == twins.lopsided.events


def test_passers_click_once_and_regulars_often() -> None:
    shop = Passers(users=1000, items=30, events=3000, regulars=50)
    clicks = np.bincount(np.concatenate([shop.draw(day)[0] for day in range(DAYS)]), minlength=1000)
    assert (clicks[50:] == 1).all()
    assert clicks[:50].mean() == pytest.approx(41)


def test_an_even_shop_likes_everything_alike() -> None:
    shop = Even(users=40, items=100, events=40_000)
    drawn = [shop.draw(day) for day in range(DAYS)]
    there = np.bincount(np.concatenate([items for _, items, *_ in drawn]), minlength=100)[shop.born == 0]
    assert np.median(there) > 200
    first = np.bincount(np.concatenate([users for users, *_ in drawn]), minlength=40)[:20]  # there from the first day
    assert first.max() < 1.3 * first.min()


def test_a_stage_that_nobody_feels_has_no_ratio() -> None:
    assert ratio(0.5, 0.1) == ""
    assert ratio(3.0, 2.0) == "1.50"
    lines = table("catalogue", {"als": Spent(3, 4, 100)}, {"als": Spent(2, 1, 90)})
    assert lines[-1] == "| **all** | 3.0 | 2.0 | 1.50 | 4.0 | 1.0 | 4.00 | 100 | 90 |"
