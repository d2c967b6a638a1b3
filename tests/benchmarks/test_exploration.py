"""The simulation of drawn slots: its counts against a few done by hand, and the same nights again."""

import numpy as np
import pytest

from benchmarks import exploration
from benchmarks.exploration import GROUPS, ITEMS, PRIOR, Model, World


def test_what_nobody_saw_is_worth_the_mean_and_what_many_saw_its_own() -> None:
    model = Model()
    model.looks[:, 1], model.clicks[:, 1] = 1000, 100
    model.looks[0, 2], model.clicks[0, 2] = 50, 10
    found = model.estimates()
    mean = (GROUPS * 100 + 10 + 1) / (GROUPS * 1000 + 50 + 20)
    assert found[:, 0] == pytest.approx(mean)
    of_item = (10 + PRIOR * mean) / (50 + PRIOR)
    assert found[1, 2] == pytest.approx(of_item)
    assert found[0, 2] == pytest.approx((10 + PRIOR * of_item) / (50 + PRIOR))
    assert found[:, 1] == pytest.approx(0.1, abs=1e-3)


def test_replaced_items_are_forgotten_and_their_truth_is_another() -> None:
    world, model = World(5), Model(np.ones((GROUPS, ITEMS)), np.ones((GROUPS, ITEMS)))
    before = world.worth.copy()
    gone = world.next(3)
    model.forget(gone)
    kept = np.setdiff1d(np.arange(ITEMS), gone)
    assert (world.worth[kept] == before[kept]).all()
    assert (world.worth[gone] != before[gone]).all()
    assert (world.born[gone] == 3).all()
    assert (model.looks[:, gone] == 0).all()
    assert model.looks[:, kept] == pytest.approx(exploration.KEPT)


def test_the_same_seed_has_the_same_nights_and_slots_that_are_drawn_cost_at_first() -> None:
    never, again = (list(exploration.nights(None, 7, 3, 200)) for _ in range(2))
    assert never == again
    drawn = list(exploration.nights({"policy": "uniform", "slots": [1, 2, 3, 4, 5]}, 7, 3, 200))
    assert drawn[0] < never[0]
