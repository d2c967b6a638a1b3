"""What the pipeline takes of every shop's logs is what the benchmark reads of them, by another statement."""

from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from benchmarks.every_log.running import settings_of
from benchmarks.every_log.shop import EXAMPLES, Seen
from pipeline.operations import load_history


def taken(folder: Path, night: date, home: Path) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """Pairs of user and item that the pipeline has by a night, and those of them with an event of the goal."""
    settings = settings_of(folder, home, "fast")
    load_history.load_history(settings, until=night)
    goals = [name for name, kind in settings.features.event_types.items() if kind.label]
    statement = """
        select user_id, item_id, bool_or(list_contains($goals, event_type)) from read_parquet($files)
        where user_id is not null group by 1, 2
    """
    files = str(home / "lake" / "ingest" / "*" / "events.parquet")
    with duckdb.connect() as connection:
        rows = connection.execute(statement, {"goals": goals, "files": files}).fetchall()
    return {(user, item) for user, item, _ in rows}, {(user, item) for user, item, goal in rows if goal}


@pytest.mark.parametrize(
    ("name", "night"),
    [
        ("site", date(2024, 1, 11)),
        ("films", date(2023, 2, 20)),
        ("groceries", date(2017, 6, 9)),
        ("stack_exchange", date(2014, 2, 3)),
    ],
)
def test_both_read_the_same(name: str, night: date, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    folder = EXAMPLES / name if (EXAMPLES / name).exists() else request.getfixturevalue(name)
    known, goals = taken(folder, night, tmp_path)
    seen = Seen(folder, night, timedelta(days=1))
    assert known == {(user, item) for user, items in seen.history.items() for item in items}
    columns = (seen.goals[column].to_pylist() for column in ("user_id", "item_id"))
    assert goals == set(zip(*columns, strict=True))
