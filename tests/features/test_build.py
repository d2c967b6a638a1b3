"""Features of a small made-up shop against sums spelled out in Python, and as-of truth to the byte."""

import math
import random
import shutil
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.features import build as features
from pipeline.features import read
from pipeline.ground import artifacts, schemas
from pipeline.ground.errors import InputError
from pipeline.intake import inputs
from pipeline.operations import stages
from pipeline.operations.load_history import load_history
from pipeline.sources.configuration import FullConfig
from tests.tiny_log import digests, row, rows_of, shop, write

START = date(2024, 1, 1)
NIGHT = date(2024, 3, 13)
WEIGHTS = {"view": 0.1, "purchase": 1.0, "return": -1.0}
SMALL: dict[str, Any] = {"horizon_days": 3, "refresh_days": 3, "label_windows": 5, "window_stride_days": 2}

Event = dict[str, Any]


def event(
    n: int, user: str | None, item: str, day: int, kind: str = "purchase", *, arrived: int | None = None
) -> Event:
    """An event on day `day` of the shop, which arrived on day `arrived` (default: the same)."""
    noon = datetime(START.year, START.month, START.day, 12, tzinfo=UTC)
    return {
        "event_id": f"e{n}",
        "user_id": user,
        "item_id": item,
        "event_time": noon + timedelta(days=day, seconds=n),
        "event_type": kind,
        "quantity": float(n % 5 + 1),
        "price": round(1 + n % 7 * 0.37, 2),
        "session_id": f"s{n // 2}",
        "arrived": day if arrived is None else arrived,
    }


def made_up(nights: int = 73, late: bool = True) -> list[Event]:
    """About ten events a day: repeats, views, returns, guests, and a few that arrive up to 9 days late."""
    rng = random.Random(0)
    kinds = ["purchase"] * 6 + ["view"] * 3 + ["return"]
    events = []
    for n in range(nights * 10):
        day = n // 10
        user = None if rng.random() < 0.2 else f"u{rng.randint(0, 5 + day // 4)}"
        delay = rng.choice([0] * 18 + [1, 9]) if late else 0
        events.append(event(n, user, f"i{rng.randint(0, 8 + day // 3)}", day, rng.choice(kinds), arrived=day + delay))
    return events


def write_lake(config: FullConfig, events: list[Event], items: list[dict[str, Any]] = [], until: date = NIGHT) -> None:  # noqa: B006
    """Ingest partitions by hand, one per night."""
    for number in range((until - START).days + 1):
        folder = artifacts.stage_dir(config.lake, "ingest", START + timedelta(days=number))
        tonight = [{k: v for k, v in e.items() if k != "arrived"} for e in events if e["arrived"] == number]
        said = [{k: v for k, v in i.items() if k != "arrived"} for i in items if i["arrived"] == number]
        with artifacts.writing(folder) as out:
            pq.write_table(pa.Table.from_pylist(tonight, inputs.EVENTS.schema), out / "events.parquet")
            pq.write_table(pa.Table.from_pylist(said, inputs.ITEMS.schema), out / "items.parquet")
            artifacts.write_manifest(out, {"files": artifacts.describe(out)})


def config_at(home: Path, **over: Any) -> FullConfig:
    return FullConfig.model_validate({"home": home, "threads": 2, "memory_limit_mb": 512} | SMALL | over)


def build(config: FullConfig, night: date = NIGHT) -> Path:
    """Run `features`; its folder."""
    stages.run_stage("features", night, config)
    return artifacts.stage_dir(config.lake, "features", night)


def number(day: date) -> int:
    return (day - START).days


def brute_force(events: list[Event], cutoff: date, arrived_by: date) -> dict[tuple[str, str], dict[str, float]]:
    """Interactions by (user_id, item_id), added up one event at a time."""
    c, rows = number(cutoff), defaultdict(list)
    for e in events:
        day = (e["event_time"].date() - START).days
        if e["user_id"] and day <= c and e["arrived"] <= number(arrived_by):
            rows[e["user_id"], e["item_id"]].append((c - day, e))
    found = {}
    for pair, pairs_events in rows.items():
        ages = {age for age, e in pairs_events if WEIGHTS[e["event_type"]] > 0}
        if ages:
            found[pair] = {
                "confidence": max(0, sum(WEIGHTS[e["event_type"]] * 0.5 ** (age / 40) for age, e in pairs_events)),
                "count": len(ages),
                "quantity": sum(e["quantity"] for _, e in pairs_events if WEIGHTS[e["event_type"]] > 0),
                "first_age": max(ages),
                "last_age": min(ages),
                "returns": sum(WEIGHTS[e["event_type"]] < 0 for _, e in pairs_events),
                "kept": sum({"purchase": 1, "return": -1}.get(e["event_type"], 0) for _, e in pairs_events),
            } | {f"decay_{h}": sum(0.5 ** (age / h) for age in ages) for h in (7, 30, 90, 365)}
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, FullConfig, list[Event]]:
    events = made_up()
    config = config_at(tmp_path_factory.mktemp("shop"))
    write_lake(config, events)
    return build(config), config, events


