"""The chance of standing in a list, against a sum over all ways in which its slots can be drawn, and against draws."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from pipeline.publication import listing
from pipeline.publication.listing import Left
from pipeline.publication.surfaces import Block, Cap
from tests.publication.test_exploring import THOMPSON, alike, block, exploration


def by_hand(weights: Sequence[float], slots: int, share: float) -> list[float]:
    """Every way to fill the slots, one after the other, from items that are all open, the best first."""
    found = [0.0] * len(weights)

    def fill(left: list[int], slots: int, chance: float) -> None:
        if not slots:
            for item in set(range(len(weights))) - set(left):
                found[item] += chance
            return
        total = sum(weights[item] for item in left)
        drawn = share if total > 0 else 0.0
        for item in left:
            here = (drawn * weights[item] / total if total > 0 else 0.0) + (1 - drawn) * (item == left[0])
            if here > 0:
                fill([other for other in left if other != item], slots - 1, chance * here)

    fill(list(range(len(weights))), slots, 1.0)
    return found


WEIGHTS = ([1.0] * 6, [0.5, 0.25, 0.125, 0.1, 0.02, 0.001], [0.0, 1, 0, 1, 0, 0], [0.0, 0, 0, 1, 0, 0], [0.0] * 6)


@pytest.mark.parametrize("share", [1.0, 0.5, 0.01])
@pytest.mark.parametrize("slots", [1, 2])
@pytest.mark.parametrize("weights", WEIGHTS)
def test_one_and_two_slots(weights: Sequence[float], slots: int, share: float) -> None:
    closed = np.array([[True, False, *[True] * 5]])  # what stands elsewhere
    spread = np.array([[weights[0], 0, *weights[1:]]])
    found = listing.way("softmax", capped=False)[1](Left(closed, spread, np.array([slots]), share))
    assert found[0][closed[0]] == pytest.approx(by_hand(weights, slots, share), abs=1e-12)
    assert found[0, 1] == 0


@pytest.mark.parametrize("share", [1.0, 0.5, 0.01])
def test_any_number_of_uniform_slots(share: float) -> None:
    can = np.array([[True, False, *[True] * 5]] * 6)
    slots = np.arange(1, 7)
    found = listing.uniform(Left(can, can.astype(float), slots, share))
    for row, number in enumerate(slots):
        assert found[row][can[row]] == pytest.approx(by_hand([1.0] * 6, int(number), share), abs=1e-12)


def test_small_weights_are_not_lost_beside_a_great_one() -> None:
    weights = [1.0, 1e-20, 3e-20]
    found = listing.two(Left(np.ones((1, 3), bool), np.array([weights]), np.array([2]), 1.0))
    assert found[0] == pytest.approx([1, 0.25, 0.75])


SETTINGS = [
    {"policy": "uniform", "slots": [2, 4]},
    {"policy": "uniform", "slots": [1, 3, 4, 5], "share": 0.3},
    {"policy": "softmax", "slots": [1, 3], "temperature": 0.5, "share": 0.7},
    {"policy": "softmax", "slots": [1, 2, 5], "temperature": 0.5},
    {"policy": "new", "slots": [1, 2, 5], "share": 0.5},
    THOMPSON,
]
CAP = Cap(np.array([0, 0, 1, 1, 2, 0, 1, -1, 2, -1, -1, -1], dtype=np.int32), 2)


@pytest.mark.parametrize("caps", [(), (CAP,)], ids=["free", "capped"])
@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.few(3)
def test_items_stand_in_lists_as_often_as_is_said(settings: dict[str, Any], caps: Sequence[Cap]) -> None:
    """Also where slots above the last are taken as they were drawn, and where a category is full."""
    users = 30_000
    lists, pool = alike(users, k=5, top=11)
    pinned = np.zeros(lists.items.shape, dtype=bool)
    pinned[::3, 4] = True
    drawing = exploration(caps, record=1.0, **settings)
    made, _, among = drawing.draw_among(lists, pool, pinned, np.arange(users))
    assert among.rows.tolist() == list(range(users))
    there = (among.items[:, :, None] == made.items[:, None, :]).any(axis=2)
    assert (there == among.listed)[among.open].all()
    for item in range(11):
        mine = among.open & (among.items == item)
        off = among.listed[mine] - among.chance[mine]
        error = max((among.chance[mine] * (1 - among.chance[mine])).sum(), 1e-9) ** 0.5
        assert abs(off.sum()) < 4.5 * error, item
    assert among.open.any()
    fixed = made.items[:, [r for r in range(5) if r + 1 not in settings["slots"]]]
    assert not (among.open[:, :, None] & (among.items[:, :, None] == fixed[:, None, :])).any()
    assert not (among.open & (among.items == 4))[pinned[:, 4]].any(), "what is pinned is no trial"


def test_drawing_is_the_same_whether_it_is_recorded_and_a_share_of_users_is() -> None:
    lists, pool = alike(2_000)
    pinned = np.zeros(lists.items.shape, dtype=bool)
    plain, chance = exploration(slots=[2, 4]).draw(lists, pool, pinned, np.arange(2_000))
    drawing = exploration(slots=[2, 4], record=0.3)
    made, of, among = drawing.draw_among(lists, pool, pinned, np.arange(2_000))
    assert (made.items.tolist(), of.tolist()) == (plain.items.tolist(), chance.tolist())
    assert 500 < len(among.rows) < 700
    some = np.arange(2_000)[5:900:7]
    part = [Block(b.items[some], b.scores[some], b.sources[some]) for b in (lists, pool)]
    again = drawing.draw_among(*part, pinned[some], some)[2]
    assert some[again.rows].tolist() == [user for user in some if user in set(among.rows.tolist())]


def test_short_lists_have_nothing_to_tell() -> None:
    lists, pool = block([[0, 1, -1, -1], [-1, -1, -1, -1]]), block([[0, 1, -1], [-1, -1, -1]])
    drawing = exploration(slots=[2, 4], record=1.0)
    among = drawing.draw_among(lists, pool, np.zeros((2, 4), bool), np.arange(2))[2]
    assert not among.open.any()
