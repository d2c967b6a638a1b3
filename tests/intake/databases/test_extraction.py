"""Logs from a real PostgreSQL: the same nights as from files, and nothing half taken when the connection is lost."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import psycopg
import pyarrow.parquet as pq
import pytest

from pipeline.ground.errors import InputError, ResourceError
from pipeline.intake.databases import extraction
from pipeline.operations import load_history
from pipeline.sources.configuration import FullConfig
from tests import postgres as servers
from tests.tiny_log import digests, ingest, row, rows_of, shop, write

EXAMPLE = Path(__file__).parents[3] / "examples" / "online_retail"
FIRST, LAST = date(2010, 1, 4), date(2010, 1, 8)
FILES = "logs/{year}-{month}-{day}.parquet"
ORDERS = """
select line, "InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"
from orders where "InvoiceDate"::timestamp >= $night and "InvoiceDate"::timestamp < $next order by line;
"""
LOG = [
    row("u1", "a", "2024-01-01 10:00:00"),
    row("u2", "b", "2024-01-02 09:00:00"),
    row("u1", "b", "2024-01-02 11:00:00"),
]
MONDAY, TUESDAY = date(2024, 1, 1), date(2024, 1, 2)


@pytest.fixture(scope="module")
def orders(postgres: servers.Server) -> str:
    """A database with a month of the example's order lines, as text; its DSN."""
    dsn = postgres.create_database("orders")
    log = EXAMPLE / "logs" / "2010-01.csv.zst"
    found = duckdb.sql(f"select row_number() over () as line, * from read_csv('{log}', all_varchar = true)")
    columns = ", ".join(f'"{name}" {"bigint" if name == "line" else "text"}' for name in found.columns)
    with psycopg.connect(dsn) as connection:
        connection.execute(f"create table orders ({columns})")
        with connection.cursor().copy("copy orders from stdin") as copy:
            for line in found.fetchall():
                copy.write_row(line)
    return dsn


@pytest.fixture
def tiny(postgres: servers.Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection]:
    """A database with LOG in table `log`, known as the connection `shop`."""
    name = f"log_{time.monotonic_ns()}"
    dsn = postgres.create_database(name)
    monkeypatch.setenv("NIGHTJAR_CONNECTION_SHOP", dsn)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute('create table log ("user" text, item text, ts timestamp, type text)')
        connection.cursor().executemany("insert into log values (%(user)s, %(item)s, %(ts)s, %(type)s)", LOG)
        yield connection