def known(events: list[Event], key: str, by: date) -> list[str]:
    """Ids in the order of their first arrival, then alphabetically."""
    first: dict[str, int] = {}
    for e in events:
        if e[key]:
            first[e[key]] = min(e["arrived"], first.get(e[key], e["arrived"]))
    return [i for arrived, i in sorted((a, i) for i, a in first.items()) if arrived <= number(by)]


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
        f"{part}/targets": schemas.TARGETS,
        f"{part}/labels": schemas.LABELS,
    }
    for table, contract in contracts.items():
        assert pq.read_schema(folder / f"{table}.parquet").remove_metadata() == contract, table


def test_what_arrives_later_moves_no_byte_of_an_earlier_night(
    made: tuple[Path, FullConfig, list[Event]], tmp_path: Path
) -> None:
    folder, _, events = made
    config = config_at(tmp_path)
    planted = [event(10_000, "u1", "i1", number(NIGHT) - 30, arrived=number(NIGHT) + 1)]
    planted += [event(10_001 + n, "u0", f"planted{n}", number(NIGHT) + 1 + n) for n in range(3)]
    write_lake(config, events + planted, until=NIGHT + timedelta(days=3))
    assert digests(build(config)) == digests(folder)


def test_a_late_event_changes_later_nights_only(made: tuple[Path, FullConfig, list[Event]], tmp_path: Path) -> None:
    _, _, events = made
    late = event(10_000, "u1", "i1", number(NIGHT) - 30, arrived=number(NIGHT) + 1)
    with_it, without = config_at(tmp_path / "with"), config_at(tmp_path / "without")
    nights = [NIGHT + timedelta(days=n) for n in range(3)]
    write_lake(with_it, [*events, late], until=nights[-1])
    write_lake(without, events, until=nights[-1])
    same = [digests(build(with_it, night)) == digests(build(without, night)) for night in nights]
    assert same == [True, False, False]
    # the next night has the same anchor; label windows see the event when the anchor moves past its arrival
    assert with_it.anchor(nights[0]) == with_it.anchor(nights[1]) < nights[0] < with_it.anchor(nights[2])
    for night in nights[1:]:
        for cutoff in read.read_cutoffs(artifacts.stage_dir(with_it.lake, "features", night)):
            other = artifacts.stage_dir(without.lake, "features", night) / cutoff.part / "interactions.parquet"
            seen = artifacts.file_sha256(cutoff.folder / "interactions.parquet") != artifacts.file_sha256(other)
            assert seen == (cutoff.role == "run" or night == nights[2])


def test_nights_that_were_never_ingested_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = config_at(tmp_path)
    write_lake(config, [], until=NIGHT)
    build(config)
    assert "was ever ingested" not in caplog.text
    for days_before in (1, 2):
        shutil.rmtree(artifacts.stage_dir(config.lake, "ingest", NIGHT - timedelta(days=days_before)))
    folder = build(config)
    assert artifacts.read_manifest(folder)["report"]["missing_nights"] == 2
    assert f"run --run-date {NIGHT - timedelta(days=2)}..{NIGHT - timedelta(days=1)} --stages ingest" in caplog.text


def test_a_linked_cutoff_is_what_it_would_be_made_anew(
    made: tuple[Path, FullConfig, list[Event]], tmp_path: Path
) -> None:
    _, _, events = made
    once, twice = config_at(tmp_path / "once"), config_at(tmp_path / "twice")
    following = NIGHT + timedelta(days=1)
    for config in (once, twice):
        write_lake(config, events, until=following)
    build(twice, NIGHT)
    linked = artifacts.read_manifest(build(twice, following))["report"]["cutoffs_made"]
    fresh = artifacts.read_manifest(build(once, following))["report"]["cutoffs_made"]
    assert (linked, fresh) == (1, 6)
    folders = [artifacts.stage_dir(config.lake, "features", following) for config in (once, twice)]
    assert digests(folders[0]) == digests(folders[1])


