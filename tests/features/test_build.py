"""Features of a small made-up shop against sums spelled out in Python, and as-of truth to the byte."""

from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from statistics import median

import pyarrow.parquet as pq
import pytest

from pipeline.features import build as features
from pipeline.features import read
from pipeline.ground import schemas
from pipeline.ground.errors import InputError
from pipeline.sources.configuration import FullConfig
from tests.features.made_up import (
    NIGHT,
    START,
    WEIGHTS,
    Event,
    brute_force,
    build,
    config_at,
    event,
    known,
    made_up,
    number,
    write_lake,
)
from tests.tiny_log import rows_of


def test_indices_are_in_order_of_arrival(made: tuple[Path, FullConfig, list[Event]]) -> None:
    folder, _, events = made
    users, items = known(events, "user_id", NIGHT), known(events, "item_id", NIGHT)
    assert [(r["user_index"], r["user_id"]) for r in rows_of(folder, "users")] == list(enumerate(users))
    assert [(r["item_index"], r["item_id"]) for r in rows_of(folder, "items")] == list(enumerate(items))
    for cutoff in read.read_cutoffs(folder):
        assert cutoff.users == len(known(events, "user_id", cutoff.cutoff))
        assert cutoff.items == len(known(events, "item_id", cutoff.cutoff))


def test_cutoffs_are_tonight_and_the_label_windows(made: tuple[Path, FullConfig, list[Event]]) -> None:
    folder, config, _ = made
    cutoffs = read.read_cutoffs(folder)
    assert [(c.role, c.cutoff) for c in cutoffs] == [
        ("run", NIGHT),
        *(("label", day) for day in config.label_cutoffs(NIGHT)),
    ]
    assert cutoffs[1].cutoff + timedelta(days=config.horizon_days) == config.anchor(NIGHT) < NIGHT


def test_interactions_are_the_brute_force_sums(made: tuple[Path, FullConfig, list[Event]]) -> None:
    folder, config, events = made
    users, items = known(events, "user_id", NIGHT), known(events, "item_id", NIGHT)
    for cutoff in read.read_cutoffs(folder):
        arrived_by = NIGHT if cutoff.role == "run" else config.anchor(NIGHT)
        expected = brute_force(events, cutoff.cutoff, arrived_by)
        rows = cutoff.interactions().to_pylist()
        seen = {(users[r["user_index"]], items[r["item_index"]]): r for r in rows}
        old = set(users[: cutoff.users]), set(items[: cutoff.items])
        assert set(seen) == {(u, i) for u, i in expected if u in old[0] and i in old[1]}
        assert [(r["user_index"], r["item_index"]) for r in rows] == sorted(
            (r["user_index"], r["item_index"]) for r in rows
        )
        for pair, found in seen.items():
            for name, value in expected[pair].items():
                assert found[name] == pytest.approx(value, rel=1e-6, abs=1e-12), (pair, name)


def test_a_rating_is_the_mean_value_known_at_the_cutoff(tmp_path: Path) -> None:
    config = config_at(tmp_path)
    days = (number(NIGHT) - 60, number(NIGHT) - 50, number(NIGHT) - 1)
    values = {("u1", "i1"): (4.0, 1.0, 5.0), ("u1", "i2"): (None, 3.5, None), ("u2", "i1"): (None, None, None)}
    events = [
        event(n * 10 + visit, *pair, day) | {"value": value}
        for n, (pair, given) in enumerate(values.items())
        for visit, (day, value) in enumerate(zip(days, given, strict=True))
    ]
    write_lake(config, events)
    tonight, *_, oldest = read.read_cutoffs(build(config))
    expected = [{"user_index": 0, "item_index": 0, "rating": 2.5}, {"user_index": 0, "item_index": 1, "rating": 3.5}]
    assert oldest.ratings().to_pylist() == expected
    assert tonight.ratings().to_pylist() == [expected[0] | {"rating": pytest.approx(10 / 3)}, expected[1]]


def test_item_stats_count_buyers_guests_included(made: tuple[Path, FullConfig, list[Event]]) -> None:
    folder, _, events = made
    bought: dict[str, list[tuple[int, str, float]]] = defaultdict(list)
    for e in events:
        if WEIGHTS[e["event_type"]] > 0 and e["arrived"] <= number(NIGHT):
            age = number(NIGHT) - (e["event_time"].date() - START).days
            bought[e["item_id"]].append((age, e["user_id"] or e["session_id"], e["price"]))
    items = known(events, "item_id", NIGHT)
    stats = read.read_cutoffs(folder)[0].item_stats().to_pylist()
    assert [s["item_index"] for s in stats] == list(range(len(items)))
    for item, stat in zip(items, stats, strict=True):
        for days in (7, 28, 91, 365):
            assert stat[f"buyers_{days}"] == len({buyer for age, buyer, _ in bought[item] if age < days})
        assert stat["buyers_total"] == len({buyer for _, buyer, _ in bought[item]})
        assert stat["first_age"] == max((age for age, _, _ in bought[item]), default=None)
        assert stat["last_age"] == min((age for age, _, _ in bought[item]), default=None)
        prices = [price for age, _, price in bought[item] if age < 91]
        assert stat["price"] == (pytest.approx(median(prices)) if prices else None)


