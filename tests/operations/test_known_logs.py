"""Shops for logs whose schema is known: a small log of each, through ingest, with the counts that were put into it."""

import gzip
import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground.errors import InputError
from pipeline.operations import check, init, load_history
from pipeline.operations.starter import known_logs
from pipeline.sources import configuration
from tests.tiny_log import rows_of

START = datetime(2024, 3, 1, 10, tzinfo=UTC)
DAYS = 6
Rows = list[dict[str, Any]]


def made(tmp_path: Path, schema: str) -> Path:
    """A new shop's folder."""
    folder = tmp_path / "shop"
    said = init.init(folder, Path(schema))
    assert f"nightjar --config {folder / 'pipeline.toml'} check" in said
    assert configuration.load(folder / "pipeline.toml").ingest.events is not None
    return folder


def loaded(folder: Path, max_refused: int = 0) -> tuple[Rows, Rows, Counter[str]]:
    """Events, items and refused rows by reason, of all nights, as load-history takes them; `check` says the same."""
    config = configuration.load(folder / "pipeline.toml", {"ingest": {"max_reject_share": 0.5}})
    found = check.check(config)
    load_history.load_history(config, until=START.date() + timedelta(days=DAYS))
    nights = sorted((config.lake / "ingest").glob("run_date=*"))
    events, items, refused = (
        [r for night in nights for r in rows_of(night, t)] for t in ("events", "items", "rejects")
    )
    assert (found.problems, found.facts.events and found.facts.events.events) == ([], len(events))
    reasons = Counter(row["reason"] for row in refused)
    assert sum(reasons.values()) == max_refused
    return events, items, reasons


def csv(path: Path, rows: Rows) -> None:
    lines = [",".join(rows[0]), *(",".join(str(value) for value in row.values()) for row in rows)]
    path.write_text("\n".join(lines) + "\n")


def test_personalize(tmp_path: Path) -> None:
    folder = made(tmp_path, "personalize")
    kinds = ["View", "AddToCart", "Purchase", "Watch", ""]
    rows = [
        {
            "USER_ID": n % 7, "ITEM_ID": f"i{n % 5}", "EVENT_TYPE": kinds[n % 5], "EVENT_VALUE": "" if n % 2 else 1.5,
            "TIMESTAMP": int((START + timedelta(hours=n)).timestamp()), "DEVICE": "phone",
        }
        for n in range(100)
    ]  # fmt: skip
    rows[17]["TIMESTAMP"] = "9" * 30
    csv(folder / "logs" / "interactions-1.csv", rows[:60])
    csv(folder / "logs" / "interactions-2.csv", rows[60:])
    items = [
        {
            "ITEM_ID": f"i{n}",
            "PRICE": n + 0.5,
            "CATEGORY_L1": "home",
            "CATEGORY_L2": "mugs" if n else "",
            "TITLE": f"T{n}",
        }
        for n in range(8)
    ]
    csv(folder / "logs" / "items.csv", items)
    events, catalogue, reasons = loaded(folder, max_refused=1)
    assert reasons == {"event_time is missing or not a time": 1}
    assert Counter(e["event_type"] for e in events) == {
        "view": 20, "cart": 20, "purchase": 19, "watch": 20, "interaction": 20,
    }  # fmt: skip
    assert events[0]["event_time"] == START
    assert sum(e["value"] == 1.5 for e in events) == 50
    assert [(i["item_id"], i["title"], i["category"], i["price"]) for i in catalogue[:2]] == [
        ("i0", "T0", "home", 0.5), ("i1", "T1", "home > mugs", 1.5),
    ]  # fmt: skip
    assert len(catalogue) == 8


def test_personalize_with_the_least_columns_and_without_items(tmp_path: Path) -> None:
    folder = made(tmp_path, "personalize")
    rows = [
        {"USER_ID": n % 7, "ITEM_ID": n % 5, "TIMESTAMP": int((START + timedelta(hours=n)).timestamp())}
        for n in range(50)
    ]
    csv(folder / "logs" / "interactions.csv", rows)
    events, catalogue, _ = loaded(folder)
    assert (Counter(e["event_type"] for e in events), catalogue) == ({"interaction": 50}, [])


def ga4_event(name: str, at: datetime, user: int, products: list[tuple[str, int]]) -> dict[str, Any]:
    """As `bq extract` writes it: whole numbers are texts."""
    return {
        "event_date": f"{at:%Y%m%d}",
        "event_timestamp": str(int(at.timestamp() * 1e6)),
        "event_name": name,
        "event_params": [
            {"key": "page_location", "value": {"string_value": "https://example.org/?a=b", "int_value": None}},
            {"key": "ga_session_id", "value": {"string_value": None, "int_value": str(1000 + user)}},
        ],
        "user_id": f"member{user}" if user % 2 else None,
        "user_pseudo_id": f"{user}.16",
        "items": [
            {"item_id": item, "item_name": f"Name of {item}", "item_category": "mugs", "item_category2": "(not set)",
             "price": 2.5, "quantity": str(number)}
            for item, number in products
        ],
    }  # fmt: skip


def ga4_events() -> Rows:
    names = ["view_item", "add_to_cart", "purchase", "page_view", "refund"]
    return [
        ga4_event(
            names[n % 5], START + timedelta(hours=n), n % 7, [("a", 1), ("b", 2)][: 1 + (names[n % 5] == "purchase")]
        )
        for n in range(100)
    ] + [ga4_event("view_item", START, 1, [])]


