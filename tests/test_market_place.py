"""A market place, from raw files to tables: nobody is shown what is their own, two sizes of a thing, what is scarce."""

import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline.operations import stages
from pipeline.operations.load_history import load_history
from tests.tiny_log import row, shop, write

START, DAYS, USERS, THINGS, SIZES = date(2024, 1, 1), 60, 40, 30, 3
NIGHT = START + timedelta(days=DAYS - 1)
SETTINGS: dict[str, Any] = {
    "profile": "fast",
    "horizon_days": 7,
    "label_windows": 4,
    "als": {"factors": 8},
    "fusion": {"rounds": 10, "ablation_rounds": 5},
    "publish": {"similar_k": 10},
    "surfaces": [
        {"name": "for_you", "k": 20},
        {"name": "discover", "repeats": False, "k": 20},
        {"name": "in_stock", "where": "stock >= 3", "k": 10},
    ],
}
ITEMS = "select id as item_id, id as title, thing as parent_id, pieces as available, pieces as stock, _file from raw"
OWN = "select seller as user_id, id as item_id, _file from raw"
CATALOGUE = [
    {"id": f"t{thing}-{size}", "thing": f"t{thing}", "seller": f"u{thing}", "pieces": (thing + 2 * size) % 6}
    for thing in range(THINGS)
    for size in range(SIZES)
]
SELLER, THING, PIECES = ({line["id"]: line[what] for line in CATALOGUE} for what in ("seller", "thing", "pieces"))


def log() -> list[dict[str, Any]]:
    """Every user wears one size and likes every fifth thing; sellers look at what is theirs every day."""
    rng, rows = random.Random(3), []
    for day in range(DAYS):
        at = f"{START + timedelta(days=day)} 10:00:00"
        for user in range(USERS):
            thing = (user + 5 * rng.randrange(6)) % THINGS
            if rng.random() < 0.4 and thing != user:
                rows.append(row(f"u{user}", f"t{thing}-{user % SIZES}", at))
            if user < THINGS:
                rows.append(row(f"u{user}", f"t{user}-{day % SIZES}", at, "view"))
    return rows


@pytest.mark.slow
def test_nobody_is_shown_what_is_their_own_twice_the_same_or_too_scarce(tmp_path: Path) -> None:
    write(tmp_path / "log.jsonl", log())
    write(tmp_path / "items.jsonl", CATALOGUE)
    (tmp_path / "items.sql").write_text(ITEMS)
    (tmp_path / "own.sql").write_text(OWN)
    ingest = {
        "items": {"files": "items.jsonl", "sql": "items.sql", "attributes": {"stock": "number"}},
        "exclusions": {"files": "items.jsonl", "sql": "own.sql"},
    }
    config = shop(tmp_path, ingest=ingest, **SETTINGS)
    load_history(config, NIGHT)
    stages.run(NIGHT, config)
    with duckdb.connect(str(config.tables / "current.duckdb"), read_only=True) as tables:
        shown = tables.execute("select surface, user_id, item_id from recommendations").fetchall()
        popular = tables.execute("select segment, item_id from popular_items").fetchall()
        near = tables.execute("select item_id, similar_item_id from similar_items").fetchall()
    assert {surface for surface, _, _ in shown} == {"for_you", "discover", "in_stock"}
    assert not [(user, item) for _, user, item in shown if SELLER[item] == user]
    assert all(PIECES[item] > 0 for *_, item in [*shown, *popular, *near])
    assert all(PIECES[item] >= 3 for surface, _, item in shown if surface == "in_stock")
    lists = [((surface, user), item) for surface, user, item in shown]
    for whose, item in [*lists, *popular, *near]:
        others = [other for also, other in [*lists, *popular, *near] if also == whose and THING[other] == THING[item]]
        assert len(others) == 1, (whose, others)
    assert not [pair for pair in near if THING[pair[0]] == THING[pair[1]]]
    assert len({item for _, _, item in shown}) > THINGS  # of a thing every user gets the size that is theirs
