"""Events planted into a lake after the fact: what a night's answer must, or must not, depend on."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.ground import artifacts
from pipeline.intake.inputs import EVENTS


def plant(lake: Path, arrival: date, happened: Sequence[date], users: Sequence[str], item: str) -> int:
    """Add purchases of one item to a night's partition, as if they had arrived with that night's log.

    Args:
        lake: its `ingest` partition of `arrival` is finished.
        arrival: the night they arrive on.
        happened: the days they are said to have happened on; each of the users buys on each.
        users: who buys.
        item: what.
    Returns:
        How many events were added.
    """
    folder = artifacts.stage_dir(lake, "ingest", arrival)
    noon = time(12, tzinfo=UTC)
    rows = [
        {
            "event_id": f"planted-{arrival}-{day}-{user}",
            "user_id": user,
            "item_id": item,
            "event_time": datetime.combine(day, noon),
            "event_type": "purchase",
            "quantity": 1.0,
            "price": 9.99,
        }
        for day in happened
        for user in users
    ]
    path = folder / "events.parquet"
    events = pa.concat_tables([pq.read_table(path), pa.Table.from_pylist(rows, schema=EVENTS.schema)])
    path.unlink()  # another lake may hold the same file by a hard link
    pq.write_table(events, path, compression="zstd")
    manifest = artifacts.read_manifest(folder)
    artifacts.write_manifest(folder, manifest | {"files": artifacts.describe(folder)})
    return len(rows)


def days(first: date, count: int) -> list[date]:
    """Consecutive days."""
    return [first + timedelta(days=n) for n in range(count)]
