"""sql/ingest/duplicates.sql: given staged rows and other nights' events, expect the rows whose id is taken, and why."""

from collections.abc import Sequence
from datetime import date
from functools import cache
from itertools import permutations

import duckdb
import pytest

from pipeline.ground import sql
from pipeline.intake.refusals import CONFLICT, DUPLICATE

BEFORE, FIRST, SECOND, THIRD = (date(2024, 1, day) for day in (1, 2, 3, 4))
WHAT = ("u", "i", "2024-01-01 10:00:00+00", "view")
Row = tuple[str, date] | tuple[str, date, tuple[str | None, str, str, str]]


@cache
def database() -> duckdb.DuckDBPyConnection:
    """One for all tests, which make their tables anew."""
    return sql.connect(1, 256)


def staged(rows: Sequence[Row], elsewhere: Sequence[tuple[str, date]] = (), read: bool = True) -> dict[int, str]:
    """The reasons by row number; of other nights' events what they are is known, or was not read."""
    connection = database()
    connection.execute(
        "create or replace table staged_events (event_id text, arrival date, reason text, _row bigint, "
        "user_id text, item_id text, event_time timestamptz, event_type text)"
    )
    given = [
        [event_id, arrival, n, *(what[0] if what else WHAT)] for n, (event_id, arrival, *what) in enumerate(rows, 1)
    ]
    connection.executemany("insert into staged_events values (?, ?, null, ?, ?, ?, ?, ?)", given)
    connection.execute("insert into staged_events values ('a', ?, 'refused', 99, null, null, null, null)", [FIRST])
    sql.execute(connection, "ingest/other_nights_none")
    for event_id, night in elsewhere:
        what = f"row{WHAT}" if read else "null"
        connection.execute(f"insert into other_nights values (?, ?, {what})", [event_id, night])
    sql.execute(connection, "ingest/duplicates", last=SECOND)
    return found(connection)


def found(connection: duckdb.DuckDBPyConnection) -> dict[int, str]:
    joined = "select _row, duplicates.reason from staged_events join duplicates on event = staged_events.rowid"
    return dict(connection.execute(joined).fetchall())


@pytest.mark.parametrize(
    ("rows", "elsewhere", "expected"),
    [
        ([("a", FIRST), ("b", FIRST)], [], []),
        ([("a", FIRST), ("a", FIRST), ("a", SECOND)], [], [2, 3]),
        ([("a", SECOND), ("a", FIRST)], [], [1]),  # the earlier arrival is the event, wherever it is in the file
        ([("a", SECOND), ("b", SECOND)], [("a", BEFORE)], [1]),
        ([("a", FIRST), ("a", THIRD)], [], []),  # the third has not arrived by the second
        ([("a", SECOND)], [("a", THIRD)], []),  # it is the later night's that is the repetition
        ([("a", SECOND), ("a", SECOND)], [("a", FIRST), ("a", BEFORE), ("a", THIRD)], [1, 2]),
    ],
)
def test_an_event_is_taken_when_it_first_arrives(
    rows: list[Row], elsewhere: list[tuple[str, date]], expected: list[int]
) -> None:
    for read in (True, False):
        assert staged(rows, elsewhere, read) == dict.fromkeys(expected, DUPLICATE)


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        (WHAT, DUPLICATE),
        ((None, *WHAT[1:]), DUPLICATE),  # before the user had signed in
        (("v", *WHAT[1:]), CONFLICT),
        (("u", "j", *WHAT[2:]), CONFLICT),
        ((*WHAT[:2], "2024-01-01 10:00:00.001+00", "view"), CONFLICT),
        ((*WHAT[:2], "2024-01-01 11:00:00+01", "view"), DUPLICATE),
        ((*WHAT[:3], "purchase"), CONFLICT),
    ],
)
def test_another_event_under_the_same_id_is_no_repetition(what: tuple[str | None, str, str, str], reason: str) -> None:
    assert staged([("a", SECOND, what)], [("a", BEFORE)]) == {1: reason}
    assert staged([("a", FIRST), ("a", SECOND, what)]) == {2: reason}
    assert staged([("a", SECOND, what)], [("a", BEFORE)], read=False) == {1: DUPLICATE}, "a hash is compared with none"


def test_which_of_a_nights_events_has_the_id_does_not_depend_on_their_order() -> None:
    rows: list[Row] = [
        ("a", FIRST, ("u", "i", "2024-01-01 10:00:00+00", "view")),
        ("a", FIRST, ("u", "i", "2024-01-01 09:00:00+00", "view")),
        ("a", FIRST, (None, "i", "2024-01-01 09:00:00+00", "view")),
        ("a", FIRST, ("u", "h", "2024-01-01 09:00:00+00", "view")),
        ("a", FIRST, ("u", "h", "2024-01-01 09:00:00+00", "purchase")),
    ]
    for order in permutations(rows):
        reasons = staged(order)
        (event,) = (row for number, row in enumerate(order, start=1) if number not in reasons)
        assert event == rows[4]
        assert set(reasons.values()) == {CONFLICT}
