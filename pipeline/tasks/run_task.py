"""What a task of the DAG does: the orchestrator's context in, one stage run, its folder out."""

import logging
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from pipeline.ground import artifacts, nights, terminal, zones
from pipeline.ground.errors import InputError
from pipeline.operations import day_so_far, in_shards
from pipeline.published.run_ids import is_of_day_so_far, partition_of
from pipeline.settings import outside
from pipeline.settings.config import Config
from pipeline.sources import configuration
from pipeline.tasks import airflow_connections
from pipeline.tasks.content import kept_back

log = logging.getLogger(__name__)

AT = "at"
"""The parameter that a run of a day so far has, and a night's has not."""


def settings(params: Mapping[str, Any]) -> Config:
    """The configuration of a triggered run: pipeline.toml, the overrides, the chosen surfaces.

    Raises:
        InputError: an override is unknown or may not be set from outside, or a surface is not configured.
    """
    overrides = params.get("overrides") or {}
    outside.require(configuration.FullConfig, overrides, "overrides")
    loaded = configuration.load(overrides=overrides)
    if params.get("force"):
        loaded = loaded.model_copy(update={"evaluate": loaded.evaluate.model_copy(update={"block": False})})
    if names := params.get("surfaces"):
        known = {surface.name: surface for surface in loaded.surfaces}
        if unknown := sorted(set(names) - set(known)):
            raise InputError(f"surfaces {', '.join(unknown)} are not configured; there are {', '.join(known)}")
        loaded = loaded.model_copy(update={"surfaces": tuple(known[name] for name in dict.fromkeys(names))})
    return loaded


def _speak() -> None:
    """With NIGHTJAR_PROGRESS set, write the pipeline's own lines to the terminal, whatever Airflow says there."""
    terminal.guard_logs()
    logger = logging.getLogger("pipeline")
    if not os.environ.get("NIGHTJAR_PROGRESS") or logger.handlers:
        return
    handler = logging.StreamHandler(sys.__stderr__)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", datefmt="%H:%M:%S"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False


def night_of(params: Mapping[str, Any], logical_date: datetime | None, dag_run: Any) -> date:
    """The night of a DAG run; see nights.resolve_run_date.

    Args:
        params: `run_date` of the run.
        logical_date: of the DAG run; None in a date-less manual run.
        dag_run: for its `run_type` and `run_after`; None outside a DAG run.
    Raises:
        InputError: it has none.
    """
    run_type = getattr(dag_run, "run_type", "manual")
    run_after = getattr(dag_run, "run_after", None)
    return nights.resolve_run_date(
        params.get("run_date"), logical_date, run_after, getattr(run_type, "value", run_type), zones.of_shop()
    )


def moment_of(params: Mapping[str, Any], logical_date: datetime | None, dag_run: Any) -> datetime:
    """The moment of a run of the day so far, in the shop's time zone; see nights.resolve_moment.

    Args:
        params: `at` of the run.
        logical_date: when a scheduled run was due.
        dag_run: for its `run_after`; None outside a DAG run.
    Raises:
        InputError: it has none.
    """
    run_after = getattr(dag_run, "run_after", None)
    return nights.resolve_moment(params.get(AT), logical_date, run_after, zones.of_shop())


@kept_back()
def run_task(stage: str, params: Mapping[str, Any], logical_date: datetime | None, dag_run: Any) -> str:
    """Run one stage of the night a DAG run is for, or of a day so far; or end it, where it was begun.

    Args:
        stage: the stage's name.
        params: `run_date` or, of a day so far, `at`; `surfaces`, `force`, `overrides` of the run.
        logical_date, dag_run: see night_of and moment_of.
    Returns:
        The stage's folder.
    Raises:
        InputError: the night's day is not over, as where a run is triggered by hand for "now", or the moment has not
            come yet.
        PipelineError: as the stage says.
    """
    _speak()
    when = _prepared(stage, params, logical_date, dag_run)
    in_shards.end(stage, when.day, when.config, force=when.force)
    return str(artifacts.stage_dir(when.config.lake, stage, when.day))


@kept_back()
def begin_task(stage: str, params: Mapping[str, Any], logical_date: datetime | None, dag_run: Any) -> list[int]:
    """Begin a stage whose users are shared among tasks; arguments and errors as of run_task.

    Returns:
        The numbers of the shards; none where the stage is up to date.
    """
    _speak()
    when = _prepared(stage, params, logical_date, dag_run)
    return in_shards.begin(stage, when.day, when.config, force=when.force)


@kept_back()
def shard_task(stage: str, number: int, params: Mapping[str, Any], logical_date: datetime | None, dag_run: Any) -> None:
    """Make one shard of a stage that was begun; other arguments and errors as of run_task."""
    _speak()
    when = _prepared(stage, params, logical_date, dag_run)
    in_shards.make(stage, when.day, when.config, number)


@dataclass(frozen=True)
class _When:
    """What a task is about: the day, the configuration of its lake, and whether all is made anew."""

    day: date
    config: Config
    force: bool


