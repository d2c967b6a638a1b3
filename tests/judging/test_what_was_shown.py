"""The report's part on what was shown: counted by place, who and what was shown at all; nothing where nobody says."""

import re
from datetime import date
from html import unescape
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.features.given import PLACES
from pipeline.features.read import Cutoff
from pipeline.ground import schemas
from pipeline.judging import what_was_shown
from pipeline.settings.sections.data import EventType
from pipeline.sources.configuration import FullConfig

NIGHT = date(2024, 3, 1)


def made(folder: Path, times: dict[int, int], acted: dict[int, int], users: list[int]) -> Cutoff:
    """A cut-off that was shown so much at each place, and a third of it looked at."""
    at = [
        {"place": n, "times": times.get(n, 0), "acted": acted.get(n, 0), "examined": 1 / 3} for n in range(PLACES + 1)
    ]
    pq.write_table(pa.Table.from_pylist(at, schemas.PLACES), folder / "places.parquet")
    items = [{"item_index": n, "examined": 1.0, "acted": 0.0, "appeal": 0.1} for n in (1, 4)]
    pq.write_table(pa.Table.from_pylist(items, schemas.SHOWN_ITEMS), folder / "shown_items.parquet")
    rows = [
        {"user_index": u, "item_index": n, "last_age": 0, "examined": 1, "in_vain": 1} for u in users for n in (1, 4)
    ]
    pq.write_table(pa.Table.from_pylist(rows, schemas.SHOWN), folder / "shown.parquet", row_group_size=3)
    return Cutoff(NIGHT, "run", 9, 5, folder, repeats=True)


def config(home: Path, *, says: bool = True) -> FullConfig:
    plain = FullConfig(home=home)
    types = {"click": EventType(label=True), "shown": EventType(weight=0, shown=says)}
    return plain.model_copy(update={"features": plain.features.model_copy(update={"event_types": types})})


def test_a_row_for_each_place_that_was_shown(tmp_path: Path) -> None:
    times, acted = {0: 7, 1: 1200, 2: 40, 11: 10, 20: 30, 50: 9, 51: 8, PLACES: 3}, {1: 60, 20: 1}
    ((title, html),) = what_was_shown.section(made(tmp_path, times, acted, [0, 3, 8]), config(tmp_path))
    assert title == "What was shown"
    assert "3 people were shown 2 of 5 items" in unescape(html)
    rows = [re.findall(r"<td>(.*?)</td>", row) for row in html.split("<tr>")[2:]]
    assert rows == [
        ["1", "1,200", "60", "5.00%", "33%"],
        ["2", "40", "0", "0.00%", "33%"],
        ["11 to 20", "40", "1", "2.50%", "33%"],
        ["21 to 50", "9", "0", "0.00%", "33%"],
        ["51 to 99", "8", "0", "0.00%", "33%"],
        ["100 and on", "3", "0", "0.00%", "33%"],
        ["unknown", "7", "0", "0.00%", "33%"],
    ]
    assert sum(int(row[1].replace(",", "")) for row in rows) == np.sum(list(times.values()))


def test_nothing_is_said_where_no_event_says_it_or_nothing_was_shown(tmp_path: Path) -> None:
    cutoff = made(tmp_path, {}, {}, [])
    assert what_was_shown.section(cutoff, config(tmp_path)) == []
    assert what_was_shown.section(made(tmp_path, {1: 3}, {}, [1]), config(tmp_path, says=False)) == []
