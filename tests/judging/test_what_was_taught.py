"""What drawn slots taught: the slots that count against a log worked by hand, and the sentence in the report."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.ground import artifacts, sql
from pipeline.judging import outcomes, what_was_taught
from pipeline.publication import taught
from pipeline.settings.config import Config
from pipeline.settings.sections.publication import Explore, Surface
from tests.tiny_log import ingest, shop, write

LAST = date(2024, 2, 10)
MAPPING = """
select "user" as user_id, item as item_id, try_cast(ts as timestamp) as event_time, type as event_type, surface,
    rank as rank_shown, run as run_id_shown, propensity, _file, _row
from raw
"""
TYPES = {"purchase": {"label": True}, "click": {"weight": 0}, "impression": {"weight": 0}}
HOME = Surface(name="home", k=4, explore=Explore(slots=(2,), policy="learned"))


def event(kind: str, item: str, days: int, rank: int | None = 2, **changes: Any) -> dict[str, Any]:
    """Something of user u1 so many days before the last night."""
    day = LAST - timedelta(days=days)
    row = {"user": "u1", "item": item, "ts": f"{day} 10:00:00", "type": kind, "surface": "home", "rank": rank}
    return row | {"run": f"{day}-run", "propensity": 0.2 if kind == "impression" else None} | changes


def logged(folder: Path, surface: Surface = HOME) -> Config:
    """Two nights of a log; what was shown and clicked lies up to 40 days back."""
    config = shop(folder, "log-{year}-{month}-{day}.csv", MAPPING, features={"event_types": TYPES})
    config = config.model_copy(update={"surfaces": (surface, Surface(name="other"))})
    early = [
        event("impression", "a", 3),
        event("click", "a", 3),
        event("impression", "old", 40),
        event("impression", "b", 2),
    ]
    late = [
        event("impression", "c", 0),
        event("click", "b", 0, run=f"{LAST - timedelta(days=2)}-run"),  # clicked two days after it was shown
        event("impression", "best", 0, propensity=1),
        event("impression", "elsewhere", 0, surface="other"),
        event("impression", "a", 2, run=f"{LAST - timedelta(days=3)}-run"),  # seen again: the same slot
    ]
    for night, rows in ((LAST - timedelta(days=1), early), (LAST, late)):
        write(folder / f"log-{night}.csv", rows)
        ingest(config, night)
    return config


def lately(config: Config, night: date = LAST) -> list[tuple[Any, ...]]:
    with sql.connect(1, 256, config.home / "spill", timezone="UTC") as connection:
        folder = artifacts.stage_dir(config.lake, "ingest", night)
        found = outcomes._lately(connection, folder, night, config)
    assert found.schema == taught.SLOTS
    return [tuple(row.values()) for row in found.to_pylist()]


def test_the_slots_of_four_weeks_count_once_with_what_came_of_them(tmp_path: Path) -> None:
    config = logged(tmp_path)
    wanted = [("home", "u1", "a", 2, 3, True), ("home", "u1", "b", 2, 2, True), ("home", "u1", "c", 2, 0, False)]
    assert lately(config) == wanted
    before = lately(config, LAST - timedelta(days=1))
    assert before == [("home", "u1", "a", 2, 2, True), ("home", "u1", "b", 2, 1, False)], "nothing later is known"


def test_the_report_says_it_in_one_sentence(tmp_path: Path) -> None:
    config = logged(tmp_path)
    rows = [dict(zip(taught.SLOTS.names, row, strict=True)) for row in lately(config)]
    pq.write_table(pa.Table.from_pylist(rows * 2_000, taught.SLOTS), tmp_path / taught.FILE)
    ((title, html),) = what_was_taught.section(what_was_taught.words(tmp_path, config))
    assert title == "What drawn slots taught"
    assert "home: of 6,000 slots that were drawn in the last 28 days 66.67% were clicked" in html
    assert "3 of the 3 that were drawn are known to half of that" in html
    pq.write_table(taught.SLOTS.empty_table(), tmp_path / taught.FILE)
    (said,) = what_was_taught.words(tmp_path, config)
    assert (
        said
        == "home: no slot that was drawn in the last 28 days is logged yet, so 10% of the share that is set is drawn."
    )


def test_a_surface_that_does_not_learn_says_nothing(tmp_path: Path) -> None:
    config = logged(tmp_path, Surface(name="home", k=4, explore=Explore(slots=(2,))))
    assert what_was_taught.section(what_was_taught.words(tmp_path, config)) == []
    assert outcomes._settings(config) != outcomes._settings(
        config.model_copy(update={"surfaces": (HOME, Surface(name="other"))})
    )
