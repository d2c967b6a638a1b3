"""MySQL and MariaDB, read as ADBC reads: a query's rows as record batches, in the types that the database gives them.

PyMySQL hands over a row at a time while the server sends them, each value as its text; Arrow casts a batch of a column
at once. A session is in UTC, so that a TIMESTAMP is a moment; a DATETIME has no zone. A date that is none (0000-00-00,
or without a month or a day) is null.
"""

import collections
import ssl
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pyarrow as pa
import pyarrow.compute as pc
import pymysql
from pymysql.constants import FIELD_TYPE, FLAG
from pymysql.converters import encoders
from pymysql.cursors import SSCursor

from pipeline.ground.errors import InputError

BATCH = 16_384
"""Rows that are cast at once."""
SESSION = "set session time_zone = '+00:00'"
BINARY = 63
"""The number of the character set of what is no text."""
MOST_DIGITS = 38
"""Of a decimal128; what has more comes as text."""

INTEGERS = {
    FIELD_TYPE.TINY: (pa.int8(), pa.uint8()),
    FIELD_TYPE.SHORT: (pa.int16(), pa.uint16()),
    FIELD_TYPE.INT24: (pa.int32(), pa.uint32()),
    FIELD_TYPE.LONG: (pa.int32(), pa.uint32()),
    FIELD_TYPE.LONGLONG: (pa.int64(), pa.uint64()),
    FIELD_TYPE.YEAR: (pa.int16(), pa.int16()),
}
TYPES = {
    FIELD_TYPE.FLOAT: pa.float32(),
    FIELD_TYPE.DOUBLE: pa.float64(),
    FIELD_TYPE.DATE: pa.date32(),
    FIELD_TYPE.NEWDATE: pa.date32(),
    FIELD_TYPE.DATETIME: pa.timestamp("us"),
    FIELD_TYPE.TIMESTAMP: pa.timestamp("us", "UTC"),
    FIELD_TYPE.BIT: pa.uint64(),
    FIELD_TYPE.GEOMETRY: pa.binary(),
}
DECIMALS = {FIELD_TYPE.DECIMAL, FIELD_TYPE.NEWDECIMAL}
TEXTS = {
    FIELD_TYPE.VARCHAR,
    FIELD_TYPE.VAR_STRING,
    FIELD_TYPE.STRING,
    FIELD_TYPE.TINY_BLOB,
    FIELD_TYPE.BLOB,
    FIELD_TYPE.MEDIUM_BLOB,
    FIELD_TYPE.LONG_BLOB,
}
Values = Sequence[str | bytes | None]


class Connection:
    """A session that is read from; nothing else is open on it."""

    def __init__(self, session: pymysql.Connection) -> None:
        """A session of `connect`."""
        self._session = session

    def cursor(self) -> "Cursor":
        """What executes a statement."""
        return Cursor(self._session)

    def close(self) -> None:
        """End the session, also where rows are left, and a server that is gone."""
        if self._session.open:
            self._session.close()


def connect(url: str) -> Connection:
    """Reach a database.

    Args:
        url: mysql://user:password@host:3306/database; ?ssl_ca=FILE or ?ssl=verify to trust only a server with a
            certificate of that authority, or of the machine's, and ?unix_socket=FILE instead of a host.
    Raises:
        InputError: the URL cannot be read; nothing of it is repeated.
        pymysql.Error: the server does not answer, or refuses the login.
    """
    as_texts = dict(encoders)  # and no decoders
    return Connection(pymysql.connect(**_parameters(url), charset="utf8mb4", conv=as_texts, init_command=SESSION))


def _parameters(url: str) -> dict[str, Any]:
    """What PyMySQL calls what a URL says; errors as of `connect`."""
    try:
        parts = urlsplit(url)
        options, port = dict(parse_qsl(parts.query, keep_blank_values=True)), parts.port or 3306
    except ValueError:
        parts, options, port = urlsplit(""), {}, 0
    if not port or parts.fragment or (not parts.hostname and "unix_socket" not in options):
        raise InputError(
            "the URL of a connection to MySQL cannot be read (it is not shown): what is / ? # @ or % in its password "
            "is written as %2F %3F %23 %40 or %25"
        )
    if options.keys() - {"ssl", "ssl_ca", "unix_socket"} or options.get("ssl", "verify") != "verify":
        raise InputError("behind its ? the URL of a connection to MySQL has ssl=verify, ssl_ca=FILE, unix_socket=FILE")
    found: dict[str, Any] = {"host": parts.hostname, "port": port, "unix_socket": options.get("unix_socket")}
    found |= {"user": unquote(parts.username or "") or None, "database": unquote(parts.path.lstrip("/")) or None}
    found["password"] = unquote(parts.password or "").encode()  # of a text only Latin-1 would be taken
    if "ssl" in options or "ssl_ca" in options:
        try:
            found["ssl"] = ssl.create_default_context(cafile=options.get("ssl_ca"))
        except (OSError, ssl.SSLError) as error:
            raise InputError(f"{options.get('ssl_ca')} is no certificate that can be read ({error})") from None
    return found


