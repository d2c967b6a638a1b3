"""What a mapping names and its log does not have is null, with a warning; a night without what it needs stops."""

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from pipeline.ground.errors import InputError
from tests.cases import some_slow
from tests.tiny_log import MAPPING, ingest, row, rows_of, shop, write

NIGHT = date(2024, 1, 1)
LOG = [row("u", f"i{n}", f"2024-01-01 1{n}:00:00") for n in range(4)]
KINDS = ["log.csv", "log.jsonl", "log.parquet"]


def also(columns: str) -> str:
    return MAPPING.replace("select", f"select {columns},", 1)


def events_of(tmp_path: Path, name: str, mapping: str, log: Sequence[Mapping[str, Any]] = LOG) -> list[dict[str, Any]]:
    write(tmp_path / name, log)
    return rows_of(ingest(shop(tmp_path, name, mapping=mapping), NIGHT))


ABSENT = [
    (also("search as query"), "['search']"),
    (also("raw.search as query, cost::double * 2 as price"), "['cost', 'search']"),
    (also('try_cast("unit cost" as double) as price'), "['unit cost']"),
    (also("coalesce(search, find) as query"), "['find', 'search']"),
    ("with l as (select * from raw) " + also("l.search as query").replace("from raw", "from l"), "['search']"),
    (MAPPING.replace("item as", "coalesce(sku, item) as"), "['sku']"),
    (MAPPING.replace('"user" as', "customer as"), "['customer']"),
    (MAPPING.replace("from raw", "from raw where hidden is null"), "['hidden']"),
]


@pytest.mark.parametrize(
    ("name", "mapping", "named"),
    some_slow(
        [(name, *case) for name in KINDS for case in ABSENT],
        fast=lambda name, *case: name == KINDS[0] or case in ABSENT[:2],
    ),
)
def test_it_is_null_with_a_warning_that_names_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, mapping: str, named: str
) -> None:
    with caplog.at_level(logging.WARNING):
        events = events_of(tmp_path, name, mapping)
    assert [event["item_id"] for event in events] == [at["item"] for at in LOG]
    assert {event["query"] for event in events} | {event["price"] for event in events} == {None}
    assert any(f"events.sql names {named}, which the log does not have: null" in said for said in caplog.messages)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(
    ("old", "new", "empty"),
    [("item as", "sku as", "item_id"), ("(ts as", "(time as", "event_time"), ("type as", "action as", "event_type")],
)
def test_a_night_without_what_it_needs_stops(tmp_path: Path, name: str, old: str, new: str, empty: str) -> None:
    named = new.replace("as", "").strip("( ")
    said = rf"events\.sql names \['{named}'\], which the log does not have, and no row has \['{empty}'\] without it"
    with pytest.raises(InputError, match=said):
        events_of(tmp_path, name, MAPPING.replace(old, new))


@pytest.mark.parametrize("name", KINDS)
def test_an_alias_is_no_column(tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str) -> None:
    """Of another mapping of the same log neither, whatever the first one called a column that there is none of."""
    write(tmp_path / name, LOG)
    items = """select item as item_id, upper(item) as title, title || '!' as text, ts::timestamp as arrived_at, _file
        from raw"""
    config = shop(tmp_path, name, mapping=also("title as query"), items=items)
    with caplog.at_level(logging.WARNING):
        folder = ingest(config, NIGHT)
    assert [(item["title"], item["text"]) for item in rows_of(folder, "items")][:1] == [("I0", "I0!")]
    assert [said for said in caplog.messages if "items.sql names" in said] == []


def test_a_key_that_comes_late_is_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    line = json.dumps(row("u", "i", "2024-01-01 10:00:00"))
    late = json.dumps(row("u", "last", "2024-01-01 11:00:00") | {"search": "mug"})
    (tmp_path / "log.jsonl").write_text(f"{line}\n" * 100_001 + f"{late}\n")
    config = shop(tmp_path, mapping=also("search as query, find as surface"), ingest={"max_reject_share": 1})
    with caplog.at_level(logging.WARNING):
        events = rows_of(ingest(config, NIGHT))
    assert {event["item_id"]: event["query"] for event in events} == {"i": None, "last": "mug"}
    assert [said.partition("events.sql ")[2] for said in caplog.messages if "names" in said] == [
        "names ['find'], which the log does not have: null"
    ]


@pytest.mark.parametrize("name", KINDS)
def test_an_absent_column_may_be_selected_under_its_own_name(tmp_path: Path, name: str) -> None:
    (event, *_) = events_of(tmp_path, name, also("coalesce(SURFACE, 'web') as surface, upper(query) as query"))
    assert (event["surface"], event["query"]) == ("web", None)


def test_what_is_no_column_at_all_still_stops(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"events\.sql: Binder Error at line"):
        events_of(tmp_path, "log.csv", also("other.search as query"))


@pytest.mark.parametrize(
    ("name", "word"),
    some_slow(
        product(KINDS, ['"user"', "user", "current_user", "session_user", "current_catalog"]),
        fast=lambda name, word: name == KINDS[0] or word == "user",
    ),
)
def test_a_word_of_the_database_is_nobody_where_the_log_has_no_such_column(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, word: str
) -> None:
    """DuckDB would answer with its own user, and everybody would be one customer."""
    rows = [{key: value for key, value in at.items() if key != "user"} for at in LOG]
    with caplog.at_level(logging.WARNING):
        events = events_of(tmp_path, name, MAPPING.replace('"user" as', f"{word} as"), rows)
    assert [(event["user_id"], event["item_id"]) for event in events] == [(None, at["item"]) for at in LOG]
    assert any("which the log does not have: null" in said for said in caplog.messages)


def test_a_rows_number_in_a_run_says_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="it calls rowid"):
        events_of(tmp_path, "log.csv", also("rowid as event_id"))
