"""Attributes of items: columns of the items' own mapping, kept beside them by the night they were known."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.operations import load_history
from pipeline.settings.config import Config
from tests.tiny_log import digests, row, rows_of, shop, write
from tests.tiny_log import ingest as ingest_night

MONDAY, TUESDAY = date(2024, 1, 1), date(2024, 1, 2)
LOG = [row("ann", "a", "2024-01-01 10:00:00"), row("ben", "b", "2024-01-02 10:00:00")]
ATTRIBUTES = {"colour": "word", "stars": "number", "released": "date"}
MAPPING = (
    "select sku as item_id, name as title, colour, stars, out as released, seen as arrived_at, _file, _row from raw"
)


def item(sku: str | None, seen: str, name: str | None = None, **said: Any) -> dict[str, Any]:
    return {"sku": sku, "seen": seen, "name": name, "colour": None, "stars": None, "out": None} | said


def a_shop(folder: Path, items: list[dict[str, Any]], home: str = "home", **files: Any) -> Config:
    write(folder / "log.csv", LOG)
    write(folder / "items.jsonl", items or [item("a", "2024-01-01")])
    (folder / "items.sql").write_text(files.pop("mapping", MAPPING))
    files = {"files": "items.jsonl", "sql": "items.sql", "attributes": ATTRIBUTES} | files
    return shop(folder, "log.csv", home=folder / home, ingest={"items": files})


def said(config: Config, night: date) -> dict[tuple[str, str], str]:
    rows = rows_of(artifacts.stage_dir(config.lake, "ingest", night), "item_attributes")
    return {(one["item_id"], one["name"]): one["value"] for one in rows}


def test_they_are_kept_by_night_and_the_items_are_what_they_were(tmp_path: Path) -> None:
    items = [
        item("a", "2024-01-01 08:00:00", "Mug", colour="red", stars=4, out="2023-11-05"),
        item("a", "2024-01-01 07:00:00", "Cup", colour="blue", stars=3.5),
        item("a", "2023-12-01", None, colour="green", stars=1),
        item("b", "2024-01-02", None, colour=" dark  blue "),
    ]
    config = a_shop(tmp_path, items)
    load_history.load_history(config, TUESDAY)
    expected = {("a", "colour"): "red", ("a", "stars"): "4.0", ("a", "released"): "2023-11-05"}
    assert said(config, MONDAY) == expected
    assert said(config, TUESDAY) == {("b", "colour"): "dark  blue"}
    plain = a_shop(
        tmp_path,
        items,
        "plain",
        attributes={},
        mapping=MAPPING.replace("colour, stars, out as released, ", ""),
    )
    load_history.load_history(plain, TUESDAY)
    for night in (MONDAY, TUESDAY):
        with_them, without = (digests(artifacts.stage_dir(c.lake, "ingest", night)) for c in (config, plain))
        assert with_them.pop("item_attributes.parquet") != without.pop("item_attributes.parquet")
        assert with_them == without
    assert said(plain, MONDAY) == {}


def test_what_is_none_is_counted_and_the_item_stays(tmp_path: Path) -> None:
    items = [
        item("a", "2024-01-01", "Mug", colour="two\nlines", stars="many", out="soon"),
        item("a", "2024-01-01", "Mug", colour="red"),
        item(None, "2024-01-01", "Mug", colour="red"),
        item("b", "never", "Mug", colour="red"),
    ]
    config = a_shop(tmp_path, items)
    report = artifacts.read_manifest(ingest_night(config, MONDAY))["report"]
    assert {fault: rows for fault, rows in report.items() if fault.startswith("items: ")} == {
        "items: without colour, which is no single line": 1,
        "items: without stars, which is not a number": 1,
        "items: without released, which is not a day": 1,
        "items: left out, as item_id is missing": 1,
        "items: left out, as arrived_at is missing or not a time": 1,
    }
    assert said(config, MONDAY) == {("a", "colour"): "red"}


def test_items_of_the_log_itself_are_still_read_once(tmp_path: Path) -> None:
    mapping = 'select item as item_id, "user" as colour, ts as arrived_at, _file, _row from raw'
    config = a_shop(tmp_path, [], mapping=mapping, files="log.csv", attributes={"colour": "word"})
    ingest_night(config, MONDAY)
    assert said(config, MONDAY) == {("a", "colour"): "ann"}


@pytest.mark.parametrize("name", ["title", "price_band", "valid_on", "rows"])
def test_a_column_of_the_items_is_no_attribute(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=rf"attributes names {name}, which is no attribute"):
        a_shop(tmp_path, [], attributes={name: "word"})


def test_what_is_not_declared_is_refused_with_what_to_do(tmp_path: Path) -> None:
    config = a_shop(tmp_path, [item("a", "2024-01-01")], attributes={"colour": "word"})
    with pytest.raises(InputError, match=r"name more in ingest\.items\.attributes\): released, stars$"):
        ingest_night(config, MONDAY)
