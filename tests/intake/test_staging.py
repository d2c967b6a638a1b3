"""The contract, row by row: why a mapped row is refused; and mappings that cannot work."""

from datetime import date
from pathlib import Path

import pytest

from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.operations import load_history
from tests.tiny_log import MAPPING, ingest, row, rows_of, shop, write

NIGHT = date(2024, 1, 1)
NUMBERS = """
select "user" as user_id, item as item_id, try_cast(ts as timestamp) as event_time, type as event_type,
    price, quantity, id as event_id, _file, _row
from raw
"""


def numbers(**given: object) -> dict[str, object]:
    return row("u", "a", "2024-01-01 10:00:00") | {"price": "1.5", "quantity": "2", "id": "e"} | given


GIVEN = [
    (numbers(), None),
    (numbers(price=None, quantity=None, id=None, user=None), None),
    (numbers(price="one"), "a number is not a number"),
    (numbers(quantity="inf"), "a number is out of range"),
    (numbers(price="nan", quantity="NaN"), None),  # pandas and Python write so that there is none
    (numbers(price="None", quantity="<NA>"), None),
    (numbers(price="-inf"), "a number is out of range"),
    (numbers(price="1e300"), "a number is out of range"),
    (numbers(price="1e12"), "a number is out of range"),
    (numbers(item=None), "item_id is missing"),
    (numbers(item="x" * 300), "an id is too long"),
    (numbers(user="ü" * 129), "an id is too long"),
    (numbers(type=None), "event_type is missing"),
    (numbers(type="Purchase"), "event_type is not in features.event_types"),
    (numbers(ts="01/02/2024 nine"), "event_time is missing or not a time"),
    (numbers(ts="1970-01-01 00:00:01"), "event_time is before ingest.earliest"),
]
"""A row, and why it is refused; None: it is taken."""


def test_what_breaks_the_contract_is_refused(tmp_path: Path) -> None:
    """Each row alone of all those of a night, whatever stands beside it."""
    rows = [
        given if given["id"] is None else given | {"id": f"e{number}"} for number, (given, _) in enumerate(GIVEN, 1)
    ]
    write(tmp_path / "log.jsonl", rows)
    folder = ingest(shop(tmp_path, mapping=NUMBERS, ingest={"max_reject_share": 1}), NIGHT)
    expected = {number: reason for number, (_, reason) in enumerate(GIVEN, 1) if reason}
    assert {r["row"]: r["reason"] for r in rows_of(folder, "rejects")} == expected
    assert len(rows_of(folder)) == len(GIVEN) - len(expected)


def test_a_row_without_a_time_is_filed_with_its_neighbour(tmp_path: Path) -> None:
    times = ["never", "2024-01-01 10:00:00", "when?", "2024-01-02 10:00:00", "1970-01-01 00:00:00"]
    write(tmp_path / "log.csv", [row("u", f"i{n}", ts) for n, ts in enumerate(times)])
    config = shop(tmp_path, "log.csv", ingest={"max_reject_share": 1})
    assert [r["row"] for r in rows_of(ingest(config, NIGHT), "rejects")] == [1, 3]
    assert [r["row"] for r in rows_of(ingest(config, date(2024, 1, 2)), "rejects")] == [5]


def test_an_event_cannot_arrive_before_it_happens(tmp_path: Path) -> None:
    mapping = MAPPING.replace("_file", "timestamp '2024-01-01 23:00:00' as arrived_at, _file")
    write(tmp_path / "log.csv", [row("u", "a", "2024-01-01 23:30:00"), row("u", "a", "2262-01-01 00:00:00")])
    settings = {"arrival": "arrived_at", "max_reject_share": 1}
    folder = ingest(shop(tmp_path, "log.csv", mapping=mapping, ingest=settings), NIGHT)
    assert [r["reason"] for r in rows_of(folder, "rejects")] == ["event_time is after the day it arrived"]


