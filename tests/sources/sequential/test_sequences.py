"""Sequences against loops over users."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.features.read import read_cutoffs
from pipeline.sources.sequential import sequences
from pipeline.sources.sequential.sequences import ActionLog
from tests.sources import shop

RNG = np.random.default_rng(2)


def made_up(users: int = 9, items: int = 12, actions: int = 80) -> ActionLog:
    """Distinct (user, item, age) in order; user 4 has one basket only, user 7 nothing."""
    rows = {(int(u), -int(a), int(i)) for u, a, i in RNG.integers(0, (users, 6, items), (actions, 3)) if u != 7}
    rows = {(u, -3 if u == 4 else a, i) for u, a, i in rows}
    u, a, i = np.array(sorted(rows), dtype=np.int32).T
    return ActionLog(u, i, -a)


ACTIONS = made_up()


def of_user(user: int) -> list[tuple[int, int]]:
    mine = ACTIONS.users == user
    return list(zip(ACTIONS.ages[mine].tolist(), ACTIONS.items[mine].tolist(), strict=True))


@pytest.mark.parametrize("length", [1, 4, 50])
def test_the_latest_actions_stand_at_the_end(length: int) -> None:
    users = np.array([0, 3, 4, 7, 8])
    items, ages = sequences.latest(ACTIONS, users, length)
    for row, user in enumerate(users):
        expected = of_user(int(user))[-length:]
        assert [x for x in items[row].tolist() if x >= 0] == [item for _, item in expected]
        assert ages[row][items[row] >= 0].tolist() == [age for age, _ in expected]
        assert (items[row, : length - len(expected)] == -1).all()


def test_a_few_users_have_what_they_have_among_all() -> None:
    every = sequences.latest(ACTIONS, np.arange(ACTIONS.users.max() + 3), 4)
    for users in ([], [3], [4, 8], [7], [0, ACTIONS.users.max()], [ACTIONS.users.max() + 2]):
        found = sequences.latest(ACTIONS, np.array(users, dtype=np.int32), 4)
        for some, all_of_them in zip(found, every, strict=True):
            assert np.array_equal(some, all_of_them[users])


@pytest.mark.parametrize("new_only", [False, True])
@pytest.mark.parametrize("baskets", [1, 2, 9])
def test_every_basket_but_the_first_is_asked_for(baskets: int, new_only: bool) -> None:
    found = sequences.sequences_of(ACTIONS, 50, baskets, new_only)
    asked = found.asked.ravel()
    for row, user in enumerate(found.users.tolist()):
        ages = sorted({age for age, _ in of_user(user)}, reverse=True)[1:][-baskets:]
        assert [a for a in found.asked[row].tolist() if a >= 0] == ages
    for slot, age in enumerate(asked.tolist()):
        wanted = found.wanted[found.starts[slot] : found.starts[slot + 1]].tolist()
        user = int(found.users[slot // baskets])
        before = {item for a, item in of_user(user) if a > age and new_only}
        assert wanted == [item for a, item in of_user(user) if a == age and item not in before]
    assert not {4, 7} & set(found.users.tolist())


def test_nobody_has_no_sequences() -> None:
    nobody = ActionLog(*(np.empty(0, dtype=np.int32) for _ in range(3)))
    found = sequences.sequences_of(nobody, 5, 2)
    assert len(found.users) == len(found.wanted) == 0
    assert found.items.shape == (0, 5)


def test_actions_are_the_first_and_last_day_of_every_pair(tmp_path: Path) -> None:
    config = shop.config_for(tmp_path)
    first = np.array([[9, 0, 4], [0, 7, 0]], dtype=np.float32)
    features = shop.write_features(config.lake, {shop.NIGHT: first})
    cutoff = read_cutoffs(features)[0]
    rows = cutoff.interactions()
    for name, ages in (("first_age", [9.0, 4.0, 7.0]), ("last_age", [2.0, 4.0, 7.0])):
        rows = rows.set_column(rows.schema.names.index(name), rows.schema.field(name), pa.array(ages, pa.float32()))
    pq.write_table(rows, cutoff.folder / "interactions.parquet")
    found = sequences.action_log(cutoff)
    assert list(zip(*(x.tolist() for x in (found.users, found.items, found.ages)), strict=True)) == [
        (0, 0, 9),
        (0, 2, 4),
        (0, 0, 2),
        (1, 1, 7),
    ]
