"""The days on which users acted, against the events one by one; of a large shop some users, whom a hash chooses."""

from hashlib import md5
from pathlib import Path

from pipeline.features import days, read
from pipeline.sources.configuration import FullConfig
from tests.features.made_up import NIGHT, WEIGHTS, Event, build, config_at, event, known, made_up, number, write_lake


def test_a_day_is_there_once_for_every_pair_that_acted_on_it(made: tuple[Path, FullConfig, list[Event]]) -> None:
    folder, config, events = made
    users, items = known(events, "user_id", NIGHT), known(events, "item_id", NIGHT)
    for cutoff in read.read_cutoffs(folder):
        by, last = NIGHT if cutoff.role == "run" else config.anchor(NIGHT), number(cutoff.cutoff)
        expected: dict[tuple[int, int, int], bool] = {}
        for e in events:
            day = number(e["event_time"].date())
            if not e["user_id"] or WEIGHTS[e["event_type"]] < 0 or e["arrived"] > number(by) or day > last:
                continue
            user, item = users.index(e["user_id"]), items.index(e["item_id"])
            if user < cutoff.users and item < cutoff.items:
                key = (user, last - day, item)
                expected[key] = expected.get(key, False) or e["event_type"] == "purchase"
        rows = [tuple(row.values()) for row in days.read(cutoff).to_pylist()]
        in_order = sorted(expected, key=lambda key: (key[0], -key[1], key[2]))
        assert rows == [(user, item, age, True, expected[user, age, item]) for user, age, item in in_order]


def test_of_a_large_shop_some_users_are_there_with_all_they_did(tmp_path: Path) -> None:
    write_lake(config_at(tmp_path), made_up())
    everybody = build(config_at(tmp_path))
    whole = {c.cutoff: days.read(c).to_pylist() for c in read.read_cutoffs(everybody)}
    config = config_at(tmp_path / "few", features={"label_users": 12})
    write_lake(config, made_up())
    for cutoff in read.read_cutoffs(build(config)):
        limit = 12 / cutoff.users * 2**128
        chosen = {u for u in range(cutoff.users) if int(md5(f"{config.seed} {u}".encode()).hexdigest(), 16) < limit}
        assert 3 < len(chosen) < cutoff.users
        assert days.read(cutoff).to_pylist() == [r for r in whole[cutoff.cutoff] if r["user_index"] in chosen]


def test_a_goal_that_weighs_nothing_is_there_and_no_action(tmp_path: Path) -> None:
    types = {"view": {"weight": 1.0}, "purchase": {"weight": 0.0, "label": True}, "return": {"weight": -1.0}}
    config = config_at(tmp_path, features={"event_types": types})
    day = number(NIGHT) - 9
    write_lake(config, [event(1, "u", "seen", day, "view"), event(2, "u", "bought", day), event(3, "u", "seen", day)])
    rows = days.read(read.read_cutoffs(build(config))[0]).to_pylist()
    assert [(r["is_action"], r["is_label"]) for r in rows] == [(False, True), (True, True)]
