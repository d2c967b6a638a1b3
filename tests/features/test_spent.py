"""What a user spent on an item, against sums by hand."""

from pathlib import Path

import pytest

from tests.features.made_up import Event, build, config_at, event, write_lake
from tests.tiny_log import rows_of


def line(n: int, item: str, price: float | None, quantity: float | None, kind: str = "purchase") -> Event:
    return event(n, "u", item, 70, kind) | {"price": price, "quantity": quantity}


def test_spent_is_pieces_times_price_where_a_price_is_known(tmp_path: Path) -> None:
    lines = [
        line(0, "two lines", 2.5, 4),
        line(1, "two lines", 3.0, 1),
        line(2, "no pieces: one", 7.0, None),
        line(3, "no price", None, 5),
        line(4, "one without", None, 5),
        line(5, "one without", 2.0, 3),
        line(6, "taken back", 4.0, 2),
        line(7, "taken back", 4.0, 2, kind="return"),
        line(8, "below zero", -3.0, 2),
        line(9, "a slip of the pen", 1e9, 1e9),
    ]
    config = config_at(tmp_path)
    write_lake(config, lines)
    folder = build(config)
    ids = [row["item_id"] for row in rows_of(folder, "items")]
    found = {ids[row["item_index"]]: row["spent"] for row in rows_of(folder, "cutoff=2024-03-13/interactions")}
    assert found.pop("no price") is None
    assert found == pytest.approx(
        {"two lines": 13, "no pieces: one": 7, "one without": 6, "taken back": 8, "below zero": 0}
        | {"a slip of the pen": 1e9}
    )
