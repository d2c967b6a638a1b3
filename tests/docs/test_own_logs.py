"""The page on one's own logs: its mappings and settings, as they stand there, do what it says."""

import json
import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.operations import load_history
from pipeline.settings import predicates
from pipeline.sources import configuration
from tests.conftest import ROOT
from tests.docs.pages import blocks
from tests.tiny_log import digests, ingest, rows_of, shop

PAGE = (ROOT / "docs/own-logs.md").read_text(encoding="utf-8")
CARTS: list[dict[str, Any]] = [
    {"user": "u1", "at": "2026-11-22T10:00:00Z", "cart": {"id": "c7", "lines": [{"sku": "a", "n": 2}, {"sku": "b"}]}},
    {"user": "u2", "at": "2026-11-22T11:00:00Z", "cart": {"id": "c8", "lines": [{"sku": "a", "n": 1}]}},
]


@pytest.mark.parametrize("name", ["log.jsonl", "log.parquet"])
def test_the_nested_lines_of_the_page_become_events(tmp_path: Path, name: str) -> None:
    (mapping,) = [block for block in blocks(PAGE, "sql") if "unnest" in block]
    odd = [{"user": "u3", "at": "2026-11-22T12:00:00Z", "cart": cart} for cart in ("{broken", {"lines": "none"}, None)]
    if name.endswith("parquet"):
        odd = []
        pq.write_table(pa.Table.from_pylist(CARTS), tmp_path / name)
    else:
        (tmp_path / name).write_text("".join(json.dumps(line) + "\n" for line in [*CARTS, *odd]))
    folder = ingest(shop(tmp_path, name, mapping, ingest={"max_reject_share": 1}), date(2026, 11, 22))
    found = [(e["user_id"], e["item_id"], e["quantity"], e["session_id"]) for e in rows_of(folder)]
    assert sorted(found, key=str) == [("u1", "a", 2, "c7"), ("u1", "b", None, "c7"), ("u2", "a", 1, "c8")]
    assert [(r["row"], r["reason"]) for r in rows_of(folder, "rejects")] == [
        (3 + n, "item_id is missing") for n in range(len(odd))
    ]


def test_the_surfaces_of_the_page_show_what_they_say(tmp_path: Path) -> None:
    (text,) = [block for block in blocks(PAGE, "toml") if "[[surfaces]]" in block]
    path = tmp_path / "pipeline.toml"
    path.write_text(text)
    surfaces = configuration.load(path).surfaces
    assert [(s.name, s.repeats) for s in surfaces] == [("for_you", True), ("discover", False), ("coupons", True)]
    items = pa.table(
        {
            "kind": ["product", "product", "product", "coupon"],
            "available": [True, False, True, True],
            "price": [5.0, 5.0, 500.0, None],
        }
    )
    found = predicates.passing(items, {surface.name: surface.where for surface in surfaces}, date(2024, 5, 1))
    assert {name: passes.tolist() for name, passes in found.items()} == {
        "for_you": [True, False, True, False],
        "discover": [True, False, False, False],
        "coupons": [False, False, False, True],
    }


def test_the_orders_and_lines_of_the_page_are_joined_night_by_night_and_in_one_pass(tmp_path: Path) -> None:
    (mapping,) = [block for block in blocks(PAGE, "sql") if "order_lines" in block]
    (text,) = [block for block in blocks(PAGE, "toml") if "order_lines" in block]
    nights = [date(2026, 11, day) for day in (20, 21, 22)]
    for way in ("nights", "history"):
        (tmp_path / way / "logs").mkdir(parents=True)
        for night in nights:
            n = night.day
            orders = [f"o{n}-{k},c{k},{night} 1{k}:00:00" for k in range(5)]
            lines = [f"o{n}-{k},sku{k + j},{j + 1},2.5" for k in range(5) for j in range(3)]
            lines += [f"lost,sku1,1,{n}"] if n == 22 else []
            for name, header, rows in (
                ("orders", "order_no,customer,paid_at", orders),
                ("order_lines", "order_no,sku,pieces,unit_price", lines),
            ):
                (tmp_path / way / "logs" / f"{name}-{night}.csv").write_text("\n".join([header, *rows]) + "\n")
    files = tomllib.loads(text)["ingest"]["events"]["files"]
    ingests = {"events": {"files": files, "sql": "events.sql"}, "max_reject_share": 0.1}
    one, other = (shop(tmp_path / way, mapping=mapping, ingest=dict(ingests)) for way in ("nights", "history"))
    folders = [ingest(one, night) for night in nights]
    load_history.load_history(other, nights[-1])
    found = [e for folder in folders for e in rows_of(folder)]
    assert len(found) == 3 * 15
    assert {(e["user_id"], e["item_id"], e["quantity"]) for e in found} == {
        (f"c{k}", f"sku{k + j}", j + 1) for k in range(5) for j in range(3)
    }
    assert [(r["file"], r["row"], r["reason"]) for r in rows_of(folders[-1], "rejects")] == [
        ("logs/order_lines-2026-11-22.csv", 16, "event_time is missing or not a time")
    ]
    for folder in folders:
        assert digests(folder) == digests(other.lake / "ingest" / folder.name)


def test_the_users_of_the_page_are_kept_with_what_they_are(tmp_path: Path) -> None:
    (mapping,) = [block for block in blocks(PAGE, "sql") if block.startswith("-- users.sql")]
    (text,) = [block for block in blocks(PAGE, "toml") if "[ingest.users]" in block]
    users = tomllib.loads(text)["ingest"]["users"]
    (tmp_path / users["sql"]).write_text(mapping)
    for day, row in (("21", "c1,France,34,2019-05-06"), ("22", "c1,,35,")):
        path = tmp_path / "users" / f"2026-11-{day}.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"customer,land,age,registered_at\n{row}\n")
    (tmp_path / "log.jsonl").write_text(
        '{"user": "c1", "item": "a", "ts": "2026-11-21 10:00:00", "type": "purchase"}\n'
        '{"user": "c1", "item": "a", "ts": "2026-11-22 10:00:00", "type": "purchase"}\n'
    )
    config = shop(tmp_path, ingest={"users": users})
    found = [{r["name"]: r["value"] for r in rows_of(ingest(config, date(2026, 11, day)), "users")} for day in (21, 22)]
    assert found == [{"age": "34.0", "country": "France", "joined": "2019-05-06"}, {"age": "35.0"}]


def test_the_attributes_of_items_on_the_page_can_be_asked(tmp_path: Path) -> None:
    (text,) = [block for block in blocks(PAGE, "toml") if "[ingest.items]" in block]
    (where,) = re.findall(r'`where = "(colour[^"]*)"`', " ".join(PAGE.split()))
    path = tmp_path / "pipeline.toml"
    path.write_text(f'[[surfaces]]\nname = "red"\nwhere = "{where}"\n{text}')
    assert configuration.load(path).item_attributes == {"colour": "word", "released": "date", "stars": "number"}
