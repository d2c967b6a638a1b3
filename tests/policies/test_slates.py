"""Lists: sums worked by hand, and shops in which each assumption holds."""

import numpy as np
import pytest

from benchmarks.off_policy import softmax
from pipeline.policies import intervals, slates
from pipeline.policies.slates import Slates

TWO = Slates(
    reward=np.tile([[1.0, 0.0], [0.0, 1.0]], (2, 1)),
    chance=np.tile([[0.5, 0.5], [0.25, 0.5]], (2, 1)),
    target=np.tile([[0.25, 1.0], [0.5, 0.25]], (2, 1)),
    user=np.array([1, 2, 3, 4]),
)  # twice weights [.5, 2], [2, .5]; down to [.5, 1], [2, 1]; of four lists weights go up to 2


def test_sums_worked_by_hand() -> None:
    assert slates.item_position(TWO).value == pytest.approx((0.5 + 0.5) / 2)
    assert slates.pseudo_inverse(TWO).value == pytest.approx((1.5 + 1.5) / 2)
    assert slates.reward_interaction(TWO).value == pytest.approx((0.5 + 1.0) / 2)
    shown, judged = np.tile([[0.6, 0.3], [0.4, 0.2]], (2, 1)), np.tile([[0.5, 0.25], [0.5, 0.25]], (2, 1))
    # .5 x (1 - .6) + 1 x (0 - .3) + 1 x .5 + .5 x .25; 2 x (0 - .4) + 1 x (1 - .2) + 1 x .5 + 2 x .25
    first, second = 0.2 - 0.3 + 0.5 + 0.125, -0.8 + 0.8 + 0.5 + 0.5
    assert slates.cascade_doubly_robust(TWO, shown, judged).value == pytest.approx((first + second) / 2)


def test_lists_are_put_together_from_their_slots() -> None:
    reward, chance = np.array([1.0, 0, 1, 0, 1]), np.array([0.5, 0.25, 0.5, 0.2, 0.1])
    target, user, place = np.array([1.0, 0, 1, 1, 0]), np.array([7, 7, 8, 9, 9]), np.array([0, 0, 2, 5, 5])
    found = slates.of_slots(reward, chance, target, user, place)
    assert found.reward.tolist() == [[1, 0], [1, 0], [0, 1]]
    assert found.chance.tolist() == [[0.5, 0.25], [0.5, 1], [0.2, 0.1]]
    assert found.target.tolist() == [[1, 0], [1, 1], [1, 0]]
    assert found.user.tolist() == [7, 8, 9]
    # a slot that a list lacks keeps the weight of those above it, and earns nothing; 2 is clipped to the root of three
    assert slates.reward_interaction(found).value == pytest.approx((3**0.5 + 3**0.5 + 0) / 3)
    gain = slates.reward_interaction_difference(found)
    assert gain.above.tolist() == pytest.approx([3**0.5 - 1, 3**0.5 - 1, 0 - 1])
    nobody = np.empty(0)
    assert slates.of_slots(nobody, nobody, nobody, nobody.astype(int), nobody.astype(int)).reward.shape == (0, 0)


ITEMS, SLOTS = 5, 3
LOGGING, JUDGED = softmax(np.zeros(ITEMS)), softmax(np.linspace(0, 1.5, ITEMS))


def lists(number: int, seed: int, cascade: bool) -> tuple[Slates, np.ndarray]:
    """Lists of slots drawn each by itself (an item may stand twice); a user who reads down stops at a click."""
    rng = np.random.default_rng(seed)
    shown = rng.integers(0, ITEMS, (number, SLOTS))
    clicks = rng.random((number, SLOTS)) < APPEAL[shown]
    if cascade:
        clicks &= np.cumsum(clicks, axis=1) == 1
    return Slates(clicks.astype(float), LOGGING[shown], JUDGED[shown], np.arange(number)), shown


APPEAL = np.array([0.02, 0.05, 0.1, 0.2, 0.3])
ALONE = float(JUDGED @ APPEAL)
"""What a slot of the judged policy earns by itself."""


@pytest.mark.parametrize("estimate", [slates.item_position, slates.pseudo_inverse, slates.reward_interaction])
def test_slots_that_count_alone(estimate: object) -> None:
    assert callable(estimate)
    found, _ = lists(20_000, 1, cascade=False)
    known = intervals.interval(estimate(found), 400, 1)
    assert known.low <= SLOTS * ALONE <= known.high


def test_a_user_who_reads_from_the_top_down() -> None:
    """What stands above changes what a slot earns: estimates that look down from the top are right, others are not."""
    found, shown = lists(40_000, 2, cascade=True)
    truth = 1 - (1 - ALONE) ** SLOTS
    right = intervals.interval(slates.reward_interaction(found), 400, 1)
    assert right.low <= truth <= right.high
    wrong = intervals.interval(slates.item_position(found), 400, 1)
    assert not wrong.low <= truth <= wrong.high

    still = np.cumsum(found.reward, axis=1) - found.reward == 0  # nobody has clicked above
    later = np.array([1 - (1 - ALONE) ** (SLOTS - 1 - slot) for slot in range(SLOTS)])
    ahead = np.where(still, APPEAL[shown] + (1 - APPEAL[shown]) * later, 0.0)
    before = np.where(still, ALONE + (1 - ALONE) * later, 0.0)
    helped = intervals.interval(slates.cascade_doubly_robust(found, ahead, before), 400, 1)
    assert helped.low <= truth <= helped.high
    assert helped.high - helped.low < right.high - right.low
