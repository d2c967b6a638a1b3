"""Every past night's partition, in one pass over the raw logs."""

import os
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

from pipeline.ground import artifacts, keeping, manifests, resources, rewriting, sql, zones
from pipeline.ground.errors import InputError
from pipeline.ground.manifests import Made
from pipeline.intake import (
    delivery,
    faults,
    inputs,
    known_types,
    late_inputs,
    late_rows,
    left_out,
    partitions,
    precedence,
    quality,
    refusals,
    staging,
    waiting,
)
from pipeline.intake.databases import extraction
from pipeline.intake.partitions import Batches, Report
from pipeline.lineage import following
from pipeline.lineage.followed import FIRST
from pipeline.operations import bringing
from pipeline.settings.config import Config


class NoHistoryError(InputError):
    """No row of any log arrived by a night: a shop's first one is still to come."""


# Below <lake>/ingest: up to which night load-history has run.
LOADED = "history.txt"


def load_history(config: Config, until: date) -> str:
    """Write the partition of every night up to `until`, reading each log file once.

    A night that is not as usual stops nothing here: history is what it is. Its manifest and the summary say so.

    Returns:
        A table for people: rows taken and refused and why, and which nights are not as usual.
    Raises:
        NoHistoryError: no row arrived by then.
        InputError: as `run`.
        ResourceError: the lake cannot be written.
    """
    with (
        resources.required("load-history", config.lake),
        artifacts.lock(artifacts.history(config.lake, "ingest")),
        following.stage("ingest", until, config, first=until) as tell,
    ):
        return _load_history(config, until, tell)


def _load_history(config: Config, until: date, tell: following.Tell) -> str:
    started = time.perf_counter()
    totals: Counter[str] = Counter()
    written = config.written()
    made = Made("ingest", until, written, config.digest("ingest"), inputs={})
    config.lake.mkdir(parents=True, exist_ok=True)
    bringing.nights(config, whole=["ingest"])
    rewriting.finish_all(config.lake / "ingest")
    with extraction.history(config, until), staging.staged(config, until, config.lake) as connection:
        first = _first_night(connection, until)
        left_out.since(connection, first)
        others = _of_another_zone(config, first, until)
        refusals.require_few(connection, config, first, until)
        precedence.require_few(connection, config, first, until)
        measured = quality.measure(connection, config, first, until)
        found = quality.judge(connection, measured, first, config)
        numbers = _reported(connection, config, measured, found, until)
        kept = waiting.measure(connection, until)
        left_out.say(connection, delivery.mapping_of(config), first, until)
        unused = left_out.found(connection, first, until)
        numbers[until] |= kept
        _mark(config).unlink(missing_ok=True)  # from here on the lake is neither what it was nor what it will be
        keeping.tell(artifacts.history(config.lake, "ingest"))
        precedence.give_way(connection, config, first, until)
        with ThreadPoolExecutor(config.threads) as writers:
            unfinished: deque[Future[Report]] = deque()
            for night, tables in partitions.nights(connection, first, until):
                if tables or config.ingest.allow_empty:
                    rows = {name: list(batches) for name, batches in tables.items()}
                    of_night = replace(made, run_date=night)
                    unfinished.append(writers.submit(_write_partition, config.lake, of_night, rows, numbers[night]))
                if len(unfinished) > config.threads:  # so that no more nights than this are in memory
                    _count(totals, unfinished.popleft().result())
            for report in unfinished:
                _count(totals, report.result())
    for folder in others:
        if zones.of_night(folder) != config.timezone:  # not written again: its rows are another night's now
            with artifacts.lock(folder):
                artifacts.remove(folder)
    totals[left_out.KEY] = unused.rows  # also of nights on which nothing else arrived
    os.sync()  # once, instead of twice for each of the nights
    _remember(config, until)
    tell(_told(totals, first))
    text = summary(totals, first, until, time.perf_counter() - started)
    later = [f"             {said}"] if (said := waiting.told(kept)) else []
    return "\n".join([text, *later, *quality.gaps(found), *known_types.told(config)])