@pytest.mark.parametrize("form", ["json.gz", "parquet"])
def test_ga4(tmp_path: Path, form: str) -> None:
    folder = made(tmp_path, "ga4")
    for day in sorted({row["event_date"] for row in ga4_events()}):
        rows = [row for row in ga4_events() if row["event_date"] == day]
        path = folder / "logs" / f"events_{day}-000000000000.{form}"
        if form == "parquet":
            typed = [row | {"event_timestamp": int(row["event_timestamp"])} for row in rows]
            pq.write_table(pa.Table.from_pylist(typed), path)
        else:
            path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    if form == "parquet":
        toml = folder / "pipeline.toml"
        toml.write_text(toml.read_text().replace('format = "jsonl"', 'format = "parquet"'))
    events, items, reasons = loaded(folder, max_refused=1)
    assert reasons == {"item_id is missing": 1}
    assert Counter(e["event_type"] for e in events) == {"view": 20, "cart": 20, "purchase": 40, "return": 20}
    first = next(e for e in events if e["event_time"] == START)
    assert (first["user_id"], first["item_id"], first["session_id"], first["price"]) == ("0.16", "a", "0.16.1000", 2.5)
    bought = [e for e in events if e["event_type"] == "purchase"]
    assert Counter((e["item_id"], e["quantity"]) for e in bought) == {("a", 1): 20, ("b", 2): 20}
    assert {e["user_id"] for e in bought if e["user_id"].startswith("member")} == {"member1", "member3", "member5"}
    assert {(i["item_id"], i["title"], i["category"], i["price"]) for i in items} == {
        (item, f"Name of {item}", "mugs", 2.5) for item in "ab"
    }


def segment_call(number: int, event: str, properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    at = f"{START + timedelta(hours=number):%Y-%m-%dT%H:%M:%S.123Z}"
    return {
        "type": "track", "event": event, "messageId": f"m{number}", "userId": f"u{number % 7}" if number % 2 else None,
        "anonymousId": f"anon{number % 7}", "timestamp": at, "properties": properties,
    } | more  # fmt: skip


def test_segment(tmp_path: Path) -> None:
    folder = made(tmp_path, "segment")
    product = {"product_id": "p1", "sku": "s1", "name": "Mug", "category": "Kitchen", "price": 9.5, "quantity": 2}
    names = ["Product Viewed", "Product Added", "Product Added to Wishlist", "Some Other"]
    calls = [segment_call(n, names[n % 4], product) for n in range(80)]
    lines = [product, {"sku": "s2", "price": 1, "quantity": 1}]
    calls += [segment_call(80 + n, "Order Completed", {"order_id": f"o{n}", "products": lines}) for n in range(10)]
    calls += [segment_call(90, "Order Refunded", {"order_id": "o1", "products": lines[:1]})]
    calls += [segment_call(91, "Product Reviewed", {"product_id": "p1", "rating": 4})]
    calls += [segment_call(92, "Order Completed", {"order_id": "empty"})]
    calls += [{"type": "page", "name": "Home", "userId": "u1", "timestamp": calls[0]["timestamp"]}]
    calls += [calls[85], segment_call(93, "Product Viewed", product, timestamp="yesterday")]
    (folder / "logs" / "1709251200000").mkdir()
    content = "".join(json.dumps(call) + "\n" for call in calls).encode()
    (folder / "logs" / "1709251200000" / "abc.gz").write_bytes(gzip.compress(content))
    events, items, reasons = loaded(folder, max_refused=4)
    assert reasons == {
        "item_id is missing": 1, "duplicate of an earlier event": 2, "event_time is missing or not a time": 1,
    }  # fmt: skip
    assert Counter(e["event_type"] for e in events) == {
        "view": 20, "cart": 20, "like": 20, "purchase": 20, "return": 1, "rating": 1,
    }  # fmt: skip
    assert Counter(e["item_id"] for e in events if e["event_type"] == "purchase") == {"p1": 10, "s2": 10}
    assert {e["session_id"] for e in events if e["event_type"] == "purchase"} == {f"o{n}" for n in range(10)}
    assert [e["value"] for e in events if e["value"] is not None] == [4]
    assert {e["user_id"] for e in events} == {f"u{n}" for n in range(7)} | {f"anon{n}" for n in range(7)}
    assert {(i["title"], i["category"], i["price"]) for i in items if i["item_id"] == "p1"} == {("Mug", "Kitchen", 9.5)}


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_rectools(tmp_path: Path, ending: str) -> None:
    folder = made(tmp_path, "rectools")
    rows: Rows = [
        {
            "user_id": n % 7,
            "item_id": n % 5,
            "datetime": (START + timedelta(hours=n)).replace(tzinfo=None),
            "weight": 0.5 * n,
        }
        for n in range(100)
    ]
    if ending == "csv":
        csv(folder / "logs" / "interactions.csv", rows)
    else:
        pq.write_table(pa.Table.from_pylist(rows), folder / "logs" / "interactions.parquet")
        toml = folder / "pipeline.toml"
        toml.write_text(toml.read_text().replace('"logs/interactions*.csv"  #', '"logs/interactions*.parquet"  #'))
    events, _, _ = loaded(folder)
    assert (len(events), events[0]["event_time"], sum(e["value"] for e in events)) == (100, START, 0.5 * 99 * 50)


def test_a_file_goes_before_a_schema_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"or a schema that is known \(personalize, ga4, segment, rectools\)"):
        init.init(tmp_path / "shop", Path("snowplow"))
    Path("rectools").write_text("user,item,time\n" + f"u,i,{date(2024, 1, 1)}\n" * 3)
    init.init(tmp_path / "shop", Path("rectools"))
    assert (tmp_path / "shop" / "logs" / "rectools").is_file()


def test_what_is_known_is_told_by_the_command_line() -> None:
    from pipeline.commands.command_line import parser

    command = next(a for a in parser()._actions if a.dest == "command").choices["init"]
    assert ", ".join(known_logs.NAMES) in " ".join(command.format_help().split())
