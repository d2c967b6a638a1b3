"""A shop that has everything the features stage reads.

Ratings, queries, searches, prices that are none, guests, returns, attributes, offers, links, nights that arrive late,
and an early night whose items had no days yet.
"""

import math
import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.ground import artifacts
from pipeline.intake import inputs
from pipeline.operations import stages
from pipeline.sources.configuration import FullConfig
from tests.features.made_up import config_at

START = date(2024, 1, 1)
NIGHTS = (date(2024, 2, 1), date(2024, 2, 24), date(2024, 2, 26), date(2024, 3, 1))
"""The nights that have a log; some events of each happened before the one before it."""
TYPES = {
    "view": {"weight": 0.1},
    "purchase": {"weight": 1.0, "label": True},
    "return": {"weight": -1.0},
    "rating": {"weight": 0.37, "neutral": 3},
    "shown": {"weight": 0, "hides": 5, "shown": True},
}
ATTRIBUTES = {
    "users": {"country": "word", "age": "number", "joined": "date"},
    "items": {"colour": "word", "stars": "number", "released": "date"},
}
# What DuckDB and Java read differently, or not at all.
QUERIES = (None, "", "  Rote\tTASSE ", "rote tasse", "Cafe\u0301", "caf\u00e9", "\u0130stanbul", "STRASSE \u1e9e")
QUERIES += ("a\u000bb", "\u00a0x")
WORDS = ("1.5", "1e3", " 7 ", "12d", "0x10", "inf", "nan", "2024", "2024-02", "2024-1-5", "2024-01-31", "FR", "", "é")
PRICES = (None, 0.0, 0.1, 2.55, 19.99, 1e9, math.nan, math.inf, 1e300)
SURFACES = [
    {"name": "for_you"},
    {"name": "coupons", "where": "kind = 'coupon'", "goal": ["view", "rating"], "horizon_days": 2},
    {"name": "fresh", "max_age_days": 20, "repeats": False},
]


def config_of(home: Path, **over: Any) -> FullConfig:
    """A configuration that makes every statement of the stage count."""
    features = {
        "event_types": TYPES,
        "word_min_users": 2,
        "words": 3,
        "query_min_users": 2,
        "text_parts": ["title", "text", "category", "price"],
        "price_words": ["cheap", "middling", "dear"],
        "label_users": 15,
        "learned_users": 20,
        "unsold_days": 25,
    }
    ingest = {name: {"files": "f.csv", "sql": "f.sql", "attributes": kinds} for name, kinds in ATTRIBUTES.items()}
    settings = {"features": features, "ingest": ingest, "surfaces": SURFACES, "timezone": "Europe/Paris"}
    return config_at(home, **settings | {"label_windows": 3, "window_stride_days": 3} | over)


def _events(rng: random.Random, arrival: date) -> list[dict[str, Any]]:
    """What arrived on a night, to the second: of the days before, some of long ago, some around midnight of Paris."""
    rows = []
    for n in range(400):
        late = rng.random() < 0.1
        seconds = rng.randint(0, (30 if late else 9) * 86_400)
        at = datetime(arrival.year, arrival.month, arrival.day, 22, 59, tzinfo=UTC) - timedelta(seconds=seconds)
        kind = rng.choice(list(TYPES))
        rows.append(
            {
                "event_id": f"{arrival}-{n}",
                "user_id": None if rng.random() < 0.15 else f"u{rng.randint(0, 30)}",
                "item_id": f"i{rng.randint(0, 25)}",
                "event_time": max(at, datetime(2024, 1, 1, tzinfo=UTC)),
                "event_type": kind,
                "value": rng.choice((None, 1.0, 2.5, 3.0, 4.7, 5.0)) if kind == "rating" else rng.choice((None, 0.1)),
                "quantity": rng.choice((None, 1.0, 1 / 3, 12.7, -2.0)),
                "price": rng.choice(PRICES[:5] if rng.random() < 0.9 else PRICES),
                "session_id": rng.choice((None, f"s{n // 3}")),
                "query": rng.choice(QUERIES),
                "rank_shown": rng.choice((None, 0, 1, 2, 3, 150)) if kind == "shown" else None,
            }
        )
    return rows


