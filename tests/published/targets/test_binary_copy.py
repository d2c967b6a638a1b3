"""The binary stream, read back by PostgreSQL."""

from datetime import UTC, date, datetime

import psycopg
import pyarrow as pa
import pytest

from pipeline.published.targets import binary_copy
from tests.postgres import Server

ROWS = [
    {"t": "", "n": 0, "s": 0.0, "w": None, "d": None, "l": []},
    {"t": "\U0001f3ba\n\\.", "n": -(2**31), "s": 1e-30, "w": datetime(1970, 1, 1, tzinfo=UTC), "d": date(1969, 12, 31)}
    | {"l": ["", "a,{}\"'"]},
    {"t": "x" * 70_000, "n": 2**31 - 1, "s": -2.5, "w": datetime(2262, 1, 1, 1, 2, 3, 4, UTC), "d": date(2262, 1, 1)}
    | {"l": ["ü"] * 300},
    {"t": None, "n": None, "s": 0.0, "w": None, "d": date(2000, 1, 1), "l": [""]},
]
SCHEMA = pa.schema(
    {
        "t": pa.string(),
        "n": pa.int32(),
        "s": pa.float32(),
        "w": pa.timestamp("us", "UTC"),
        "d": pa.date32(),
        "l": pa.list_(pa.string()),
    }
)


def copied(server: Server, batch: pa.RecordBatch) -> list[dict[str, object]]:
    with psycopg.connect(server.dsn(), row_factory=psycopg.rows.dict_row) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute("create temporary table x (t text, n int, s real, w timestamptz, d date, l text[])")
        with connection.cursor().copy("copy x from stdin (format binary)") as copy:
            copy.write(binary_copy.HEADER)
            copy.write(binary_copy.rows(batch))
            copy.write(binary_copy.TRAILER)
        return connection.execute("select * from x").fetchall()


@pytest.mark.parametrize("part", [slice(0, 4), slice(1, 2), slice(2, 3), slice(3, 4), slice(1, 1)])
def test_every_value_arrives(postgres: Server, part: slice) -> None:
    batch = pa.RecordBatch.from_pylist(ROWS, schema=SCHEMA).slice(part.start, part.stop - part.start)
    found = copied(postgres, batch)
    assert [{**row, "s": pytest.approx(row["s"], rel=1e-6)} for row in ROWS[part]] == found


def test_only_nul_is_replaced() -> None:
    rows = [{"t": "a\x00b\x00", "l": ["\x00", "c"]}, {"t": "d", "l": []}, {"t": "e", "l": ["f"]}]
    batch = pa.RecordBatch.from_pylist(rows, schema=pa.schema([SCHEMA.field("t"), SCHEMA.field("l")]))
    clean, changed = binary_copy.without_nul(batch)
    assert changed == 2
    assert clean.to_pylist() == [{"t": "a\ufffdb\ufffd", "l": ["\ufffd", "c"]}, *rows[1:]]
    assert binary_copy.without_nul(clean)[1] == 0
    assert binary_copy.without_nul(batch.slice(1, 2))[0].to_pylist() == rows[1:]
