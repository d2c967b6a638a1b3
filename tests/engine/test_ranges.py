"""A statement made range by range gives the rows of all at once, in their order."""

import shutil
from pathlib import Path
from unittest.mock import Mock

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.engine import duck_tables, ranges
from pipeline.engine.duck_tables import DuckTables
from pipeline.ground import sql
from pipeline.ground.errors import InputError
from tests.engine import whole_shop

BY_USER = "select * from t where user_index >= $first_user and user_index < $users"


@pytest.mark.parametrize(("users", "parts"), [(1, 1), (10, 3), (3, 10), (1000, 7), (0, 4)])
def test_ranges_are_every_user_once_and_in_order(users: int, parts: int) -> None:
    found = ranges.split(BY_USER, {"users": users, "items": 5}, parts)
    covered = [user for part in found for user in range(part["first_user"], part["users"])]
    assert covered == list(range(users))
    assert 1 <= len(found) <= parts
    assert all(part["items"] == 5 for part in found)


def test_a_statement_without_ranges_runs_once() -> None:
    assert len(ranges.split("select $users", {"users": 10}, 4)) == 1


def test_items_are_ranges_of_their_own() -> None:
    found = ranges.split("where item_index >= $first_item and item_index < $items", {"users": 9, "items": 4}, 2)
    assert [(part["first_item"], part["items"], part["users"]) for part in found] == [(0, 2, 9), (2, 4, 9)]


def test_a_statement_that_makes_no_table_adds_to_none() -> None:
    with pytest.raises(InputError, match=r"features/sizes\.sql makes 0 tables"):
        sql.add(sql.connect(1, 64), "features/sizes", cutoff=whole_shop.NIGHTS[0])


@pytest.mark.slow
def test_a_night_counted_by_ranges_writes_the_same_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once, by_one = whole_shop.config_of(tmp_path / "at_once"), whole_shop.config_of(tmp_path / "by_one")
    whole_shop.write(at_once)
    shutil.copytree(at_once.lake / "ingest", by_one.lake / "ingest")
    made = whole_shop.features_of(at_once)
    monkeypatch.setattr(duck_tables, "GROUP_BYTES", 2**40)  # no range has more than one user, or one item
    split = Mock(wraps=ranges.split)
    monkeypatch.setattr(ranges, "split", split)
    assert whole_shop.features_of(by_one) == made
    assert len(made) > 10
    assert sum("first_" in call.args[0] and call.args[2] > 20 for call in split.mock_calls) > 20


def test_rows_of_ranges_come_in_whole_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duck_tables, "GROUP_BYTES", 2**20)
    monkeypatch.setattr(duck_tables, "ROW_GROUP", 7)
    tables = DuckTables(whole_shop.config_of(tmp_path, memory_limit_mb=64), tmp_path, events=64 * 5)
    schema = pa.schema([("user_index", pa.int32()), ("item_index", pa.int32()), ("rating", pa.float32())])
    tables.execute("features/macros")
    days = {
        "user_index": [3, 1, 1, 0, 4, 4, 2, 2, 2],
        "item_index": [0, 1, 0, 2, 1, 0, 2, 1, 0],
        "value_sum": [2.0] * 9,
    }
    tables.put("user_item_days", pa.table(days | {"given": [1] * 9, "day": [0] * 9}))
    tables.write(tmp_path / "r.parquet", "features/ratings", schema, cutoff_day=1, users=5, items=3)
    file = pq.ParquetFile(tmp_path / "r.parquet")
    assert [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)] == [7, 2]
    found = file.read()
    assert found.column("user_index").to_pylist() == sorted(days["user_index"])
    assert found.column("item_index").to_pylist() == [2, 0, 1, 0, 1, 2, 0, 0, 1]
