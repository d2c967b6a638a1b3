"""A shop's SQL may select from its log, and can do nothing else: write, read another file, look about, run for ever."""

from datetime import date
from pathlib import Path

import duckdb
import pytest

from pipeline.ground import confinement, sql
from pipeline.ground.errors import InputError, ResourceError
from pipeline.intake import selects
from tests.tiny_log import MAPPING, ingest, row, rows_of, shop, write

NIGHT, NEXT = date(2024, 1, 1), date(2024, 1, 2)
LOG = [row("u", f"i{n}", "2024-01-01 10:00:00") for n in range(5)]
# {there} is a file of somebody else's, {new} one that does not exist
STATEMENTS = [
    "copy (select 1) to '{new}'",
    "copy (select 1) to '{there}'",
    "copy raw to '{new}'; " + MAPPING,
    MAPPING + "; copy raw to '{new}'",
    MAPPING + "; " + MAPPING,
    "with x as (copy raw to '{new}') " + MAPPING,
    "with x as (insert into raw select * from raw) " + MAPPING,
    "with x as (delete from raw returning *) " + MAPPING,
    "attach '{new}' as other",
    "export database '{new}'",
    "install httpfs",
    "load httpfs",
    "pragma enable_profiling",
    "set memory_limit = '100GB'",
    "call force_checkpoint()",
    "create table other as from raw",
    "describe raw",
    "explain " + MAPPING,
    "pivot raw on type",
    "",
    "-- " + MAPPING.replace("\n", " "),
]
TABLES = [
    "'{there}'",
    '"{there}"',
    "read_text('{there}')",
    "read_csv('{there}')",
    "read_blob('{there}')",
    "read_csv(getvariable('x'))",
    "sniff_csv('{there}')",
    "glob('/*')",
    "parquet_metadata('{there}')",
    "query('select 1')",
    "query('from read_text(''{there}'')')",
    "query_table('log_files')",
    "json_execute_serialized_sql('x')",
    "duckdb_secrets()",
    "duckdb_settings()",
    "duckdb_variables()",
    "duckdb_tables",
    "information_schema.tables",
    "pg_class",
    "log_files",
    "raw_files",
    "main.unreadable",
    "(show tables)",
    "(describe raw)",
    "(summarize raw)",
    "(with unreadable as (select 1) from unreadable) as x, unreadable",
    "(with unreadable as (from unreadable) from unreadable)",
    "rows",  # a Python variable of whoever runs this
]
CALLS = [
    "getenv('HOME')",
    "getvariable('keys')",
    "current_setting('temp_directory')",
    "current_query()",
    "pseudonym('user', 'u')",
    "write_log('x')",
    "nextval('x')",
    "now()",
    "current_date",
    "random()",
    "pg_sleep(1)",
    "$1",
    "(select max(name) from log_files)",
]
MAPPINGS = [
    *STATEMENTS,
    *(MAPPING.replace("from raw", f"from raw, {table}") for table in TABLES),
    *(MAPPING.replace("select", f"select {call} as query,", 1) for call in CALLS),
]


def files_below(folder: Path) -> dict[str, bytes]:
    """What lies beside the home, by its name."""
    paths = [path for path in folder.rglob("*") if path.is_file() and folder / "home" not in path.parents]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_it_must_be_one_select_from_raw(tmp_path: Path, mapping: str) -> None:
    write(tmp_path / "log.csv", LOG)
    there, new = tmp_path / "there.csv", tmp_path / "new"
    there.write_text("secret\n1\n")
    config = shop(tmp_path, "log.csv", mapping=mapping.replace("{there}", str(there)).replace("{new}", str(new)))
    before = files_below(tmp_path)
    with pytest.raises(InputError, match=r"events\.sql must be one SELECT from raw") as caught:
        ingest(config, NIGHT)
    assert caught.value.said.endswith("must be one SELECT from raw that reads and calls nothing else"), "no content"
    assert files_below(tmp_path) == before