def test_the_same_bytes_with_another_number_of_threads(
    made: tuple[Path, FullConfig, list[Event]], tmp_path: Path
) -> None:
    folder, _, events = made
    config = config_at(tmp_path, threads=1)
    write_lake(config, events)
    assert digests(build(config)) == digests(folder)


def said(item: str, title: str | None, arrived: int, rows: int = 1, **details: Any) -> dict[str, Any]:
    return {"item_id": item, "title": title, "arrived": arrived, "rows": rows} | details


ITEMS = [
    said("a", "BLUE PEN", 0, 3),
    said("a", "RED PEN", 1, 2),
    said("a", "RED PEN", 2, 2, category="pens"),
    said("b", "B OLD", 0, 2, price=3.0, available=True),
    said("b", "B NEW", 5, 2, available=False),
    said("c", None, 3, kind="coupon", currency="EUR"),
]


def texts(config: FullConfig, night: date) -> dict[str, dict[str, Any]]:
    return {r["item_id"]: r for r in rows_of(build(config, night), "items")}


def test_an_item_has_the_best_title_it_ever_had_as_of_the_night(tmp_path: Path) -> None:
    config = config_at(tmp_path)
    write_lake(config, [event(0, "u", "a", 0), event(1, "u", "d", 1)], ITEMS, until=START + timedelta(days=9))
    second = texts(config, START + timedelta(days=1))
    assert second["a"]["title"] == "BLUE PEN"  # 3 rows against 2
    assert (second["b"]["title"], second["b"]["available"], second["b"]["price"]) == ("B OLD", True, 3.0)
    tenth = texts(config, START + timedelta(days=9))
    assert {i: r["title"] for i, r in tenth.items()} == {"a": "RED PEN", "b": "B NEW", "c": "", "d": ""}
    assert tenth["a"]["text"] == "RED PEN. pens"
    assert (tenth["b"]["available"], tenth["b"]["first_seen"]) == (False, START)
    assert (tenth["c"]["kind"], tenth["c"]["currency"], tenth["c"]["text"]) == ("coupon", "EUR", "")
    assert list(tenth) == ["a", "b", "d", "c"]  # by arrival


def test_what_the_text_is_made_of_is_configured(tmp_path: Path) -> None:
    parts = {"features": {"text_parts": ["title", "price"], "title_choice": "latest", "price_words": ["cheap", "dear"]}}
    config = config_at(tmp_path, **parts)
    items = [said("a", "PEN", 0, 9, price=1.0), said("b", "VASE", 0, price=50.0), said("a", "PENCIL", 1, price=1.0)]
    write_lake(config, [event(0, "u", "z", 0)], items, until=START + timedelta(days=2))
    found = texts(config, START + timedelta(days=2))
    assert [found[i]["text"] for i in ("a", "b", "z")] == ["PENCIL. cheap", "VASE. dear", "cheap"]
    assert [found[i]["price_band"] for i in ("a", "b")] == [0, 1]


def test_an_item_not_sold_for_long_is_not_available(tmp_path: Path) -> None:
    config = config_at(tmp_path, features={"unsold_days": 3})
    write_lake(config, [event(0, "u", "old", 0), event(1, "u", "new", 5)], until=START + timedelta(days=6))
    found = texts(config, START + timedelta(days=6))
    assert {i: r["available"] for i, r in found.items()} == {"old": False, "new": True}


def test_a_log_of_users_items_times_and_types_is_enough(tmp_path: Path) -> None:
    days = [START + timedelta(days=n) for n in range(30)]
    log = [
        row(f"u{n % 3}", f"i{n % 5}", f"{day} 10:00:00", "view" if n % 4 else "purchase") for n, day in enumerate(days)
    ]
    write(tmp_path / "log.jsonl", log)
    config = shop(tmp_path, **SMALL)
    load_history(config, days[-1])
    cutoffs = read.read_cutoffs(build(config, days[-1]))
    tonight = cutoffs[0]
    assert (tonight.users, tonight.items) == (3, 5)
    assert tonight.matrix("count").sum() == 30
    stats = tonight.user_stats().to_pylist()
    assert [s["mean_price"] for s in stats] == [None] * 3
    assert math.isclose(
        tonight.matrix().sum(),
        sum((1 if n % 4 == 0 else 0.1) * 0.5 ** ((29 - n) / 40) for n in range(30)),
        rel_tol=1e-6,
    )


