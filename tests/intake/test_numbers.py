"""Numbers of events in a file of pandas': a missing one is NaN there, and the event is as good as any."""

import math
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.tiny_log import ingest, rows_of, shop

NIGHT = date(2024, 1, 1)
NUMBERS = ("value", "quantity", "price", "rank_shown")
MAPPING = f"""
select id as event_id, 'u' as user_id, 'a' as item_id, {", ".join(NUMBERS)},
    timestamp '2024-01-01 10:00:00' as event_time, 'purchase' as event_type, _file, _row
from raw
"""


def night(
    tmp_path: Path, column: str, given: list[float], kind: pa.DataType
) -> tuple[list[Any], list[tuple[int, str]]]:
    """What the column is in the events taken, and which rows are refused and why."""
    columns: dict[str, Any] = {name: pa.array([1.0] * len(given), kind) for name in NUMBERS}
    columns |= {column: pa.array(given, kind, from_pandas=False), "id": [f"e{n}" for n in range(len(given))]}
    pq.write_table(pa.table(columns), tmp_path / "log.parquet")
    folder = ingest(shop(tmp_path, "log.parquet", mapping=MAPPING, ingest={"max_reject_share": 1}), NIGHT)
    taken = [e[column] for e in sorted(rows_of(folder), key=lambda e: e["event_id"])]
    return taken, [(r["row"], r["reason"]) for r in rows_of(folder, "rejects")]


@pytest.mark.parametrize("kind", [pa.float64(), pa.float32()])
@pytest.mark.parametrize("column", NUMBERS)
def test_nan_is_a_missing_number(tmp_path: Path, column: str, kind: pa.DataType) -> None:
    assert night(tmp_path, column, [2.0, math.nan, 3.0], kind) == ([2, None, 3], [])


@pytest.mark.parametrize("column", NUMBERS)
def test_an_infinite_or_absurd_number_is_a_mistake(tmp_path: Path, column: str) -> None:
    reason = "a number is not a number" if column == "rank_shown" else "a number is out of range"
    assert night(tmp_path, column, [math.inf, -math.inf, 1e300, 2.0], pa.float64()) == (
        [2],
        [(row, reason) for row in (1, 2, 3)],
    )