def test_a_row_from_after_its_files_days_is_refused(tmp_path: Path) -> None:
    """All but the first hours after them, which may be of another time zone; and a row from before them is late."""
    times = ["2024-01-01 10:00:00", "2023-12-25 10:00:00", "2024-01-02 10:00:00", "2024-01-03 00:00:00"]
    write(tmp_path / "2024-01-01.csv", [row("u", f"i{n}", time) for n, time in enumerate(times)])
    settings = {"max_reject_share": 1, "allow_empty": True}
    config = shop(tmp_path, "{year}-{month}-{day}.csv", ingest=settings)
    first, second, third = (ingest(config, date(2024, 1, day)) for day in (1, 2, 3))
    assert [e["item_id"] for e in rows_of(first)] == ["i1", "i0"]
    assert [e["item_id"] for e in rows_of(second)] == ["i2"]
    (refused,) = [*rows_of(first, "rejects"), *rows_of(second, "rejects"), *rows_of(third, "rejects")]
    assert (refused["row"], refused["reason"]) == (4, "its file is not the one of its day")


def test_the_mapping_may_refuse_rows_itself(tmp_path: Path) -> None:
    mapping = MAPPING.replace("_file", "case when item = 'POST' then 'postage' end as reject_reason, _file")
    write(tmp_path / "log.csv", [row("u", "a", "2024-01-01"), row("u", "POST", "2024-01-01")])
    folder = ingest(shop(tmp_path, "log.csv", mapping=mapping, ingest={"max_reject_share": 0.5}), NIGHT)
    assert rows_of(folder, "rejects") == [
        {
            "file": "log.csv",
            "row": 2,
            "reason": "postage",
            "raw": '{"user":"u","item":"POST","ts":"2024-01-01","type":"purchase"}',
        }
    ]


def test_a_long_row_is_cut(tmp_path: Path) -> None:
    write(tmp_path / "log.jsonl", [row("u", "x" * 5000, "2024-01-01"), row("u", "a", "2024-01-01")])
    folder = ingest(shop(tmp_path, ingest={"max_reject_share": 1}), NIGHT)
    assert len(rows_of(folder, "rejects")[0]["raw"]) == 1000


def test_a_line_longer_than_the_limit_stops_the_run(tmp_path: Path) -> None:
    for name in ("log.jsonl", "log.csv"):
        write(tmp_path / name, [row("u", "x" * 100_000, "2024-01-01"), row("u", "a", "2024-01-01")])
        with pytest.raises(InputError):
            ingest(shop(tmp_path, name, ingest={"max_row_bytes": 10_000}), NIGHT)


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ("select nothing from raw", "nothing"),
        ("selekt", "selekt"),
        ("create table t (a int)", r"events\.sql must be one SELECT from raw"),
        (MAPPING.replace(", _row", ""), r"must also select \['_row'\]"),
        (MAPPING.replace("_file", "1 as colour, _file"), r"selects columns that are none \(.*\): colour"),
        (MAPPING.replace("try_cast", "cast"), "cast with try_cast"),
    ],
)
def test_a_mapping_that_cannot_work_says_why(tmp_path: Path, mapping: str, message: str) -> None:
    write(tmp_path / "log.csv", [row("u", "a", "no time")])
    with pytest.raises(InputError, match=message):
        ingest(shop(tmp_path, "log.csv", mapping=mapping), NIGHT)


def test_a_missing_mapping_or_log_section_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "log.csv", [row("u", "a", "2024-01-01")])
    config = shop(tmp_path, "log.csv")
    (tmp_path / "events.sql").unlink()
    with pytest.raises(InputError, match=r"events\.sql"):
        ingest(config, NIGHT)
    with pytest.raises(InputError, match=r"set \[ingest.events\]"):
        ingest(shop(tmp_path, "log.csv", ingest={"events": None}), NIGHT)


