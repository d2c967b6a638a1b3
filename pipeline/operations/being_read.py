"""The run that applications read, and the night in the lake that it was made from."""

from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.ground import artifacts, keeping
from pipeline.ground.errors import InputError
from pipeline.operations import bringing
from pipeline.publication import publish
from pipeline.published.contract import ActiveRun
from pipeline.published.run_ids import is_of_day_so_far
from pipeline.settings.config import SO_FAR, Config


def run(config: Config) -> ActiveRun:
    """The active run.

    Raises:
        InputError: nothing is published.
    """
    bringing.tables(config)
    found = publish.active_run(config)
    if found is None:
        raise InputError(
            f"nothing is published in {config.tables}: run a night first (python -m pipeline run --run-date NIGHT), or "
            "publish a finished one again (add --stages publish --force)"
        )
    return found


def described(active: ActiveRun) -> str:
    """A run as people are told of it."""
    if is_of_day_so_far(active.run_id):
        return f"run {active.run_id}, valid from {active.run_date}, {active.run_id[11:13]}:{active.run_id[13:15]}"
    return f"run {active.run_id}, valid from {active.run_date + timedelta(days=1)}"


def lake(config: Config, active: ActiveRun) -> Path:
    """Where the artifacts of a run's night are, or were."""
    return config.home / SO_FAR if is_of_day_so_far(active.run_id) else config.lake


def titles(config: Config, active: ActiveRun, item_ids: pa.ChunkedArray) -> dict[str, str]:
    """Titles of the items as the run's night knew them; none once that night has left the lake."""
    path = artifacts.stage_dir(lake(config, active), "features", active.run_date) / "items.parquet"
    keeping.fetch(path.parent, [path.name])
    if not path.is_file():
        return {}
    wanted = pc.field("item_id").isin(pc.unique(item_ids))
    found = pq.read_table(path, columns=["item_id", "title"], filters=wanted)
    return dict(zip(found.column("item_id").to_pylist(), found.column("title").to_pylist(), strict=True))
