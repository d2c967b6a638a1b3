"""Runs of a day that is not over: what happened since the night is known, what is learned stays the night's.

    <home>/day_so_far/<stage>/run_date=...   links to the nights of the lake, and the day as far as it has come

The day has a lake of its own beside that of whole nights, so no night ever reads half a day, and its own night begins
from the logs. Parts that the night before made are linked as ever, and with the same learning windows that is nearly
all: what is made anew is what is known of the day. One moment's run replaces the last one's; one goes at a time.
"""

import contextlib
import shutil
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.intake import ingest
from pipeline.operations import bringing, stages
from pipeline.settings.config import SO_FAR, Config
from pipeline.store import homes


def run(until: datetime, config: Config, chosen: Iterable[str] = (), force: bool = False) -> dict[str, dict[str, Any]]:
    """Run stages of the day so far in data-flow order; default: all.

    Args:
        until: events of its day count that happened before; in the shop's time zone.
        config: the shop's.
        chosen: names of stages.
        force: run even what is current.
    Returns:
        The manifest of each stage, by name.
    Raises:
        InputError: the night before is not in the lake.
    """
    names = set(chosen) or set(stages.of(config))
    return {name: run_stage(name, until, config, force) for name in stages.STAGES if name in names}


def run_stage(stage: str, until: datetime, config: Config, force: bool = False) -> dict[str, Any]:
    """Run one stage of the day so far; arguments as `run`. Reading the logs begins the run anew.

    Raises:
        InputError: what was read of the day is of another moment, as where another one began meanwhile.
    """
    return stages.run_stage(stage, until.date(), prepared(stage, until, config), force=force)


def prepared(stage: str, until: datetime, config: Config) -> Config:
    """The configuration for a moment of the day, whose lake is as the stage needs it; errors as of `run_stage`."""
    bringing.everything(config)
    so_far = config.so_far(until)
    if stages.is_history(stage):
        bringing.state(config)
        prepare(so_far, until.date())
    else:
        _link_here(so_far, until.date())
        _require_read(until, config)
    return so_far


def _link_here(config: Config, day: date) -> None:
    """On another machine than that which read the day, as a home in an object store has: the links to nights."""
    if homes.mirror_of(config.home) is None:
        return
    with artifacts.lock_here(artifacts.history(config.lake, "ingest")):
        for stage in stages.STAGES:
            _link_nights(config.lake_of_nights / stage, config.lake / stage, day, keeps_day=True)


def _require_read(until: datetime, config: Config) -> None:
    """Refuse to go on with what was read of the day for another moment."""
    folder = artifacts.stage_dir(config.so_far(until).lake, "ingest", until.date())
    read = artifacts.read_manifest(folder)["report"].get(ingest.UNTIL) if artifacts.is_finished(folder) else None
    if read != until.isoformat():
        known = f"is known up to {read}" if read else "is not read"
        raise InputError(
            f"the day {until.date()} {known}, not up to {until.isoformat()}: run ingest of this moment again, and all "
            f"after it (python -m pipeline run --at {until:%Y-%m-%dT%H:%M}); moments go one after the other"
        )


def prepare(config: Config, day: date) -> None:
    """Let the day's lake have the nights before the day, and nothing that was read of the day.

    Args:
        config: for a moment of the day.
        day: the day.
    Raises:
        InputError: the night before is not in the lake, so a day would be missing.
    """
    whole, before = config.lake_of_nights, day - timedelta(days=1)
    known = artifacts.partitions_until(whole, "ingest", before)
    if not known or artifacts.run_date_of(known[-1]) != before:
        raise InputError(
            f"the night {before} is not in {whole}, and a run of the day so far goes on from it: run that first "
            f"(python -m pipeline run --run-date {before})"
        )
    with contextlib.ExitStack() as held:  # in the order in which a stage takes them; who reads the day is waited for
        held.enter_context(artifacts.lock(artifacts.history(config.lake, "ingest")))
        held.enter_context(artifacts.lock(artifacts.stage_dir(config.lake, "ingest", day)))
        for stage in stages.STAGES:
            _link_nights(whole / stage, config.lake / stage, day, keeps_day=not stages.is_history(stage))


def _link_nights(nights: Path, linked: Path, day: date, keeps_day: bool) -> None:
    """Links to a stage's nights before a day; what is there of other days goes, and of the day unless it is kept."""
    linked.mkdir(parents=True, exist_ok=True)
    wanted = {}
    for path in nights.iterdir() if nights.is_dir() else ():
        is_night = path.name.startswith(artifacts.PARTITION) and artifacts.run_date_of(path) < day
        if is_night or (path.is_file() and not path.name.startswith(".")):  # what says how all nights were loaded
            wanted[path.name] = path.resolve()
    for path in linked.iterdir():
        if path.is_symlink():
            if wanted.get(path.name) == path.readlink():
                del wanted[path.name]  # it stays, as another stage may be reading by it
            else:
                path.unlink()
        elif path.is_dir() and not (keeps_day and artifacts.run_date_of(path) == day):
            shutil.rmtree(path)
    for name, target in wanted.items():
        (linked / name).symlink_to(target)


def drop(config: Config) -> None:
    """Remove the day's lake, when no stage of it is running: it is made from the logs again at the next moment."""
    lake = config.home / SO_FAR
    if not lake.is_dir():
        return
    while not _dropped(lake):
        pass  # another day was begun meanwhile


def _dropped(lake: Path) -> bool:
    """Remove the lake, unless there is a day in it that was not waited for.

    Locks are taken in the order of those who take several: a running stage holds its own and waits for those before it,
    and reading the logs holds the history's and waits for the day's.
    """
    days = _days(lake)
    with contextlib.ExitStack() as held:
        for stage in reversed([stage for stage in stages.STAGES if not stages.is_history(stage)]):
            for day in days:
                held.enter_context(artifacts.lock(artifacts.stage_dir(lake, stage, day)))
        held.enter_context(artifacts.lock(artifacts.history(lake, "ingest")))
        for stage in stages.STAGES:
            for day in days if stages.is_history(stage) else ():
                held.enter_context(artifacts.lock(artifacts.stage_dir(lake, stage, day)))
        if _days(lake) != days:
            return False
        shutil.rmtree(lake)
        return True


def _days(lake: Path) -> list[date]:
    """The days that are there or being made; on another machine too, of which there is a lock and no folder yet."""
    found = (path for path in lake.glob(f"*/*{artifacts.PARTITION}*") if not path.is_symlink())
    return sorted({artifacts.run_date_of(path) for path in found})


def is_over(config: Config) -> bool:
    """Whether the lake has the whole of every day that there is a part of."""
    days = {artifacts.run_date_of(path) for path in _own(config.home / SO_FAR)}
    return bool(days) and all(
        artifacts.is_finished(artifacts.stage_dir(config.lake_of_nights, "ingest", day)) for day in days
    )


def _own(lake: Path) -> list[Path]:
    """The folders of the day, finished or being written, without the links to nights."""
    return [path for path in lake.glob(f"*/*{artifacts.PARTITION}*") if path.is_dir() and not path.is_symlink()]
