"""What a published table says of itself, and what it may not say."""

from typing import Any

import pyarrow as pa
import pytest

from pipeline.published.contract import RUNS, Column, PublishedTable, per_run
from pipeline.published.targets import definitions, duckdb_statements

WHO = Column("user_id", pa.string(), "who")
RANK = Column("rank", pa.int32(), "the place")
LATER = Column("note", pa.string(), "what somebody noted", nullable=True, added_later=True)


def table(**changes: Any) -> PublishedTable:
    """A table of users and ranks."""
    given: dict[str, Any] = {"name": "notes", "grain": "one row per user", "columns": (WHO, RANK), "key": ("user_id",)}
    return PublishedTable(**(given | changes))


def test_the_schema_begins_with_the_run_and_has_no_words() -> None:
    made = table(columns=(WHO, Column("said", pa.string(), "what", nullable=True)))
    assert made.schema.names == ["run_id", "user_id", "said"]
    assert [field.nullable for field in made.schema] == [False, False, True]
    assert made.schema.metadata is None
    assert all(field.metadata is None for field in made.schema)  # it would be written into every file
    assert (made.file, made.view, made.about_users) == ("notes.parquet", "current_notes", True)
    assert not table(columns=(RANK,), key=("rank",)).about_users
    assert per_run([RUNS, made]) == [made]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": 'no"tes'}, "a table's name is of small letters"),
        ({"name": "notes_7"}, "a table's name is of small letters"),
        ({"columns": (WHO, Column("a b", pa.string(), ""))}, "notes: a b: a name is of small letters"),
        ({"columns": (WHO, WHO)}, "a column is there twice"),
        ({"columns": (WHO, Column("run_id", pa.string(), ""))}, "run_id and load come by themselves"),
        ({"columns": (WHO, Column("n", pa.int64(), ""))}, "n is int64, which not every target can hold"),
        (
            {"columns": (WHO, Column("n", pa.list_(pa.string()), "", nullable=True))},
            r"n is nullable list<.*>, which not every target can hold",
        ),
        (
            {"columns": (WHO, Column("n", pa.int32(), "", added_later=True))},
            "n: a column that is added later is nullable",
        ),
        ({"columns": (LATER, WHO)}, "columns that are added later stand behind the others"),
        ({"key": ("user_id", "when")}, "notes has no column when"),
        ({"index": "where"}, "notes has no column where"),
        ({"things": ("what", "things")}, "notes has no column what"),
    ],
)
def test_what_a_target_could_not_hold_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        table(**changes)


def test_columns_lie_by_width_and_else_in_their_order() -> None:
    kinds = [
        pa.string(),
        pa.bool_(),
        pa.timestamp("us", tz="UTC"),
        pa.int32(),
        pa.list_(pa.string()),
        pa.date32(),
        pa.float32(),
    ]
    made = table(columns=(WHO, *(Column(f"c{n}", kind, "") for n, kind in enumerate(kinds))))
    assert [field.name for field in definitions.stored(made)] == ["c3", "c5", "c6", "c2", "c1", "user_id", "c0", "c4"]


def test_a_part_of_a_duckdb_statement_is_quoted() -> None:
    assert duckdb_statements.name('a"; drop table b; --').text == '"a""; drop table b; --"'
    assert duckdb_statements.literal("it's").text == "'it''s'"
