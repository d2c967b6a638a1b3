from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.ground import sql
from pipeline.ground.errors import InputError


@pytest.fixture
def statements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sql, "FOLDER", tmp_path)
    sql.statement.cache_clear()
    yield tmp_path
    sql.statement.cache_clear()


def test_values_are_bound_and_rows_cast_to_the_contract(statements: Path) -> None:
    (statements / "wanted.sql").write_text("select title, 1 as n from given where title = $title")
    hostile = "'; drop table given; --"
    given = pa.table({"title": [hostile, "plain"]})
    schema = pa.schema([("title", pa.string()), ("n", pa.int8())])
    found = sql.query(sql.connect(1, 256), "wanted", schema, {"given": given}, title=hostile, unused=3)
    assert found.schema == schema
    assert found.to_pylist() == [{"title": hostile, "n": 1}]


def test_columns_that_are_not_the_contract_are_refused(statements: Path) -> None:
    (statements / "wrong.sql").write_text("select 1 as b")
    with pytest.raises(InputError, match=r"wrong\.sql gives columns \['b'\]"):
        sql.query(sql.connect(1, 256), "wrong", pa.schema([("a", pa.int32())]))


def test_a_missing_statement_is_refused() -> None:
    with pytest.raises(InputError, match="does not exist"):
        sql.statement("features/nowhere")


def test_a_statement_that_was_run_is_of_no_connection_and_no_value(statements: Path) -> None:
    (statements / "kept.sql").write_text("create or replace table kept as select n + $more as n from given")
    (statements / "both.sql").write_text("create or replace temp table one as select 1 as n; select n + $n from one")
    for number in (1, 2.5):
        connection = sql.connect(1, 256)
        connection.execute("create table given as select $n as n", {"n": number})
        sql.execute(connection, "kept", more=10)
        sql.execute(connection, "kept", more=20, unused=3)
        assert connection.execute("select n from kept").fetchall() == [(20 + number,)]
        assert sql.execute(connection, "both", n=number).fetchall() == [(1 + number,)]
