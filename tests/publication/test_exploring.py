"""Slots that are drawn: the chances are those of the draws, and every rule of the list still holds."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from pipeline.publication.exploring import Exploration
from pipeline.publication.surfaces import Block, Cap
from pipeline.settings.sections.publication import Explore

ITEMS = 12
SCORES = np.linspace(0.9, 0.1, ITEMS).astype(np.float32)
NEW = np.arange(ITEMS) % 5 == 4  # 4 and 9
ACTIONS = np.array([40, 0, 3, 0, 9, 1, 0, 80, 2, 0, 5, 0])


def block(items: Sequence[Sequence[int]]) -> Block:
    array = np.array(items, dtype=np.int32)
    scores = np.where(array >= 0, SCORES[array], -np.inf).astype(np.float32)
    return Block(array, scores, np.zeros(array.shape, dtype=np.int8))


def exploration(caps: Sequence[Cap] = (), seed: int = 7, **settings: Any) -> Exploration:
    return Exploration(Explore.model_validate(settings), seed, NEW, ACTIONS, caps)


def alike(users: int, k: int = 5, top: int = 8) -> tuple[Block, Block]:
    """The same list and the same choices for many users, whose draws differ."""
    return block([list(range(k))] * users), block([list(range(top))] * users)


def weight(policy: str, item: int, temperature: float) -> float:
    if policy == "softmax":
        return float(SCORES[item]) ** (1 / temperature)
    return float(NEW[item]) if policy == "new" else 1.0


def chances(shown: Sequence[int], settings: dict[str, Any], k: int = 5, top: int = 8) -> list[float]:
    """Worked slot by slot, without a cap: of each of the list's ranks."""
    slots, share = sorted(settings["slots"]), settings.get("share", 1.0)
    fixed = {rank - 1 for rank in range(1, k + 1) if rank not in slots}
    left = [slot - 1 for slot in slots] + list(range(k, top))
    found = [1.0] * k
    for slot in slots:
        weights = {item: weight(settings["policy"], item, settings.get("temperature", 1.0)) for item in left}
        total, item = sum(weights.values()), shown[slot - 1]
        drawn = share if total > 0 else 0.0
        found[slot - 1] = (drawn * weights[item] / total if total > 0 else 0.0) + (1 - drawn) * (item == left[0])
        left.remove(item)
    assert not fixed & set(left)
    return found


SETTINGS = [
    {"policy": "uniform", "slots": [2, 4]},
    {"policy": "uniform", "slots": [5], "share": 0.3},
    {"policy": "softmax", "slots": [1, 3], "temperature": 0.5},
    {"policy": "softmax", "slots": [4, 2], "share": 0.5},
    {"policy": "new", "slots": [1, 2, 5]},  # the fourth, there, and the ninth, too far down
]
THOMPSON = {"policy": "thompson", "slots": [2, 4], "share": 0.9, "temperature": 2.0}


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_chances_are_worked_by_hand(settings: dict[str, Any]) -> None:
    lists, pool = alike(300)
    made, chance = exploration(**settings).draw(lists, pool, np.zeros(lists.items.shape, bool), np.arange(300))
    for items, of in zip(made.items.tolist(), chance, strict=True):
        assert of == pytest.approx(chances(items, settings)), items


@pytest.mark.parametrize("settings", [*SETTINGS[:4], THOMPSON])
def test_a_list_is_drawn_as_often_as_it_says(settings: dict[str, Any]) -> None:
    users = 40_000
    lists, pool = alike(users)
    made, chance = exploration(**settings).draw(lists, pool, np.zeros(lists.items.shape, bool), np.arange(users))
    often = Counter(map(tuple, made.items.tolist()))
    told = {tuple(items): float(of.prod()) for items, of in zip(made.items.tolist(), chance, strict=True)}
    assert sum(told.values()) == pytest.approx(1), "all lists that can be drawn"
    for items, expected in told.items():
        error = (expected * (1 - expected) / users) ** 0.5
        assert abs(often[items] / users - expected) < 4.5 * error


