"""The lock of a PostgreSQL schema: one publisher at a time, and no reader can take it.

What is locked is the table schema_version, in a mode that needs the right to write to it; whoever may only read the
views is refused. PostgreSQL keeps such a lock until its transaction ends, and a publication consists of several, so a
connection of its own holds it and does nothing else. That transaction has no snapshot and has written nothing: it holds
up no vacuum. The server releases the lock with the connection.
"""

import contextlib
import os
import socket
from collections.abc import Iterator

import psycopg

from pipeline.ground.errors import PublishError
from pipeline.published.targets import locks, session, statements
from pipeline.published.targets.dsn import Settings
from pipeline.published.targets.session import Connection

MADE_MEANWHILE = (
    psycopg.errors.UniqueViolation,
    psycopg.errors.DuplicateSchema,
    psycopg.errors.DuplicateTable,
    psycopg.errors.DuplicateObject,
)
"""What PostgreSQL says of a thing that another one makes at this instant; of a table also that its type is there."""


class SchemaLock:
    """The lock of a schema, while it is held.

    Attributes:
        connection: what holds it.
    """

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self.connection = connection
        self._settings = settings

    def require(self) -> None:
        """Refuse to go on without the lock.

        Raises:
            UnavailableError: the connection that held it has ended, so another publisher may be at work.
        """
        with session.translated(self._settings):
            statements.execute(self.connection, "still_locked", {})


@contextlib.contextmanager
def held(settings: Settings, schema: str, minutes: float) -> Iterator[SchemaLock]:
    """Hold the lock of a schema, which is made where it is not there.

    Args:
        settings: where.
        schema: the schema.
        minutes: how long to wait for another publisher.
    Raises:
        UnavailableError: it was not given for so long; who has it is named.
        PublishError: the schema is not there and cannot be made.
    """
    with session.connected(settings, application=_application()) as connection:
        statements.execute(connection, "lock_session", {})
        _prepare(connection, settings, schema)
        connection.autocommit = False  # the next statement begins the transaction that holds the lock
        connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED  # a higher one would keep a snapshot
        locks.wait(
            lambda: _take(connection, schema),
            minutes,
            f"the publishers' lock of schema {schema} (table {schema}.schema_version)",
            lambda: _holders(connection, schema),
        )
        yield SchemaLock(connection, settings)


def existing(connection: Connection, schema: str) -> tuple[bool, bool, bool]:
    """Whether a schema is there, whether it has what publishers lock, and whether it has been published to."""
    found = statements.execute(connection, "schema_exists", {}, schema=schema).fetchone()
    return found or (False, False, False)


def _application() -> str:
    """What pg_stat_activity calls the connection; PostgreSQL takes 63 bytes."""
    return f"nightjar publishes: {socket.gethostname()[:24]} process {os.getpid()}"


def _prepare(connection: Connection, settings: Settings, schema: str) -> None:
    """Make the schema and its lock, where they are not there; another publisher may do so at the same moment."""
    has_schema, has_lock, _ = existing(connection, schema)
    names = {"schema": statements.name(schema)}
    try:
        if not has_schema:
            with contextlib.suppress(*MADE_MEANWHILE):
                statements.execute(connection, "create_schema", names)
        if not has_lock:
            with contextlib.suppress(*MADE_MEANWHILE):
                statements.execute(connection, "create_lock", names)
    except psycopg.errors.InsufficientPrivilege as error:
        raise PublishError(
            f"schema {schema} is not ready and cannot be made ({settings.redacted(str(error))}, "
            f"{settings.described()}): let an administrator run sql/publish/postgres/roles.sql, and see that "
            "NIGHTJAR_DSN connects as the schema's owner"
        ) from None


def _take(connection: Connection, schema: str) -> bool:
    try:
        statements.execute(connection, "lock", {"schema": statements.name(schema)})
    except psycopg.errors.LockNotAvailable:
        connection.rollback()
        return False
    return True


def _holders(connection: Connection, schema: str) -> str:
    rows = statements.execute(connection, "lock_holders", {}, schema=schema).fetchall()
    connection.rollback()
    if not rows:
        return "its holder has just let it go; publish again"
    said = [
        f"server process {pid} (application '{application}', user {user}, from {client}, since {since}) holds it"
        for pid, application, user, client, since in rows
    ]
    ends = ", ".join(f"select pg_terminate_backend({pid})" for pid, *_ in rows)
    return f"{'; '.join(said)}; let it end (or end it: {ends}), then publish again"