def _items(rng: random.Random, arrival: date) -> list[dict[str, Any]]:
    """What a night said of items: some titles change, details come and go."""
    rows = []
    for item in rng.sample(range(32), 20):
        for version in range(rng.randint(1, 2)):
            rows.append(
                {
                    "item_id": f"i{item}",
                    "title": rng.choice((None, f"Item {item}", f"item {item} v{version}", "", "Ärmel")),
                    "text": rng.choice((None, "words, more words", "ß")),
                    "category": rng.choice((None, "mugs", "Tassen")),
                    "price": rng.choice(PRICES),
                    "currency": rng.choice((None, "EUR", "EUR", "JPY")),
                    "kind": "coupon" if item % 4 == 0 else None,
                    "available": rng.choice((None, True, True, False)),
                    "valid_from": rng.choice((None, None, START + timedelta(days=10))),
                    "valid_until": rng.choice((None, None, date(2024, 2, 20))),
                    "rows": rng.randint(1, 3),
                }
            )
    return list({(row["item_id"], row["title"]): row for row in rows}.values())


def _said(rng: random.Random, key: str, things: int, names: dict[str, str]) -> list[dict[str, Any]]:
    rows = [{key: f"{key[0]}{n}", "name": name} for n in range(things) for name in (*names, "shoe_size")]
    return [row | {"value": rng.choice(WORDS)} for row in rows if rng.random() < 0.6]


def _exclusions(rng: random.Random, arrival: date) -> list[dict[str, Any]]:
    pairs = sorted({(f"u{rng.randint(0, 35)}", f"i{rng.randint(0, 31)}") for _ in range(12)})
    ends = [rng.choice([None, arrival, arrival + timedelta(days=rng.randint(0, 9))]) for _ in pairs]
    return [{"user_id": u, "item_id": i, "valid_until": day} for (u, i), day in zip(pairs, ends, strict=True)]


def _searches(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Before most choices after a query the search itself, and before it one in vain by other words."""
    rng, rows = random.Random(len(events)), []
    for one in events:
        for words, seconds in ((rng.choice(QUERIES[3:6]), 90), (one["query"], rng.choice((0, 20)))):
            if words and rng.random() < 0.8:
                person = {name: one[name] for name in ("user_id", "session_id")}
                at = one["event_time"] - timedelta(seconds=seconds)
                rows.append(person | {"searched_at": at, "query": words})
    return rows


def write(config: FullConfig) -> None:
    """The lake of the shop's nights; the first one's items have no days, and it names no links, offers, exclusions."""
    rng = random.Random(7)
    for number, arrival in enumerate(NIGHTS):
        (attributes,) = inputs.ITEMS.also
        pairs = [(f"i{rng.randint(0, 31)}", f"i{rng.randint(0, 31)}") for _ in range(12)]
        whom = [(f"u{rng.randint(0, 35)}", item) for item, _ in pairs]
        events = _events(rng, arrival)
        tables = {
            "events": (inputs.EVENTS.schema, events),
            "items": (inputs.ITEMS.schema, _items(rng, arrival)),
            "users": (inputs.USERS.schema, _said(rng, "user_id", 34, ATTRIBUTES["users"])),
            attributes.path(Path()).stem: (attributes.schema, _said(rng, "item_id", 30, ATTRIBUTES["items"])),
            "links": (inputs.LINKS.schema, [dict(zip(inputs.LINKS.schema.names, pair, strict=True)) for pair in pairs]),
            "offers": (inputs.OFFERS.schema, [{"user_id": user, "item_id": item} for user, item in whom]),
            "exclusions": (inputs.EXCLUSIONS.schema, _exclusions(rng, arrival)),
            "searches": (inputs.SEARCHES.schema, _searches(events)),
        }
        if number == 0:
            days = {"valid_from", "valid_until"}
            schema = pa.schema([field for field in inputs.ITEMS.schema if field.name not in days])
            tables |= {"items": (schema, tables["items"][1])}
            del tables["links"], tables["offers"], tables["exclusions"]
        with artifacts.writing(artifacts.stage_dir(config.lake, "ingest", arrival)) as out:
            for name, (schema, rows) in tables.items():
                pq.write_table(pa.Table.from_pylist(rows, schema), out / f"{name}.parquet")
            artifacts.write_manifest(out, {"files": artifacts.describe(out), "config": {"timezone": config.timezone}})


def features_of(config: FullConfig) -> dict[str, str]:
    """Run the stage for the last night; the hashes of its files."""
    stages.run_stage("features", NIGHTS[-1], config)
    folder = artifacts.stage_dir(config.lake, "features", NIGHTS[-1])
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "manifest.json")
    return {str(path.relative_to(folder)): artifacts.file_sha256(path) for path in files}