def test_a_slot_is_drawn_as_by_a_sample_of_every_item() -> None:
    """Thompson sampling done literally: one value from each, the greatest is shown."""
    lists, pool = alike(1)
    settings = {"policy": "thompson", "slots": [3], "temperature": 1.5}
    rng, many = np.random.default_rng(4), 200_000
    left = [2, 5, 6, 7]  # what the slots that are not drawn do not show
    means = np.log(SCORES[left].astype(float) / (1 - SCORES[left]))
    values = rng.normal(means, 1.5 / np.sqrt(1 + ACTIONS[left]), (many, len(left)))
    often = np.bincount(values.argmax(axis=1), minlength=len(left)) / many
    found = {}
    for seed in range(60):
        made, chance = exploration(seed=seed, **settings).draw(lists, pool, np.zeros((1, 5), bool), np.arange(1))
        found[int(made.items[0, 2])] = float(chance[0, 2])
    assert len(found) > 1
    for item, chance in found.items():
        assert chance == pytest.approx(often[left.index(item)], abs=0.006)


def test_draws_follow_from_run_user_and_item_alone() -> None:
    lists, pool = alike(50)
    users, pinned = np.arange(50), np.zeros((50, 5), dtype=bool)
    whole, chance = exploration(slots=[2, 4]).draw(lists, pool, pinned, users)
    some = np.array([40, 3, 17])
    part, of = exploration(slots=[2, 4]).draw(
        Block(lists.items[some], lists.scores[some], lists.sources[some]),
        Block(pool.items[some], pool.scores[some], pool.sources[some]),
        pinned[some],
        some,
    )
    assert part.items.tolist() == whole.items[some].tolist()
    assert of.tolist() == chance[some].tolist()
    other, _ = exploration(slots=[2, 4], seed=8).draw(lists, pool, pinned, users)
    assert (other.items != whole.items).any()


@pytest.mark.parametrize("policy", ["uniform", "softmax", "thompson", "new"])
def test_every_rule_of_a_list_holds(policy: str) -> None:
    """Random lists that keep two caps, with pinned and absent items: what is drawn keeps them; no list is shorter."""
    rng = np.random.default_rng(3)
    caps = [Cap(rng.integers(-1, groups, ITEMS).astype(np.int32), most) for groups, most in ((4, 2), (6, 1))]
    users, k, top = 400, 6, 10
    lists, pool = np.full((users, k), -1), np.full((users, top), -1)
    for user in range(users):
        order = rng.permutation(ITEMS)
        counts: Counter[tuple[int, int]] = Counter()
        kept = []
        for item in order:
            groups = [(n, int(cap.groups[item])) for n, cap in enumerate(caps) if cap.groups[item] >= 0]
            if all(counts[group] < caps[group[0]].most for group in groups):
                counts.update(groups)
                kept.append(item)
        length = rng.integers(0, k + 1)
        lists[user, : len(kept[:length])] = kept[:length]
        pool[user, :8] = rng.permutation(ITEMS)[:8]
    given, choices = block(lists.tolist()), block(pool.tolist())
    given = Block(given.items, np.sort(given.scores, axis=1)[:, ::-1], given.sources)
    pinned = rng.random((users, k)) < 0.2
    made, chance = exploration(caps, policy=policy, slots=[1, 3, 4, 6], share=0.8).draw(
        given, choices, pinned, np.arange(users)
    )
    stays = np.broadcast_to(~np.isin(np.arange(1, k + 1), [1, 3, 4, 6]), pinned.shape) | pinned | (given.items < 0)
    assert (made.items[stays] == given.items[stays]).all()
    assert (chance[stays] == 1).all()
    assert ((made.items >= 0) == (given.items >= 0)).all()
    assert ((chance > 0) & (chance <= 1)).all()
    assert not any(cap.exceeded(made.items, made.items >= 0).any() for cap in caps)
    assert (np.diff(np.where(made.items >= 0, made.scores, -1), axis=1) <= 0).all()
    for items, own, there in zip(made.items, given.items, choices.items, strict=True):
        shown = items[items >= 0]
        assert len(set(shown)) == len(shown)
        assert set(shown) <= {*own, *there}
    assert (made.items != given.items).any()


def test_settings_that_make_no_sense() -> None:
    for wrong in (
        {"slots": []},
        {"slots": [1, 1]},
        {"slots": [0]},
        {"slots": [1], "share": 0},
        {"slots": [1], "top": 0},
    ):
        with pytest.raises(ValueError, match=r"slots|share|top"):
            Explore.model_validate(wrong)
