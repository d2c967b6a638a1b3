"""What speaks to databases: a line in DRIVERS for each kind, by the scheme of a URL."""

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

REFUSED = {"22", "25", "42", "0A"}
"""Classes of SQLSTATE that say the statement is wrong: data, a change, syntax or access rule, feature."""


class Reader(Protocol):
    """A query's rows as they come; an iterable of record batches."""

    schema: pa.Schema

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """The batches."""


class Cursor(Protocol):
    """What executes a statement, as ADBC has it."""

    def execute(self, operation: str) -> Any:
        """Send it."""

    def fetch_record_batch(self) -> Reader:
        """Its rows."""

    def close(self) -> None:
        """Give it back, also where rows are left."""


class Rows(Protocol):
    """A connection, as far as it is used here."""

    def cursor(self) -> Cursor:
        """Something to execute a statement with, whose rows come as record batches."""

    def close(self) -> None:
        """Give it back."""


def is_refused(error: BaseException) -> bool:
    """Whether an error of a driver says that the statement is wrong, so that a second attempt mends nothing."""
    state = getattr(error, "sqlstate", None) or ""
    return state[:2] in REFUSED or (not state and type(error).__name__ == "ProgrammingError")


@dataclass(frozen=True)
class Driver:
    """One kind of database.

    Attributes:
        schemes: of URLs; the first is what it is called.
        module: its `connect` takes the URL.
        package: what is to be installed for it.
        read_only: statements that keep a query from changing anything; $query stands for it in one that only looks at
            it. None: the login alone decides.
        date: a literal of a day, of which {} is the day in ISO 8601.
        takes: what of a URL `connect` is given.
    """

    schemes: tuple[str, ...]
    module: str
    package: str
    read_only: tuple[str, ...]
    date: str = "DATE '{}'"
    takes: Callable[[str], str] = str

    def connect(self, url: str) -> Rows:
        """Reach a database.

        Raises:
            ImportError: the driver is not installed.
            Exception: of the driver.
        """
        rows: Rows = importlib.import_module(self.module).connect(url)
        return rows


def of_scheme(scheme: str) -> Driver | None:
    """The driver of a URL; None: there is none."""
    return next((driver for driver in DRIVERS if scheme in driver.schemes), None)


DRIVERS = (
    Driver(
        schemes=("postgresql", "postgres"),
        module="adbc_driver_postgresql.dbapi",
        package="adbc_driver_postgresql",
        read_only=("set transaction read only",),
    ),
    Driver(
        schemes=("mysql", "mariadb"),
        module="pipeline.intake.databases.mysql",
        package="PyMySQL",
        # a definition of data would end the transaction, and be carried out: it cannot be explained
        read_only=("start transaction with consistent snapshot, read only", "explain $query"),
    ),
    Driver(
        schemes=("sqlite",),
        module="adbc_driver_sqlite.dbapi",
        package="adbc_driver_sqlite",
        read_only=("pragma query_only = on",),
        date="'{}'",
        takes=lambda url: url.partition("://")[2],
    ),
)
