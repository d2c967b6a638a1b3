"""Ids of Parquet files: one id is the same text, whatever type its column has in its own file or in its neighbours."""

from datetime import date
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground import sql
from pipeline.intake import id_columns
from pipeline.operations import load_history
from pipeline.settings.config import Config
from tests.cases import some_slow
from tests.tiny_log import ingest, rows_of, shop

MONDAY = date(2024, 1, 1)
MAPPING = """
select place as event_id, "user" as user_id, 'i' as item_id, amount as quantity, 'purchase' as event_type,
    try_cast(ts as timestamp) as event_time, _file, _row
from raw
"""
FLOATS = [7.0, None, float("nan"), -3.0, 7.5, 2.0**24, 2.0**53 - 1, 2.0**53, 1e20, 1e-5, float("inf")]
COLUMNS: dict[str, tuple[list[Any], pa.DataType]] = {
    "int": ([7, 2**53 + 1, -3], pa.int64()),
    "uint": ([7, 2**64 - 1], pa.uint64()),
    "double": (FLOATS, pa.float64()),
    "float": (FLOATS[:6], pa.float32()),
    "decimal": ([Decimal("7.00"), Decimal("7.50"), Decimal(2**60)], pa.decimal128(38, 2)),
    "text": (["007", "7", "7.0", "7.00", "1.10", "c7", "1e5"], pa.string()),
    "codes": (["007", "a"], pa.dictionary(pa.int32(), pa.string())),
    "nothing": ([None], pa.null()),
}


def write(folder: Path, kind: str, order: int = 0) -> None:
    values, of = COLUMNS[kind]
    number = len(values)
    columns = {
        "place": [f"{kind}-{n}" for n in range(number)],
        "user": pa.array(values, pa.float64()).cast(of) if of == pa.float32() else pa.array(values, of),
        "amount": pa.array([2**24 + 1] * number, pa.int64()) if order else pa.array([1.5] * number, pa.float32()),
        "ts": [f"{MONDAY} 10:00:00"] * number,
    }
    pq.write_table(pa.table(columns), folder / f"{MONDAY}-{order}{kind}.parquet")


def users(config: Config) -> dict[str, tuple[str, Any]]:
    """By event, its user and quantity, or why it is refused."""
    folder = ingest(config, MONDAY)
    found = {e["event_id"]: (e["user_id"], e["quantity"]) for e in rows_of(folder)}
    for r in rows_of(folder, "rejects"):
        kind = r["file"].removesuffix(".parquet").lstrip("0123456789-")
        found[f"{kind}-{r['row'] - 1}"] = (r["reason"], None)
    return found


def configured(folder: Path, mapping: str = MAPPING) -> Config:
    return shop(folder, "{year}-{month}-{day}-*.parquet", mapping, ingest={"max_reject_share": 1})


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    found = {}
    for kind in COLUMNS:
        folder = tmp_path_factory.mktemp(kind)
        write(folder, kind)
        found[kind] = {event: user for event, (user, _) in users(configured(folder)).items()}
    return found


def test_what_an_id_is_follows_from_its_own_column(alone: dict[str, dict[str, Any]]) -> None:
    assert list(alone["int"].values()) == ["7", str(2**53 + 1), "-3"]
    assert [alone["double"][f"double-{n}"] for n in range(4)] == ["7", None, None, "-3"]
    assert alone["double"]["double-5"] == str(2**24)
    assert alone["double"]["double-7"] == "user_id is a float, and too large for one"
    assert alone["float"]["float-5"] == "user_id is a float, and too large for one"
    assert alone["decimal"]["decimal-0"] == "7"
    assert alone["decimal"]["decimal-1"] == "user_id is a number that is not whole"


def is_in_turn(one: str, other: str) -> bool:
    """Of each pair one order: as often the one as the other."""
    places = [list(COLUMNS).index(kind) for kind in (one, other)]
    return (places[0] < places[1]) == (sum(places) % 2 == 0)


