"""Made-up events in a lake of small nights, and their sums by brute force."""

import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.ground import artifacts
from pipeline.intake import inputs
from pipeline.operations import stages
from pipeline.sources.configuration import FullConfig
from tests.tiny_log import rows_of

START = date(2024, 1, 1)
NIGHT = date(2024, 3, 13)
WEIGHTS = {"view": 0.1, "purchase": 1.0, "return": -1.0}
SMALL: dict[str, Any] = {"horizon_days": 3, "refresh_days": 3, "label_windows": 3, "window_stride_days": 3}
OVERLAPPING: dict[str, Any] = {"label_windows": 5, "window_stride_days": 2}
"""As most shops' label windows do, which begin before the one before them ends."""

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
                "spent": sum(e["quantity"] * e["price"] for _, e in pairs_events if WEIGHTS[e["event_type"]] > 0),
                "first_age": max(ages),
                "last_age": min(ages),
                "returns": sum(WEIGHTS[e["event_type"]] < 0 for _, e in pairs_events),
                "kept": sum({"purchase": 1, "return": -1}.get(e["event_type"], 0) for _, e in pairs_events),
            } | {f"decay_{h}": sum(0.5 ** (age / h) for age in ages) for h in (7, 30, 90, 365)}
    return found


def known(events: list[Event], key: str, by: date) -> list[str]:
    """Ids in the order of their first arrival, then alphabetically."""
    first: dict[str, int] = {}
    for e in events:
        if e[key]:
            first[e[key]] = min(e["arrived"], first.get(e[key], e["arrived"]))
    return [i for arrived, i in sorted((a, i) for i, a in first.items()) if arrived <= number(by)]


def said(item: str, title: str | None, arrived: int, rows: int = 1, **details: Any) -> dict[str, Any]:
    return {"item_id": item, "title": title, "arrived": arrived, "rows": rows} | details


def texts(config: FullConfig, night: date) -> dict[str, dict[str, Any]]:
    return {r["item_id"]: r for r in rows_of(build(config, night), "items")}
