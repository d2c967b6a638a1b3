"""Who did what on which day before a cut-off: what a model of the days to come is taught with."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.features.events import Events
from pipeline.features.read import Cutoff, read_table
from pipeline.ground import schemas
from pipeline.settings.config import Config

DAYS = "days.parquet"
ALL = "g"
"""What every hexadecimal number is below."""


def write(events: Events, folder: Path, users: int, config: Config, params: dict[str, Any]) -> None:
    """Write schemas.DAYS of a cut-off, of all its users or of some `features.label_users`, chosen by a hash.

    Args:
        events: what had arrived.
        folder: the cut-off's.
        users: how many were known.
        config: label_users, seed.
        params: of the cut-off's statements.
    """
    share = config.features.label_users / max(users, 1)
    below = ALL if share >= 1 else f"{int(share * 2**128):032x}"
    events.write(folder / DAYS, "days", schemas.DAYS, salt=str(config.seed), below=below, **params)


def read(cutoff: Cutoff) -> pa.Table:
    """One row per (user, item, day) with a positive action or one of the goal, sorted by user: schemas.DAYS."""
    return read_table(cutoff.folder / DAYS, schemas.DAYS)