def _prepared(stage: str, params: Mapping[str, Any], logical_date: datetime | None, dag_run: Any) -> _When:
    """The night of a run, which is over; or the day so far, as far as its lake has come."""
    airflow_connections.offer()
    loaded, force = settings(params), bool(params.get("force"))
    in_shards.require_folder(loaded)  # now, and not hours later, when the first stage is shared
    if AT in params:
        until = moment_of(params, logical_date, dag_run)
        nights.require_past(until, zones.now(loaded.timezone))
        return _When(until.date(), day_so_far.prepared(stage, until, loaded), force)
    night = night_of(params, logical_date, dag_run)
    nights.require_over(night, zones.today(loaded.timezone), loaded.timezone)
    return _When(night, loaded, force)


def announce(outlets: Iterable[Any], events: Any, folder: str) -> None:
    """Tell the schedulers of downstream DAGs: the night of a published folder is a new partition of every outlet.

    So is the moment of a day so far, "2011-10-02T1400".

    Every publication that succeeded is told, also that of an older night, which is loaded and not active: a partition
    is a night, and whoever exports that night must see it. One that found its tables up to date is told as well, as the
    task may have died after they became visible. `active` in the event says whether readers of the views see it.

    Args:
        outlets: the task's assets.
        events: Airflow's `outlet_events`.
        folder: what run_task returned.
    """
    report = artifacts.read_manifest(Path(folder))["report"]
    for outlet in outlets:
        events[outlet].add_partitions(partition_of(report["run_id"]))
        events[outlet].extra = {"run_id": report["run_id"], "active": report["activated"]}


@kept_back()
def approved(folder: str, answer: Any, params: Mapping[str, Any]) -> None:
    """Write down who let a night be published.

    Args:
        folder: of `publish`, what run_task returned.
        answer: what the approval's task returned, with `responded_by_user` and `responded_at`; None: nobody was asked.
        params: of the run.
    """
    if not answer:
        return
    from pipeline.publication import handing_over

    by = answer.get("responded_by_user") or {}
    name = str((by.get("name") or by.get("id") if isinstance(by, Mapping) else by) or "somebody")
    at = answer.get("responded_at") or ""
    run_id = artifacts.read_manifest(Path(folder))["report"]["run_id"]
    handing_over.approve(settings(params), run_id, name, at.isoformat() if isinstance(at, datetime) else str(at))


@kept_back()
def fill_in(approval: Any, params: Mapping[str, Any], logical_date: datetime | None, dag_run: Any) -> None:
    """Write what a person must know into an approval's `subject` and `body`."""
    from pipeline.tasks.approval import question

    loaded = settings(params)
    if AT in params:
        until = moment_of(params, logical_date, dag_run)
        approval.subject, approval.body = question(loaded.so_far(until), until.date())
    else:
        approval.subject, approval.body = question(loaded, night_of(params, logical_date, dag_run))


@kept_back()
def write_site(people: bool | None) -> str:
    """Write the home's site; says where it is.

    Args:
        people: whether users can be looked up; None: as in the site that is there, in a first one they can.
    Raises:
        PipelineError: see pipeline.operations.site.
    """
    from pipeline.operations import site

    _speak()
    loaded = configuration.load()
    return site.run(loaded, people=site.shows_people(loaded) if people is None else people)


def export_night(night: str | None, surface: str) -> str | None:
    """Export one surface of a night to <home>/exports/run_date=NIGHT/<surface>.jsonl.

    Args:
        night: a partition of the published tables, YYYY-MM-DD, or YYYY-MM-DDTHHMM of a day so far; None: the active
            run's.
        surface: the list.
    Returns:
        The file; None if the night was published without the surface, which leaves the file as it was.
    Raises:
        PipelineError: see pipeline.operations.export.
    """
    from pipeline.operations import export

    _speak()
    loaded = configuration.load()
    if night and is_of_day_so_far(night):
        run = export.choose(loaded, so_far=night)
    else:
        run = export.choose(loaded, night=nights.parse_nights(night)[0] if night else None)
    out = loaded.home / "exports" / f"{artifacts.PARTITION}{partition_of(run.run_id)}" / f"{surface}.jsonl"
    try:
        export.run(loaded, surface, out, run.run_id)
    except export.NoSuchListError as error:
        log.warning("%s", error)
        return None
    return str(out)


@kept_back()
def tune_settings(params: Mapping[str, Any]) -> str:
    """What the task of the tuning by hand does.

    Args:
        params: nights, list, trials, minutes.
    Returns:
        The TOML file.
    """
    from pipeline.operations import tune
    from pipeline.operations.tuning import trials

    _speak()
    loaded = configuration.load()
    chosen = tuple(nights.parse_nights(night)[0] for night in params["nights"])
    if not chosen:
        raise InputError("tuning needs nights to judge on: give some, older than those that are reported")
    goal = trials.Goal(params["list"], chosen, trials.pools_of(params["list"], loaded.pools))
    out = loaded.home / "tuned.toml"
    found = tune.run(loaded, goal, out, number=params["trials"], minutes=params["minutes"])
    log.info("%s", found)
    return str(found.file)