@pytest.mark.parametrize(("one", "other"), some_slow(permutations(COLUMNS, 2), fast=is_in_turn))
def test_a_neighbour_changes_no_id(tmp_path: Path, alone: dict[str, dict[str, Any]], one: str, other: str) -> None:
    for order, kind in enumerate((one, other)):
        write(tmp_path, kind, order)
    found = users(configured(tmp_path))
    assert {event: user for event, (user, _) in found.items()} == alone[one] | alone[other]
    assert {number for _, number in found.values() if number is not None} <= {1.5, 2.0**24 + 1}, "rounded to a float"


def test_nor_do_all_of_them_together(tmp_path: Path, alone: dict[str, dict[str, Any]]) -> None:
    for order, kind in enumerate(COLUMNS):
        write(tmp_path, kind, order)
    found = users(configured(tmp_path))
    assert {event: user for event, (user, _) in found.items()} == {e: u for of in alone.values() for e, u in of.items()}


@pytest.mark.parametrize("kind", ["int", "double", "decimal"])
def test_an_id_that_is_made_of_one_is_the_same_too(tmp_path: Path, kind: str) -> None:
    mapping = MAPPING.replace('"user" as user_id', "'u-' || coalesce(\"user\"::varchar, '') as user_id")
    write(tmp_path, kind)
    assert users(configured(tmp_path, mapping))[f"{kind}-0"][0] == "u-7"


def test_a_column_that_is_calculated_with_stays_a_number(tmp_path: Path) -> None:
    mapping = MAPPING.replace('"user" as user_id', 'case when "user" > 5 then "user" end as user_id')
    for order, kind in enumerate(["int", "double"]):
        write(tmp_path, kind, order)
    found = users(configured(tmp_path, mapping))
    assert [found["int-0"][0], found["int-2"][0], found["double-0"][0]] == ["7", None, "7"]
    assert found["int-1"][0] == "user_id is a float, and too large for one", "refused, and not rounded"


def test_a_night_is_what_the_history_is(tmp_path: Path) -> None:
    """Whether its neighbours are read with it or not."""
    write(tmp_path, "int")
    write(tmp_path, "float", 1)
    live = users(configured(tmp_path))
    config = configured(tmp_path).model_copy(update={"home": tmp_path / "loaded"})
    load_history.load_history(config, MONDAY)
    folder = config.lake / "ingest" / f"run_date={MONDAY}"
    assert {e["event_id"]: (e["user_id"], e["quantity"]) for e in rows_of(folder)} == {
        event: found for event, found in live.items() if found[1] is not None
    }


@pytest.mark.parametrize(
    ("text", "given", "calculated"),
    [
        ("select a as user_id, b as quantity from raw", {"user_id", "a"}, set()),
        ("select R.A as User_Id from raw as r", {"user_id", "a"}, set()),
        ("with o as (select 'u' || a as b from raw) select b as user_id from o", {"user_id", "b", "a"}, set()),
        ("select a as user_id from raw where a is not null group by a order by a", {"user_id", "a"}, set()),
        ("select a as user_id from raw where a > 3", {"user_id", "a"}, {"a"}),
        (
            "with o as (select a as b from raw) select b as user_id, b + 1 as n from o",
            {"user_id", "b", "a"},
            {"b", "a"},
        ),
        ("select a % 5 as user_id from raw", {"user_id"}, {"a"}),
        ("select a::bigint as user_id from raw", {"user_id"}, {"a"}),
        ("select a::varchar as user_id from raw", {"user_id", "a"}, set()),
        ("select case when c = 1 then a else b end as user_id from raw", {"user_id", "a", "b"}, {"c"}),
        ("select x.a as user_id from raw as x join raw as y on x.a = y.a", {"user_id", "a"}, set()),
        ("select row_number() over (partition by a order by t) as n, a as user_id from raw", {"user_id", "a"}, set()),
        ("select * from raw", {"user_id"}, set()),
        ("select * replace (a || b as user_id) from raw", {"user_id", "a", "b"}, set()),
        ("no sql", {"user_id"}, set()),
    ],
)
def test_which_columns_are_given_as_ids(text: str, given: set[str], calculated: set[str]) -> None:
    with sql.connect(1, 512) as connection:
        assert id_columns.named(connection, text, ["user_id"]) == (given, calculated)