class _Sent(SSCursor):  # type: ignore[misc]
    """Rows as the server sends them; what is not wanted any more need not be read to its end."""

    def columns(self) -> list[Any]:
        """What the server says of each column."""
        result: Any = self._result
        return [] if result is None else list(getattr(result, "fields", ()))

    def close(self) -> None:
        """Leave what comes unread; the session is good for nothing after it."""
        result: Any = self._result
        if result is not None:
            result.unbuffered_active, result.connection = False, None
        self._result: Any = None
        self.connection = None


class Cursor:
    """A statement and its rows."""

    def __init__(self, session: pymysql.Connection) -> None:
        """Of an open session."""
        self._rows = session.cursor(_Sent)

    def execute(self, operation: str) -> None:
        """Send a statement, when the rows of the one before have come; a percent sign in it is one."""
        if self._rows.columns():
            collections.deque(self._rows, maxlen=0)
        self._rows.execute(operation)

    def fetch_record_batch(self) -> "Batches":
        """Its rows.

        Raises:
            pymysql.ProgrammingError: it gives none.
        """
        if not self._rows.columns():
            raise pymysql.ProgrammingError("a query gives rows, and this statement has none")
        return Batches(self._rows)

    def close(self) -> None:
        """Leave what was not read."""
        self._rows.close()


class Batches:
    """Rows as record batches.

    Attributes:
        schema: the columns, by what the server says of them.
    """

    def __init__(self, rows: _Sent) -> None:
        """Of a statement that was executed."""
        columns = rows.columns()
        self._rows, self._kinds = rows, [column.type_code for column in columns]
        self.schema = pa.schema([(column.name, type_of(column)) for column in columns])

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """The batches."""
        while batch := list(islice(iter(self._rows.fetchone, None), BATCH)):
            columns = zip(*batch, strict=True)
            arrays = [_array(values, field.type) for values, field in zip(columns, self.schema, strict=True)]
            yield pa.RecordBatch.from_arrays(arrays, schema=self.schema)


def type_of(column: Any) -> pa.DataType:
    """The type of a column, by the server's description of it.

    Args:
        column: type_code, flags, length (characters or bytes), scale and charsetnr, as PyMySQL has them.
    """
    kind, is_unsigned = column.type_code, bool(column.flags & FLAG.UNSIGNED)
    if kind in INTEGERS:
        return INTEGERS[kind][is_unsigned]
    if kind in DECIMALS:
        # the length counts a sign, and a point where there are decimals
        digits = column.length - (not is_unsigned) - bool(column.scale)
        return pa.decimal128(digits, column.scale) if digits <= MOST_DIGITS else pa.string()
    if kind in TEXTS and column.charsetnr == BINARY and not column.flags & (FLAG.ENUM | FLAG.SET):
        return pa.binary()
    return TYPES.get(kind, pa.string())  # times, which may be longer than a day, and JSON as texts


def _array(values: Values, kind: pa.DataType) -> pa.Array:
    """A column of a batch, from the texts of its values."""
    if pa.types.is_binary(kind):
        return pa.array(values, kind)
    if pa.types.is_uint64(kind) and any(isinstance(value, bytes) for value in values):  # of BIT, the bits themselves
        numbers = [None if value is None else int.from_bytes(_bytes(value), "big") for value in values]
        return pa.array(numbers, kind)
    texts = pa.array(values, pa.string())
    if pa.types.is_temporal(kind):
        return _moments(texts, kind)
    return texts if pa.types.is_string(kind) else texts.cast(kind)


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


def _moments(texts: pa.Array, kind: pa.DataType) -> pa.Array:
    """Days or moments; what is none is null."""
    texts = pc.if_else(pc.match_substring_regex(texts, "^0000|^.{4}-00|^.{7}-00"), None, texts)
    return texts.cast(pa.timestamp("us")).cast(kind) if pa.types.is_timestamp(kind) else texts.cast(kind)
