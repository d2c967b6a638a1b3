"""What was done lately, hour by hour: how long items live, how many turned to each, and where they live short, who."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.features import given
from pipeline.features.events import Events, day_number
from pipeline.features.read import Cutoff
from pipeline.ground import schemas
from pipeline.settings.config import Config

DAYS = 28
"""How far back actions count."""
SHORT_LIVED_HOURS = 168.0
"""Items that live longer by the log, half of whose actions are on older ones, are not told apart by the hour."""
LIVES = 6
"""Lifetimes after which what was done with an item tells nothing of it: a 64th of the actions is left to come."""


def write(events: Events, folder: Path, cutoff: date, config: Config, params: dict[str, Any]) -> None:
    """Write schemas.TRENDS of a cut-off and, where items live short, schemas.LATELY.

    Args:
        events: what had arrived.
        folder: the cut-off's.
        cutoff: the day.
        config: says whether that day is over.
        params: cutoff_day, users, items, horizon_days.
    """
    lately = {"end_hour": _end_hour(cutoff, config), "days": DAYS} | params
    ((lived,),) = events.execute("lifetime", **lately)
    lifetime = max(1, lived or 1)  # where nothing happened lately, an item lives for an hour
    fading = {"fading": given.fading(24 * DAYS, lifetime)}
    found = events.query("trends", schemas.TRENDS, fading, cutoff=cutoff, lifetime_hours=lifetime, **lately)
    pq.write_table(found, folder / "trends.parquet", compression="zstd")
    if lived is not None and lifetime <= SHORT_LIVED_HOURS:
        hours = min(LIVES * lifetime, 24 * DAYS)
        events.write(folder / "lately.parquet", "lately", schemas.LATELY, hours=hours, **lately)


def read_lately(cutoff: Cutoff) -> Iterator[pa.RecordBatch]:
    """Who did what in the last lifetimes, the newest first, a row group at a time: schemas.LATELY; of a log whose items
    live long nothing."""
    path = cutoff.folder / "lately.parquet"
    if path.is_file():
        with pq.ParquetFile(path, memory_map=True) as file:
            yield from (
                batch for number in range(file.num_row_groups) for batch in file.read_row_group(number).to_batches()
            )


def _end_hour(cutoff: date, config: Config) -> int:
    """The first hour that is not known at a cut-off, counted as the actions' hours are."""
    known = 24
    if config.until is not None and cutoff == config.until.date():
        known = -(-(60 * config.until.hour + config.until.minute) // 60)
    return 24 * day_number(cutoff) + known
