"""A market place, from raw files to tables: nobody is shown their own, two sizes of a thing, the scarce, old or over.

Every rule holds in every table and in every surface, also where slots are drawn, editors pin and rows are allotted.
"""

import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline.operations import stages
from pipeline.operations.load_history import load_history
from tests.tiny_log import MAPPING, row, shop, write

START, DAYS, USERS, THINGS, SIZES = date(2024, 1, 1), 60, 40, 30, 3
NIGHT = START + timedelta(days=DAYS - 1)
FRESH = 20
SETTINGS: dict[str, Any] = {
    "profile": "fast",
    "horizon_days": 7,
    "label_windows": 4,
    "als": {"factors": 8},
    "features": {"query_min_users": 2},
    "fusion": {"rounds": 10, "ablation_rounds": 5},
    "publish": {
        "similar_k": 10,
        "search_terms": 100,
        "editorial": {"files": "editors.csv", "sql": "editors.sql"},
        "audiences": [{"name": "whom", "surface": "for_you"}],
    },
    "surfaces": [
        {"name": "for_you", "k": 20, "explore": {"slots": [2, 5, 9], "policy": "learned"}},
        {"name": "discover", "repeats": False, "k": 20, "explore": {"slots": [1, 6], "policy": "thompson"}},
        {"name": "few", "k": 3, "allot": {"limits": [{"most": 60}, {"by": "item", "most": 2}]}},
        {"name": "in_stock", "where": "stock >= 3", "k": 10, "explore": {"slots": [2, 3], "policy": "softmax"}},
        {"name": "fresh", "max_age_days": FRESH, "k": 5, "explore": {"slots": [1, 2], "policy": "uniform"}},
    ],
}
EVENTS = MAPPING.replace("_file,", "query, _file,")
ITEMS = """
select id as item_id, id as title, thing as parent_id, pieces as available, pieces as stock, begins as valid_from,
    ends as valid_until, _file
from raw
"""
OWN = "select seller as user_id, id as item_id, _file from raw"
PINNED = "t5-0"
RULES = f"""kind,surface,item_id,rank,factor,valid_from,valid_until,note
pin,,{PINNED},2,,,,everywhere
pin,,t7-2,1,,,,which is over
block,,t4-1,,,,,
"""
FRESHEST = NIGHT + timedelta(days=1 - FRESH)
BEGINS = {6: FRESHEST - timedelta(days=1), 8: NIGHT + timedelta(days=2), 9: FRESHEST}
"""By the last digit of a thing: a day too old for `fresh`, not begun yet, and just fresh enough."""
ENDS = {7: NIGHT, 9: NIGHT + timedelta(days=1)}
"""Over on the day that the tables are for, and on its last day then."""
CATALOGUE = [
    {"id": f"t{thing}-{size}", "thing": f"t{thing}", "seller": f"u{thing}", "pieces": (thing + 2 * size) % 6}
    | {name: str(day) if (day := days.get(thing % 10)) else None for name, days in (("begins", BEGINS), ("ends", ENDS))}
    for thing in range(THINGS)
    for size in range(SIZES)
]
SELLER, THING, PIECES = ({line["id"]: line[what] for line in CATALOGUE} for what in ("seller", "thing", "pieces"))


def may_be_shown(item: str) -> bool:
    return PIECES[item] > 0 and item != "t4-1" and int(THING[item][1:]) % 10 not in (7, 8)


def log() -> list[dict[str, Any]]:
    """Every user wears one size and likes every fifth thing, which some search; sellers look at theirs daily."""
    rng, rows = random.Random(3), []
    for day in range(DAYS):
        at = f"{START + timedelta(days=day)} 10:00:00"
        for user in range(USERS):
            thing = (user + 5 * rng.randrange(6)) % THINGS
            if rng.random() < 0.4 and thing != user:
                asked = {"query": f"t{thing}" if thing % 5 == 3 else None}
                rows.append(row(f"u{user}", f"t{thing}-{user % SIZES}", at) | asked)
            if user < THINGS:
                rows.append(row(f"u{user}", f"t{user}-{day % SIZES}", at, "view") | {"query": None})
    return rows


@pytest.mark.slow
def test_nobody_is_shown_what_is_their_own_twice_the_same_too_scarce_too_old_or_over(tmp_path: Path) -> None:
    write(tmp_path / "log.jsonl", log())
    write(tmp_path / "items.jsonl", CATALOGUE)
    for name, text in (("items.sql", ITEMS), ("own.sql", OWN), ("editors.csv", RULES)):
        (tmp_path / name).write_text(text)
    (tmp_path / "editors.sql").write_text("select * from raw")
    ingest = {
        "items": {"files": "items.jsonl", "sql": "items.sql", "attributes": {"stock": "number"}},
        "exclusions": {"files": "items.jsonl", "sql": "own.sql"},
    }
    config = shop(tmp_path, mapping=EVENTS, ingest=ingest, **SETTINGS)
    load_history(config, NIGHT)
    stages.run(NIGHT, config)
    with duckdb.connect(str(config.tables / "current.duckdb"), read_only=True) as tables:
        shown = tables.execute("select surface, user_id, item_id from recommendations").fetchall()
        popular = tables.execute("select segment, item_id from popular_items").fetchall()
        near = tables.execute("select item_id, similar_item_id from similar_items").fetchall()
        found = tables.execute("select query, item_id from search_results").fetchall()
        terms = tables.execute("select term, item_id from search_terms").fetchall()
        whom = tables.execute("select about, user_id from audiences").fetchall()
        drawn = tables.execute("from recommendations select distinct surface, policy where policy <> 'best'").fetchall()
        pinned = tables.execute(
            "select surface, user_id from recommendations where item_id = $1 and rank <= 2", [PINNED]
        ).fetchall()
    assert {surface for surface, _, _ in shown} == {"for_you", "discover", "few", "in_stock", "fresh"}
    assert set(drawn) == {
        ("for_you", "learned"),
        ("discover", "thompson"),
        ("in_stock", "softmax"),
        ("fresh", "uniform"),
    }
    assert min(map(len, (found, terms, whom))) > 0
    assert not [(user, item) for _, user, item in shown if SELLER[item] == user]
    assert not [(item, user) for item, user in whom if SELLER[item] == user]
    assert {item for *_, item in [*shown, *popular, *near, *found, *terms]} - {*filter(may_be_shown, SELLER)} == set()
    assert all(may_be_shown(item) for item, _ in whom)
    assert all(PIECES[item] >= 3 for surface, _, item in shown if surface == "in_stock")
    assert {int(THING[item][1:]) % 10 for surface, _, item in shown if surface == "fresh"} == {9}
    lists = [((surface, user), item) for surface, user, item in shown]
    for whose, item in [*lists, *popular, *near, *found]:
        others = [
            other for also, other in [*lists, *popular, *near, *found] if also == whose and THING[other] == THING[item]
        ]
        assert len(others) == 1, (whose, others)
    assert not [pair for pair in near if THING[pair[0]] == THING[pair[1]]]
    assert len({item for _, _, item in shown}) > 20  # of a thing every user gets the size that is theirs
    sellers = {user for surface, user, _ in shown if surface == "for_you"} - {SELLER[PINNED]}
    assert sellers <= {user for surface, user in pinned if surface == "for_you"}
