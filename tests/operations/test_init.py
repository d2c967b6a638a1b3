"""Starter shops: logs whose columns look like those of real exports, and logs that nobody would wish for."""

import csv
import hashlib
import re
import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.ground.errors import InputError
from pipeline.intake import staging
from pipeline.operations import check, init
from pipeline.operations.checking import advice
from pipeline.operations.starter import columns, example, survey
from pipeline.sources import configuration

START = datetime(2024, 1, 1, 9, 30, tzinfo=UTC)
ROWS = 120  # one a day, of 10 users and 12 items
EXPORTS: dict[str, tuple[list[str], Any, dict[str, str], list[str]]] = {
    # name: header, a row by (number, time), the expected columns, the expected behaviours
    "shopify": (
        ["Name", "Email", "Financial Status", "Paid at", "Created at", "Lineitem quantity", "Lineitem name",
         "Lineitem price", "Lineitem sku", "Vendor"],
        lambda n, t: [f"#{n}", f"p{n % 10}@example.org", "paid" if n % 2 else "", "", f"{t:%Y-%m-%d %H:%M:%S} -0500", 1,
                      f"Mug {n % 12}", 12.5, f"MUG-{n % 12}", "Us"],
        {"user_id": "Email", "item_id": "Lineitem sku", "event_time": "Created at", "quantity": "Lineitem quantity",
         "price": "Lineitem price", "title": "Lineitem name"},
        ["purchase"],
    ),
    "google analytics": (
        ["event_date", "event_timestamp", "event_name", "user_id", "user_pseudo_id", "ga_session_id", "items.item_id",
         "items.item_name", "items.item_category", "items.price", "items.quantity"],
        lambda n, t: [f"{t:%Y%m%d}", int(t.timestamp() * 1e6), ["view_item", "add_to_cart", "purchase"][n % 3],
                      "u1" if n < 9 else "", f"{n % 10}.16", n, f"SKU{n % 12}", "Mug", "Kitchen", 9.5, 1],
        {"user_id": "user_pseudo_id", "item_id": "items.item_id", "event_time": "event_timestamp",
         "event_type": "event_name", "session_id": "ga_session_id", "quantity": "items.quantity",
         "price": "items.price", "title": "items.item_name", "category": "items.item_category"},
        ["view", "cart", "purchase"],
    ),
    "retailrocket": (
        ["timestamp", "visitorid", "event", "itemid", "transactionid"],
        lambda n, t: [int(t.timestamp() * 1000), n % 10, ["view", "addtocart", "transaction"][n % 3], n % 12,
                      n if n % 3 == 2 else ""],
        {"user_id": "visitorid", "item_id": "itemid", "event_time": "timestamp", "event_type": "event",
         "session_id": "transactionid"},
        ["view", "cart", "purchase"],
    ),
    "movielens": (
        ["userId", "movieId", "rating", "timestamp"],
        lambda n, t: [n % 10, n % 12, 4.5, int(t.timestamp())],
        {"user_id": "userId", "item_id": "movieId", "event_time": "timestamp", "value": "rating"},
        ["rating"],
    ),
    "online retail": (
        ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"],
        lambda n, t: [n, f"85{n % 12:03}A", 'HANGING "HEART", WHITE', -1 if n % 7 == 0 else 6,
                      f"{t.month}/{t.day}/{t.year} {t:%H:%M}", 2.55, "" if n % 4 == 0 else 17850 + n % 10, "France"],
        {"user_id": "CustomerID", "item_id": "StockCode", "event_time": "InvoiceDate", "session_id": "InvoiceNo",
         "quantity": "Quantity", "price": "UnitPrice", "title": "Description"},
        ["purchase", "return"],
    ),
}  # fmt: skip


