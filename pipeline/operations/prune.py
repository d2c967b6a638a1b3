"""Freeing disk: the stages' folders of old nights go, and where it is configured, old events and what
databases were asked for of their days, and what came from other shops (encoders, fits with other branches) that the
configuration names no more.

Published runs are not touched (publish.keep_runs looks after them), nor the nights of the active run and of the one a
rollback returns to: the gate reads what they were judged by, `show` their titles. A part that a newer night has linked
stays there; what no neighbour has any more is made again, from the same inputs to the same bytes. What was made of a
day so far goes when the day's own night is there.
"""

import contextlib
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from pipeline.encoder import starts
from pipeline.ground import artifacts, resources
from pipeline.ground.errors import InputError
from pipeline.intake import quality
from pipeline.intake.databases import answers
from pipeline.operations import bringing, day_so_far, handed, stages
from pipeline.publication import publish, stores
from pipeline.published import run_ids
from pipeline.settings.calendar import LONGEST_DAYS
from pipeline.settings.config import SO_FAR, Config
from pipeline.sources import federated_als
from pipeline.store import garbage, homes
from pipeline.store.garbage import Garbage

SETTLED_SECONDS = 24 * 3600
"""A night without a publication may still be running if its last folder is less older than the lake's newest."""
BLOCK = 512
"""Bytes of a block that the file system counts."""


@dataclass
class Freed:
    """What is removed, or would be.

    Attributes:
        folders: in the order of their removal; of what databases were asked for, files.
        busy: nights that are left because one of their stages is running, or may be.
        links: how many links to each file are removed, by device and inode.
        sizes: bytes on disk, and all links, of each file.
        store: of a home in an object store, what it gets back.
    """

    folders: list[Path] = field(default_factory=list)
    busy: list[date] = field(default_factory=list)
    links: Counter[tuple[int, int]] = field(default_factory=Counter)
    sizes: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    store: Garbage | None = None

    def count(self, folder: Path) -> None:
        """Add a folder, or a file."""
        self.folders.append(folder)
        for path in folder.rglob("*") if folder.is_dir() else [folder]:
            if path.is_file():
                about = path.lstat()
                at = (about.st_dev, about.st_ino)
                self.links[at] += 1
                self.sizes[at] = (about.st_blocks * BLOCK, about.st_nlink)

    @property
    def bytes(self) -> int:
        """What the disk gets back: files of which no link stays anywhere."""
        return sum(self.sizes[at][0] for at, links in self.links.items() if links >= self.sizes[at][1])


def prune(config: Config, keep_days: int | None = None, dry_run: bool = False) -> Freed:
    """Remove what is older than the configuration keeps, counted from the newest night in the lake that has events.

    Args:
        config: its `retention`.
        keep_days: instead of retention.artifact_days.
        dry_run: only say what would go.
    Returns:
        What is removed.
    Raises:
        InputError: retention.event_days is shorter than what a night learns from, or `keep_days` is no number of days.
        PublishError: the target does not say which run is active.
        ResourceError: the lake cannot be written.
    """
    if keep_days is not None and not 0 <= keep_days <= LONGEST_DAYS:
        raise InputError(f"--keep-days {keep_days} is no number of days from 0 to {LONGEST_DAYS:,}")
    with resources.required("prune", config.lake):
        bringing.everything(config)
        bringing.tables(config)
        freed = _prune(config, keep_days, dry_run)
        if (mirror := homes.mirror_of(config.home)) is not None:
            freed.store = garbage.collect(mirror, dry_run=dry_run)
        return freed


def _prune(config: Config, keep_days: int | None, dry_run: bool) -> Freed:
    freed, nights = Freed(), _nights(config)
    if not nights:
        return freed
    newest = quality.newest_with_events(config) or nights[-1]
    days = config.retention.artifact_days if keep_days is None else keep_days
    first, kept = newest - timedelta(days=days), _published_nights(config)
    youngest = max((_written(folder) for night in nights for folder in _derived(config, night)), default=0.0)
    for night in nights:
        if night < first and night not in kept:
            _prune_night(config, night, youngest, freed, dry_run)
    for folder in _old_events(config, newest):
        _remove([folder], freed, dry_run)
    _prune_answers(config, newest, freed, dry_run)
    _prune_kept(starts.shelf(config), lambda name: starts.is_named(name, config), freed, dry_run)
    older = federated_als.older(config)
    _prune_kept(federated_als.shelf(config), lambda name: name not in older, freed, dry_run)
    if day_so_far.is_over(config):
        freed.count(config.home / SO_FAR)
        if not dry_run:
            day_so_far.drop(config)
    return freed


def describe(freed: Freed, dry_run: bool) -> str:
    """What was removed, for people."""
    so_far = [folder for folder in freed.folders if folder.name == SO_FAR]
    asked = [path for path in freed.folders if path.suffix == answers.ENDING]
    stage_nights = Counter(folder.parent.name for folder in freed.folders if folder not in [*so_far, *asked])
    lines = [f"{'would remove' if dry_run else 'removed'} {folder}" for folder in freed.folders]
    lines += [f"left {night}: it is running, or may be" for night in freed.busy]
    parts = [f"{n} of {stage}" for stage, n in stage_nights.items()] + ["a day so far"] * len(so_far)
    parts += [f"{len(asked)} files of what databases were asked for"] if asked else []
    said = ", ".join(parts) or "nothing"
    lines.append(f"{said}: {freed.bytes / 2**20:,.1f} MiB of disk {'to free' if dry_run else 'freed'}")
    if freed.store is not None:
        lines.append(
            f"in the store: {freed.store.removed / 2**20:,.1f} MiB {'to free' if dry_run else 'freed'}; "
            f"{freed.store.waiting / 2**20:,.1f} MiB that nothing names any more go when a day has passed"
        )
    return "\n".join(lines)


