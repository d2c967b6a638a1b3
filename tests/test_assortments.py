"""A shop with coupons, from raw files to published tables: a surface of few items is a recommender of its own."""

import json
import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline.ground import artifacts
from pipeline.operations import stages
from pipeline.operations.load_history import load_history
from pipeline.sources.configuration import FullConfig
from tests.tiny_log import row, shop, write

START, DAYS, USERS, PRODUCTS, COUPONS = date(2024, 1, 1), 70, 60, 60, 12
NIGHT = START + timedelta(days=DAYS - 1)
OVER = {"c0", "c1", "c2"}
"""Coupons whose time is over when the tables begin to hold."""
SURFACES = [
    {"name": "products", "where": "kind = 'product'"},
    {"name": "new_products", "where": "kind = 'product'", "repeats": False},
    {"name": "coupons", "where": "kind = 'coupon'", "goal": ["redemption"], "k": 5},
]
SETTINGS: dict[str, Any] = {
    "profile": "fast",
    "horizon_days": 7,
    "label_windows": 4,
    "als": {"factors": 8},
    "fusion": {"rounds": 20, "min_leaf": 5, "ablation_rounds": 5},
    "features": {"event_types": {"purchase": {"label": True}, "redemption": {"weight": 1.0}}},
    "surfaces": SURFACES,
}
ITEMS = """
select item as item_id, kind, item as title, try_cast(over as date) as valid_until, _file from raw
"""
OFFERS = """
select "user" as user_id, item as item_id, _file from raw
"""
OFFERED = {"c4": {f"u{n}" for n in range(0, USERS, 2)}, "c5": {"nobody we know"}}
"""Coupons that were sent to some users alone."""
LINKS = "select coupon as item_id, product as linked_id, _file from raw"


def product_of(coupon: int) -> list[str]:
    """The five products that a coupon is for."""
    return [f"p{5 * coupon + n}" for n in range(5)]


def log(seed: int = 0) -> list[dict[str, Any]]:
    """Every user buys the products of two coupons, and once in a while redeems one of these two."""
    rng, rows = random.Random(seed), []
    for day in range(DAYS):
        for user in range(USERS):
            mine = [user % COUPONS, (user * 7 + 3) % COUPONS]
            at = f"{START + timedelta(days=day)} 10:00:00"
            if rng.random() < 0.3:
                rows.append(row(f"u{user}", rng.choice(product_of(rng.choice(mine))), at))
            if rng.random() < 0.04:
                rows.append(row(f"u{user}", f"c{rng.choice(mine)}", at, "redemption"))
    return rows


def made(folder: Path) -> FullConfig:
    """The shop's night, run."""
    write(folder / "log.jsonl", log())
    catalogue = [{"item": f"p{n}", "kind": "product", "over": None} for n in range(PRODUCTS)]
    catalogue += [
        {"item": f"c{n}", "kind": "coupon", "over": str(NIGHT) if f"c{n}" in OVER else None} for n in range(COUPONS)
    ]
    write(folder / "catalogue.jsonl", catalogue)
    write(folder / "covered.jsonl", [{"coupon": f"c{n}", "product": p} for n in range(COUPONS) for p in product_of(n)])
    offers = [{"user": user, "item": item} for item, users in OFFERED.items() for user in sorted(users)]
    write(folder / "sent.jsonl", offers)
    (folder / "offers.sql").write_text(OFFERS)
    (folder / "items.sql").write_text(ITEMS)
    (folder / "links.sql").write_text(LINKS)
    files = {"items": "catalogue.jsonl", "links": "covered.jsonl", "offers": "sent.jsonl"}
    inputs = {name: {"files": file, "sql": f"{name}.sql"} for name, file in files.items()}
    config = shop(folder, ingest=inputs, **SETTINGS)
    load_history(config, NIGHT)
    stages.run(NIGHT, config)
    return config


@pytest.mark.slow
def test_a_surface_of_few_items_is_a_recommender_of_its_own(tmp_path: Path) -> None:
    config = made(tmp_path)
    assert config.pools == ("products-all", "products-new", "coupons-all")
    with duckdb.connect(str(config.tables / "current.duckdb"), read_only=True) as tables:
        rows = tables.execute("select surface, user_id, rank, item_id, source from recommendations").fetchall()
        popular = {item for (item,) in tables.execute("select item_id from popular_items").fetchall()}
        similar = {item for (item,) in tables.execute("select similar_item_id from similar_items").fetchall()}
    shown = {surface: {item for s, _, _, item, _ in rows if s == surface} for surface in ("products", "coupons")}
    assert shown["products"] <= {f"p{n}" for n in range(PRODUCTS)}
    assert shown["coupons"] == {f"c{n}" for n in range(COUPONS)} - OVER - {"c5"}
    assert {user for _, user, _, item, _ in rows if item == "c4"} <= OFFERED["c4"]
    assert not (OVER | set(OFFERED)) & (popular | similar)
    coupons = [row for row in rows if row[0] == "coupons"]
    assert {user for _, user, *_ in coupons} == {f"u{n}" for n in range(USERS)}
    best = {user: item for _, user, rank, item, _ in coupons if rank == 1}
    mine = {f"u{n}": {f"c{n % COUPONS}", f"c{(n * 7 + 3) % COUPONS}"} - OVER for n in range(USERS)}
    for item, users in OFFERED.items():
        mine = {user: items if user in users else items - {item} for user, items in mine.items()}
    possible = [user for user, items in mine.items() if items]
    assert sum(best[user] in mine[user] for user in possible) > 0.8 * len(possible)
    report = artifacts.read_manifest(artifacts.stage_dir(config.lake, "evaluate", NIGHT))["report"]
    assert report["coupons-all.final.ndcg"] > 0.5
    assert "all.final.ndcg" not in report
    weights = json.loads((artifacts.stage_dir(config.lake, "ensemble", NIGHT) / "weights.json").read_text())
    assert set(weights["publish"]) == set(config.pools)
