"""Nights on which nothing happened keep all of history: the sums spelled out in Python, and the published check."""

from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.features import read
from pipeline.ground.errors import GateError
from tests.features.made_up import NIGHT, brute_force, build, config_at, known, made_up, number, write_lake
from tests.small_shop import go, shop


@pytest.mark.parametrize("closed", [1, 3])
def test_nights_without_events_forget_nothing(tmp_path: Path, closed: int) -> None:
    """The last day with events is `closed` days before the night: pairs, their numbers and targets are all there."""
    events = made_up(number(NIGHT) + 1 - closed, late=False)
    config = config_at(tmp_path)
    write_lake(config, events)
    tonight = read.read_cutoffs(build(config))[0]
    assert max(e["arrived"] for e in events) == number(NIGHT - timedelta(days=closed))
    users, items = known(events, "user_id", NIGHT), known(events, "item_id", NIGHT)
    expected = brute_force(events, NIGHT, NIGHT)
    found = {(users[r["user_index"]], items[r["item_index"]]): r for r in tonight.interactions().to_pylist()}
    assert set(found) == set(expected)
    for pair, row in found.items():
        assert {name: row[name] for name in expected[pair]} == pytest.approx(expected[pair], rel=1e-6, abs=1e-12)
    assert [users[u] for u in tonight.targets()] == [u for u in users if any(u == owner for owner, _ in expected)]
    per_user = [sum(u == owner for owner, _ in expected) for u in users]
    assert tonight.user_stats().column("items").to_pylist() == per_user


def test_a_history_that_lost_a_pair_is_not_published(tmp_path: Path) -> None:
    """The check has its numbers from the users' statistics, not from the table that has lost the pair."""
    made = shop(tmp_path).write()
    path = made.folder("features") / f"cutoff={made.night}" / "interactions.parquet"
    history = pq.read_table(path)
    oldest = history.column("first_age").to_pylist().index(40)
    pq.write_table(history.take([n for n in range(len(history)) if n != oldest]), path)
    with pytest.raises(GateError, match="user u2 has acted on 2 items, the interactions know 1 of them"):
        go(made)
