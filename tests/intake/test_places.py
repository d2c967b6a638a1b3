"""Where a row stands is not the mapping's to say, and a log may have columns of the same names."""

from datetime import date
from pathlib import Path

import pytest

from pipeline.ground.errors import InputError
from tests.tiny_log import MAPPING, Row, ingest, row, rows_of, shop, write

NIGHT = date(2024, 1, 1)
LOG = [
    *(row("u", f"i{n}", "2024-01-01 10:00:00") for n in range(10)),
    row("u", "i0", "2024-01-01 10:00:00"),
    row("u", "x", "2024-01-01 10:00:00", "poke"),
    row("u", "x", "never"),
]


@pytest.mark.parametrize(
    "changed",
    [
        "parse_filename(_file) as _file, _row",
        "lower(_file) || 'x' as _file, _row",
        "null as _file, _row",
        "_file, _row + 1 as _row",
        "_file, -_row as _row",
        "_file, null as _row",
        "_file, 'row ' || _row as _row",
        "_file, 14 - _row as _row",
        "_file, 1 + _row % 13 as _row",
        "_file, case when item = 'i3' then 5 else _row end as _row",
        "_file, _row // 2 + 1 as _row",
        "_file, row_number() over (order by ts, item) as _row",
    ],
)
def test_a_mapping_that_changes_the_place_of_its_rows_stops(tmp_path: Path, changed: str) -> None:
    write(tmp_path / "log.csv", LOG)
    config = shop(tmp_path, "log.csv", mapping=MAPPING.replace("_file, _row", changed), ingest={"max_reject_share": 1})
    with pytest.raises(InputError, match=r"events\.sql must select _file and _row as they are in raw"):
        ingest(config, NIGHT)


@pytest.mark.parametrize(
    "place", ["_row::varchar", "_row::integer", "coalesce(_row, 0)", "min(_row) over (partition by _row)"]
)
def test_a_place_may_be_cast(tmp_path: Path, place: str) -> None:
    write(tmp_path / "log.csv", LOG)
    mapping = MAPPING.replace("_file, _row", f"_file, {place} as _row")
    folder = ingest(shop(tmp_path, "log.csv", mapping=mapping, ingest={"max_reject_share": 1}), NIGHT)
    assert len(rows_of(folder)) == 10
    assert [r["row"] for r in rows_of(folder, "rejects")] == [11, 12, 13]


def test_items_whose_files_tell_the_day_must_keep_their_file(tmp_path: Path) -> None:
    write(tmp_path / "2024-01-01.csv", LOG)
    items = "select item as item_id, upper(_file) as _file from raw"
    with pytest.raises(InputError, match=r"items\.sql must select _file and _row as they are in raw"):
        ingest(shop(tmp_path, "{year}-{month}-{day}.csv", items=items, ingest={"max_reject_share": 1}), NIGHT)


def own(number: int, at: Row) -> dict[str, object]:
    """A line that has our names as columns of its own."""
    return dict(at) | {"_row": str(number % 5), "_FILE": f"their-{number}", "__row": "theirs"}


@pytest.mark.parametrize("name", ["log.csv", "log.jsonl", "log.parquet"])
def test_a_log_may_have_columns_of_these_names(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, [own(n, at) for n, at in enumerate(LOG)])
    mapping = MAPPING.replace(
        "_file, _row", '"__file" as session_id, "___row" as query, "__row" as surface, _file, _row'
    )
    folder = ingest(shop(tmp_path, name, mapping=mapping, ingest={"max_reject_share": 1}), NIGHT)
    found = {e["item_id"]: (e["session_id"], e["query"], e["surface"]) for e in rows_of(folder)}
    expected = {f"i{n}": (f"their-{n}", str(n % 5), "theirs") for n in range(10)}
    assert found["i5"] == expected["i5"]
    assert found.keys() == expected.keys()
    assert [r["row"] for r in rows_of(folder, "rejects")] == [12, 13]
    assert all(r["file"] == name and '"__FILE":"their-' in r["raw"] for r in rows_of(folder, "rejects"))


@pytest.mark.parametrize(
    ("selected", "named"),
    [
        ("_row as event_id", "event_id"),
        ("_file || _row as event_id", "event_id"),
        ("item || '-' || lpad(_row::varchar, 9, '0') as event_id", "event_id"),
        ("'visit ' || _row as session_id", "session_id"),
        ("_row as event_id, _row as quantity", "event_id, quantity"),
        ("case when _row % 2 = 0 then 1 else 2 end as value, nothing as query", "value"),
    ],
)
def test_what_an_event_is_does_not_follow_from_its_row_in_one_reading(
    tmp_path: Path, selected: str, named: str
) -> None:
    write(tmp_path / "log.csv", LOG)
    config = shop(tmp_path, "log.csv", mapping=MAPPING.replace("_file, _row", f"{selected}, _file, _row"))
    with pytest.raises(
        InputError, match=rf"events\.sql: {named} would follow from _row.* hash of all that the row says"
    ):
        ingest(config, NIGHT)


@pytest.mark.parametrize(
    "selected",
    [
        "item || row_number() over (partition by item, ts order by _row) as event_id",
        "first_value(item) over (order by _row rows between 1 preceding and current row) as query",
        "parse_filename(_file) || item as session_id",
    ],
)
def test_what_follows_from_the_order_of_rows_is_an_event(tmp_path: Path, selected: str) -> None:
    write(tmp_path / "log.csv", LOG)
    mapping = MAPPING.replace("_file, _row", f"{selected}, _file, _row")
    assert len(rows_of(ingest(shop(tmp_path, "log.csv", mapping=mapping, ingest={"max_reject_share": 1}), NIGHT))) >= 10