def _nights(config: Config) -> list[date]:
    """Every night that has something in the lake, oldest first."""
    folders = [p for stage in stages.STAGES for p in (config.lake / stage).glob(f"{artifacts.PARTITION}*")]
    return sorted({artifacts.run_date_of(folder) for folder in folders})


def _published_nights(config: Config) -> set[date]:
    """The nights of the active run and of the one a rollback returns to."""
    active = publish.active_run(config)
    if active is None:
        return set()
    previous = stores.target(config).previous(active.run_id)
    return {active.run_date} | ({run_ids.run_date_of(previous)} if previous else set())


def _derived(config: Config, night: date) -> list[Path]:
    """A night's folders, downstream first and features last: they tell `forget` who is in the others."""
    names = [stage for stage in reversed(stages.STAGES) if stage != "ingest"]
    folders = [artifacts.stage_dir(config.lake, stage, night) for stage in names]
    blocked = config.home / "blocked" / folders[0].name
    return [folder for folder in (blocked, *folders) if folder.is_dir()]


def _written(folder: Path) -> float:
    return folder.stat().st_mtime


def _prune_night(config: Config, night: date, youngest: float, freed: Freed, dry_run: bool) -> None:
    folders = _derived(config, night)
    published = artifacts.is_finished(artifacts.stage_dir(config.lake, "publish", night))
    fresh = any(youngest - _written(folder) < SETTLED_SECONDS for folder in folders)
    with contextlib.ExitStack() as held:
        try:
            for stage in stages.STAGES:
                if stage != "ingest" and folders:
                    held.enter_context(artifacts.lock_at_once(artifacts.stage_dir(config.lake, stage, night)))
        except BlockingIOError:
            freed.busy.append(night)
            return
        if fresh and not published:
            freed.busy.append(night)
            return
        _remove(folders, freed, dry_run, locked=True)
        if not dry_run:  # of a training or of shards that died and were never gone on with
            abandoned = artifacts.beside(artifacts.stage_dir(config.lake, "fine_tune", night), "checkpoint")
            shutil.rmtree(abandoned, ignore_errors=True)
            for stage in stages.STAGES:
                handed.drop(artifacts.stage_dir(config.lake, stage, night))


def _remove(folders: list[Path], freed: Freed, dry_run: bool, locked: bool = False) -> None:
    for folder in folders:
        with contextlib.nullcontext() if locked else artifacts.lock(folder):
            freed.count(folder)
            if not dry_run:
                artifacts.remove(folder)


def _prune_answers(config: Config, newest: date, freed: Freed, dry_run: bool) -> None:
    """Remove what databases were asked for of days of which no events are kept, and of those before asked_days."""
    if not answers.is_any(config):
        return
    days, first = config.retention.asked_days, _first_events(config, newest)
    ends = [first] if first is not None else []
    ends += [newest - timedelta(days=days)] if days is not None else []
    if not ends:
        return
    with artifacts.lock(config.asked):
        paths = answers.before(config, max(ends))
        for path in paths:
            freed.count(path)
        if not dry_run:
            answers.remove(paths)


def _prune_kept(shelf: Path, is_kept: Callable[[str], bool], freed: Freed, dry_run: bool) -> None:
    """Remove copies of other shops' encoders, or fits with other branches, that the configuration names no more."""
    if not shelf.is_dir():
        return
    with artifacts.lock(shelf):
        for folder in sorted(shelf.iterdir()):
            if folder.is_dir() and not is_kept(folder.name):
                freed.count(folder)
                if not dry_run:
                    shutil.rmtree(folder)


def _old_events(config: Config, newest: date) -> list[Path]:
    """Partitions of nights of which no events are kept."""
    if (first := _first_events(config, newest)) is None:
        return []
    found = (config.lake / "ingest").glob(f"{artifacts.PARTITION}*")
    return sorted(folder for folder in found if artifacts.run_date_of(folder) < first)


def _first_events(config: Config, newest: date) -> date | None:
    """The first night of which events are kept by retention.event_days, whole tuning periods at a time; None: of all.

    Every removal changes what all cut-offs are made of, so it happens on the days on which the language model is tuned
    anew anyway; an event is kept for at most event_days, and for up to tuning_days less.
    """
    days = config.retention.event_days
    if days is None:
        return None
    oldest = min(config.label_cutoffs(config.tuned_at(newest)))
    needed = (newest - oldest).days + config.horizon_days + config.tuning_days
    if days < needed:
        raise InputError(
            f"retention.event_days = {days} is too short: nights learn from windows that go back to {oldest}, which "
            f"takes at least {needed} days of events; the features count a year of them"
        )
    cut = newest - timedelta(days=days)
    return cut + timedelta(days=-cut.toordinal() % config.tuning_days)
