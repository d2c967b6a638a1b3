"""Logs from a real MariaDB: the same nights as from files, every type as it is, and nothing half taken."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground.errors import InputError, ResourceError
from pipeline.intake.databases import connections, extraction
from pipeline.operations import load_history
from tests import mysql_server as servers
from tests.intake.databases.test_extraction import EXAMPLE, FILES, FIRST, LAST, LOG, MONDAY, TINY, TUESDAY, of_database
from tests.tiny_log import digests, ingest, rows_of, shop

ORDERS = """
select line, InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice, CustomerID, Country
from orders where timestamp(InvoiceDate) >= $night and timestamp(InvoiceDate) < $next order by line;
"""


@pytest.fixture
def tiny(mysql_server: servers.Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A database with LOG in table `log`, known as the connection `shop`; its name."""
    name = f"log_{time.monotonic_ns()}"
    monkeypatch.setenv("NIGHTJAR_CONNECTION_SHOP", mysql_server.create_database(name))
    mysql_server.do(f"use {name}", "create table log (user varchar(20), item varchar(20), ts datetime, type text)")
    values = ", ".join(f"('{row['user']}', '{row['item']}', '{row['ts']}', '{row['type']}')" for row in LOG)
    mysql_server.do(f"insert into {name}.log values {values}")
    yield name
    mysql_server.do(f"drop database {name}")


def read(url: str, query: str) -> pa.Table:
    """What a query gives."""
    connection = connections.from_environment("x", {"NIGHTJAR_CONNECTION_X": url})
    with connections.reading(connection, query) as (schema, batches):
        return pa.Table.from_batches(batches, schema)


