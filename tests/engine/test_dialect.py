"""The files of sql/features in Spark's SQL: what is put in place of what; no JVM."""

import re
from pathlib import Path

import duckdb
import pytest

from pipeline.ground import sql
from pipeline.ground.errors import InputError
from tests.engine import sparked

sparked.require("sqlglot")
import sqlglot  # noqa: E402

from pipeline.engine import dialect  # noqa: E402

FILES = sorted(f"features/{path.stem}" for path in (sql.FOLDER / "features").glob("*.sql"))
DUCKDBS = (
    "read_parquet",
    "hugeint",
    "int128",
    "round_even",
    "qualify ",
    "arg_max",
    "by name",
    "percentile_approx",
    "$",
)


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """sql/ with one file of the test's own."""
    monkeypatch.setattr(sql, "FOLDER", tmp_path)
    for cached in (sql.statement, dialect._parsed):
        cached.cache_clear()
    return tmp_path / "own.sql"


def said(written: Path, text: str, known: dialect.Macros | None = None) -> list[dialect.Statement]:
    written.write_text(text, encoding="utf-8")
    return dialect.statements("own", known or dialect.macros("own"))


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_said_and_read_again(name: str) -> None:
    """As SELECTs without a word of DuckDB's, and with all parameters of the file."""
    macros, bound = dialect.macros("features/macros"), set()
    for statement in dialect.statements(name, macros):
        (tree,) = sqlglot.parse(statement.text, read="spark")
        assert isinstance(tree, sqlglot.exp.Query)
        found = statement.text.lower()
        assert not [word for word in DUCKDBS if word in found]
        assert not [macro for macro in macros if f"{macro}(" in found]
        bound |= statement.parameters | {read.parameter for read in statement.reads}
    uncommented = re.sub(r"--.*", "", sql.statement(name))
    assert bound == set(re.findall(r"\$(\w+)", uncommented))


def test_a_macro_stands_where_it_is_called_and_in_other_macros(written: Path) -> None:
    text = "create macro twice(x) as x * 2; create macro more(a, b) as twice(a) + b; select more(n + 1, t.n) from t"
    (statement,) = said(written, text)
    (row,) = duckdb.sql(f"{statement.text.replace('FROM t', 'from (select 5 as n) as t')}").fetchall()
    assert row == (17,)
    assert dialect.macros("own").keys() == {"twice", "more"}


def test_a_table_is_made_of_its_select(written: Path) -> None:
    first, second = said(written, "create or replace table a as select $x::hugeint as n; select n // 2 as half from a")
    assert (first.makes, first.text) == ("a", "SELECT CAST(:x AS DECIMAL(38, 0)) AS n")
    assert (second.makes, second.text) == (None, "SELECT n DIV 2 AS half FROM a")
    assert first.parameters == {"x"}


def test_files_that_are_read_are_a_view(written: Path) -> None:
    """With the columns that older ones need not have."""
    text = (
        "with all_of_them as (from read_parquet($paths, file_row_number = true)"
        " union all by name select null::date as day where false) select day from all_of_them"
    )
    (statement,) = said(written, text)
    assert statement.reads == (dialect.Read("paths", "read_paths", True, {"day": "date"}),)
    assert statement.text == "WITH all_of_them AS (SELECT * FROM read_paths) SELECT day FROM all_of_them"
    assert not statement.parameters


def test_a_quantile_is_exact_and_rounding_is_half_to_even(written: Path) -> None:
    (statement,) = said(written, "select quantile_disc(x, 0.5) as middle, round_even(y, 0) as near from t")
    assert statement.text == (
        "SELECT PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY x NULLS LAST) AS middle, RINT(y) AS near FROM t"
    )


@pytest.mark.parametrize("text", ["create view v as select 1", "select * from read_parquet('there.parquet')"])
def test_what_is_not_said_is_refused(written: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"sql/own\.sql"):
        said(written, text)
