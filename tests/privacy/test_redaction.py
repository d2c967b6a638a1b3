"""Whom a row of free text names: ids as logs, and lines that could not be read, have them."""

import json
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground import sql
from pipeline.privacy import redaction

IDS = ("Zoé 7", 'a"b', "c\\d", "e/f", "名前", "u7")
WRITERS = {
    "Python": json.dumps,
    "capitals": lambda one: json.dumps(one).replace("\\u00e9", "\\u00E9").replace("\\u540d\\u524d", "\\u540D\\u524D"),
    "UTF-8": lambda one: json.dumps(one, ensure_ascii=False),
    "PHP": lambda one: json.dumps(one).replace("/", "\\/"),
    "CSV": lambda one: '"' + one.replace('"', '""') + '"',
}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("one", IDS)
def test_an_id_is_found_in_a_line_that_could_not_be_read(tmp_path: Path, writer: str, one: str) -> None:
    """Such a line is kept as a text in JSON, so that what was written around in it is so twice."""
    line = f'{{"user_id": {WRITERS[writer](one)}, "ti'
    with duckdb.connect() as connection:
        kept = connection.execute("select to_json($1)::varchar", [line]).fetchall()[0][0]
    table = pa.table({"raw": pa.array([kept, line, '"somebody else"', None])})
    path = tmp_path / "rejects.parquet"
    pq.write_table(table, path)
    with sql.connect(1, 256) as connection:
        found = redaction.find(connection, [path], [one], person=(), free_text=["raw"])
    assert found[path][one] == 2
    left = redaction.without(table, [one], person=(), free_text=["raw"])
    assert left.column("raw").to_pylist() == ['"somebody else"', None]