def test_items_come_from_their_own_files(tmp_path: Path) -> None:
    write(tmp_path / "log.csv", [row("u", "a", "2024-01-01 10:00:00")])
    write(
        tmp_path / "items-2024-01-01.jsonl",
        [{"id": "a", "name": "A pen"}, {"id": "b", "name": " "}, {"id": None, "name": "x"}],
    )
    (tmp_path / "items.sql").write_text("select id as item_id, name as title, _file from raw")
    source = {"files": "items-{year}-{month}-{day}.jsonl", "sql": "items.sql"}
    folder = ingest(shop(tmp_path, "log.csv", ingest={"items": source}), NIGHT)
    assert [(i["item_id"], i["title"], i["rows"]) for i in rows_of(folder, "items")] == [
        ("a", "A pen", 1),
        ("b", None, 1),
    ]
    assert len(rows_of(folder)) == 1


def test_items_must_say_when_they_became_known(tmp_path: Path) -> None:
    write(tmp_path / "log.csv", [row("u", "a", "2024-01-01 10:00:00")])
    with pytest.raises(InputError, match="must select arrived_at"):
        ingest(shop(tmp_path, "log.csv", items="select item as item_id, _file from raw"), NIGHT)


def test_a_catalogue_as_it_stands_is_known_since_the_first_night(tmp_path: Path) -> None:
    write(tmp_path / "log.csv", [row("u", "a", f"2024-01-0{day} 10:00:00") for day in (1, 3)])
    write(tmp_path / "catalogue.jsonl", [{"id": "a", "name": "A pen"}, {"id": "b", "name": "Unsold"}])
    (tmp_path / "items.sql").write_text("select id as item_id, name as title, _file from raw")
    config = shop(tmp_path, "log.csv", ingest={"items": {"files": "catalogue.jsonl", "sql": "items.sql"}})
    load_history.load_history(config, date(2024, 1, 3))
    nights = [artifacts.stage_dir(config.lake, "ingest", date(2024, 1, day)) for day in (1, 3)]
    assert [[item["item_id"] for item in rows_of(folder, "items")] for folder in nights] == [["a", "b"], []]
    write(tmp_path / "log.csv", [row("u", "a", f"2024-01-0{day} 10:00:00") for day in (1, 3, 4)])
    write(tmp_path / "catalogue.jsonl", [{"id": "a", "name": "A pen"}, {"id": "c", "name": "New"}])
    folder = ingest(config, date(2024, 1, 4))
    assert [item["item_id"] for item in rows_of(folder, "items")] == ["a", "c"]


ALL = """
select "user" as user_id, item as item_id, try_cast(ts as timestamp) as event_time, type as event_type, price,
    quantity, value, session as session_id, query, surface, shown as rank_shown, _file, _row
from raw
"""


def test_rows_that_differ_are_different_events(tmp_path: Path) -> None:
    """An event without an id is the same as another only where all that the mapping gives is the same."""
    bare = row("u", "a", "2024-01-01 10:00:00") | dict.fromkeys(
        ("price", "quantity", "value", "session", "query", "surface", "shown")
    )
    different = [
        bare,
        bare | {"quantity": "2"},
        bare | {"price": "2"},
        bare | {"value": "2"},
        bare | {"session": "2"},
        bare | {"query": "2.0"},
        bare | {"query": "2"},
        bare | {"surface": "2"},
        bare | {"shown": "2"},
        bare | {"user": "a|b", "item": "c"},
        bare | {"user": "a", "item": "b|c"},
        bare | {"user": None, "item": "u"},
        bare | {"user": 'a","b', "item": "c"},
        bare | {"user": "a", "item": 'b","c'},
        bare | {"session": "s", "query": None},
        bare | {"session": None, "query": "s"},
    ]
    write(tmp_path / "log.jsonl", [*different, *different])
    folder = ingest(shop(tmp_path, mapping=ALL), NIGHT)
    assert len(rows_of(folder)) == len({e["event_id"] for e in rows_of(folder)}) == len(different)
    assert [r["row"] for r in rows_of(folder, "rejects")] == [n + 1 + len(different) for n in range(len(different))]
