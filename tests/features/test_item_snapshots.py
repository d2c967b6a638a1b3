"""A daily snapshot of all items: what it no longer names is not available."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.features.made_up import START, config_at, event, said, texts, write_lake

ALL = {"stays", "gone"}


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        ("changes", {day: ALL | {"unlisted"} for day in (1, 3)}),
        ("full", {0: ALL, 1: {"stays"}, 2: {"stays"}, 3: {"stays"}, 4: ALL}),
    ],
)
def test_what_a_full_snapshot_does_not_name_is_gone(
    tmp_path: Path, snapshot: str, expected: dict[int, set[str]]
) -> None:
    """`gone` is missing from day 1 on and back on day 4; day 2 has no snapshot, which says nothing of anybody."""
    items = [
        said(name, name.upper(), day)
        for day in (0, 1, 3, 4)
        for name in ("stays", "gone")
        if not (name == "gone" and day in (1, 3))
    ]
    items += [said("sold_out", None, day, available=False) for day in (0, 1, 3, 4)]
    config = config_at(tmp_path, features={"items_snapshot": snapshot})
    write_lake(config, [event(0, "u", "unlisted", 0)], items, until=START + timedelta(days=4))
    found = {}
    for day in expected:
        rows = texts(config, START + timedelta(days=day))
        found[day] = {name for name, row in rows.items() if row["available"]}
    assert found == expected


def test_without_any_snapshot_everything_is_available(tmp_path: Path) -> None:
    config = config_at(tmp_path, features={"items_snapshot": "full"})
    write_lake(config, [event(0, "u", "known", 0)], until=START)
    assert texts(config, START)["known"]["available"]