def _reported(
    connection: duckdb.DuckDBPyConnection,
    config: Config,
    measured: Sequence[quality.NightNumbers],
    found: Mapping[date, quality.Offences],
    until: date,
) -> dict[date, Report]:
    """What the manifest of each night says of its log, beside its tables' rows."""
    first = measured[0]["night"] if measured else until
    without = left_out.measure(connection, first, until)
    seen, nothing = late_rows.seen_by(connection, config, first, until), late_rows.record(config)
    unused, inputs_read = (
        faults.measure(connection, first, until),
        late_inputs.records(connection, config, first, until),
    )
    return {
        night: quality.reported(numbers, found.get(night, {}))
        | unused.get(night, {})
        | without.get(night, {})
        | inputs_read[night]
        | late_inputs.found(config, night, {})
        | {late_rows.KEY: seen.get(night, nothing)}
        for numbers in measured
        for night in [numbers["night"]]
    }


def _of_another_zone(config: Config, first: date, until: date) -> list[Path]:
    """The finished nights whose days are of another time zone, and are written anew.

    Raises:
        InputError: some are so old that no log of theirs is there.
    """
    finished = artifacts.partitions_until(config.lake, "ingest", until)
    others = [folder for folder in finished if zones.of_night(folder) != config.timezone]
    if others and artifacts.run_date_of(others[0]) < first - timedelta(days=1):
        raise InputError(
            f"{others[0]} has days of timezone = '{zones.of_night(others[0])}', and no logs from before {first} are "
            f"there to load it again: put them back, set timezone to what it was, or remove the nights before {first}"
        )
    return others


def _told(totals: Mapping[str, int], first: date) -> dict[str, Any]:
    """What lineage says of all nights together."""
    files = {f"{table.name}.parquet": {"rows": totals[table.name], "sha256": ""} for table in inputs.night_tables()}
    return {"files": files, "report": {}, FIRST: first}


def _count(totals: Counter[str], report: Report) -> None:
    totals.update({name: n for name, n in report.items() if isinstance(n, int)}, nights=1)


def is_loaded(config: Config, until: date) -> bool:
    """Whether load-history has run up to a night, or up to an earlier one that nightly runs have continued from."""
    bringing.state(config)
    bringing.nights(config)
    try:
        loaded = date.fromisoformat(_mark(config).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    since = (loaded + timedelta(days=n) for n in range(1, (until - loaded).days + 1))
    return all(artifacts.is_finished(artifacts.stage_dir(config.lake, "ingest", night)) for night in since)


def _mark(config: Config) -> Path:
    return config.lake / "ingest" / LOADED


def _remember(config: Config, until: date) -> None:
    mark = _mark(config)
    beside = mark.with_suffix(".partial")
    beside.write_text(until.isoformat(), encoding="utf-8")
    beside.replace(mark)


def summary(totals: Counter[str], first: date, until: date, seconds: float) -> str:
    """What load-history prints: rows taken, rows refused by reason, left out, and of other inputs those of no use."""
    said = ("rejected: ", *(f"{table.name}: " for table in inputs.nightly()))
    reasons = sorted(((n, name) for name, n in totals.items() if name.startswith(said)), reverse=True)
    rows = [(totals["nights"], f"nights, {first} .. {until}, in {seconds:.1f} s")]
    left = totals[left_out.KEY]
    rows += [(totals["events"] + totals["rejects"] + left, "log rows"), (totals["events"], "events taken"), *reasons]
    rows += [(left, f"log rows {left_out.KEY}")] if left else []
    return "\n".join(f"{n:>12,} {name}" for n, name in rows)


def _first_night(connection: duckdb.DuckDBPyConnection, until: date) -> date:
    """The first night by which a row of any table arrived."""
    spans = [
        sql.execute(connection, "ingest/span", staged=table.staged, last=until).fetchall()
        for table in inputs.night_tables()
    ]
    firsts = [date.fromisoformat(str(first)) for ((first,),) in spans if first is not None]
    if not firsts:
        raise NoHistoryError(f"no log row arrived by {until}: load-history needs a later --until, or older logs")
    return min(firsts)


def _write_partition(lake: Path, made: Made, tables: Mapping[str, Batches], judged: Report) -> Report:
    """Write one night's partition and its manifest, as the stage would."""
    folder = artifacts.stage_dir(lake, made.stage, made.run_date)
    started = time.perf_counter()
    with artifacts.lock(folder), artifacts.writing(folder, durable=False) as out:
        report = partitions.write(out, tables) | judged
        manifests.seal(out, made, report, started)
    return report
