"""What a target is told of the runs before: it has it beside a run's tables, and keeps it of runs that are gone."""

import logging

import pyarrow as pa

from pipeline.ground.errors import PublishError
from pipeline.published.archive import Archive
from pipeline.published.contract import RUNS, Target
from pipeline.published.run_ids import known_until

log = logging.getLogger(__name__)


def runs(target: Target, archive: Archive) -> pa.Table:
    """RUNS: every run that is kept, and those the active run's own list remembers; newest first."""
    found = archive.runs()
    if (active := target.active()) is not None:
        try:
            found.append(target.read(active, "runs", RUNS.schema))
        except PublishError as error:  # a damaged active run must not keep the next one from replacing it
            log.warning("what run %s remembers of earlier runs is lost: %s", active, error)
    everything = pa.concat_tables([RUNS.schema.empty_table(), *found])
    unique = {row["run_id"]: row for row in everything.to_pylist()}
    rows = sorted(unique.values(), key=lambda row: (known_until(row["run_id"]), row["run_id"]), reverse=True)
    return pa.Table.from_pylist(rows, schema=RUNS.schema)
