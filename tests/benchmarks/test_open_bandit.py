"""Policies that learn from a uniform log: rates worked by hand, and nothing learned from what judges."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.open_bandit.__main__ import Judged, days_of, slots_of, together
from benchmarks.open_bandit.policies import POLICIES, Slots, by_weights, one_hot, reinforced, sources
from pipeline.policies.logged import Logged


def slots(days: int = 3, users: int = 2, items: int = 4) -> Slots:
    """Every item ten times a day, the last clicked half of the time by the last kind of user, else nothing is."""
    number = items * 10
    item = np.tile(np.repeat(np.arange(items), 10), days)
    kind = np.tile(np.arange(10) % users, items * days)
    click = ((item == items - 1) & (kind == users - 1)).astype(float)
    day = np.repeat(np.arange(1, days + 1), number)
    return Slots(item, day, click, one_hot([kind]), one_hot([np.arange(items) // 2]))


def test_rates_are_drawn_towards_everybodys_by_a_click() -> None:
    mean = (15 + 1) / (120 + 20)
    assert slots().rates() == pytest.approx([1 / (30 + 1 / mean)] * 3 + [16 / (30 + 1 / mean)])


@pytest.mark.parametrize("name", POLICIES)
def test_chances_of_every_policy_are_of_all_items(name: str) -> None:
    known = slots()
    found = POLICIES[name](known, known.users[:7])
    assert found.shape == (7, 4)
    assert found.min() >= 0
    assert found.sum(axis=1) == pytest.approx(np.ones(7))
    if name != "uniform" and "weights" not in name:  # these stay where they are with so few slots
        assert (found[1].argmax(), found[1, 3] > 0.3) == (3, True)


def test_a_linear_model_tells_users_apart() -> None:
    known = slots(days=30)
    other = (known.item == 0) & (known.users[:, 0] == 1)
    known = replace(known, click=np.maximum(known.click, other))  # the first item is the other users'
    assert POLICIES["linear, Thompson"](known, np.eye(2)).argmax(axis=1).tolist() == [0, 3]
    assert POLICIES["LinUCB"](known, np.eye(2)).argmax(axis=1).tolist() == [0, 3]


def test_reinforce_takes_the_steps_of_the_sum_over_slots() -> None:
    """One kind of user: two steps worked item by item; with top = 3 a step is 3 (1 - chance)^2 of it."""
    known = replace(slots(users=1), users=np.zeros((120, 0)))
    for top in (1, 3):
        scores = np.zeros(4)
        for _ in range(2):
            chances = np.exp(scores) / np.exp(scores).sum()
            worth = 4 * chances[3] * top * (1 - chances[3]) ** (top - 1)  # all clicks are the last item's
            scores = scores + 0.1 * worth * (np.eye(4)[3] - chances)
        expected = np.exp(scores) / np.exp(scores).sum()
        assert reinforced(known, np.zeros((1, 0)), top=top, steps=2)[0] == pytest.approx(expected)
    nothing = replace(known, click=np.zeros(120))
    assert reinforced(nothing, np.zeros((1, 0)))[0] == pytest.approx([0.25] * 4)


def test_weights_stay_at_the_logs_policy_until_the_log_supports_a_step() -> None:
    many = slots(days=4)
    many = Slots(*(np.repeat(of, 40, axis=0) for of in (many.item, many.day, many.click, many.users)), many.items)
    found = by_weights(many, np.zeros((1, 2)))[0]
    assert found.argmax() == 3
    assert 0.3 < found[3] < 0.9
    assert by_weights(slots(days=4), np.zeros((1, 2)))[0].tolist() == [0.25] * 4
    never = replace(many, click=np.zeros(len(many.item)))
    assert by_weights(never, np.zeros((1, 2)), guarded=False)[0] == pytest.approx([0.25] * 4)


def test_sources_are_rates_of_the_item_of_its_words_and_of_the_last_day() -> None:
    known = slots(days=2)
    found = sources(replace(known, click=known.click * (known.day == 1)))
    assert found.sum(axis=0) == pytest.approx(0)
    assert found[:, 2] == pytest.approx(0)  # nothing was clicked on the last day
    assert found[3, 0] - found[0, 0] == pytest.approx(np.log(6))  # five clicks and one, of as many slots
    assert found[3, 1] - found[0, 1] == pytest.approx(np.log((5 + 1) / 1))
    assert found[2, 1] == pytest.approx(found[3, 1])  # of the same word


def test_a_day_is_judged_by_what_the_days_before_taught() -> None:
    known = slots(days=2)
    seen: list[int] = []

    def policy(past: Slots, users: np.ndarray) -> np.ndarray:
        seen.append(int(past.day.max()))
        return np.full((len(users), 4), 0.25)

    parts = list(days_of(known, 2, policy))
    assert seen == [1]
    assert [len(part.reward) for part in parts] == [40]
    whole = together([*parts, *parts])
    assert len(np.unique(whole.user)) == len(whole.reward) == 80


def test_a_policy_that_shows_one_item_is_refused_and_so_many_slots_would_tell() -> None:
    rng = np.random.default_rng(0)
    click, chance = (rng.random(4000) < 0.1).astype(float), np.full(4000, 0.1)
    uniform = Logged(click, chance, chance, np.arange(4000))
    one = Logged(click, chance, (np.arange(4000) % 10 == 0).astype(float), np.arange(4000))
    assert Judged.of(one, uniform, 100).verdict == "refused"
    half = Logged(click, chance, np.where(np.arange(4000) % 2, 0.05, 0.15), np.arange(4000))
    found = Judged.of(half, uniform, 100)
    assert found.verdict == "no verdict"
    assert found.needed(0.1) == pytest.approx(4000 * ((found.more.high - found.more.low) / 0.02) ** 2)


def test_a_log_is_read_by_policy_and_campaign_in_the_order_of_time(tmp_path: Path) -> None:
    begin, number = datetime(2019, 11, 24, tzinfo=UTC), 12
    log = {
        "policy": ["random", "random", "bts"] * 4,
        "campaign": ["men"] * 6 + ["all"] * 6,
        "row": list(range(number)),
        "timestamp": [begin + timedelta(hours=13 * (number - n)) for n in range(number)],
        "item_id": [n % 3 for n in range(number)],
        "click": [n % 2 for n in range(number)],
        "user_feature_0": ["a", "b"] * 6,
    }
    items = {"campaign": ["men"] * 3, "item_id": [2, 1, 0], "item_feature_0": [0.5] * 3, "item_feature_1": list("xyy")}
    pq.write_table(pa.table(log), tmp_path / "impressions.parquet")
    pq.write_table(pa.table(items), tmp_path / "items.parquet")
    found = slots_of(tmp_path, "men", "random")
    assert found.item.tolist() == [1, 0, 1, 0]  # rows 4, 3, 1, 0
    assert found.day.tolist() == [1, 1, 2, 3]  # 104, 117, 143 and 156 hours after the beginning
    assert found.click.tolist() == [0, 1, 1, 0]
    assert found.users[:, 0].tolist() == [1, 0, 0, 1]
    assert found.items.tolist() == [[0, 1], [0, 1], [1, 0]]
