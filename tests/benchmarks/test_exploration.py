"""The simulation of drawn slots: its counts against a few done by hand, and the same nights again."""

import numpy as np
import pytest

from benchmarks.exploration import reinforce, world
from benchmarks.exploration.__main__ import LAST, POLICIES, above, nights
from benchmarks.exploration.policies import Fixed, Learned
from benchmarks.exploration.world import GROUPS, ITEMS, PRIOR, Model, World


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
    shop, model = World(5), Model(np.ones((GROUPS, ITEMS)), np.ones((GROUPS, ITEMS)))
    before = shop.worth.copy()
    gone = shop.next(3)
    model.forget(gone)
    kept = np.setdiff1d(np.arange(ITEMS), gone)
    assert (shop.worth[kept] == before[kept]).all()
    assert (shop.worth[gone] != before[gone]).all()
    assert (shop.born[gone] == 3).all()
    assert (model.looks[:, gone] == 0).all()
    assert model.looks[:, kept] == pytest.approx(world.KEPT)


def test_the_same_seed_has_the_same_nights_and_slots_that_are_drawn_cost_at_first() -> None:
    never, again = (list(nights(Fixed(None), 7, 3, 200)) for _ in range(2))
    assert never == again
    drawn = list(nights(Fixed({"policy": "uniform", "slots": [1, 2, 3, 4, 5]}), 7, 3, 200))
    assert drawn[0] < never[0]


@pytest.mark.parametrize("name", POLICIES)
def test_every_policy_gives_each_user_five_items_that_differ(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reinforce, "STEPS", 0)  # the lists of one that has learned nothing have the same form
    seen: list[tuple[np.ndarray, np.ndarray]] = []
    policy = POLICIES[name]()
    make = policy.lists

    def lists(tonight: object) -> tuple[np.ndarray, np.ndarray]:
        seen.append(make(tonight))  # type: ignore[arg-type]
        return seen[-1]

    policy.lists = lists  # type: ignore[method-assign]
    assert len(list(nights(policy, 8, 2, 60))) == 2
    for items, chance in seen:
        assert items.shape == chance.shape == (60, 5)
        assert (np.diff(np.sort(items, axis=1), axis=1) > 0).all()
        assert ((chance > 0) & (chance <= 1)).all()
        if "all slots" not in name:  # these draw whole lists
            assert (chance[:, :4] == 1).all()


def test_how_far_one_is_above_another_is_a_t_test_over_seeds() -> None:
    """Of .01, .02, .03: t = 2 sqrt(3), and with two degrees of freedom p = 1 - t / sqrt(2 + t^2)."""
    assert above("x", np.array([0.01, 0.02, 0.03])) == f"x: +2.0 points, p = {1 - (12 / 14) ** 0.5:.2g}"
    assert above("x", np.zeros(3)) == "x: +0.0 points, p = 1"


def test_what_is_learned_is_counted_from_drawn_slots_alone() -> None:
    policy = Learned(LAST)
    shown, chance = np.array([[1, 2], [1, 3]]), np.array([[1, 0.5], [1, 0.2]])
    policy.see(np.array([0, 4]), shown, chance, np.array([[True, True], [True, False]]))
    assert (policy.slots.sum(), policy.slots[0, 2], policy.slots[4, 3]) == (2, 1, 1)
    assert (policy.clicks.sum(), policy.clicks[0, 2]) == (1, 1)
    policy.begin(np.array([3]))
    assert policy.slots[4, 3] == 0
    assert 0.9 < policy.slots[0, 2] < 1
