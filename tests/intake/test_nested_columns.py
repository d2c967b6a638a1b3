"""Ids within lists and records of Parquet files: one is the same text, whatever another file has there."""

from datetime import date
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.intake import nested_columns
from tests.tiny_log import ingest, rows_of, shop

NIGHT = date(2024, 1, 1)
MAPPING = """
select who as user_id, {item} as item_id, try_cast(ts as timestamp) as event_time, 'purchase' as event_type, _file, _row
from raw
"""
VALUES: dict[str, tuple[list[Any], pa.DataType]] = {
    "decimal": ([Decimal("0.00"), Decimal("7.00"), Decimal("7.50"), None], pa.decimal128(18, 2)),
    "integer": ([0, 7, 2**53 + 1], pa.int64()),
    "text": (["0", "7", "7.00", "c7"], pa.string()),
    "double": ([0.0, 7.0, 2.0**53], pa.float64()),
}
IDS = {"decimal": ["0", "7"], "integer": ["0", "7", str(2**53 + 1)], "text": ["0", "7", "7.00", "c7"],
       "double": ["0", "7"]}  # fmt: skip
ITEMS = {"list": "unnest(items)", "records": "unnest(items).Sku", "record": "unnest(items.skus)"}


def column(shape: str, kind: str) -> pa.Array:
    """The values of one row, and a row without any."""
    values, of = VALUES[kind]
    if shape == "list":
        return pa.array([values, None], pa.list_(of))
    if shape == "record":
        return pa.array(
            [{"skus": values, "note": "x"}, None], pa.struct([("skus", pa.list_(of)), ("note", pa.string())])
        )
    records = [{"Sku": value, "n": 1.5} for value in values]
    return pa.array([[*records, None], None], pa.list_(pa.struct([("Sku", of), ("n", pa.float32())])))


@pytest.mark.parametrize("shape", ITEMS)
@pytest.mark.parametrize("kinds", list(permutations(["decimal", "text", "double"], 2)), ids="-".join)
@pytest.mark.few(9)
def test_a_neighbour_changes_no_id_in_a_list(tmp_path: Path, shape: str, kinds: tuple[str, str]) -> None:
    for order, kind in enumerate(kinds):
        times = [f"{NIGHT} 10:00:00"] * 2
        table = pa.table({"who": [kind] * 2, "ts": times, "items": column(shape, kind)})
        pq.write_table(table, tmp_path / f"{NIGHT}-{order}.parquet")
    files, mapping = "{year}-{month}-{day}-*.parquet", MAPPING.format(item=ITEMS[shape])
    folder = ingest(shop(tmp_path, files, mapping, ingest={"max_reject_share": 1}), NIGHT)
    found = {kind: sorted(e["item_id"] for e in rows_of(folder) if e["user_id"] == kind) for kind in kinds}
    if "text" in kinds:
        assert found == {kind: IDS[kind] for kind in kinds}
    reasons = {r["reason"] for r in rows_of(folder, "rejects")}
    assert ("item_id is a number that is not whole" in reasons) == ("decimal" in kinds)
    assert ("item_id is a float, and too large for one" in reasons) == ("double" in kinds)


def test_where_types_are_mixed() -> None:
    one = pa.list_(pa.struct([("Sku", pa.float64()), ("n", pa.float32()), ("sizes", pa.list_(pa.decimal128(9, 2)))]))
    other = pa.large_list(pa.struct([("sku", pa.string()), ("n", pa.int64()), ("sizes", pa.list_(pa.large_string()))]))
    item = nested_columns.ITEM
    assert nested_columns.mixed([one, other]) == {(item, "sku"), (item, "sizes", item)}
    assert nested_columns.mixed([one, one]) == nested_columns.mixed([other, pa.string()]) == frozenset()
