"""A row of the log that becomes several events: each is taken, refused or a duplicate by itself."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipeline.ground import artifacts
from pipeline.intake import refusals
from pipeline.operations import load_history
from pipeline.settings.config import Config
from tests.tiny_log import digests, ingest, rows_of, shop

MONDAY, TUESDAY = date(2024, 1, 1), date(2024, 1, 2)
ORDERS = """
with lines as (select *, unnest(from_json(lines, '["VARCHAR"]')) as line from raw)
select
    "user" as user_id,
    split_part(line, '@', 1) as item_id,
    try_cast(coalesce(nullif(split_part(line, '@', 2), ''), ts) as timestamp) as event_time,
    'purchase' as event_type,
    _file,
    _row
from lines
"""


def order(*lines: str, user: str = "u", ts: str = "2024-01-01 10:00:00") -> str:
    return json.dumps({"user": user, "ts": ts, "lines": lines})


def orders(folder: Path, *log: str, **over: Any) -> Config:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "log.jsonl").write_text("\n".join(log) + "\n")
    return shop(folder, mapping=ORDERS, ingest={"max_reject_share": 1}, **over)


def taken(folder: Path) -> list[str]:
    return sorted(e["item_id"] for e in rows_of(folder))


def refused(folder: Path) -> list[tuple[int, str]]:
    return sorted((r["row"], r["reason"]) for r in rows_of(folder, "rejects"))


@pytest.mark.parametrize(
    ("log", "items", "rejects"),
    [
        ([order("a", "b", "a")], ["a", "b"], [(1, refusals.DUPLICATE)]),
        ([order("a", "a", "a")], ["a"], [(1, refusals.DUPLICATE)] * 2),
        ([order("a"), order("b", "a", "c")], ["a", "b", "c"], [(2, refusals.DUPLICATE)]),
        ([order("a", "b"), order("b", "a")], ["a", "b"], [(2, refusals.DUPLICATE)] * 2),
        ([order("a", "", "b", "a")], ["a", "b"], [(1, refusals.DUPLICATE), (1, "item_id is missing")]),
    ],
)
def test_a_repeated_line_is_dropped_and_its_order_is_not(
    tmp_path: Path, log: list[str], items: list[str], rejects: list[tuple[int, str]]
) -> None:
    folder = ingest(orders(tmp_path, *log), MONDAY)
    assert (taken(folder), refused(folder)) == (items, rejects)
    report = artifacts.read_manifest(folder)["report"]
    lines = sum(len(json.loads(text)["lines"]) for text in log)
    assert report["events"] + report["rejects"] == report["quality"]["rows"] == lines


def test_lines_of_an_order_that_an_earlier_night_has_are_dropped_alone(tmp_path: Path) -> None:
    log = [order("a", "b"), order("b@2024-01-01 10:00:00", "c", ts="2024-01-02 10:00:00"), order("c", "d", "c")]
    one, many = (orders(tmp_path, *log, home=tmp_path / home) for home in ("one", "many"))
    load_history.load_history(one, TUESDAY)
    assert taken(ingest(many, MONDAY)) == ["a", "b", "c", "d"]
    assert taken(ingest(many, TUESDAY)) == ["c"]
    for night in (MONDAY, TUESDAY):
        ours, theirs = (artifacts.stage_dir(config.lake, "ingest", night) for config in (one, many))
        assert digests(ours) == digests(theirs)


def test_a_line_without_a_time_moves_no_other(tmp_path: Path) -> None:
    log = [order("x"), order("a@2024-01-02 10:00:00", "b@never", "c@2024-01-02 11:00:00"), order("d@never")]
    folder = ingest(orders(tmp_path, *log), TUESDAY)
    assert taken(folder) == ["a", "c"]
    assert refused(folder) == [(2, "event_time is missing or not a time"), (3, "event_time is missing or not a time")]


def test_a_long_line_beside_an_order_is_counted_once(tmp_path: Path) -> None:
    """It is filed with its neighbour, which has three events."""
    config = orders(tmp_path, order("a", "b", "c"), order("x" * 40_000_000), order("d"))
    folder = ingest(config, MONDAY)
    assert taken(folder) == ["a", "b", "c", "d"]
    assert refused(folder) == [(2, "unreadable: longer than ingest.max_row_bytes")]
