"""Databases that logs are read from: where they are says the environment alone, and no message shows it.

A connection has a name; NIGHTJAR_CONNECTION_<NAME> holds its URL, or AIRFLOW_CONN_<NAME>, as Airflow reads it, where
that is PostgreSQL's. They are reached by ADBC, which hands over columns as the database streams them.
Source: https://arrow.apache.org/adbc
"""

import contextlib
import importlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Protocol

import pyarrow as pa

from pipeline.ground import secrets
from pipeline.ground.errors import InputError
from pipeline.published.targets import dsn

DRIVERS = {"postgresql": "adbc_driver_postgresql", "sqlite": "adbc_driver_sqlite"}
"""What speaks to a database, by the scheme of its URL."""
READ_ONLY = {"postgresql": "set transaction read only", "sqlite": "pragma query_only = on"}
"""What says to it that the statements to come only read."""
NIGHT = re.compile(r"\$(night|next)\b(?!\$)")
"""Where a query names the night, or the day after it; $night$ quotes text in PostgreSQL."""


class DriverError(Exception):
    """What a driver says, which is its cause: the database does not answer, or refuses."""


class Rows(Protocol):
    """An ADBC connection, as far as it is used here."""

    def cursor(self) -> Any:
        """Something to execute a statement with, whose rows come as record batches."""

    def close(self) -> None:
        """Give it back."""


@dataclass(frozen=True)
class Connection:
    """A database that is named in the configuration.

    Attributes:
        name: as there.
        kind: a scheme of DRIVERS.
        url: with what is secret; never shown.
    """

    name: str
    kind: str
    url: str = field(repr=False)

    def opened(self) -> contextlib.AbstractContextManager[Rows]:
        """Reach it, and give it back in the end.

        Raises:
            InputError: its driver is not installed.
            Exception: of the driver, where the database does not answer.
        """
        try:
            module = importlib.import_module(f"{DRIVERS[self.kind]}.dbapi")
        except ImportError:
            raise InputError(
                f"connection '{self.name}' needs {DRIVERS[self.kind]}: pip install 'nightjar[databases]'"
            ) from None
        return contextlib.closing(module.connect(self.url))

    def redacted(self, message: str) -> str:
        """A message of the driver on one line, in which nothing of the URL is left that could be secret."""
        return secrets.redacted(message, self.url)


def from_environment(name: str, environment: Mapping[str, str] = os.environ) -> Connection:
    """The connection of a name.

    Raises:
        InputError: the environment does not have it, or it is none that can be read; its value is not repeated.
    """
    own, airflow = (f"{prefix}{name.upper()}" for prefix in ("NIGHTJAR_CONNECTION_", "AIRFLOW_CONN_"))
    if given := environment.get(own):
        return _known(name, own, given)
    if given := environment.get(airflow):
        if (settings := dsn.of_airflow(given)) is None:
            raise InputError(f"{airflow} is no connection to PostgreSQL that can be read (it is not shown): set {own}")
        return Connection(name, "postgresql", settings.conninfo())
    raise InputError(f"connection '{name}' is not known: set {own} to its URL, or {airflow}")


def _known(name: str, variable: str, url: str) -> Connection:
    scheme = url.partition(":")[0].lower()
    kind = "postgresql" if scheme in {"postgres", "postgresql"} else scheme
    if kind not in DRIVERS or "://" not in url:
        raise InputError(
            f"{variable} is no URL of a database that can be read (it is not shown, for it may hold a password): write "
            f"{' or '.join(f'{one}://...' for one in DRIVERS)}"
        )
    return Connection(name, kind, url.partition("://")[2] if kind == "sqlite" else url)


def bound(query: str, night: date, kind: str) -> str:
    """A query in which $night and $next are the night and the day after it.

    They are written as literals: a day is none that could be anything else, and a statement with parameters does not
    stream from PostgreSQL, which copies out only what has none.
    """
    days = {"night": night, "next": night + timedelta(days=1)}
    date_of = "'{}'" if kind == "sqlite" else "DATE '{}'"
    return NIGHT.sub(lambda found: date_of.format(days[found[1]].isoformat()), query)


def asks_for_night(query: str) -> bool:
    """Whether a query's rows depend on the night."""
    return NIGHT.search(query) is not None


@contextlib.contextmanager
def reading(connection: Connection, query: str) -> Iterator[tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
    """The columns and rows of a query, as they come; the query can change nothing.

    Raises:
        InputError: as `Connection.opened`.
        DriverError: also while rows are read.
    """
    with contextlib.ExitStack() as held:
        with _driver():
            cursor = held.enter_context(contextlib.closing(held.enter_context(connection.opened()).cursor()))
            cursor.execute(READ_ONLY[connection.kind])
            cursor.execute(query)
            rows = cursor.fetch_record_batch()
        yield rows.schema, _batches(rows)


def _batches(rows: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    with _driver():
        yield from rows


@contextlib.contextmanager
def _driver() -> Iterator[None]:
    """Tell a driver's errors from those of whoever takes the rows."""
    try:
        yield
    except (InputError, MemoryError):
        raise
    except Exception as error:
        raise DriverError(str(error)) from error
