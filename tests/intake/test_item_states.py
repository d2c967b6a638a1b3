"""What a night says of an item: the last word of it, whatever was said before or is greater, and nothing absurd."""

import json
import logging
import math
from datetime import date
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from pipeline.ground import artifacts
from pipeline.operations import load_history
from pipeline.settings.config import Config
from tests.tiny_log import digests, ingest, row, rows_of, shop, write

MONDAY, TUESDAY = date(2024, 1, 1), date(2024, 1, 2)
COLUMNS = ("title", "text", "category", "price", "currency", "kind", "available")
TIMED = f"select item as item_id, {', '.join(COLUMNS)}, try_cast(ts as timestamp) as arrived_at, _file from raw"
BY_ROW = f"select item as item_id, {', '.join(COLUMNS)}, _file, _row from raw"


def state(item: str | None = "i", ts: str = "2024-01-01 10:00:00", **said: Any) -> dict[str, Any]:
    return dict.fromkeys(COLUMNS) | {"item": item, "ts": ts} | said


def items_shop(folder: Path, files: str, mapping: str = TIMED, **over: Any) -> Config:
    """A shop with two nights' events and with items of their own."""
    for night in (MONDAY, TUESDAY):
        write(folder / f"log-{night}.csv", [row("u", "i", f"{night} 09:00:00")])
    (folder / "items.sql").write_text(mapping)
    items = {"items": {"files": files, "sql": "items.sql"}}
    return shop(folder, "log-{year}-{month}-{day}.csv", ingest=items, **over)


def one(folder: Path) -> dict[str, Any]:
    (found,) = rows_of(folder, "items")
    return found


def test_the_later_time_wins_wherever_it_stands(tmp_path: Path) -> None:
    """An item for each order in which its three states can stand."""
    states = [
        {"ts": "2024-01-01 08:00:00", "price": 9, "available": True},
        {"ts": "2024-01-01 09:00:00", "price": 12, "available": True},
        {"ts": "2024-01-01 20:00:00", "price": 5, "available": False},
    ]
    orders = list(permutations(range(3)))
    rows = [state(f"i{number}", **states[n]) for number, order in enumerate(orders) for n in order]
    write(tmp_path / "items.jsonl", rows)
    found = rows_of(ingest(items_shop(tmp_path, "items.jsonl"), MONDAY), "items")
    assert [i["item_id"] for i in found] == [f"i{number}" for number in range(len(orders))]
    assert {(i["price"], i["available"], i["rows"]) for i in found} == {(5, False, 3)}


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_without_times_the_later_row_wins(tmp_path: Path, ending: str) -> None:
    """However often the other was said: it is not a vote. The second file of the night is later than the first."""
    said = [(True, True, False, True), (False, False, True, False), (True, False), (False, True)]
    states = [
        [state(f"i{number}", available=value, price=10 - n) for n, value in enumerate(values)]
        for number, values in enumerate(said)
    ]
    write(tmp_path / "items" / f"{MONDAY}-a.{ending}", [row for rows in states for row in rows[:-1]])
    write(tmp_path / "items" / f"{MONDAY}-b.{ending}", [rows[-1] for rows in states])
    files = f"items/{{year}}-{{month}}-{{day}}-*.{ending}"
    found = rows_of(ingest(items_shop(tmp_path, files, BY_ROW), MONDAY), "items")
    assert [(i["price"], i["available"]) for i in found] == [(11 - len(values), values[-1]) for values in said]


def test_a_mapping_that_orders_its_rows_need_not_select_them(tmp_path: Path) -> None:
    write(tmp_path / f"items-{MONDAY}.jsonl", [state(price=1), state(price=2)])
    mapping = f"select item as item_id, {', '.join(COLUMNS)}, _file from raw order by price desc"
    assert one(ingest(items_shop(tmp_path, "items-{year}-{month}-{day}.jsonl", mapping), MONDAY))["price"] == 1


def test_what_is_null_says_nothing(tmp_path: Path) -> None:
    states = [state(price=9, currency="EUR", category="c", available=False), state(price=12, text="t"), state()]
    write(tmp_path / "items.jsonl", states)
    found = one(ingest(items_shop(tmp_path, "items.jsonl"), MONDAY))
    found |= {"item": found.pop("item_id"), "ts": states[0]["ts"]}
    nobody_says = dict.fromkeys(("parent_id", "valid_from", "valid_until"))
    assert found == state(text="t", category="c", price=12, currency="EUR", available=False) | nobody_says | {"rows": 3}


