"""The throw-away server itself: it asks for passwords, and what was committed outlives its being killed."""

import psycopg
import pytest

from tests.postgres import Server


def test_it_takes_connections_and_knows_its_password(postgres: Server) -> None:
    dsn = postgres.create_database("one")
    with psycopg.connect(dsn) as connection:
        assert connection.execute("select current_database()").fetchone() == ("one",)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres.dsn("one", password="guessed"))


@pytest.mark.slow
def test_what_was_committed_outlives_a_kill(postgres: Server) -> None:
    dsn = postgres.create_database("two")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create table kept as select 1 as value")
    with psycopg.connect(dsn) as open_one:
        open_one.execute("create table lost as select 1 as value")
        postgres.kill()
        with pytest.raises(psycopg.OperationalError):
            open_one.execute("select 1")
    with pytest.raises(psycopg.OperationalError, match="refused"):
        psycopg.connect(dsn)
    postgres.start()
    with psycopg.connect(dsn) as connection:
        tables = connection.execute("select relname from pg_class where relname in ('kept', 'lost')").fetchall()
    assert tables == [("kept",)]
