"""Which of the shop's log files a night needs, and whether they are there."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from operator import attrgetter
from pathlib import Path

from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.intake import late_rows, log_files, logs
from pipeline.intake.inputs import EVENTS
from pipeline.settings.config import Config
from pipeline.settings.sections.data import InputFiles

log = logging.getLogger(__name__)

LATE_DAYS = 14
"""So many days after its days a log file is still found by a nightly run; after that, its night is to be run again."""


def log_of(config: Config) -> InputFiles:
    """The behaviour log, which every shop has.

    Raises:
        InputError: the configuration names none.
    """
    if (source := EVENTS.files(config)) is None:
        raise InputError(f"the configuration names no log: set [{EVENTS.key}] files and sql")
    return source


def mapping_of(config: Config) -> Path:
    """The file with the log's mapping."""
    return config.folder / log_of(config).sql


def _is_daily(source: InputFiles) -> bool:
    """Whether the log is one file a day."""
    return source.daily


def is_closed(config: Config, night: date) -> bool:
    """Whether a night has no log file and needs none: the log is one file a day, and days without are allowed."""
    return config.ingest.allow_empty and _is_daily(log_of(config)) and not any(_readable(config, night))


def files_of(config: Config, night: date) -> list[Path]:
    """The files that can be the night's log, by their names."""
    return [file.path for file in logs.find(log_of(config), config, night) if file.is_about(night)]


def name_of(config: Config, night: date) -> str:
    """The name of the night's log in the shop's folder, where it is one file; else the pattern of their names."""
    files = files_of(config, night)
    if len(files) == 1:
        return log_files.name_of(config, files[0])
    return log_files.of_night(log_of(config).globs[0], night)


def require(config: Config, night: date, usual: str) -> None:
    """Stop where no file can be the night's log, unless it may have none.

    Args:
        config: where the log is.
        night: the night.
        usual: what such nights have, for the message.
    Raises:
        InputError: it has not been delivered.
    """
    source = log_of(config)
    if (_is_daily(source) and config.ingest.allow_empty) or files_of(config, night):
        return
    remedy = " If nothing happened that day, set ingest.allow_empty = true" if _is_daily(source) else ""
    raise InputError(
        f"no log file of {night} matches '{source.named}' in {logs.folder_of(source, config)}{usual}: has it been "
        f"delivered? Nothing was written; deliver it and run the night again.{remedy}"
    )


def _readable(config: Config, night: date) -> Iterator[logs.LogFile]:
    """The log files in which rows can stand that a night takes: its own, and those that came too late for theirs."""
    yield from logs.find(log_of(config), config, night)
    yield from _missed(config, night)


def _missed(config: Config, night: date) -> dict[logs.LogFile, bool]:
    """Files about finished nights of the last days that came later, or are not as when they were read.

    Returns:
        For each, whether it was written anew in the same size.
    """
    source, since = log_of(config), night - timedelta(days=LATE_DAYS)
    if not any("{year}" in glob for glob in source.globs):
        return {}
    before = artifacts.partitions_until(config.lake, "ingest", night - timedelta(days=1))
    folders = {n: f for f in before if (n := artifacts.run_date_of(f)) >= since}
    records = {n: late_rows.recorded(folder) for n, folder in folders.items()}
    finished = {n for n, record in records.items() if record is not None}
    if unrecorded := records.keys() - finished:  # whatever they read, they decided on
        finished = {n for n in finished if n > max(unrecorded)}
    readings = {
        n: late_rows.Reading((folders[n] / artifacts.MANIFEST).stat().st_mtime_ns, record["files"])
        for n, record in records.items()
        if record is not None
    }
    found = {file for n in finished if n < night - timedelta(days=1) for file in logs.find(source, config, n)}
    changed: dict[logs.LogFile, bool] = {}
    for file in (file for file in found if any(map(file.is_about, finished))):
        said = late_rows.change(config, file.path, readings.values())
        if said is not None:
            changed[file] = said == "same size"
    return changed


def _say_rewritten(config: Config, night: date, missed: Mapping[logs.LogFile, bool]) -> None:
    for name in sorted(late_rows.name_of(config, file.path) for file, is_as_large in missed.items() if is_as_large):
        log.warning(
            "%s was written anew, as large as it was, since its night was ingested: what it says otherwise now of "
            "finished nights is not taken. Load them again: load-history --until %s --force",
            name,
            night,
        )


@dataclass(frozen=True)
class Delivered:
    """The log files to read.

    Attributes:
        files: those in which rows can stand that the night takes; without a night, all.
        again: those of them that came, or were changed, after their nights. The night notes how it found them, so that
            what was to be said of a change is said once.
    """

    files: list[logs.LogFile]
    again: list[logs.LogFile]


NOTHING = Delivered([], [])


def find(config: Config, night: date | None) -> Delivered:
    """The log files to read for a night, or for all.

    Raises:
        InputError: there is none, or none that can be the night's, which may not be one without a log.
    """
    source = log_of(config)
    missed = _missed(config, night) if night else {}
    files = sorted({*logs.find(source, config, night), *missed}, key=attrgetter("path"))
    if night:
        _say_rewritten(config, night, missed)
    closed = config.ingest.allow_empty and _is_daily(source)
    if not files or (night and not closed and not any(file.is_about(night) for file in files)):
        of = f" of {night}" if night else ""
        asks = f"load-history, or a night, asks connection '{source.connection}' for it"
        remedy = asks if source.connection else "has it been delivered?"
        raise InputError(f"no log file{of} matches '{source.named}' in {logs.folder_of(source, config)}: {remedy}")
    return Delivered(files, sorted(missed, key=attrgetter("path")))
