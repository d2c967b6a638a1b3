"""Which of the shop's log files a night needs, and whether they are there."""

from datetime import date
from pathlib import Path

from pipeline.ground.errors import InputError
from pipeline.intake import logs
from pipeline.intake.inputs import EVENTS
from pipeline.settings.config import Config
from pipeline.settings.sections.data import InputFiles


def log_of(config: Config) -> InputFiles:
    """The behaviour log, which every shop has.

    Raises:
        InputError: the configuration names none.
    """
    if (source := EVENTS.files(config)) is None:
        raise InputError(f"the configuration names no log: set [{EVENTS.key}] files and sql")
    return source


def _is_daily(source: InputFiles) -> bool:
    """Whether the log is one file a day."""
    return source.daily


def is_closed(config: Config, night: date) -> bool:
    """Whether a night has no log file and needs none: the log is one file a day, and days without are allowed."""
    source = log_of(config)
    return config.ingest.allow_empty and _is_daily(source) and not logs.find(source, config, night)


def files_of(config: Config, night: date) -> list[Path]:
    """The files that can be the night's log, by their names."""
    return [file.path for file in logs.find(log_of(config), config, night) if file.is_about(night)]


def name_of(config: Config, night: date) -> str:
    """The name of the night's log in the shop's folder, where it is one file; else the pattern of their names."""
    files = files_of(config, night)
    if len(files) == 1:
        return files[0].relative_to(config.folder).as_posix()
    name = log_of(config).globs[0]
    for part, value in (("year", "%Y"), ("month", "%m"), ("day", "%d")):
        name = name.replace(f"{{{part}}}", night.strftime(value))
    return name


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
        f"no log file of {night} matches '{source.named}' in {config.folder}{usual}: has it been "
        f"delivered? Nothing was written; deliver it and run the night again.{remedy}"
    )


def find(config: Config, night: date | None) -> list[logs.LogFile]:
    """The log files to read: those that can hold the night's rows; without a night, all.

    Raises:
        InputError: there is none, or none that can be the night's, which may not be one without a log.
    """
    source = log_of(config)
    files = logs.find(source, config, night)
    closed = config.ingest.allow_empty and _is_daily(source)
    if not files or (night and not closed and not any(file.is_about(night) for file in files)):
        of = f" of {night}" if night else ""
        raise InputError(f"no log file{of} matches '{source.named}' in {config.folder}: has it been delivered?")
    return files
