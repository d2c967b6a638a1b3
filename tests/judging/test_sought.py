"""What people did not find, in the report of a night."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.ground import schemas
from pipeline.judging import sought

ROWS = [
    {"query": "sofer", "users": 9, "searches": 1200, "in_vain": 1100, "asked_again": 40, "asked_instead": "sofa"},
    {"query": "<b>\x1b[2J", "users": 5, "searches": 6, "in_vain": 6, "asked_again": 0, "asked_instead": None},
    {"query": "sofa", "users": 50, "searches": 194, "in_vain": 0, "asked_again": 0, "asked_instead": None},
]


def test_the_report_and_the_manifest_say_what_was_sought_in_vain(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS, schemas.SEARCHES), tmp_path / sought.FILE)
    found = sought.read(tmp_path)
    ((title, html),) = sought.section(found)
    assert title == "What people searched for and did not find"
    assert "After 79.0% of 1,400 searches for 3 queries nothing was chosen." in html
    assert "<tr><td>sofer</td><td>9</td><td>1,200</td><td>1,100</td><td>40</td><td>sofa</td></tr>" in html
    assert "<td>sofa</td><td>50</td>" not in html  # nothing is missing there
    assert "<b>" not in html
    assert "\x1b" not in html
    assert sought.scalars(found) == {"search.in_vain": 0.79}


def test_a_shop_that_does_not_say_what_is_searched_for_has_no_such_part(tmp_path: Path) -> None:
    assert sought.section(sought.read(tmp_path)) == []
    assert sought.scalars(sought.read(tmp_path)) == {}
