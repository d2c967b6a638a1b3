"""A connection to PostgreSQL for the target, and what its errors become."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import psycopg
from psycopg.conninfo import make_conninfo

from pipeline.ground.errors import PublishError, UnavailableError
from pipeline.published.targets import statements
from pipeline.published.targets.dsn import Settings

log = logging.getLogger(__name__)

Connection = psycopg.Connection[Any]
Result = TypeVar("Result")

PASSING = ("08", "40", "57P", "55P03", "53300")
"""SQLSTATEs that pass by themselves: connections, conflicts, restarts, locks, too many connections."""
GONE = ("42P01", "42703", "3F000")
"""SQLSTATEs of a table, a column and a schema that is not there."""
REMEDY = "somebody dropped a part of the published tables: publishing a night makes it again, or says what to do"
LOCK_TIMEOUT = "5s"
"""Longer than deadlock_timeout (1 s), after which an automatic vacuum gives way."""
LOCK_TRIES = 12


@contextlib.contextmanager
def connected(settings: Settings, application: str = "nightjar") -> Iterator[Connection]:
    """A connection in autocommit mode that looks names up in no schema by itself.

    Args:
        settings: where it leads.
        application: what the server's administrators see of it in pg_stat_activity.
    Raises:
        UnavailableError: it could not be made.
    """
    with translated(settings):
        # Never prepared by the driver: a plan that outlives an attachment does not know the new partition.
        parameters = make_conninfo(**settings)
        connection = psycopg.connect(parameters, autocommit=True, prepare_threshold=None, application_name=application)
    with contextlib.closing(connection), translated(settings):
        statements.execute(connection, "session", {})
        yield connection


@contextlib.contextmanager
def translated(settings: Settings) -> Iterator[None]:
    """Turn the driver's errors into ours; the driver's own may repeat the connection and are not chained.

    Raises:
        UnavailableError: the server does not answer, ended the connection or was busy: worth another try.
        PublishError: anything else that PostgreSQL refuses.
    """
    try:
        yield
    except psycopg.Error as error:
        passing = isinstance(error, psycopg.OperationalError) and (error.sqlstate or "08").startswith(PASSING)
        kind = UnavailableError if passing else PublishError
        gone = (error.sqlstate or "").startswith(GONE)
        rest = "readers see a whole run, and publishing again is safe" if not gone else REMEDY
        raise kind(f"PostgreSQL: {settings.redacted(str(error))} ({settings.described()}); {rest}") from None


def impatient(connection: Connection) -> None:
    """Let the connection wait a few seconds for a lock on a table; see `patiently`."""
    statements.execute(connection, "patience", {}, lock_timeout=LOCK_TIMEOUT)


def patiently(action: Callable[[], Result]) -> Result:
    """Do something that needs a lock on tables which others use, again if the lock is not given.

    Raises:
        UnavailableError: it was not given for a minute.
    """
    for tried in range(1, LOCK_TRIES + 1):
        try:
            return action()
        except psycopg.errors.LockNotAvailable as error:
            log.info("try %d of %d: %s", tried, LOCK_TRIES, str(error).splitlines()[0])
            time.sleep(0.1)
    raise UnavailableError("somebody alters the published tables and does not end: see pg_locks; the active run stays")
