"""What searches count for, beside a count one search at a time; as of a night; whom they would give away."""

import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground import artifacts
from pipeline.intake import inputs
from pipeline.sources.configuration import FullConfig
from tests.features.made_up import START, build, config_at, event, write_lake

NIGHT = 65
WORDS = ["sofa", "Sofer", "couch", "lamp", "lmap"]
Search = dict[str, Any]


def at(day: int, seconds: int) -> datetime:
    return datetime(START.year, START.month, START.day, 9, tzinfo=UTC) + timedelta(days=day, seconds=seconds)


def search(who: str, query: str, day: int, seconds: int, *, arrived: int | None = None) -> Search:
    found = {"user_id": who, "session_id": f"of {who}", "searched_at": at(day, seconds), "query": query}
    return found | {"arrived": day if arrived is None else arrived}


def choice(n: int, asked: Search, item: str, later: int = 30, **over: Any) -> dict[str, Any]:
    """Of an item, so many seconds after a search."""
    found = event(n, asked["user_id"], item, asked["arrived"], "view", **over)
    return found | {"query": asked["query"], "event_time": asked["searched_at"] + timedelta(seconds=later)}


def shop_of(home: Path, events: list[dict[str, Any]], searches: list[Search], **features: Any) -> FullConfig:
    """A lake with the searches in it."""
    config = config_at(home, features={"query_min_users": 2} | features)
    write_lake(config, events, until=START + timedelta(days=NIGHT))
    for night in range(NIGHT + 1):
        rows = [{k: v for k, v in s.items() if k != "arrived"} for s in searches if s["arrived"] == night]
        if rows:
            folder = artifacts.stage_dir(config.lake, "ingest", START + timedelta(days=night))
            pq.write_table(pa.Table.from_pylist(rows, inputs.SEARCHES.schema), folder / "searches.parquet")
            artifacts.write_manifest(folder, {"files": artifacts.describe(folder)})
    return config


def built(config: FullConfig) -> tuple[set[tuple[str, int, str | None, int]], list[dict[str, Any]]]:
    """(query, people, item, choosers) of queries.parquet, and the rows of searches.parquet."""
    folder = build(config, START + timedelta(days=NIGHT))
    names = {row["item_index"]: row["item_id"] for row in pq.read_table(folder / "items.parquet").to_pylist()}
    rows = pq.read_table(folder / "queries.parquet").to_pylist()
    found = {(r["query"], r["users"], names.get(r["item_index"]), r["clicks"]) for r in rows}
    return found, pq.read_table(folder / "searches.parquet").to_pylist()


