"""Shops with very few items: a night is published, with every item that there is for a user."""

import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline.operations import stages
from pipeline.operations.load_history import load_history
from pipeline.sources.configuration import FullConfig
from tests.tiny_log import row, shop, write

START, DAYS, USERS = date(2024, 1, 1), 60, 40
NIGHT = START + timedelta(days=DAYS - 1)
FAST: dict[str, Any] = {
    "profile": "fast",
    "horizon_days": 7,
    "label_windows": 4,
    "als": {"factors": 8},
    "fusion": {"rounds": 10, "ablation": True, "ablation_rounds": 5},
}
Had = dict[str, set[str]]


def log(items: int, chance: float, seed: int = 0) -> list[dict[str, Any]]:
    """Each day every user comes with some chance, looks at one item and buys every second."""
    rng = random.Random(seed)
    return [
        row(f"u{user}", f"i{rng.randrange(items)}", f"{START + timedelta(days=day)} 10:00:00", kind)
        for day in range(DAYS)
        for user in range(USERS)
        if rng.random() < chance
        for kind in ("view", "purchase")[: 1 + (rng.random() < 0.5)]
    ]


def published(folder: Path, rows: list[dict[str, Any]], **over: Any) -> tuple[dict[str, Had], FullConfig]:
    """Run a night on a log; the items of every list by surface and user."""
    write(folder / "log.jsonl", rows)
    config = shop(folder, **FAST | over)
    load_history(config, NIGHT)
    stages.run(NIGHT, config)
    found: dict[str, Had] = {"for_you": {}, "discover": {}}
    with duckdb.connect(str(config.tables / "current.duckdb"), read_only=True) as tables:
        for surface, user, item in tables.execute("select surface, user_id, item_id from recommendations").fetchall():
            found[surface].setdefault(user, set()).add(item)
    return found, config


@pytest.mark.slow
@pytest.mark.parametrize(("items", "chance"), [(12, 0.1), (2, 0.1)])
def test_everybody_gets_what_there_is(tmp_path: Path, items: int, chance: float) -> None:
    """Of two items everybody has had both, and `discover` is empty."""
    rows = log(items, chance)
    lists, _ = published(tmp_path, rows)
    everything = {f"i{item}" for item in range(items)}
    had: Had = {}
    for line in rows:
        had.setdefault(line["user"], set()).add(line["item"])
    assert lists["for_you"] == dict.fromkeys(had, everything)
    left = {user: everything - theirs for user, theirs in had.items()}
    assert lists["discover"] == {user: items for user, items in left.items() if items}
    assert bool(lists["discover"]) == (items == 12)
