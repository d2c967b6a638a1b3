"""What there is to say about the tables and the nights: from the target, the lake's manifests, how stages ended.

No clock is asked: what has an age is said as the moment when it began, and whoever reads it knows the time.
"""

import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline.ground import artifacts, time_limits
from pipeline.ground.errors import PublishError
from pipeline.intake import inputs, quality
from pipeline.operations.monitoring import outcomes, status
from pipeline.operations.monitoring.metrics import Sample, day_began, label
from pipeline.publication import publish, stores
from pipeline.publication.night import FALLBACK
from pipeline.published.contract import ActiveRun
from pipeline.settings.config import Config

log = logging.getLogger(__name__)

REASONS = 20
"""Reasons for which rows are refused that have a figure of their own: the shop's mapping may give any number."""
OTHER = "other"
GATE_ERROR = "GateError"
TARGET_SECONDS = 5.0
"""How long the target is waited for: a host that is gone would take twice as long to be noticed."""
AWAY = Sample("target_up", 0)
CLOSED = {"blocked", "overridden"}
"""What an evaluation's manifest says of a gate that was closed; of one that is not blocked, told to go on."""
Report = Mapping[str, Any]


def collect(config: Config, stages: Iterable[str], ask_target: bool = True) -> list[Sample]:
    """Every figure that there is something to say of.

    Args:
        config: the shop's; its home is on this machine, as far as the figures need it.
        stages: the stages' names, in the order of the flow.
        ask_target: False: the target was away a moment ago, and is not waited for again.
    """
    return [
        Sample("build_info", 1, {"version": artifacts.code_version()}),
        *(_of_tables(config) if ask_target else [AWAY]),
        *_of_last_publication(config),
        *_of_gate(config),
        *_of_newest_night(config),
        *_of_stages(config, stages),
        *outcomes.samples(config),
    ]


# --- the tables -------------------------------------------------------------------------------------------------------


def _of_tables(config: Config) -> list[Sample]:
    """The active run; only `target_up` where the target does not answer, or not soon."""
    found: list[Sample] = []

    def ask() -> None:
        try:
            active = publish.active_run(config)
            kept = Sample("runs_kept", len(publish.published_runs(config)))
            found.extend([kept, *([] if active is None else _of_run(config, active)), Sample("target_up", 1)])
        except PublishError as error:
            log.warning("the figures say nothing of the tables: %s", error)
            found.append(AWAY)

    if problem := time_limits.within(TARGET_SECONDS, ask):
        log.warning("the figures say nothing of the tables (%s)", problem)
        return [AWAY]
    return found


def _of_run(config: Config, active: ActiveRun) -> Iterator[Sample]:
    yield Sample("active_run_info", 1, {"run_id": active.run_id})
    if (newest := quality.newest_with_events(config)) is not None:
        yield Sample("nights_behind", max((newest - active.run_date).days, 0))
    for table in stores.archive(config).tables:
        if (file := active.folder / table.file).is_file():
            yield Sample("table_rows", pq.read_metadata(file).num_rows, {"table": table.name})
    row = next((row for row in publish.runs(config).to_pylist() if row["run_id"] == active.run_id), None)
    if row is not None:
        yield Sample("tables_valid_from_timestamp_seconds", row["published_at"].timestamp())
        yield from _of_quality(config, json.loads(row["metrics"]))


def _of_quality(config: Config, metrics: Report) -> Iterator[Sample]:
    """How each surface's lists were judged; those of a pool that was not judged have no figure."""
    fallen = str(metrics.get(FALLBACK, "")).split(",")
    for surface in config.surfaces:
        pool, of = config.pool(surface), {"surface": label(surface.name)}
        yield Sample("best_sellers", float(pool in fallen), of)
        for name, end in (("ndcg", ""), ("ndcg_low", ".low"), ("ndcg_high", ".high")):
            if (value := metrics.get(f"{pool}.final.ndcg{end}")) is not None:
                yield Sample(name, value, of)


def _of_last_publication(config: Config) -> Iterator[Sample]:
    """What the newest night that was published said of itself."""
    if (folder := _newest(config.lake_of_nights, "publish")) is None:
        return
    report = artifacts.read_manifest(folder).get("report", {})
    for name, value in report.items():
        if name.startswith("churn_") and isinstance(value, int | float):
            yield Sample("churn", value, {"surface": label(name.removeprefix("churn_"))})
    yield from _findings("publish", report)


