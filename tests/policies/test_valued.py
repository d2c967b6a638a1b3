"""What drawn slots say of items by a reward that is the user's: against the truth, and against least squares."""

import numpy as np
import pytest

from pipeline.policies import learned, valued
from pipeline.policies.valued import Slots
from pipeline.publication import thompson
from pipeline.publication.exploring import Exploration
from pipeline.publication.surfaces import Block
from pipeline.settings.sections.publication import Explore

ITEMS, USERS = 40, 4_000
BAIT = np.arange(ITEMS) < 10
"""Clicked more than the others, and their users come back less."""


def shop(seed: int, number: int, drawn_by_habit: bool = False) -> tuple[Slots, np.ndarray, np.ndarray]:
    """Slots, what items are truly worth in days on which their users come back, and how often they are clicked."""
    rng = np.random.default_rng(seed)
    habit = rng.gamma(1.0, 1.0, USERS)
    worth = np.where(BAIT, -0.3, rng.normal(0, 0.1, ITEMS))
    odds = rng.normal(-2.5, 0.4, ITEMS) + 1.2 * BAIT
    user, item = rng.integers(0, USERS, number), rng.integers(0, ITEMS, number)
    if drawn_by_habit:  # who comes often is shown the last items more
        often = habit[user] > np.median(habit)
        item = np.where(often, rng.integers(ITEMS // 2, ITEMS, number), item)
    said = odds[item] - odds.mean() + rng.normal(0, 0.3, number)
    reward = 1 + habit[user] + worth[item] + rng.normal(0, 1.0, number)
    return Slots(item, reward, said, habit[user], np.ones(number)), worth, odds


@pytest.mark.parametrize("drawn_by_habit", [False, True])
def test_items_are_found_as_they_are(drawn_by_habit: bool) -> None:
    """Also where those who would come anyway are shown other items than the rest."""
    slots, worth, odds = shop(1, 60_000, drawn_by_habit)
    found = valued.learn(slots, ITEMS)
    value = found.effects + found.slope * (odds - odds.mean())
    off = (value - value.mean()) - (worth - worth.mean())
    assert np.sqrt((off**2).mean()) < 0.06
    assert (abs(off) < 3.5 * np.maximum(found.deviation, 0.02)).all()
    assert found.spread == pytest.approx(worth.std(), rel=0.5)


def test_with_many_slots_it_is_least_squares() -> None:
    slots, _, _ = shop(2, 200_000)
    found = valued.learn(slots, ITEMS)
    dummies = np.eye(ITEMS)[slots.item]
    every = np.column_stack([dummies, slots.before, slots.said])
    direct = np.linalg.lstsq(every, slots.reward, rcond=None)[0]
    mean_said = np.bincount(slots.item, slots.said, ITEMS) / np.bincount(slots.item, minlength=ITEMS)
    mine, theirs = found.effects + found.slope * mean_said, direct[:ITEMS] + direct[-1] * mean_said
    assert mine - mine.mean() == pytest.approx(theirs - theirs.mean(), abs=0.02)


def test_an_item_of_few_slots_is_drawn_towards_what_the_ranker_says() -> None:
    slots, _, _ = shop(3, 20_000)
    seen = slots.item < ITEMS - 2
    few = Slots(*(a[seen] for a in (slots.item, slots.reward, slots.said, slots.before, slots.weight)))
    found = valued.learn(few, ITEMS)
    assert found.effects[-2:].tolist() == [0, 0]
    assert found.deviation[-2:] == pytest.approx([found.spread] * 2)
    assert (found.deviation[:-2] < 0.5 * found.spread).all()
    assert found.slots == seen.sum()


def test_before_anything_is_seen_the_ranker_decides_and_little_is_drawn() -> None:
    nothing = Slots(*(np.zeros(0, kind) for kind in (np.int64, *[np.float64] * 4)))
    belief = valued.learn(nothing, ITEMS).belief
    assert belief.slope > 0
    assert not belief.shift.any()
    assert belief.deviation / belief.slope == pytest.approx(np.hypot(learned.USUAL_SPREAD, learned.PERSONAL))
    assert belief.opened == learned.LEAST_SHARE


def test_what_is_clicked_and_regretted_is_drawn_by_clicks_and_not_by_visits() -> None:
    slots, _, odds = shop(4, 40_000)
    rng = np.random.default_rng(5)
    clicked = rng.random(len(slots.item)) < 1 / (1 + np.exp(-odds[slots.item]))
    counts = [np.bincount(slots.item, of, ITEMS) for of in (slots.weight, clicked.astype(float))]
    actions, chances = np.full(ITEMS, 20.0), 1 / (1 + np.exp(-odds))
    by_clicks = learned.blend(learned.learn(*counts), odds, actions)
    by_visits = valued.learn(slots, ITEMS).belief
    order = np.argsort(-chances, kind="stable").astype(np.int32)
    users = 2_000
    pool = Block(
        np.tile(order, (users, 1)),
        np.tile(chances[order].astype(np.float32), (users, 1)),
        np.zeros((users, ITEMS), np.int8),
    )
    block = Block(*(a[:, :2] for a in (pool.items, pool.scores, pool.sources)))
    bait = {}
    for name, belief in (("clicks", by_clicks), ("visits", by_visits)):
        given = Explore(slots=(2,), policy="learned", reward="clicks" if name == "clicks" else "visits")
        by = Exploration.of(given, name, np.zeros(ITEMS, bool), actions, (), belief=belief)
        made, _ = by.draw(block, pool, np.zeros((users, 2), bool), np.arange(users))
        bait[name] = BAIT[made.items[:, 1]].mean()
    assert bait["clicks"] > 0.9
    assert bait["visits"] < 0.05


def test_a_slope_of_one_is_what_there_was() -> None:
    scores = np.random.default_rng(0).random((3, 7)).astype(np.float32)
    assert (1.0 * thompson.log_odds(scores) == thompson.log_odds(scores)).all()


def test_a_reward_is_for_the_policy_that_learns() -> None:
    with pytest.raises(ValueError, match="'uniform' learns by none"):
        Explore(slots=(1,), reward="visits")
