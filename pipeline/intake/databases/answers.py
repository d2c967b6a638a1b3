"""What is kept of what databases were asked for: files below the home, with rows as the database has them.

    <home>/asked/<as `files` of the input says>

Whoever removes some of them holds their lock, as a night does that reads them.
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from pipeline.ground import artifacts
from pipeline.intake import inputs, log_files
from pipeline.intake.log_files import LogFile
from pipeline.settings.config import Config
from pipeline.settings.sections.data import InputFiles

ENDING = ".parquet"
"""Of every such file; no folder of a night has it."""


def is_any(config: Config) -> bool:
    """Whether a database is asked, or was."""
    return config.asked.is_dir() or any(_sources(config, people=None))


def about_people(config: Config) -> list[Path]:
    """Every file but those of inputs in which nobody stands, also of inputs that the configuration no longer has.

    Raises:
        InputError: a file of those inputs is none that can be read.
    """
    others = {file.path for source in _sources(config, people=False) for file in log_files.find(source, config)}
    others -= {file.path for source in _sources(config, people=True) for file in log_files.find(source, config)}
    return [path for path in sorted(config.asked.rglob("*")) if path.is_file() and path not in others]


def before(config: Config, first: date) -> list[Path]:
    """The files of days before a day, as their names say."""

    def is_old(file: LogFile) -> bool:
        return file.last_day is not None and file.last_day < first

    found = (file for source in _sources(config, people=None) for file in log_files.find(source, config))
    return sorted({file.path for file in found if is_old(file)})


def remove(paths: list[Path]) -> None:
    """Remove files, and have it on disk; the caller holds the lock."""
    for path in paths:
        path.unlink(missing_ok=True)
    for folder in sorted({path.parent for path in paths}):
        artifacts.sync(folder)


def _sources(config: Config, people: bool | None) -> Iterator[InputFiles]:
    """The inputs that come from a database: those about people, the others, or all."""
    for table in inputs.nightly():
        source = table.files(config)
        if source is not None and source.connection is not None and people in {None, bool(table.person)}:
            yield source