def of_database(folder: Path, text: str, **over: object) -> FullConfig:
    """A shop whose log comes from the connection `shop`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "query.sql").write_text(text)
    events = {"files": FILES, "sql": "events.sql", "connection": "shop", "query": "query.sql"} | over
    return shop(folder, FILES, ingest={"events": events})


TINY = "select * from log where ts >= $night and ts < $next order by ts"


def test_a_week_of_real_orders_is_the_same_bytes_as_from_files(
    orders: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTJAR_CONNECTION_SHOP", orders)
    mapping, over = (EXAMPLE / "events.sql").read_text(), {"timezone": "Europe/London"}
    base = {"allow_empty": True, "max_reject_share": 0.3}
    described = {"files": FILES, "sql": "events.sql"}
    asked = {"connection": "shop", "query": "query.sql", "since": FIRST}
    (tmp_path / "database").mkdir()
    (tmp_path / "database" / "query.sql").write_text(ORDERS)
    ours = shop(tmp_path / "database", FILES, mapping, ingest=base | {"events": described | asked}, **over)
    theirs = shop(tmp_path / "files", FILES, mapping, ingest=base | {"events": described}, **over)
    (tmp_path / "files" / "logs").mkdir()
    log = EXAMPLE / "logs" / "2010-01.csv.zst"
    for day in (FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)):
        path = tmp_path / "files" / "logs" / f"{day}.parquet"
        duckdb.sql(
            f"copy (select * from (select row_number() over () as line, * from read_csv('{log}', all_varchar = true)) "
            f"where InvoiceDate::timestamp::date = '{day}' order by line) to '{path}'"
        )
    for one in (ours, theirs):
        load_history.load_history(one, LAST - timedelta(days=1))
        ingest(one, LAST)
    nights = sorted(path.name for path in (theirs.lake / "ingest").glob("run_date=*"))
    assert len(nights) == (LAST - FIRST).days + 1
    for name in nights:
        assert digests(ours.lake / "ingest" / name) == digests(theirs.lake / "ingest" / name)
    assert len(rows_of(ours.lake / "ingest" / f"run_date={LAST}")) > 500


def test_a_day_that_is_there_is_not_asked_for_again(tiny: psycopg.Connection, tmp_path: Path) -> None:
    config = of_database(tmp_path, TINY)
    assert len(rows_of(ingest(config, TUESDAY))) == 2
    tiny.execute("drop table log")
    assert len(rows_of(ingest(config, TUESDAY))) == 2


def test_a_part_of_a_day_is_asked_for_again_until_it_is_over(tiny: psycopg.Connection, tmp_path: Path) -> None:
    config = of_database(tmp_path, TINY)
    noon = config.so_far(datetime(2024, 1, 2, 10, tzinfo=UTC))
    with extraction.night(noon, TUESDAY):
        pass
    path = config.asked / "logs" / "2024-01-02.parquet"
    assert pq.read_table(path).num_rows == 2
    tiny.execute("insert into log values ('u3', 'c', '2024-01-02 12:00:00', 'purchase')")
    with extraction.night(config, TUESDAY):
        assert pq.read_table(path).num_rows == 3
    before = path.stat().st_mtime_ns
    with extraction.night(config, TUESDAY):
        pass
    assert path.stat().st_mtime_ns == before


def test_a_catalogue_without_a_date_is_read_every_night(tiny: psycopg.Connection, tmp_path: Path) -> None:
    write(tmp_path / "log.jsonl", LOG)
    tiny.execute("create table items as select distinct item from log")
    (tmp_path / "items_query.sql").write_text("select item from items order by item")
    config = shop(tmp_path, "log.jsonl")
    (tmp_path / "items.sql").write_text("select item as item_id, upper(item) as title, _file from raw")
    items = {"files": "items.parquet", "sql": "items.sql", "connection": "shop", "query": "items_query.sql"}
    config = type(config).model_validate(
        config.model_dump() | {"ingest": config.ingest.model_dump(exclude_none=True) | {"items": items}}
    )
    assert [item["item_id"] for item in rows_of(ingest(config, MONDAY), "items")] == ["a", "b"]
    tiny.execute("insert into items values ('c')")
    assert [item["item_id"] for item in rows_of(ingest(config, TUESDAY), "items")] == ["a", "b", "c"]


def test_a_connection_that_is_lost_leaves_nothing(
    tiny: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = "select 'u' || n as \"user\", 'a' as item, $night + interval '1 hour' as ts, 'purchase' as type, "
    slow += "case when n % 20000 = 0 then pg_sleep(.05)::text end as waits from generate_series(1, 4000000) as n"
    config = of_database(tmp_path, slow)

    def cut() -> None:
        """End the other session once some of its rows have been written."""
        for _ in range(2000):
            if any(part.stat().st_size for part in (config.asked / "logs").glob(".*.part")):
                break
            time.sleep(0.01)
        tiny.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where query like '%generate_series%4000000%'"
            " and pid <> pg_backend_pid()"
        )

    cutter = threading.Thread(target=cut)
    cutter.start()
    with pytest.raises(ResourceError, match="nothing of it was taken") as caught:
        ingest(config, TUESDAY)
    cutter.join()
    assert servers.PASSWORD not in str(caught.value)
    assert list((config.asked / "logs").iterdir()) == []
    assert not list((config.lake / "ingest").glob("run_date=*"))
    (tmp_path / "query.sql").write_text(TINY)
    assert len(rows_of(ingest(config, TUESDAY))) == 2


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("select * from nowhere where ts >= $night", "refuses it"),
        ("select from where $night", "refuses it"),
        ("select * from log", r"every night the same rows"),
        ("select *, ts - $night as since from log", "cast it there"),
        ("insert into log select * from log where ts > $night", "."),
    ],
)
def test_a_query_that_is_none_is_said_with_its_file(
    tiny: psycopg.Connection, tmp_path: Path, query: str, said: str
) -> None:
    with pytest.raises(InputError, match=said) as caught:
        ingest(of_database(tmp_path, query), TUESDAY)
    assert "query.sql" in str(caught.value)
    assert servers.PASSWORD not in str(caught.value)
    assert tiny.execute("select count(*) from log").fetchone() == (3,)


def test_a_server_that_is_not_there_may_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_CONNECTION_SHOP", "postgresql://reader:not-to-be-seen@127.0.0.1:1/shop")
    with pytest.raises(ResourceError, match="does not answer") as caught:
        ingest(of_database(tmp_path, TINY), TUESDAY)
    assert "not-to-be-seen" not in str(caught.value)


def test_a_wrong_password_is_not_repeated(
    postgres: servers.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTJAR_CONNECTION_SHOP", postgres.dsn(password="not-to-be-seen"))
    with pytest.raises((InputError, ResourceError)) as caught:
        ingest(of_database(tmp_path, TINY), TUESDAY)
    assert "not-to-be-seen" not in str(caught.value)


def test_history_needs_a_first_day(tiny: psycopg.Connection, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="set since"):
        load_history.load_history(of_database(tmp_path, TINY), TUESDAY)


def test_sqlite_gives_the_same_events(
    tiny: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = of_database(tmp_path / "postgres", TINY)
    expected = rows_of(ingest(there, TUESDAY))
    file = tmp_path / "shop.db"
    with sqlite3.connect(file) as connection:
        connection.execute('create table log ("user" text, item text, ts text, type text)')
        connection.executemany("insert into log values (:user, :item, :ts, :type)", LOG)
    monkeypatch.setenv("NIGHTJAR_CONNECTION_SHOP", f"sqlite://{file}")
    assert rows_of(ingest(of_database(tmp_path / "sqlite", TINY), TUESDAY)) == expected
    assert len(expected) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"connection": None},
        {"query": None},
        {"connection": "shop; drop"},
        {"files": "logs/*.parquet"},
        {"files": "logs/{year}-{month}.parquet"},
        {"files": "logs/{year}-{month}-{day}.csv"},
        {"files": ["a.parquet", "b.parquet"]},
        {"files": "../{year}-{month}-{day}.parquet"},
        {"files": "s3://bucket/{year}-{month}-{day}.parquet"},
        {"connection": None, "query": None, "since": "2024-01-01"},
    ],
)
def test_what_a_query_cannot_fill_is_refused(tmp_path: Path, wrong: dict[str, object]) -> None:
    of_database(tmp_path, TINY)
    with pytest.raises(ValueError):
        of_database(tmp_path, TINY, **wrong)


def test_a_row_that_is_written_late_is_of_the_night_that_finds_it(tiny: psycopg.Connection, tmp_path: Path) -> None:
    tiny.execute("alter table log add updated_at timestamp")
    tiny.execute("update log set updated_at = ts")
    tiny.execute("insert into log values ('u9', 'a', '2024-01-01 08:00:00', 'purchase', '2024-01-02 23:00:00')")
    late = "select * from log where updated_at >= $night and updated_at < $next order by updated_at"
    config = of_database(tmp_path, late, since=MONDAY)
    mapping = (tmp_path / "events.sql").read_text()
    (tmp_path / "events.sql").write_text(mapping.replace("_file,", "updated_at as arrived_at, _file,"))
    ingesting = config.ingest.model_copy(update={"arrival": "arrived_at"})
    config = config.model_copy(update={"ingest": ingesting})
    assert [event["user_id"] for event in rows_of(ingest(config, MONDAY))] == ["u1"]
    assert sorted(event["user_id"] for event in rows_of(ingest(config, TUESDAY))) == ["u1", "u2", "u9"]