def write(path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]], delimiter: str = ",") -> Path:
    """A log as a CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows([header, *rows])
    return path


def days(number: int = ROWS) -> list[tuple[int, datetime]]:
    """Row number and time of every row of a log of one row a day."""
    return [(n, START + timedelta(days=n)) for n in range(number)]


def taken(folder: Path) -> survey.Taken:
    """What the written mapping takes of the log, by the written settings."""
    return survey.take(configuration.load(folder / "pipeline.toml"))


@pytest.mark.parametrize("name", EXPORTS)
@pytest.mark.few(2)
def test_the_columns_of_an_export_are_recognised_and_every_row_is_taken(name: str, tmp_path: Path) -> None:
    header, make, expected, behaviours = EXPORTS[name]
    log = write(tmp_path / "log.csv", header, [make(n, time) for n, time in days()])
    found = survey.look(log, survey.source(log))
    assert {role: choice.column.name for role, choice in found.chosen.items()} == expected
    assert found.behaviours == behaviours
    said = init.init(tmp_path / "shop", log)
    took = taken(tmp_path / "shop")
    assert (took.events, took.items, took.refused) == (ROWS, 12, {})
    assert took.users == (10 if name != "online retail" else len({n % 10 for n in range(ROWS) if n % 4}))
    assert (took.first, took.last) == (START.date(), (START + timedelta(days=ROWS - 1)).date())
    assert f"run --run-date {START.date() + timedelta(days=ROWS - 2)} --with-history" in said


def test_the_goal_is_the_strongest_behaviour_of_the_log(tmp_path: Path) -> None:
    rows = [[n % 10, n % 12, t.isoformat(), ["view", "wishlist"][n % 2]] for n, t in days()]
    init.init(tmp_path / "shop", write(tmp_path / "log.csv", ["user", "item", "time", "action"], rows))
    types = tomllib.loads((tmp_path / "shop/pipeline.toml").read_text())["features"]["event_types"]
    assert types == {"view": {"weight": 0.1}, "like": {"weight": 1.0, "label": True}}


def test_behaviours_that_are_unknown_and_rows_without_an_item_are_left_out_and_said(tmp_path: Path) -> None:
    kinds = ["session_start", "view", "it's"]
    rows = [[n % 10, "" if n % 3 == 0 else n % 12, t.isoformat(), kinds[n % 3]] for n, t in days()]
    log = write(tmp_path / "log.csv", ["user", "item", "time", "event"], rows)
    assert "left out    it's, session_start" in init.init(tmp_path / "shop", log)
    assert (taken(tmp_path / "shop").events, taken(tmp_path / "shop").refused) == (ROWS // 3, {})


def test_a_strangers_names_are_names_and_never_sql(tmp_path: Path) -> None:
    header = ['user"; drop table raw; --', "it'em\u202e id", "when\ttime", "ev--ent"]
    log = write(tmp_path / "log.csv", header, [[n % 10, n % 12, t.isoformat(), "x"] for n, t in days()])
    said = init.init(tmp_path / "shop", log)
    assert taken(tmp_path / "shop").events == ROWS
    assert said.count("a guess") == 2
    comments = re.findall(r"--.*", (tmp_path / "shop/events.sql").read_text())
    assert "\u202e" not in "".join(comments) + said


def test_a_log_whose_columns_say_nothing_is_left_to_a_person(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", ["a", "b"], [[1, 2], [3, 4]])
    said = init.init(tmp_path / "shop", log)
    assert said.count("NOT FOUND") == 3
    assert "choose user_id, item_id, event_time in events.sql" in said
    assert "CHOOSE" in (tmp_path / "shop/events.sql").read_text()


@pytest.mark.parametrize(
    ("form", "way"),
    [
        ("%Y-%m-%dT%H:%M:%SZ", "zoned"),
        ("%Y-%m-%d %H:%M:%S+02:00", "zoned"),
        ("%Y-%m-%d %H:%M:%S -0500", "offset"),
        ("%Y-%m-%d", "plain"),
        ("%Y-%m-%d %H:%M:%S.123", "plain"),
        ("%Y%m%d", "compact"),
        ("%d/%m/%Y %H:%M", "day first"),
        ("%m/%d/%Y %H:%M:%S", "month first"),
        ("%d.%m.%Y", "dotted"),
        ("%d.%m.%y %H:%M:%S", "dotted"),
        ("%d/%m/%y", "day first"),
        ("%m/%d/%y %I:%M:%S %p", "month first"),
        ("on %A", None),
    ],
)
@pytest.mark.few(3)
def test_times_are_read_as_they_are_written(form: str, way: str | None, tmp_path: Path) -> None:
    rows = [[n % 10, n % 12, t.strftime(form)] for n, t in days()]
    log = write(tmp_path / "log.csv", ["user", "item", "date"], rows)
    assert survey.look(log, survey.source(log)).way == way
    init.init(tmp_path / "shop", log)
    if way:
        assert taken(tmp_path / "shop").last == (START + timedelta(days=ROWS - 1)).date()


def test_a_date_that_could_be_read_either_way_is_said(tmp_path: Path) -> None:
    rows = [[n % 10, n % 12, f"{1 + n % 12}/{1 + n // 12}/2024"] for n in range(ROWS)]
    said = init.init(tmp_path / "shop", write(tmp_path / "log.csv", ["user", "item", "date"], rows))
    assert "day and month could be the other way round" in said


@pytest.mark.parametrize(("number", "expected"), [(120, (14, 8)), (70, (14, 5)), (40, (7, 3))])
def test_the_label_windows_fit_into_the_log(number: int, expected: tuple[int, int], tmp_path: Path) -> None:
    rows = [[n % 10, n % 12, t.isoformat()] for n, t in days(number)]
    said = init.init(tmp_path / "shop", write(tmp_path / "log.csv", ["user", "item", "time"], rows))
    loaded = configuration.load(tmp_path / "shop/pipeline.toml")
    assert (loaded.horizon_days, loaded.label_windows) == expected
    night = START.date() + timedelta(days=number - 2)
    assert min(loaded.label_cutoffs(night)) > START.date()
    assert "few to learn from" not in said


def test_a_few_days_of_log_are_called_few(tmp_path: Path) -> None:
    rows = [[n % 10, n % 12, t.isoformat()] for n, t in days(20)]
    said = init.init(tmp_path / "shop", write(tmp_path / "log.csv", ["user", "item", "time"], rows))
    assert "19 days are few to learn from" in said


def test_semicolons_tabs_and_other_endings_are_read(tmp_path: Path) -> None:
    rows = [[n % 10, n % 12, t.isoformat()] for n, t in days()]
    for name, delimiter in (("log.csv", ";"), ("log.tsv", "\t"), ("LOG.CSV", ",")):
        folder = tmp_path / f"{name}-shop"
        init.init(folder, write(tmp_path / name, ["user", "item", "time"], rows, delimiter))
        assert taken(folder).events == ROWS


def test_decimal_commas_are_read_and_commas_between_thousands_are_no_decimals(tmp_path: Path) -> None:
    header = ["Customer", "SKU", "OrderDate", "Quantity", "Price"]
    rows = [[n % 10, n % 12, f"{t:%d.%m.%Y %H:%M}", "-1,0" if n == 5 else "2,5", f"1.234,{n % 10}"] for n, t in days()]
    log = tmp_path / "log.csv"
    log.write_text("\n".join(";".join(map(str, line)) for line in [header, *rows]), encoding="utf-8-sig")
    init.init(tmp_path / "shop", log)
    config = configuration.load(tmp_path / "shop" / "pipeline.toml")
    with staging.staged(config, survey.FOREVER, tmp_path) as connection:
        found = connection.table("staged_events").order("event_time").fetchnumpy()
    assert list(found["price"])[:4] == [1234.0, 1234.1, 1234.2, 1234.3]
    assert list(found["quantity"])[4:7] == [2.5, 1.0, 2.5]
    assert list(found["event_type"])[4:7] == ["purchase", "return", "purchase"]
    assert not columns.Column("price", ["1,234", "12,345", "7"]).has_commas


def test_an_empty_folder_is_filled_and_stays_the_one_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop").mkdir()
    before = (tmp_path / "shop").stat().st_ino
    monkeypatch.chdir(tmp_path / "shop")
    init.init(Path())
    assert (tmp_path / "shop").stat().st_ino == before, "a mounted folder cannot be replaced"
    assert (tmp_path / "shop" / "pipeline.toml").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["shop"]


def test_what_is_there_is_not_overwritten_and_nothing_is_left_of_a_failure(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "mine").write_text("precious")
    with pytest.raises(InputError, match="exists and is not empty: name a new folder"):
        init.init(tmp_path / "shop")
    with pytest.raises(InputError, match=r"nowhere\.csv is no file"):
        init.init(tmp_path / "other", tmp_path / "nowhere.csv")
    (tmp_path / "broken.csv").write_text("a,a\n1,2\n")
    with pytest.raises(InputError, match=r"broken\.csv: its first line must name its columns"):
        init.init(tmp_path / "other", tmp_path / "broken.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.csv", "shop"]
    assert (tmp_path / "shop" / "mine").read_text() == "precious"


def test_the_made_up_log_is_the_same_bytes_everywhere_and_all_of_it_is_taken(tmp_path: Path) -> None:
    init.init(tmp_path / "shop")
    text = example.log()
    assert (tmp_path / "shop/logs/example.csv").read_text() == text
    assert hashlib.sha256(text.encode()).hexdigest()[:12] == "8c167e544480"
    took = taken(tmp_path / "shop")
    assert (took.events, took.users, took.items) == (text.count("\n") - 1, example.CUSTOMERS, 48)


def test_few_items_lower_no_bar(tmp_path: Path) -> None:
    """What is possible for a user counts: who has had all there is but three can have those three."""
    rows = [[n % 10, n % 12, t.isoformat()] for n, t in days()]
    init.init(tmp_path / "shop", write(tmp_path / "log.csv", ["user", "item", "time"], rows))
    loaded = configuration.load(tmp_path / "shop/pipeline.toml")
    assert loaded.evaluate == configuration.FullConfig().evaluate
    assert "evaluate" not in advice.toml(check.check(loaded).facts, loaded)
