"""The example shop's mapping: given invoice lines, expect events, refusals and titles."""

from datetime import UTC, date, datetime
from pathlib import Path
from shutil import copy
from typing import Any

import pytest

from pipeline.sources import configuration
from tests.tiny_log import ingest, rows_of, write

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "online_retail"


def line(invoice: str = "1", code: str = "84077", **over: Any) -> dict[str, Any]:
    return {
        "InvoiceNo": invoice,
        "StockCode": code,
        "Description": "BLUE PEN",
        "Quantity": 2,
        "InvoiceDate": "2011-06-01 09:30:00",
        "UnitPrice": 1.5,
        "CustomerID": "17850",
        "Country": "France",
    } | over


def night(folder: Path, lines: list[dict[str, Any]], on: date = date(2011, 6, 1)) -> Path:
    """Ingest invoice lines of June 2011 with the example's own configuration."""
    for name in ("events.sql", "items.sql", "pipeline.toml"):
        copy(EXAMPLE / name, folder)
    write(folder / "logs" / "2011-06.csv.zst", lines)
    over = {"home": folder / "home", "ingest": {"max_reject_share": 1}}
    return ingest(configuration.load(folder / "pipeline.toml", over), on)


def test_a_line_is_a_purchase_in_utc_and_a_cancellation_a_return(tmp_path: Path) -> None:
    events = rows_of(night(tmp_path, [line(), line("C2", Quantity=-1), line("3", CustomerID=None), line()]))
    assert len(events) == 3  # the exact duplicate is one event
    found = {e["session_id"]: (e["event_type"], e["quantity"], e["price"], e["user_id"]) for e in events}
    assert found == {
        "1": ("purchase", 2, 1.5, "17850"),
        "C2": ("return", 1, 1.5, "17850"),
        "3": ("purchase", 2, 1.5, None),
    }
    # half past nine, British summer time
    assert {e["event_time"] for e in events} == {datetime(2011, 6, 1, 8, 30, tzinfo=UTC)}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (line(code="POST"), "not a product code"),
        (line(code="m"), "not a product code"),
        (line(code="gift_0001_20"), "not a product code"),
        (line(UnitPrice=0), "price is zero"),
        (line(UnitPrice=-11062.06), "price is negative"),
        (line(Quantity=-3), "stock adjustment"),
        (line(InvoiceDate="yesterday"), "event_time is missing or not a time"),
        (line(UnitPrice="a penny"), "price is not a number"),
        (line(Quantity="a dozen"), "quantity is not a number"),
    ],
)
@pytest.mark.few(3)
def test_dirt_is_refused_by_rule(tmp_path: Path, given: dict[str, Any], reason: str) -> None:
    folder = night(tmp_path, [line("9"), given])
    assert [r["reason"] for r in rows_of(folder, "rejects")] == [reason]
    assert len(rows_of(folder)) == 1


@pytest.mark.parametrize(
    ("description", "price", "title"),
    [
        ("BLUE PEN ", 1.5, "BLUE PEN"),
        ("BAG 125g SWIRLY MARBLES", 1.5, "BAG 125g SWIRLY MARBLES"),
        ("TRAVEL CARD WALLET", 0, "TRAVEL CARD WALLET"),  # a new product before its first sale
        ("damaged", 0, None),
        ("?", 0, None),
        ("wrongly coded 20713", 0, None),
        ("POSSIBLE DAMAGES OR LOST?", 0, None),
        ("MIA", 0, None),
        ("Dotcom sales", 0, None),
        ("20713", 0, None),
        ("?", 1.5, None),
        (None, 1.5, None),
    ],
)
@pytest.mark.few(4)
def test_a_stock_keepers_note_is_no_title(
    tmp_path: Path, description: str | None, price: float, title: str | None
) -> None:
    folder = night(tmp_path, [line(Description=description, UnitPrice=price)])
    assert [i["title"] for i in rows_of(folder, "items")] == [title]


def test_what_is_no_product_is_no_item(tmp_path: Path) -> None:
    assert rows_of(night(tmp_path, [line(code="POST"), line(code="85123A")]), "items")[0]["item_id"] == "85123A"
