"""What a target is told of the runs before: it has it beside a run's tables, and keeps it of runs that are gone."""

import logging
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.ground import artifacts
from pipeline.ground.errors import InputError, PublishError
from pipeline.published.archive import Archive
from pipeline.published.contract import RUNS, Target
from pipeline.published.histories import STAGE_RUNS
from pipeline.published.run_ids import known_until, run_date_of

log = logging.getLogger(__name__)

LAST = "evaluate"
"""The stage that reads all others that a run is made from."""
TOLD = {"stage", "seconds", "peak_memory_mb", "files", "report", "config"}
Manifest = dict[str, Any]


def runs(target: Target, archive: Archive) -> pa.Table:
    """RUNS: every run that is kept, and those the active run's own list remembers; newest first."""
    found = []
    if (active := target.active()) is not None:
        try:
            found.append(target.read(active, "runs", RUNS.schema))
        except PublishError as error:  # a damaged active run must not keep the next one from replacing it
            log.warning("what run %s remembers of earlier runs is lost: %s", active, error)
    # what a kept run's own file says is newer where the same run was published again
    everything = pa.concat_tables([RUNS.schema.empty_table(), *found, *archive.runs()])
    unique = {row["run_id"]: row for row in everything.to_pylist()}
    rows = sorted(unique.values(), key=lambda row: (known_until(row["run_id"]), row["run_id"]), reverse=True)
    return pa.Table.from_pylist(rows, schema=RUNS.schema)


def stages(run_id: str, lake: Path, archive: Archive) -> pa.Table:
    """STAGE_RUNS: what the stages took that a run was made from, and what the publications of kept runs took.

    Its own publication is not over when this is asked: its row comes with the next one.

    Args:
        run_id: the run that is being published.
        lake: where its stages' folders are.
        archive: the runs that are kept.
    """
    rows = [_row(run_id, manifest) for manifest in _made_from(lake, run_date_of(run_id))]
    for kept in archive.run_ids():
        manifest = _manifest(lake, "publish", run_date_of(kept))
        if _tells(manifest) and manifest["report"].get("run_id") == kept:
            rows.append(_row(kept, manifest))
    return pa.Table.from_pylist(rows, schema=STAGE_RUNS.schema)


def _made_from(lake: Path, run_date: date) -> Iterator[Manifest]:
    """Those of a night's evaluation and of all that it goes back to; not of stages that had nothing to do."""
    wanted, known = [LAST], set[str]()
    while wanted:
        stage = wanted.pop()
        manifest = {} if stage in known else _manifest(lake, stage, run_date)
        known.add(stage)
        wanted += manifest.get("inputs", {})
        if _tells(manifest) and manifest["report"].get("enabled", True):
            yield manifest


def _manifest(lake: Path, stage: str, run_date: date) -> Manifest:
    """The manifest of a stage's folder; nothing where there is none: a night that cannot be told of is published."""
    try:
        return artifacts.read_manifest(artifacts.stage_dir(lake, stage, run_date))
    except InputError:
        return {}


def _tells(manifest: Manifest) -> bool:
    """Whether a manifest says what a row needs, which one of an older version may not."""
    return manifest.keys() >= TOLD and "threads" in manifest["config"]


def _row(run_id: str, manifest: Manifest) -> dict[str, Any]:
    files, linked = manifest["files"].values(), manifest.get("linked")
    return {
        "run_id": run_id,
        "run_date": run_date_of(run_id),
        "stage": manifest["stage"],
        "seconds": manifest["seconds"],
        "peak_memory_mb": manifest["peak_memory_mb"],
        "written_mb": sum(file["bytes"] for file in files) / 2**20,
        "rows": float(sum(file.get("rows", 0) for file in files)),  # a whole number must not need more digits
        "parts": len(manifest.get("parts", {})),
        "linked_parts": None if linked is None else len(linked),
        "engine": manifest["config"].get("engine", "local"),
        "threads": manifest["config"]["threads"],
    }
