"""The made-up shops: their truth, and that the record is of what the truth says."""

import numpy as np
import pytest

from benchmarks.uplift import SLOTS, TOP, K, gained, made, recorded


def test_where_what_is_added_follows_the_probability_no_order_is_better() -> None:
    shop = made("proportional", 1, 200)
    assert shop.adds == pytest.approx(0.2 * shop.without)
    assert (np.diff(shop.pool.scores, axis=1) <= 0).all()
    first, best = np.tile(np.arange(K), (200, 1)), np.argsort(-shop.adds, axis=1)[:, :K]
    assert gained(shop, first) == pytest.approx(gained(shop, best))
    by_hand = sum(shop.adds[user, column] for user in range(200) for column in range(K)) / 200
    assert gained(shop, first) == pytest.approx(by_hand)


@pytest.mark.parametrize("kind", ["mixed", "hidden"])
def test_elsewhere_the_most_probable_gain_less(kind: str) -> None:
    shop = made(kind, 1, 200)
    first, best = np.tile(np.arange(K), (200, 1)), np.argsort(-shop.adds, axis=1)[:, :K]
    assert gained(shop, first) < 0.2 * gained(shop, best)
    assert (shop.without + shop.adds >= 0).all()


def test_the_record_is_of_what_the_truth_says() -> None:
    shop = made("mixed", 2, 1_500)
    known = recorded(shop, 2, 2)
    assert known.features.shape == (len(known.of_list), 6)
    assert np.unique(known.of_list, return_counts=True)[1].max() <= TOP
    listed = known.pairs.treated
    assert known.pairs.chance.sum() == pytest.approx(listed.sum(), rel=0.01), "as three slots show three items"
    drawn_among = [rank - 1 for rank in (*SLOTS.slots, *range(K + 1, TOP + 1))]
    without, adds = (a[:, drawn_among].mean() for a in (shop.without, shop.adds))
    assert known.pairs.outcome[~listed].mean() == pytest.approx(without, abs=0.004)
    assert known.pairs.outcome[listed].mean() == pytest.approx(without + adds, abs=0.01)