def test_user_stats_add_up(made: tuple[Path, FullConfig, list[Event]]) -> None:
    folder, _, events = made
    mine: dict[str, list[tuple[int, str, float]]] = defaultdict(list)
    for e in events:
        if e["user_id"] and WEIGHTS[e["event_type"]] > 0 and e["arrived"] <= number(NIGHT):
            day = (e["event_time"].date() - START).days
            mine[e["user_id"]].append((day, e["item_id"], e["price"]))
    stats = read.read_cutoffs(folder)[0].user_stats().to_pylist()
    for user, stat in zip(known(events, "user_id", NIGHT), stats, strict=True):
        days = sorted({day for day, _, _ in mine[user]})
        assert (stat["actions"], stat["days_active"]) == (len(mine[user]), len(days))
        assert stat["items"] == len({item for _, item, _ in mine[user]})
        if not days:
            assert stat["last_age"] is stat["basket_items"] is stat["mean_price"] is None
            continue
        assert (stat["first_age"], stat["last_age"]) == (number(NIGHT) - days[0], number(NIGHT) - days[-1])
        baskets = len({(day, item) for day, item, _ in mine[user]}) / len(days)
        assert stat["basket_items"] == pytest.approx(baskets)
        assert stat["mean_price"] == pytest.approx(sum(p for _, _, p in mine[user]) / len(mine[user]))
        interval = (days[-1] - days[0]) / (len(days) - 1) if len(days) > 1 else None
        assert stat["mean_interval"] == (pytest.approx(interval) if interval is not None else None)


def test_labels_are_purchases_of_users_with_a_history(made: tuple[Path, FullConfig, list[Event]]) -> None:
    folder, config, events = made
    users, items = known(events, "user_id", NIGHT), known(events, "item_id", NIGHT)
    for cutoff in read.read_cutoffs(folder)[1:]:
        pairs = {(r["user_index"], r["item_index"]) for r in cutoff.interactions().to_pylist()}
        expected = defaultdict(set)
        for e in events:
            after = (e["event_time"].date() - cutoff.cutoff).days
            if e["user_id"] and e["event_type"] == "purchase" and 0 < after <= config.horizon_days:
                user = users.index(e["user_id"])
                if e["arrived"] <= number(config.anchor(NIGHT)) and user in {u for u, _ in pairs}:
                    expected[user, items.index(e["item_id"])].add(after)
        labels = cutoff.labels().to_pylist()
        assert {(r["user_index"], r["item_index"]): r["count"] for r in labels} == {
            k: len(v) for k, v in expected.items()
        }
        assert all(r["is_new"] == ((r["user_index"], r["item_index"]) not in pairs) for r in labels)
        assert list(cutoff.targets()) == sorted({u for u, _ in expected})


def test_tonights_targets_are_everyone_with_a_history(made: tuple[Path, FullConfig, list[Event]]) -> None:
    tonight = read.read_cutoffs(made[0])[0]
    assert list(tonight.targets()) == sorted(set(tonight.interactions(["user_index"]).column(0).to_pylist()))
    with pytest.raises(InputError, match="no labels"):
        tonight.labels()


def test_actions_to_learn_texts_from_end_before_the_oldest_label_window(
    made: tuple[Path, FullConfig, list[Event]],
) -> None:
    folder, config, events = made
    users, items = known(events, "user_id", NIGHT), known(events, "item_id", NIGHT)
    tuned_at = config.tuned_at(NIGHT)
    oldest = min(config.label_cutoffs(tuned_at))
    expected = sorted(
        (users.index(e["user_id"]), (e["event_time"].date() - date(1970, 1, 1)).days, items.index(e["item_id"]))
        for e in events
        if e["user_id"] and e["event_time"].date() <= oldest and e["arrived"] <= number(tuned_at)
    )
    assert tuned_at < config.anchor(NIGHT)
    rows = rows_of(folder, "actions")
    assert sorted((r["user_index"], r["day"], r["item_index"]) for r in rows) == expected
    assert [(r["user_index"], r["day"]) for r in rows] == sorted((r["user_index"], r["day"]) for r in rows)
    assert {round(r["weight"], 6) for r in rows} == set(WEIGHTS.values())


def test_every_table_has_its_contract(made: tuple[Path, FullConfig, list[Event]]) -> None:
    folder, config, _ = made
    part = f"cutoff={config.label_cutoffs(NIGHT)[0]}"
    contracts = {
        "users": schemas.USERS,
        "items": schemas.ITEMS,
        "cutoffs": schemas.CUTOFFS,
        "actions": schemas.ACTIONS,
        "texts": features.TEXTS,
        "tuning_texts": features.TEXTS,
        f"{part}/interactions": schemas.INTERACTIONS,
        f"{part}/item_stats": schemas.ITEM_STATS,
        f"{part}/user_stats": schemas.USER_STATS,
        f"{part}/ratings": schemas.RATINGS,
        f"{part}/days": schemas.DAYS,
        f"{part}/targets": schemas.TARGETS,
        f"{part}/labels": schemas.LABELS,
    }
    for table, contract in contracts.items():
        assert pq.read_schema(folder / f"{table}.parquet").remove_metadata() == contract, table


def test_who_comes_later_is_no_reason_to_learn_from_others(tmp_path: Path) -> None:
    """Of many users a sample teaches the encoder; tonight's new users are none of those who could be in it."""
    events = made_up()
    new = [event(50_000 + n, f"new{n}", "i0", number(NIGHT)) for n in range(60)]
    found = {}
    for name, given in (("without", events), ("with", events + new)):
        config = config_at(tmp_path / name, features={"learned_users": 5})
        write_lake(config, given)
        folder = build(config)
        found[name] = [pq.read_table(folder / f"{table}.parquet") for table in ("actions", "held_out")]
    assert found["with"] == found["without"]
    assert len(set(found["with"][0].column("user_index").to_pylist())) > 1
