"""Databases that logs are read from: where they are says the environment alone, and no message shows it.

A connection has a name; NIGHTJAR_CONNECTION_<NAME> holds its URL, or AIRFLOW_CONN_<NAME>, as Airflow reads it, where
that is PostgreSQL's or MySQL's; in a task Airflow itself is asked last. They are reached by ADBC, or by what reads as
ADBC does: columns, as the database streams them.
Source: https://arrow.apache.org/adbc
"""

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

import pyarrow as pa

from pipeline.ground import secrets, shipped
from pipeline.ground.errors import InputError
from pipeline.intake.databases import airflow as of_airflow
from pipeline.intake.databases import drivers
from pipeline.intake.databases.drivers import Driver, Reader, Rows

Lookup = Callable[[str], str | None]
_ALSO: list[Lookup] = []
NIGHT = re.compile(r"\$(night|next)\b(?!\$)")
"""Where a query names the night, or the day after it; $night$ quotes text in PostgreSQL."""


class DriverError(Exception):
    """What a driver says, which is its cause: the database does not answer, or refuses."""


@dataclass(frozen=True)
class Connection:
    """A database that is named in the configuration.

    Attributes:
        name: as there.
        driver: what speaks to it.
        url: what the driver takes, with what is secret; never shown.
    """

    name: str
    driver: Driver
    url: str = field(repr=False)

    def opened(self) -> contextlib.AbstractContextManager[Rows]:
        """Reach it, and give it back in the end.

        Raises:
            InputError: its driver is not installed.
            Exception: of the driver, where the database does not answer.
        """
        try:
            return contextlib.closing(self.driver.connect(self.url))
        except ImportError:
            raise InputError(
                f"connection '{self.name}' needs {self.driver.package}: {shipped.installed_by('databases')}"
            ) from None

    def redacted(self, message: str) -> str:
        """A message of the driver on one line, in which nothing of the URL is left that could be secret."""
        return secrets.redacted(message, self.url)


def from_environment(name: str, environment: Mapping[str, str] = os.environ) -> Connection:
    """The connection of a name: of the environment, else of who else may know it.

    Raises:
        InputError: nobody has it, or it is none that can be read; its value is not repeated.
    """
    own, airflow = (f"{prefix}{name.upper()}" for prefix in ("NIGHTJAR_CONNECTION_", "AIRFLOW_CONN_"))
    if given := environment.get(own):
        return _known(name, own, given)
    known = {airflow: environment.get(airflow)} | {f"Airflow's connection '{name}'": also(name) for also in _ALSO}
    for where, given in known.items():
        if given:
            if (read := of_airflow.read(given)) is None:
                raise InputError(
                    f"{where} is no connection to PostgreSQL or MySQL that can be read (it is not shown): set {own}"
                )
            return Connection(name, *read)
    raise InputError(f"connection '{name}' is not known: set {own} to its URL, or {airflow}, or add it to Airflow")


def also_from(lookup: Lookup) -> None:
    """Let a connection that the environment does not have be looked for, as Airflow writes it, by its name."""
    if lookup not in _ALSO:
        _ALSO.append(lookup)


def _known(name: str, variable: str, url: str) -> Connection:
    driver = drivers.of_scheme(url.partition("://")[0].lower())
    if driver is None:
        raise InputError(
            f"{variable} is no URL of a database that can be read (it is not shown, for it may hold a password): write "
            f"{' or '.join(f'{one.schemes[0]}://...' for one in drivers.DRIVERS)}"
        )
    return Connection(name, driver, driver.takes(url))


def bound(query: str, night: date, driver: Driver) -> str:
    """A query in which $night and $next are the night and the day after it.

    They are written as literals: a day is none that could be anything else, and a statement with parameters does not
    stream from PostgreSQL, which copies out only what has none.
    """
    days = {"night": night, "next": night + timedelta(days=1)}
    return NIGHT.sub(lambda found: driver.date.format(days[found[1]].isoformat()), query)


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
            for statement in connection.driver.read_only:
                cursor.execute(statement.replace("$query", query))
            cursor.execute(query)
            rows = cursor.fetch_record_batch()
        yield rows.schema, _batches(rows)


def _batches(rows: Reader) -> Iterator[pa.RecordBatch]:
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