def _of_gate(config: Config) -> Iterator[Sample]:
    """The gate of the newest night: closed where a report of it is kept and no evaluation is finished since."""
    blocked = sorted(_nights(config.home / "blocked"))
    folder = _newest(config.lake_of_nights, "evaluate")
    judged = artifacts.run_date_of(folder) if folder else None
    ended = (
        one for one in status.read(config) if (one.flow, one.stage, one.error) == (status.NIGHT, "evaluate", GATE_ERROR)
    )
    failed = any(judged is None or one.night >= judged for one in ended)  # of an older one that is run again: no
    if failed or any(judged is None or night > judged for night in blocked[-1:]):
        yield Sample("gate_passed", 0)
    elif folder is not None:
        decision = artifacts.read_manifest(folder).get("report", {}).get("gate", "")
        yield Sample("gate_passed", float(decision not in CLOSED))


def _nights(folder: Path) -> Iterator[date]:
    for path in folder.glob(f"{artifacts.PARTITION}*"):
        yield artifacts.run_date_of(path)


# --- the nights -------------------------------------------------------------------------------------------------------


def _of_newest_night(config: Config) -> Iterator[Sample]:
    """What was read of the newest night in the lake."""
    if (folder := _newest(config.lake_of_nights, "ingest")) is None:
        return
    report = artifacts.read_manifest(folder).get("report", {})
    yield Sample("newest_night_timestamp_seconds", day_began(artifacts.run_date_of(folder), config.timezone))
    numbers = report.get(quality.KEY, {})
    for name, key in (("log_rows", "rows"), ("duplicate_rows", "duplicates"), ("left_out_rows", "left_out")):
        if key in numbers:
            yield Sample(name, numbers[key])
    tables = [table.name for table in inputs.night_tables() if table is not inputs.REJECTS]
    for name in tables:
        if name in report:
            yield Sample("input_rows", report[name], {"input": name})
    yield from _rejected(report)
    for name, rows in report.items():
        table, colon, _ = name.partition(": ")
        if colon and table in tables:
            yield Sample("unusable_rows", rows, {"fault": label(name)})
    yield from _findings("ingest", report)


def _rejected(report: Report) -> Iterator[Sample]:
    """The reasons with most rows, and all others as one."""
    rows: Counter[str] = Counter()
    for name, number in report.items():
        if name.startswith("rejected: "):
            rows[label(name.removeprefix("rejected: "))] += number
    often = rows.most_common(REASONS)
    if rest := sum(rows.values()) - sum(number for _, number in often):
        often.append((OTHER, rest + dict(often).get(OTHER, 0)))
    for reason, number in dict(often).items():
        yield Sample("rejected_rows", number, {"reason": reason})


def _findings(stage: str, report: Report) -> Iterator[Sample]:
    for check, said in report.get("unusual", {}).items():
        yield Sample("check_findings", len(said), {"stage": stage, "check": label(check)})


def _of_stages(config: Config, stages: Iterable[str]) -> Iterator[Sample]:
    """What each stage took, of the newest night for which it is finished, and how it ended when it was last run."""
    for ended in status.read(config):
        of = {"flow": label(ended.flow), "stage": label(ended.stage)}
        yield Sample("stage_success", float(not ended.error), of)
        yield Sample("stage_night_timestamp_seconds", day_began(ended.night, config.timezone), of)
    for stage in stages:
        if (folder := _newest(config.lake_of_nights, stage)) is not None:
            yield from _taken(stage, artifacts.read_manifest(folder))


def _taken(stage: str, manifest: Report) -> Iterator[Sample]:
    of, files = {"stage": stage}, manifest.get("files", {}).values()
    if "seconds" in manifest:
        yield Sample("stage_seconds", manifest["seconds"], of)
        yield Sample("stage_peak_memory_bytes", manifest["peak_memory_mb"] * 2**20, of)
    yield Sample("stage_rows", sum(file.get("rows", 0) for file in files), of)
    yield Sample("stage_bytes", sum(file["bytes"] for file in files), of)


def _newest(lake: Path, stage: str) -> Path | None:
    """The finished folder of a stage's newest night."""
    return next(iter(artifacts.partitions_until(lake, stage, date.max)[::-1]), None)