@pytest.mark.slow
def test_a_week_of_real_orders_is_the_same_bytes_as_from_files(
    mysql_server: servers.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTJAR_CONNECTION_SHOP", mysql_server.create_database("orders"))
    log = EXAMPLE / "logs" / "2010-01.csv.zst"
    found = duckdb.sql(f"select row_number() over () as line, * from read_csv('{log}', all_varchar = true)")
    columns = ", ".join(f"`{name}` {'bigint' if name == 'line' else 'text'}" for name in found.columns)
    with mysql_server.root() as session, session.cursor() as cursor:
        cursor.execute(f"create table orders.orders ({columns})")
        places = ", ".join(["%s"] * len(found.columns))
        cursor.executemany(f"insert into orders.orders values ({places})", found.fetchall())
    mapping, over = (EXAMPLE / "events.sql").read_text(), {"timezone": "Europe/London"}
    base = {"allow_empty": True, "max_reject_share": 0.3}
    described = {"files": FILES, "sql": "events.sql"}
    asked = {"connection": "shop", "query": "query.sql", "since": FIRST}
    (tmp_path / "database").mkdir()
    (tmp_path / "database" / "query.sql").write_text(ORDERS)
    ours = shop(tmp_path / "database", FILES, mapping, ingest=base | {"events": described | asked}, **over)
    theirs = shop(tmp_path / "files", FILES, mapping, ingest=base | {"events": described}, **over)
    (tmp_path / "files" / "logs").mkdir()
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


TYPES = {
    "tiny": ("tinyint(1)", "7", 7, pa.int8()),
    "tiny_u": ("tinyint unsigned", "255", 255, pa.uint8()),
    "small": ("smallint", "-32768", -32768, pa.int16()),
    "medium": ("mediumint unsigned", "16777215", 16777215, pa.uint32()),
    "plain": ("int", "-5", -5, pa.int32()),
    "big": ("bigint", "-9223372036854775808", -(2**63), pa.int64()),
    "big_u": ("bigint unsigned", "18446744073709551615", 2**64 - 1, pa.uint64()),
    "money": ("decimal(12,2)", "-1234567890.12", Decimal("-1234567890.12"), pa.decimal128(12, 2)),
    "money_u": ("decimal(5,2) unsigned", "999.99", Decimal("999.99"), pa.decimal128(5, 2)),
    "whole": ("decimal(38,0)", "9" * 38, Decimal("9" * 38), pa.decimal128(38, 0)),
    "huge": ("decimal(65,10)", "1.5", "1.5000000000", pa.string()),
    "single": ("float", "0.5", 0.5, pa.float32()),
    "twice": ("double", "0.1", 0.1, pa.float64()),
    "at": ("datetime(6)", "'2024-02-29 23:59:59.123456'", datetime(2024, 2, 29, 23, 59, 59, 123456), None),
    "at_0": ("datetime", "'1000-01-01 00:00:00'", datetime(1000, 1, 1), pa.timestamp("us")),
    "moment": ("timestamp null", "'2024-07-01 12:00:00'", datetime(2024, 7, 1, 10, tzinfo=UTC), None),
    "day": ("date", "'9999-12-31'", date(9999, 12, 31), pa.date32()),
    "no_day": ("date", "'0000-00-00'", None, pa.date32()),
    "no_month": ("datetime", "'2024-00-15 10:00:00'", None, pa.timestamp("us")),
    "time": ("time", "'-101:00:00'", "-101:00:00", pa.string()),
    "year": ("year", "2024", 2024, pa.int16()),
    "text": ("varchar(20) character set utf8mb4", "'\u00e9 \U0001f426 100%'", "\u00e9 \U0001f426 100%", pa.string()),
    "latin": ("varchar(20) character set latin1", "'caf\u00e9'", "caf\u00e9", pa.string()),
    "long_text": ("longtext", "repeat('x', 70000)", "x" * 70000, pa.string()),
    "one_of": ("enum('a','b')", "'b'", "b", pa.string()),
    "some_of": ("set('a','b')", "'a,b'", "a,b", pa.string()),
    "json": ("json", """'{"a": [1, "\U0001f426"]}'""", '{"a": [1, "\U0001f426"]}', pa.string()),
    "bytes": ("varbinary(4)", "x'00ff80'", b"\x00\xff\x80", pa.binary()),
    "bits": ("bit(12)", "b'100000000001'", 2049, pa.uint64()),
}  # fmt: skip


def test_every_type_is_what_the_database_says(mysql_server: servers.Server) -> None:
    url = mysql_server.create_database("types")
    columns = ", ".join(f"`{name}` {kind}" for name, (kind, *_) in TYPES.items())
    mysql_server.do(
        "set time_zone = '+02:00'",
        f"create table types.one (n int, {columns}) character set utf8mb4",
        f"insert into types.one values (1, {', '.join(text for _, text, *_ in TYPES.values())})",
        "insert into types.one (n) values (2)",
    )
    table = read(url, "select * from one order by n")
    for name, (_, _, value, kind) in TYPES.items():
        assert table[name].to_pylist() == [value, None], name
        assert kind is None or table.schema.field(name).type == kind, name
    assert table.schema.field("moment").type == pa.timestamp("us", "UTC")
    assert table.schema.field("at").type == pa.timestamp("us")
    assert read(url, "select n from one where n > 7").num_rows == 0
    made = read(url, "select sum(n) as total, avg(n) as mean, count(*) as rows_, null as nothing, '%s' as s from one")
    assert made.to_pylist() == [
        {"total": 3, "mean": Decimal("1.5000"), "rows_": 2, "nothing": None, "s": "%s"},
    ]  # fmt: skip


def test_many_batches_are_all_the_rows(mysql_server: servers.Server) -> None:
    url = mysql_server.create_database("many")
    table = read(url, "select seq as n, concat('u', seq) as u from seq_1_to_50000 order by seq")
    assert table["n"].to_pylist() == list(range(1, 50_001))
    assert table["u"].chunk(table["u"].num_chunks - 1)[-1].as_py() == "u50000"


def test_a_snapshot_is_of_one_moment(mysql_server: servers.Server) -> None:
    url = mysql_server.create_database("moment")
    mysql_server.do("use moment", "create table t engine = innodb as select seq as n from seq_1_to_100000")
    connection = connections.from_environment("x", {"NIGHTJAR_CONNECTION_X": url})
    with connections.reading(connection, "select n from t") as (_, batches):
        first = next(batches)
        mysql_server.do("delete from moment.t")
        assert first.num_rows + sum(batch.num_rows for batch in batches) == 100_000


def test_a_day_that_is_there_is_not_asked_for_again(tiny: str, mysql_server: servers.Server, tmp_path: Path) -> None:
    config = of_database(tmp_path, TINY, since=MONDAY)
    load_history.load_history(config, MONDAY)
    assert len(rows_of(ingest(config, TUESDAY))) == 2
    mysql_server.do(f"drop table {tiny}.log")
    assert len(rows_of(ingest(config, TUESDAY))) == 2
    with extraction.night(config, TUESDAY):
        assert pq.read_metadata(config.asked / "logs" / f"{TUESDAY}.parquet").num_rows == 2


def test_a_connection_that_is_lost_leaves_nothing(tiny: str, mysql_server: servers.Server, tmp_path: Path) -> None:
    slow = "select concat('u', seq) as user, 'a' as item, timestamp($night) as ts, 'purchase' as type, "
    slow += "if(seq % 20000 = 0, sleep(.05), 0) as waits from seq_1_to_4000000"
    config = of_database(tmp_path, slow)

    def cut() -> None:
        """End the other session once some of its rows have been written."""
        for _ in range(2000):
            if any(part.stat().st_size for part in (config.asked / "logs").glob(".*.part")):
                break
            time.sleep(0.01)
        with mysql_server.root() as session, session.cursor() as cursor:
            cursor.execute(f"select id from information_schema.processlist where user = '{servers.USER}'")
            for (number,) in cursor.fetchall():
                cursor.execute(f"kill {number}")

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
    "query",
    [
        "select * from nowhere where ts >= $night",
        "select from where $night",
        "insert into log select * from log where ts > $night",
        "delete from log where ts > $night",
        "drop table log -- $night",
        "create table other as select * from log where ts > $night",
        "truncate table log /* $night */",
        "do $night",
        "select * from log where ts > $night; drop table log",
    ],
)
def test_what_is_no_query_is_said_with_its_file_and_changes_nothing(
    tiny: str, mysql_server: servers.Server, tmp_path: Path, query: str
) -> None:
    with pytest.raises(InputError, match="refuses it") as caught:
        ingest(of_database(tmp_path, query), TUESDAY)
    assert "query.sql" in str(caught.value)
    with mysql_server.root() as session, session.cursor() as cursor:
        cursor.execute(
            f"select (select count(*) from {tiny}.log), count(*) from information_schema.tables "
            f"where table_schema = '{tiny}'"
        )
        assert cursor.fetchone() == (3, 1)


