"""Simple lists against loops over a log of a few rows."""

from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from benchmarks import scoring
from benchmarks.every_log import simple
from benchmarks.every_log.shop import Own, Seen, write_csv
from benchmarks.every_log.shops import complete_journey, section_rules

NIGHT = date(2024, 1, 14)
MIDNIGHT = datetime(2024, 1, 15)


class Night(Seen):
    """A night whose log is given: rows user, item, hours before its end."""

    def __init__(self, rows: list[tuple[str, str, float]], folder: Path = Path()) -> None:
        super().__init__(folder, NIGHT, timedelta(days=1))
        users, items, hours = zip(*rows, strict=True)
        times = [MIDNIGHT - timedelta(hours=h) for h in hours]
        log = pa.table({"user_id": users, "item_id": items, "time": times, "weight": [1.0] * len(rows)})
        self.__dict__.update(goals=log, history=scoring.grouped(scoring.pairs(log)))


LOG = Night([("u1", "a", 1), ("u1", "a", 200), ("u2", "a", 30), ("u2", "b", 30), ("u3", "b", 2), ("u3", "c", 5000)])


def test_popularity_counts_users_whose_last_act_is_in_the_window() -> None:
    found = simple.popular(LOG)
    assert found["popularity, 6 hours"] == ["a", "b"]
    assert found["popularity, 3 days"] == ["a", "b"]  # two each: by id
    assert found["popularity, 365 days"] == ["a", "b", "c"]
    assert list(found) == [f"popularity, {window}" for window in simple.WINDOWS]


def test_a_window_in_which_nothing_happened_has_no_list() -> None:
    assert list(simple.popular(Night([("u1", "a", 100)]))) == [
        f"popularity, {w}" for w in ("7 days", "28 days", "91 days", "365 days")
    ]


def test_popularity_agrees_with_a_loop() -> None:
    rng = np.random.default_rng(5)
    rows = [(f"u{rng.integers(9)}", f"i{rng.integers(12):02}", float(rng.integers(1, 900))) for _ in range(300)]
    users: dict[str, set[str]] = {}
    for user, item, hours in rows:
        if hours <= 7 * 24:
            users.setdefault(item, set()).add(user)
    by_hand = sorted(users, key=lambda item: (-len(users[item]), item))
    assert simple.popular(Night(rows))["popularity, 7 days"] == by_hand


def test_what_a_user_has_is_passed_over() -> None:
    seen, order = Night([("ann", "i0", 1), ("ann", "i3", 99), ("bob", "x", 1)]), [f"i{n}" for n in range(15)]
    assert simple.new_to("ann", seen, order) == [f"i{n}" for n in (1, 2, 4, 5, 6, 7, 8, 9, 10, 11)]
    assert simple.new_to("bob", seen, order) == simple.new_to("eve", seen, order) == order[:10]


def test_lists_hold_what_belongs_and_is_on_offer(monkeypatch: pytest.MonkeyPatch) -> None:
    ranked = {"als": {"u1": ["c", "a", "d", "b"], "u2": ["d"]}}
    monkeypatch.setattr(simple, "sources", lambda settings, night, pool: ranked)
    own = Own(lambda item: item != "b", lambda seen: {"a", "b", "d"}, lambda seen, users: {"rule": {}})
    settings: Any = None
    found = simple.every(settings, LOG, own, "all", ["u1"])
    assert found["als"] == {"u1": ["a", "d"], "u2": ["d"]}
    assert found["als, new"] == {"u1": ["d"], "u2": ["d"]}
    assert (found["popularity, 365 days"], found["popularity, 365 days, new"]) == ({"u1": ["a"]}, {"u1": []})
    assert found["rule"] == {}
    names = set(simple.every(settings, LOG, own, "new", ["u1"]))
    assert names == set(found) - set(simple.popular(LOG)) - {"als, new"}


def test_lists_hold_what_was_offered_to_their_user(monkeypatch: pytest.MonkeyPatch) -> None:
    ranked = {"als": {"u1": ["c", "a", "b"], "u2": ["a", "b"]}}
    monkeypatch.setattr(simple, "sources", lambda settings, night, pool: ranked)
    own = Own(offer=lambda seen: {"a", "b"}, offered=lambda seen: {"u1": {"b", "c"}})
    settings: Any = None
    found = simple.every(settings, LOG, own, "all", ["u1", "u2"])
    assert found["als"] == found["als, new"] == {"u1": ["b"], "u2": []}
    assert found["popularity, 365 days"] == found["popularity, 365 days, new"] == {"u1": ["b"], "u2": []}
    assert "popularity, 6 hours" in found


def test_coupons_are_counted_by_the_products_they_cover(tmp_path: Path) -> None:
    covers = [
        ("coupon-1", "milk", "2024-01-01", "2024-01-15"),
        ("coupon-1", "bread", "2024-01-01", "2024-01-15"),
        ("coupon-2", "milk", "2024-01-15", "2024-02-15"),
        ("coupon-3", "milk", "2024-01-16", "2024-02-15"),  # not out yet
        ("coupon-4", "bread", "2024-01-01", "2024-01-14"),  # over
    ]
    names = ("coupon", "product", "begins", "ends")
    write_csv(pa.table(dict(zip(names, zip(*covers, strict=True), strict=True))), tmp_path / "covered.csv.zst")
    sent = [(user, coupon, *days) for user in ("u1", "u2", "u3") for coupon, _, *days in covers]
    sent.remove(("u2", *covers[2][:1], *covers[2][2:]))
    names = ("household", "coupon", "begins", "ends")
    write_csv(pa.table(dict(zip(names, zip(*sent, strict=True), strict=True))), tmp_path / "offered.csv.zst")
    seen = Night([("u1", "milk", 1), ("u1", "milk", 2), ("u1", "bread", 3), ("u2", "milk", 4)], tmp_path)
    assert complete_journey.offer(seen) == {"coupon-1", "coupon-2"}
    found = complete_journey.rules(seen, ["u1", "u2", "u3"])
    assert found["covered products bought"] == {
        "u1": ["coupon-1", "coupon-2"],
        "u2": ["coupon-1"],  # the other one was not sent to her
        "u3": [],
    }
    assert found["purchases of covered products"]["u1"] == ["coupon-1", "coupon-2"]


def test_the_rule_of_sections_agrees_with_a_loop(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    section = {f"a{n}": "xyz"[n % 3] for n in range(9)}
    write_csv(
        pa.table({"article": list(section), "section": list(section.values())}), tmp_path / "articles/articles.csv.zst"
    )
    rows = [(f"u{rng.integers(4)}", f"a{rng.integers(9)}", float(rng.uniform(0, 40))) for _ in range(30)]
    seen, ages = Night(rows, tmp_path), [float(age) for age in range(1, 37, 4)]
    up = pa.table({"item_id": list(section), "section": list(section.values()), "age": ages})
    found = section_rules.lists(seen, ["u0", "u1"], up)["section x clicks 6 h x age 12 h"]
    for user in ("u0", "u1"):
        mine, everybody = Counter(section[i] for u, i, _ in rows if u == user), Counter(section[i] for _, i, _ in rows)
        scores = {}
        for (item, topic), age in zip(section.items(), ages, strict=True):
            share = mine[topic] + section_rules.PRIOR * everybody[topic] / len(rows)
            fresh = sum(i == item and hours <= 6 for _, i, hours in rows)
            scores[item] = share * (fresh + 1) / (min(age, 6) + 1) * 0.5 ** (age / 12)
        unread = [i for i in sorted(scores, key=lambda item: -scores[item]) if i not in seen.history[user]]
        assert found[user] == unread
