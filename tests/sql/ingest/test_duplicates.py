"""sql/ingest/duplicates.sql: given staged rows and earlier nights' events, expect the rows that repeat one."""

from datetime import date

import pytest

from pipeline.ground import sql

BEFORE, FIRST, SECOND, THIRD = (date(2024, 1, day) for day in (1, 2, 3, 4))


@pytest.mark.parametrize(
    ("staged", "earlier", "expected"),
    [
        ([("a", FIRST), ("b", FIRST)], [], []),
        ([("a", FIRST), ("a", FIRST), ("a", SECOND)], [], [2, 3]),
        ([("a", SECOND), ("a", FIRST)], [], [1]),  # the earlier arrival is the event, wherever it is in the file
        ([("a", SECOND), ("b", SECOND)], ["a"], [1]),
        ([("a", FIRST), ("a", THIRD)], [], []),  # the third has not arrived by the second
    ],
)
def test_an_event_is_taken_when_it_first_arrives(
    staged: list[tuple[str, date]], earlier: list[str], expected: list[int]
) -> None:
    connection = sql.connect(1, 256)
    connection.execute("create table staged_events (event_id text, arrival date, reason text, _row bigint)")
    for number, (event_id, arrival) in enumerate(staged, start=1):
        connection.execute("insert into staged_events values (?, ?, null, ?)", [event_id, arrival, number])
    connection.execute("insert into staged_events values ('a', ?, 'refused', 99)", [FIRST])
    sql.execute(connection, "ingest/other_nights_none")
    for event_id in earlier:
        connection.execute("insert into other_nights values (?, ?)", [event_id, BEFORE])
    sql.execute(connection, "ingest/duplicates", last=SECOND)
    found = connection.execute(
        "select _row from staged_events join duplicates on event = staged_events.rowid"
    ).fetchall()
    assert sorted(row for (row,) in found) == expected