def test_a_server_that_is_not_there_may_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_CONNECTION_SHOP", "mysql://reader:not-to-be-seen@127.0.0.1:1/shop")
    with pytest.raises(ResourceError, match="does not answer") as caught:
        ingest(of_database(tmp_path, TINY), TUESDAY)
    assert "not-to-be-seen" not in str(caught.value)


def test_a_wrong_password_is_not_repeated(
    mysql_server: servers.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTJAR_CONNECTION_SHOP", mysql_server.url(password="not-to-be-seen"))
    with pytest.raises((InputError, ResourceError)) as caught:
        ingest(of_database(tmp_path, TINY), TUESDAY)
    assert "not-to-be-seen" not in str(caught.value)


@pytest.mark.parametrize(
    "rest",
    [
        "reader:s3c/ret@db/shop",
        "reader:s3c#ret@db/shop",
        "reader:s3c?ret@db/shop",
        "reader:s3cret@db:port/shop",
        "reader:s3cret@[db/shop",
        "reader:s3cret@db/shop?sslmode=require",
        "reader:s3cret@db/shop?ssl=perhaps",
        "reader:s3cret@db/shop?ssl_ca=/no/such/file",
    ],
)
def test_a_url_that_cannot_be_read_is_not_shown(rest: str) -> None:
    with pytest.raises(InputError) as caught:
        read(f"mysql://{rest}", "select 1")
    assert "s3c" not in str(caught.value)


def test_a_server_without_a_certificate_is_not_trusted_where_one_is_wanted(mysql_server: servers.Server) -> None:
    assert read(mysql_server.url(), "select 1 as one").to_pylist() == [{"one": 1}]
    with pytest.raises(connections.DriverError):
        read(f"{mysql_server.url()}?ssl=verify", "select 1 as one")
