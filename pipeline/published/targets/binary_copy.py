"""Arrow tables as PostgreSQL's binary COPY format, column by column and without a loop over rows.

A row is the number of its fields (int16) and, per field, the length of its value in bytes (int32, -1: null) and the
value, all big-endian. Every column becomes an Arrow column of such byte strings; joining these row by row leaves the
stream in one buffer.

Source: PostgreSQL documentation, COPY, "Binary Format"; src/backend/utils/adt/arrayfuncs.c, array_recv.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
TEXT_OID = 25
EPOCH_US = 946_684_800_000_000
"""2000-01-01 in microseconds since 1970: where PostgreSQL's timestamps start."""
EPOCH_DAYS = 10_957
"""The same in days: where its dates start."""
NUL = "\x00"
REPLACEMENT = "\ufffd"
"""What stands for U+0000, which PostgreSQL's text cannot hold."""


def rows(batch: pa.RecordBatch) -> memoryview:
    """The bytes of a batch's rows, without HEADER and TRAILER.

    Args:
        batch: columns of string, bool, int32, float32, date32, timestamp[us], or list<string> without nulls in it.
    """
    fields = [pa.scalar(batch.num_columns.to_bytes(2, "big"))]
    fields += [field for column in batch.columns for field in _encoded(column)]
    joined = pc.binary_join_element_wise(*fields, b"")
    offsets, values = joined.buffers()[1:]
    ends = np.frombuffer(offsets, dtype=np.int32)[joined.offset :]
    return memoryview(values)[ends[0] : ends[len(joined)]]


def without_nul(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, int]:
    """The batch with U+FFFD for every U+0000, and the number of texts changed."""
    columns, changed = list(batch.columns), 0
    for position, column in enumerate(columns):
        if _has_nul(column):
            is_list = pa.types.is_list(column.type)
            texts = column.values if is_list else column
            changed += pc.sum(pc.match_substring(texts, NUL)).as_py() or 0
            texts = pc.replace_substring(texts, NUL, REPLACEMENT)
            columns[position] = pa.ListArray.from_arrays(column.offsets, texts) if is_list else texts
    return pa.record_batch(columns, names=batch.schema.names), changed


def _has_nul(column: pa.Array) -> bool:
    """Whether there may be a zero byte: a slice is judged by all it was cut from."""
    text = column.values if pa.types.is_list(column.type) else column
    if not pa.types.is_string(text.type) or text.buffers()[2] is None:
        return False
    return not np.frombuffer(text.buffers()[2], dtype=np.uint8).all()


def _encoded(column: pa.Array) -> list[pa.Array]:
    """One or two columns of bytes that joined are the column's fields."""
    kind = column.type
    if pa.types.is_string(kind):
        return _sized(column.cast(pa.binary()))
    if pa.types.is_list(kind):
        return _sized(_arrays(column))
    if pa.types.is_float32(kind):
        return [_fixed(column, column.to_numpy(zero_copy_only=False).astype(">f4"))]
    if pa.types.is_boolean(kind):
        return [_fixed(column, pc.fill_null(column, False).to_numpy(zero_copy_only=False).astype(np.uint8))]
    if pa.types.is_int32(kind) or pa.types.is_date32(kind):
        return [_fixed(column, _int32(column))]
    micros = pc.fill_null(column.cast(pa.int64()), 0).to_numpy(zero_copy_only=False) - EPOCH_US
    return [_fixed(column, micros.astype(">i8"))]


def _int32(column: pa.Array) -> np.ndarray:
    """Integers, or dates as days since EPOCH_DAYS; 0 for null."""
    numbers = pc.fill_null(column.cast(pa.int32()), 0).to_numpy(zero_copy_only=False)
    return np.asarray(numbers - EPOCH_DAYS if pa.types.is_date32(column.type) else numbers).astype(">i4")


def _sized(values: pa.Array) -> list[pa.Array]:
    """Byte strings, each behind its length, which is -1 for null."""
    lengths = pc.fill_null(pc.binary_length(values), -1)
    return [_bytes(lengths.to_numpy(zero_copy_only=False).astype(">i4")), pc.fill_null(values, b"")]


def _fixed(column: pa.Array, values: np.ndarray) -> pa.Array:
    """Numbers of a fixed width, each behind its length; null where the column is."""
    sized = np.empty(len(values), dtype=[("length", ">i4"), ("value", values.dtype)])
    sized["length"], sized["value"] = values.dtype.itemsize, values
    encoded = _bytes(sized)
    if not column.null_count:
        return encoded
    return pc.if_else(column.is_null(), pa.scalar((-1).to_bytes(4, "big", signed=True)), encoded)


def _bytes(values: np.ndarray[Any, Any]) -> pa.Array:
    """The memory of a one-dimensional array as byte strings, one per element."""
    kind = pa.binary(values.dtype.itemsize)
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values.tobytes())]).cast(pa.binary())


def _arrays(column: pa.ListArray) -> pa.Array:
    """Lists of texts as one-dimensional text[] values."""
    texts = pc.binary_join_element_wise(*_sized(column.values.cast(pa.binary())), b"")
    bodies = pc.binary_join(pa.ListArray.from_arrays(column.offsets, texts), b"")
    lengths = pc.list_value_length(column).to_numpy(zero_copy_only=False)
    head = np.empty(len(column), dtype=[(name, ">i4") for name in ("dimensions", "nulls", "type", "length", "first")])
    head["dimensions"], head["nulls"], head["type"], head["length"], head["first"] = 1, 0, TEXT_OID, lengths, 1
    empty = pa.scalar(b"".join(number.to_bytes(4, "big") for number in (0, 0, TEXT_OID)))
    return pc.if_else(pa.array(lengths == 0), empty, pc.binary_join_element_wise(_bytes(head), bodies, b""))