def test_titles_are_counted_and_the_last_stands_last(tmp_path: Path) -> None:
    titles = ["Zebra", "Ant", "Zebra", None, "Mouse", "Ant"]
    write(tmp_path / "items.jsonl", [state(title=title, price=n) for n, title in enumerate(titles)])
    found = rows_of(ingest(items_shop(tmp_path, "items.jsonl"), MONDAY), "items")
    assert [(i["title"], i["rows"]) for i in found] == [("Zebra", 2), (None, 1), ("Mouse", 1), ("Ant", 2)]
    assert {i["price"] for i in found} == {5}


def test_history_is_the_same_bytes_as_nights(tmp_path: Path) -> None:
    """Whatever is wrong with them, and the manifests say the same."""
    for night in (MONDAY, TUESDAY):
        states = [
            state(f"i{n % 3}", f"{night} {n % 7:02}:00:00", price=price, title=f"T{n % 2}", available=said)
            for n, (price, said) in enumerate(
                zip([1, "inf", "x", 1e300, 2, 3], ["no", "?", 1, 0, None, "Yes"], strict=True)
            )
        ]
        write(tmp_path / f"items-{night}.jsonl", [*states, state(None, f"{night} 01:00:00"), state("i1", "never")])
    for name, mapping in (("time", TIMED), ("row", BY_ROW)):
        live, loaded = (
            items_shop(tmp_path, "items-{year}-{month}-{day}.jsonl", mapping, home=tmp_path / name / home)
            for home in ("live", "loaded")
        )
        load_history.load_history(loaded, TUESDAY)
        for night in (MONDAY, TUESDAY):
            ours, theirs = ingest(live, night), artifacts.stage_dir(loaded.lake, "ingest", night)
            assert digests(ours) == digests(theirs)
            reports = [artifacts.read_manifest(folder)["report"] for folder in (ours, theirs)]
            assert reports[0] == reports[1]
            assert reports[0]["items: left out, as item_id is missing"] == 1


YES = [
    True,
    "true",
    "T",
    "yes",
    " Y ",
    "on",
    1,
    "1.0",
    5,
    "In Stock",
    "in_stock",
    "InStock",
    "https://schema.org/InStock",
]
NO = [False, "FALSE", "f", "No", "n", "off", 0, "0.0", -1, "out of stock", "OUT_OF_STOCK", "http://schema.org/SoldOut"]
NO += ["sold-out", "unavailable", "Discontinued"]
NOTHING = [None, "", " ", "nan", "None", "<NA>"]
WHO_KNOWS = ["ausverkauft", "maybe", "2024-01-01", "in stock soon", "[]"]
NOT_UNDERSTOOD = "items: not available, as what available says is not understood"


@pytest.mark.parametrize(
    ("given", "kept", "faults"),
    [(YES, True, 0), (NO, False, 0), (NOTHING, None, 0), (WHO_KNOWS, False, len(WHO_KNOWS))],
)
def test_sold_out_is_understood_or_said(
    tmp_path: Path, given: list[Any], kept: bool | None, faults: int, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / "items.jsonl", [state(f"i{n}", available=value) for n, value in enumerate(given)])
    with caplog.at_level(logging.WARNING):
        folder = ingest(items_shop(tmp_path, "items.jsonl"), MONDAY)
    assert [i["available"] for i in rows_of(folder, "items")] == [kept] * len(given)
    assert artifacts.read_manifest(folder)["report"].get(NOT_UNDERSTOOD, 0) == faults
    assert (f"{faults} of the rows of {NOT_UNDERSTOOD}" in caplog.text) == bool(faults)


def test_a_number_of_pieces_is_available_above_zero(tmp_path: Path) -> None:
    expected = {1.0: True, 0.0: False, 17.0: True, -1.0: False, math.nan: None}
    write(tmp_path / "items.parquet", [state(f"i{n}", available=value) for n, value in enumerate(expected)])
    found = rows_of(ingest(items_shop(tmp_path, "items.parquet"), MONDAY), "items")
    assert [i["available"] for i in found] == list(expected.values())


PRICES = {1.5: 1.5, math.nan: None, math.inf: None, -math.inf: None, 1e300: None, 1e9: 1e9}


def test_no_absurd_price_enters(tmp_path: Path) -> None:
    write(tmp_path / "items.parquet", [state(f"i{n}", price=price) for n, price in enumerate(PRICES)])
    config = items_shop(tmp_path, "items.parquet")
    folder = ingest(config, MONDAY)
    assert [i["price"] for i in rows_of(folder, "items")] == list(PRICES.values())
    report = artifacts.read_manifest(folder)["report"]
    assert {name: n for name, n in report.items() if name.startswith("items: ")} == {
        "items: without the price, which is out of range": 3
    }
    text = load_history.load_history(config, TUESDAY)
    assert "3 items: without the price, which is out of range" in text


