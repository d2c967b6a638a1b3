"""Segments of popular_items against a loop over every segment and item, ties and small segments included."""

import random
from collections import Counter
from datetime import date

import duckdb
import pyarrow as pa
import pytest

from pipeline.ground import sql
from pipeline.publication.tables import popular_items

USERS, ITEMS, K = 60, 40, 7
Bought = set[tuple[int, int]]


def a_night(seed: int) -> tuple[dict[str, pa.Table], Bought, dict[int, list[str]]]:
    """The relations of the statement; who bought what lately; everybody's segments."""
    rng = random.Random(seed)
    rows = [(u, i, rng.choice([3, 27, 28, 90])) for u in range(USERS) for i in range(ITEMS) if rng.random() < 0.08]
    segments = {u: [s for s in (f"land:{u % 5 * u % 4}", f"plan:{u % 3}") if rng.random() < 0.9] for u in range(USERS)}
    shown = [i for i in range(ITEMS) if i % 9]
    relations = {
        "shown": pa.table({"segment": ["all"] * len(shown), "item_index": pa.array(shown, pa.int32())}),
        "items": pa.table({"item_index": range(ITEMS), "item_id": [f"i{i:02}" for i in range(ITEMS)]})
        .append_column("first_seen", pa.array([date(2010, 1, 1)] * ITEMS))
        .append_column("product", pa.nulls(ITEMS, pa.int32())),
        "stats": pa.table(
            {
                "item_index": range(ITEMS),
                "popularity": [0.0] * ITEMS,
                "buyers_91": [i % 3 for i in range(ITEMS)],
                "buyers_total": [i % 2 for i in range(ITEMS)],
            }
        ),
        "interactions": pa.table(
            dict(zip(("user_index", "item_index", "last_age"), zip(*rows, strict=True), strict=True))
        ),
        "attributes": pa.table(
            {
                "user_index": [u for u, of in segments.items() for _ in of],
                "segment": [segment for of in segments.values() for segment in of],
            }
        ),
    }
    return relations, {(u, i) for u, i, age in rows if age < 28}, segments


def expected(
    bought: Bought, segments: dict[int, list[str]], prior: float, least: int
) -> dict[str, list[tuple[str, float]]]:
    """Every item of every segment, one after the other."""
    active = {user for user, _ in bought}
    everywhere = Counter(item for _, item in bought)
    found = {}
    for segment in sorted({one for of in segments.values() for one in of}):
        mine = {user for user in active if segment in segments[user]}
        if len(mine) < least:
            continue
        here = Counter(item for user, item in bought if user in mine)
        scores = {
            item: (here[item] + prior * number / len(active)) * len(mine) / (len(mine) + prior)
            for item, number in everywhere.items()
            if item % 9 and (here[item] or prior)
        }
        order = sorted(scores, key=lambda i: (-round(scores[i], 9), -(i % 3), -(i % 2), i))
        found[segment] = [(f"i{item:02}", pytest.approx(scores[item], rel=1e-5)) for item in order[:K]]
    return found


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("prior", "least"), [(0.0, 1), (2.0, 8), (20.0, 12), (1e6, 1)])
def test_a_segment_holds_what_its_users_buy_smoothed_towards_everybodys(seed: int, prior: float, least: int) -> None:
    relations, bought, segments = a_night(seed)
    params = {
        "run_id": "r",
        "run_date": date(2011, 10, 2),
        "k": K,
        "new_days": 28,
        "days": 28,
        "prior": prior,
        "min_users": least,
    }
    with duckdb.connect() as connection:
        table = sql.query(connection, "publish/popular_items", popular_items.TABLE.schema, relations, **params)
    found: dict[str, list[tuple[str, float]]] = {}
    for row in table.to_pylist():
        if row["segment"] not in ("all", "new_arrivals"):
            found.setdefault(row["segment"], []).append((row["item_id"], row["score"]))
    assert found == expected(bought, segments, prior, least)
    assert len(found) > 1