def by_hand(events: list[dict[str, Any]], searches: list[Search]) -> tuple[set[Any], dict[str, tuple[int, int]]]:
    """The same, one search after the other."""
    mine: dict[str, list[Search]] = defaultdict(list)
    for one in searches:
        mine[one["user_id"]].append(one | {"query": one["query"].lower()})
    chosen: dict[str, set[str]] = defaultdict(set)  # query -> who
    pairs: dict[tuple[str, str], set[str]] = defaultdict(set)
    steps: dict[tuple[str, str], list[tuple[str, set[str]]]] = defaultdict(list)
    vain: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for e in events:
        if e.get("query"):
            chosen[e["query"].lower()].add(e["user_id"])
            pairs[e["query"].lower(), e["item_id"]].add(e["user_id"])
    for who, asked in mine.items():
        asked.sort(key=lambda one: (one["searched_at"], one["query"]))
        results = []
        for n, one in enumerate(asked):
            end = one["searched_at"] + timedelta(minutes=30)
            if n + 1 < len(asked):
                end = min(end, asked[n + 1]["searched_at"])
            within = (e for e in events if e["user_id"] == who and (e.get("query") or "").lower() == one["query"])
            results.append({e["item_id"] for e in within if one["searched_at"] <= e["event_time"] < end})
            chosen[one["query"]].add(who)
            vain[one["query"]][0] += 1
            vain[one["query"]][1] += not results[-1]
        for n, one in enumerate(asked):
            later = next((m for m in range(n + 1, len(asked)) if results[m]), None)
            if results[n] or later is None or asked[later]["query"] == one["query"]:
                continue
            if asked[later]["searched_at"] - one["searched_at"] <= timedelta(minutes=5):
                steps[one["query"], asked[later]["query"]].append((who, results[later]))
    for (query, _), taken in steps.items():
        for who, items in taken:
            for item in items:
                pairs[query, item].add(who)
    people = {query: len(who) for query, who in chosen.items() if len(who) >= 2}
    rows = {(q, people[q], item, len(who)) for (q, item), who in pairs.items() if q in people}
    rows |= {(q, number, None, 0) for q, number in people.items() if q not in {pair[0] for pair in pairs}}
    return rows, {query: (counts[0], counts[1]) for query, counts in vain.items() if query in people}


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_searches_count_as_one_search_after_the_other_says(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    events = [event(2 * n, f"u{n % 7}", f"i{n % 4}", 50 + n % 10) for n in range(30)]
    searches = []
    for visit in range(80):
        who, day, seconds = f"u{rng.randrange(7)}", 50 + visit % 14, 3600 * (visit % 5) + visit
        for _ in range(rng.randint(1, 4)):
            query = rng.choice(WORDS)
            searches.append(search(who, query, day, seconds))
            if rng.random() < 0.5:
                said = searches[-1] | {"query": rng.choice([query, query, rng.choice(WORDS)])}
                later = rng.choice([0, 5, 400, 1799, 1800])
                events.append(choice(1000 + 2 * len(events), said, f"i{rng.randrange(4)}", later))
            seconds += rng.choice([0, 30, 200, 300, 301, 2000])
    found, told = built(shop_of(tmp_path, events, searches))
    expected, vain = by_hand(events, searches)
    assert found == expected
    assert {row["query"]: (row["searches"], row["in_vain"]) for row in told} == vain


def retried(who: str, first: str, then: str, day: int = 60) -> tuple[list[Search], dict[str, Any]]:
    """Somebody who finds nothing by some words and i1 by others."""
    asked = [search(who, first, day, 0), search(who, then, day, 60)]
    return asked, choice(5000 + 2 * int(who[1:]), asked[1], "i1")


def test_a_query_that_found_nothing_has_what_others_found_by_other_words(tmp_path: Path) -> None:
    events = [event(2 * n, f"u{n}", "i1", 40) for n in range(6)]
    searches: list[Search] = []
    for who, first, then in (("u1", "sofer", "sofa"), ("u2", "sofer", "sofa"), ("u3", "sofer", "my doctor")):
        asked, chosen = retried(who, first, then)
        searches += asked
        events.append(chosen)
    searches += [search("u4", "unicorn", 60, 0), search("u5", "unicorn", 61, 0)]
    found, told = built(shop_of(tmp_path, events, searches))
    assert found == {("sofer", 3, "i1", 3), ("sofa", 2, "i1", 2), ("unicorn", 2, None, 0)}
    assert told[0] == {
        "query": "sofer",
        "users": 3,
        "searches": 3,
        "in_vain": 3,
        "asked_again": 3,
        "asked_instead": "sofa",
    }
    few, told = built(shop_of(tmp_path / "more", events, searches, query_min_users=3))
    assert few == {("sofer", 3, "i1", 3)}
    assert told[0]["asked_instead"] is None  # two people's words are not told where three must have asked


def test_a_choice_that_arrives_later_does_not_make_tonights_search_successful(tmp_path: Path) -> None:
    events = [event(2 * n, f"u{n}", "i1", 40) for n in range(3)]
    searches = [search("u1", "sofer", 60, 0), search("u2", "sofer", 60, 0)]
    events.append(choice(900, searches[0], "i1", 10, arrived=NIGHT + 1))
    searches.append(search("u0", "sofer", 64, 0, arrived=NIGHT + 1))
    found, told = built(shop_of(tmp_path, events, searches))
    assert found == {("sofer", 2, None, 0)}
    assert told[0]["in_vain"] == 2