def test_a_price_that_is_a_word_is_said(tmp_path: Path) -> None:
    write(tmp_path / "items.jsonl", [state(price=price) for price in ("7", "on request", "1,50", "", "nan")])
    folder = ingest(items_shop(tmp_path, "items.jsonl"), MONDAY)
    assert one(folder)["price"] == 7
    assert artifacts.read_manifest(folder)["report"]["items: without the price, which is not a number"] == 2


def test_rows_of_no_item_are_said(tmp_path: Path) -> None:
    lines = [state(None), state("x" * 300), state("i")]
    (tmp_path / "items.jsonl").write_text("\n".join(json.dumps(line) for line in lines) + "\n")
    folder = ingest(items_shop(tmp_path, "items.jsonl"), MONDAY)
    assert one(folder)["item_id"] == "i"
    report = artifacts.read_manifest(folder)["report"]
    assert report["items: left out, as item_id is missing"] == report["items: left out, as item_id is too long"] == 1


def test_an_item_without_a_usable_time_is_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path / "log.csv", [row("u", "x", "2024-01-01 10:00:00")])
    items = [{"sku": "x", "at": "2024-01-01 08:00"}, {"sku": "y", "at": "01.03.2024"}, {"sku": "z", "at": None}]
    write(tmp_path / "items.jsonl", items)
    (tmp_path / "items.sql").write_text(
        'select sku as item_id, try_cast("at" as timestamp) as arrived_at, _file from raw'
    )
    config = shop(tmp_path, "log.csv", ingest={"items": {"files": "items.jsonl", "sql": "items.sql"}})
    with caplog.at_level("WARNING"):
        folder = ingest(config, date(2024, 1, 1))
    assert [item["item_id"] for item in rows_of(folder, "items")] == ["x"]
    said = "items: left out, as arrived_at is missing or not a time"
    assert artifacts.read_manifest(folder)["report"][said] == 2
    assert any(said in message for message in caplog.messages)


def test_what_was_known_before_the_log_began_is_known_since_its_first_night(tmp_path: Path) -> None:
    write(tmp_path / "log.csv", [row("u", "x", "2024-01-03 10:00:00")])
    write(tmp_path / "items.jsonl", [{"sku": "x", "at": "1999-01-01 08:00"}, {"sku": "y", "at": "2024-01-03 08:00"}])
    (tmp_path / "items.sql").write_text(
        'select sku as item_id, try_cast("at" as timestamp) as arrived_at, _file from raw'
    )
    config = shop(tmp_path, "log.csv", ingest={"items": {"files": "items.jsonl", "sql": "items.sql"}})
    assert "1 nights, 2024-01-03 .. 2024-01-03" in load_history.load_history(config, date(2024, 1, 3))
    folder = artifacts.stage_dir(config.lake, "ingest", date(2024, 1, 3))
    assert [item["item_id"] for item in rows_of(folder, "items")] == ["x", "y"]


def test_a_negative_price_is_none_and_said(tmp_path: Path) -> None:
    prices = {"a": -0.01, "b": -5.0, "c": 0.0, "d": -1e300}
    write(tmp_path / "items.jsonl", [state(item, price=price) for item, price in prices.items()])
    folder = ingest(items_shop(tmp_path, "items.jsonl"), MONDAY)
    assert {i["item_id"]: i["price"] for i in rows_of(folder, "items")} == {"a": None, "b": None, "c": 0.0, "d": None}
    report = artifacts.read_manifest(folder)["report"]
    assert report["items: without the price, which is negative"] == 2
    assert report["items: without the price, which is out of range"] == 1


def test_a_parent_is_an_id_and_what_is_none_is_left_out(tmp_path: Path) -> None:
    said = [("a", 7.0), ("b", "7"), ("c", None), ("d", "x" * 300), ("e", "")]
    write(tmp_path / "items.jsonl", [{"item": item, "of": parent} for item, parent in said])
    mapping = "select item as item_id, of as parent_id, _file from raw"
    folder = ingest(items_shop(tmp_path, "items.jsonl", mapping), MONDAY)
    assert {i["item_id"]: i["parent_id"] for i in rows_of(folder, "items")} == {
        "a": "7", "b": "7", "c": None, "d": None, "e": None
    }  # fmt: skip
    assert artifacts.read_manifest(folder)["report"]["items: without the parent_id, which is too long"] == 1
