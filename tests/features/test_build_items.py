"""Titles and texts of items, small logs and large ones, and queries."""

import math
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.features import read
from pipeline.ground.errors import InputError
from pipeline.operations.load_history import load_history
from tests.features.made_up import (
    SMALL,
    START,
    build,
    config_at,
    event,
    made_up,
    said,
    texts,
    write_lake,
)
from tests.tiny_log import row, shop, write

ITEMS = [
    said("a", "BLUE PEN", 0, 3),
    said("a", "RED PEN", 1, 2),
    said("a", "RED PEN", 2, 2, category="pens"),
    said("b", "B OLD", 0, 2, price=3.0, available=True),
    said("b", "B NEW", 5, 2, available=False),
    said("c", None, 3, kind="coupon", currency="EUR"),
]


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


def test_of_a_nights_titles_the_later_is_the_latest(tmp_path: Path) -> None:
    """The one that stands last in the night's file, however often the other was said and whatever sorts first."""
    items = [said("a", "Zebra", 0, 1), said("a", "Yak", 1, 5), said("a", "Mouse", 1, 9), said("a", "Newt", 1, 1)]
    for choice, title in (("latest", "Newt"), ("most_frequent", "Mouse")):
        config = config_at(tmp_path / choice, features={"title_choice": choice})
        write_lake(config, [event(0, "u", "a", 0)], items, until=START + timedelta(days=1))
        assert texts(config, START + timedelta(days=1))["a"]["title"] == title
