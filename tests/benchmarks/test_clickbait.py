"""The shop with bait: its truth, what is known of past slots, and that learning by visits shows less bait."""

import numpy as np
import pytest

from benchmarks.clickbait import DAYS, LURE, POLICIES, ByVisits, Shop, nights


def test_bait_is_clicked_more() -> None:
    shop = Shop(3)
    odds = np.log(shop.chances() / (1 - shop.chances()))
    assert np.allclose(odds - shop.worth - shop.taste, LURE * shop.bait)
    assert 0.1 < shop.bait.mean() < 0.3


def test_a_slot_counts_when_its_days_are_over_and_replaced_items_do_not() -> None:
    policy, here = ByVisits({"slots": [1]}), np.array([True, True, False])
    for night in range(DAYS + 2):
        came = here if night % 2 == 0 else ~here
        policy.note(came, np.full((3, 1), night), np.full((3, 1), 0.5), np.zeros((3, 1)))
    first = policy.log[0]
    item, days, said, before, weight = policy._rewarded(first)
    assert item.tolist() == [0, 0]
    assert days.tolist() == [3, 3]
    assert (said.tolist(), before.tolist()) == ([0, 0], [0, 0])
    assert policy.log[2].before.tolist() == [1, 1]
    assert 0 < weight[0] < 1
    policy.begin(np.array([0]))
    assert len(policy._rewarded(first)[0]) == 0


@pytest.mark.slow
def test_learning_by_visits_shows_less_bait_and_brings_more_users() -> None:
    by_clicks, by_visits = (
        np.array(list(nights(POLICIES[name](), 1, 12, 2_500))) for name in ("clicks, one slot", "visits, one slot")
    )
    assert by_visits[-3:, 2].mean() < by_clicks[-3:, 2].mean()
    assert by_visits[:, 0].sum() > by_clicks[:, 0].sum()
    again = np.array(list(nights(POLICIES["visits, one slot"](), 1, 3, 2_500)))
    assert (again == by_visits[:3]).all()