def test_a_log_without_the_goal_is_for_what_it_has(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    days = [START + timedelta(days=n) for n in range(30)]
    log = [row(f"u{n % 3}", f"i{n % 5}", f"{day} 10:00:00", "like" if n % 4 else "view") for n, day in enumerate(days)]
    write(tmp_path / "log.jsonl", log)
    config = shop(tmp_path, **SMALL)
    load_history(config, days[-1])
    label = read.read_cutoffs(build(config, days[-1]))[1]
    assert label.labels(sampled=False)["count"].to_pylist()
    assert "no event of the goal (purchase) ever arrived" in caplog.text
    assert "(cart, click, comment, like, purchase, rating, share, view)" in caplog.text


def test_an_unfinished_night_names_the_stage_to_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run stage 'ingest'"):
        build(config_at(tmp_path))


def test_a_large_shops_label_windows_are_a_sample_and_tonight_is_everybody(tmp_path: Path) -> None:
    found = []
    for most in (50_000, 3):
        config = config_at(tmp_path / str(most), features={"label_users": most})
        write_lake(config, made_up())
        found.append(read.read_cutoffs(build(config)))
    sizes = set()
    for all_users, sample in zip(*found, strict=True):
        targets, sampled = all_users.targets().tolist(), sample.targets().tolist()
        if sample.role == "run":
            assert sampled == targets
            continue
        assert (len(sampled), set(sampled) - set(targets)) == (min(3, len(targets)), set())
        assert sample.labels(sampled=False) == all_users.labels()
        assert sample.labels().to_pylist() == [r for r in all_users.labels().to_pylist() if r["user_index"] in sampled]
        sizes.add(tuple(sampled))
    assert len(sizes) > 1  # each window has its own sample


def test_queries_count_the_people_who_chose_something_after_asking(tmp_path: Path) -> None:
    asked = [  # query, user, item, day
        ("Red  MUG", "u1", "i1", 60),
        ("red mug ", "u2", "i1", 61),
        ("red mug", "u2", "i1", 62),  # the same person again
        ("red mug", "u3", "i2", 63),
        ("my own name", "u4", "i1", 64),
        ("my own name", "u4", "i2", 64),
        ("lamp", "u1", "i3", 5),  # too long ago
        ("lamp", "u2", "i3", 64),
        ("lamp", "u3", "i3", 64),
        ("\u00e9tag\u00e8re", "u1", "i3", 60),
        ("e\u0301tage\u0300re", "u2", "i3", 60),
        ("x" * 201, "u1", "i1", 60),
        ("x" * 201, "u2", "i1", 60),
        ("'; drop table events; --", "u1", "i1", 60),
        ("'; drop table events; --", None, "i2", 61),
    ]
    events = [
        event(2 * n, user, item, day, "view") | {"query": query} for n, (query, user, item, day) in enumerate(asked)
    ]
    events += [event(1000 + 2 * n, "u1", "i1", 61 + n % 4) for n in range(8)]
    events.append(event(1100, "u5", "i1", 66, arrived=66) | {"query": "red mug"})  # a later night's
    config = config_at(tmp_path, features={"query_min_users": 2, "query_days": 30})
    write_lake(config, events, until=START + timedelta(days=66))
    folder = build(config, START + timedelta(days=65))
    found = [tuple(row.values())[1:] for row in pq.read_table(folder / "queries.parquet").to_pylist()]
    items = {row["item_index"]: row["item_id"] for row in pq.read_table(folder / "items.parquet").to_pylist()}
    assert [(query, users, items[item], clicks) for query, users, item, clicks in found] == [
        ("red mug", 3, "i1", 2),
        ("red mug", 3, "i2", 1),
        ("'; drop table events; --", 2, "i1", 1),
        ("'; drop table events; --", 2, "i2", 1),
        ("lamp", 2, "i3", 2),
        ("\u00e9tag\u00e8re", 2, "i3", 2),
    ]
    most = config_at(tmp_path, features={"query_min_users": 2, "query_days": 30, "queries": 1})
    queries = pq.read_table(build(most, START + timedelta(days=65)) / "queries.parquet")
    assert set(queries.column("query").to_pylist()) == {"red mug"}
