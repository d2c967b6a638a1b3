"""An error's place is found in a file, and nothing of the file is told."""

import tomllib

import duckdb
import pytest

from pipeline.ground import places

SECRET = "hunter2_and_more"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (f"{SECRET}=abc\nfoo", "Parser Error at line 1, column 1"),
        (f"select a,\n  b {SECRET} c\nfrom raw", "Parser Error at line 2, column 22"),
        (f"-- x\nselect {'a, ' * 200}{SECRET} as from raw", "Parser Error at line 2"),
        (f"select a,\n  {SECRET}\nfrom raw", "Binder Error at line 2, column 3"),
        (f"select a\nfrom {SECRET}", "Catalog Error"),
        (f"select date '{SECRET}' from raw", "Conversion Error"),
    ],
)
def test_a_statement_s_error_has_a_kind_and_a_place(text: str, place: str) -> None:
    with duckdb.connect() as connection:
        connection.execute("create table raw as select 1 as a, 2 as b")
        with pytest.raises(duckdb.Error) as caught:
            connection.sql(text).fetchall()
    said = places.of_sql(caught.value, text)
    assert said.startswith(place)
    assert SECRET not in said


def test_a_part_of_a_long_line_is_found_in_it() -> None:
    line = f"select {'a, ' * 200}a {SECRET} c from raw"
    text = f"-- x\n{line}"
    with duckdb.connect() as connection, pytest.raises(duckdb.Error) as caught:
        connection.sql(text)
    assert "LINE 2: ..." in str(caught.value)
    assert places.of_sql(caught.value, text) == f"Parser Error at line 2, column {line.index(' c from') + 2}"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (f"a = 1\n{SECRET}\n", "line 2, column"),
        (f"a = 1\na.{SECRET} = 2\n", "line 2, column"),
        (f"[{SECRET}]\n[{SECRET}]\n", "line 2, column"),
        ("a = '", "end of document"),
    ],
)
def test_where_a_file_stops_being_toml(text: str, place: str) -> None:
    with pytest.raises(tomllib.TOMLDecodeError) as caught:
        tomllib.loads(text)
    said = places.of_toml(caught.value)
    assert place in said
    assert SECRET not in said


def test_a_byte_that_is_no_text_is_counted() -> None:
    with pytest.raises(UnicodeDecodeError) as caught:
        b"ab\xff".decode()
    assert places.of_toml(caught.value) == "byte 3 is not UTF-8"


def test_what_is_wrong_is_told_without_what_nobody_can_do() -> None:
    with duckdb.connect() as connection:
        connection.execute("create table raw as select 'x' as a")
        with pytest.raises(duckdb.Error) as caught:
            connection.sql("select sum(a) from raw")
        assert places.words(caught.value).endswith("You might need to add explicit type casts.")
        with pytest.raises(duckdb.Error) as caught:
            connection.execute("select a::int\nfrom raw").fetchall()
        assert places.of_sql(caught.value) == "Conversion Error"
        assert places.words(caught.value).startswith("Could not convert string 'x' to INT32")
        assert "LINE" not in places.words(caught.value)
        with pytest.raises(duckdb.Error) as caught:
            connection.execute("select 9223372036854775807 + 1::bigint")
        assert places.of_sql(caught.value) == "Out of Range Error"