@pytest.mark.parametrize(
    "mapping",
    [
        MAPPING.strip() + " -- as it is",
        "/* first */ " + MAPPING + ";",
        MAPPING.replace("from raw", "from RAW"),
        MAPPING.replace("from raw", 'from main."raw" as r'),
        "with raw as (select * from raw) " + MAPPING,
        "with a as (from raw), b as (from a) " + MAPPING.replace("from raw", "from b"),
        "with recursive n as (select 1 as x union all select x + 1 from n where x < 3) "
        + MAPPING.replace("from raw", "from raw where (select max(x) from n) = 3"),
        MAPPING.replace("from raw", "from raw, unnest([1]) as one(x), range(1) as zero"),
        MAPPING.replace("from raw", "from raw, lateral (select item || '' as it) where exists (from raw)"),
        MAPPING.replace("item as item_id", "[x for x in [nullif(item, '')]][1] as item_id"),
        MAPPING.replace("item as item_id", "split_part(upper(item) || '|', '|', 1).lower() as item_id"),
        MAPPING.replace("from raw", "from raw qualify row_number() over (partition by item order by _row) = 1"),
        MAPPING.replace("from raw", "from raw where case when item = 'x' then error('an x') else true end"),
    ],
)
def test_whatever_one_select_can_do_with_the_log_it_may(tmp_path: Path, mapping: str) -> None:
    write(tmp_path / "log.csv", LOG)
    folder = ingest(shop(tmp_path, "log.csv", mapping=mapping), NIGHT)
    assert sorted(event["item_id"] for event in rows_of(folder)) == sorted(at["item"] for at in LOG)


def test_a_column_may_be_called_like_a_clock(tmp_path: Path) -> None:
    write(tmp_path / "log.csv", [at | {"current_date": "2024-01-01 11:00:00"} for at in LOG])
    folder = ingest(shop(tmp_path, "log.csv", mapping=MAPPING.replace("ts as", "current_date as")), NIGHT)
    assert {event["event_time"].hour for event in rows_of(folder)} == {11}


@pytest.mark.parametrize("name", ["log [1]*.csv", "log.jsonl.gz", "log.parquet"])
def test_its_own_files_and_earlier_nights_are_read(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, [*LOG, row("u", "later", "2024-01-02 10:00:00")])
    config = shop(tmp_path, name, items="select item as item_id, ts::timestamp as arrived_at, _file from raw")
    assert len(rows_of(ingest(config, NIGHT))) == 5
    assert [event["item_id"] for event in rows_of(ingest(config, NEXT))] == ["later"]


@pytest.mark.parametrize("where", ["where (select count(*) from range(1000000000000)) > 0", ", range(1000000000000)"])
def test_what_never_ends_is_stopped(tmp_path: Path, where: str) -> None:
    write(tmp_path / "log.csv", LOG)
    endless = MAPPING.replace("from raw", f"from raw {where}")
    config = shop(tmp_path, "log.csv", mapping=endless, ingest={"max_mapping_minutes": 0.005})
    with pytest.raises(InputError, match=r"events\.sql took longer than ingest\.max_mapping_minutes \(0\.005\)"):
        ingest(config, NIGHT)


def test_what_spills_too_much_is_stopped(tmp_path: Path) -> None:
    write(tmp_path / "log.csv", LOG)
    wide = MAPPING.replace("from raw", "from raw, range(10000000) as r(n) order by hash(n), md5(n::varchar)")
    config = shop(tmp_path, "log.csv", mapping=wide, ingest={"max_spill_mb": 20}, memory_limit_mb=64)
    with pytest.raises(ResourceError, match=r"raise ingest\.max_spill_mb"):
        ingest(config, NIGHT)


def test_the_database_itself_opens_nothing_else(tmp_path: Path) -> None:
    """Should a statement get through after all."""
    mine, theirs = tmp_path / "mine.csv", tmp_path / "theirs.csv"
    for path in (mine, theirs):
        path.write_text("a\n1\n")
    rows = theirs.read_text()
    with sql.connect(1, 100, tmp_path / "spill") as connection:
        confinement.confine(connection, [mine], [tmp_path / "spill"])
        assert connection.execute("from read_csv(?)", [str(mine)]).fetchall() == [(1,)]
        for statement in (
            f"from read_csv('{theirs}')",
            f"copy (select 1) to '{theirs}'",
            f"attach '{tmp_path / 'new.db'}'",
            f"from glob('{tmp_path}/*')",
            f"from '{theirs}'",
            "from rows",
            "set enable_external_access = true",
            "reset lock_configuration",
            "install httpfs",
        ):
            with pytest.raises(duckdb.Error):
                connection.execute(statement).fetchall()
    assert theirs.read_text() == rows


def test_a_limit_leaves_what_ends_in_time_alone() -> None:
    with sql.connect(1, 100) as connection:
        with confinement.limited(connection, 1, "never said"):
            assert connection.execute("select 1").fetchall() == [(1,)]
        with pytest.raises(duckdb.InterruptException), confinement.limited(connection, 1, "not its doing"):
            raise duckdb.InterruptException("somebody else's")
        assert connection.execute("select 1").fetchall() == [(1,)]


def test_what_is_no_sql_is_said_by_the_parser() -> None:
    with sql.connect(1, 100) as connection, pytest.raises(duckdb.ParserException):
        selects.faults(connection, "selekt")
