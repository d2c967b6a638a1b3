"""The shop's raw log files: which ones a night needs."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from pipeline.ground.errors import InputError
from pipeline.settings.config import Config
from pipeline.settings.sections.data import InputFiles

PLACEHOLDERS = {"year": r"(?P<year>\d{4})", "month": r"(?P<month>\d{2})", "day": r"(?P<day>\d{2})"}
FORMATS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".parquet": "parquet"}


@dataclass(frozen=True)
class LogFile:
    """One raw file and the days it is about: those its name says, else null."""

    path: Path
    first_day: date | None
    last_day: date | None

    def is_about(self, night: date) -> bool:
        """Whether the file can be the night's log, by its name."""
        return self.first_day is None or self.last_day is None or self.first_day <= night <= self.last_day


def _glob(pattern: str, values: dict[str, str]) -> str:
    """What Path.glob takes: only *, ? and the placeholders stand for anything, a bracket is a bracket."""
    pattern = pattern.replace("[", "[[]")
    for name in PLACEHOLDERS:
        pattern = pattern.replace(f"{{{name}}}", values.get(name, "*"))
    return pattern


def _name_pattern(pattern: str) -> re.Pattern[str]:
    """The glob as a regular expression that reads the date in a file's name."""
    parts = re.split(r"(\{year\}|\{month\}|\{day\}|\*\*/|\*|\?)", pattern)
    known = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    seen: set[str] = set()
    expression = ""
    for part in parts:
        name = part.strip("{}")
        if part.startswith("{") and name in PLACEHOLDERS:
            expression += f"(?P={name})" if name in seen else PLACEHOLDERS[name]
            seen.add(name)
        else:
            expression += known.get(part, re.escape(part))
    return re.compile(expression)


def _days(name: re.Match[str]) -> tuple[date | None, date | None]:
    """First and last day of the year, month or day in a file's name."""
    given = {key: int(value) for key, value in name.groupdict().items()}
    if "year" not in given:
        return None, None
    month, day = given.get("month"), given.get("day")
    first = date(given["year"], month or 1, day or 1)
    if day and month:
        return first, first
    following = first.replace(day=28) + timedelta(days=4) if month else date(first.year + 1, 1, 1)
    return first, following.replace(day=1) - timedelta(days=1)


def find(source: InputFiles, config: Config, night: date | None = None) -> list[LogFile]:
    """The files of a source, in name order.

    Args:
        source: the section that names them.
        config: its folder is where the glob starts.
        night: only files that can hold this night's rows: the date in the name, give or take a day, because a log's
            days may be of another time zone. Default: all files.
    """
    nights = [night + timedelta(days=n) for n in (-1, 0, 1)] if night else [None]
    parts = [{"year": f"{n:%Y}", "month": f"{n:%m}", "day": f"{n:%d}"} if n else {} for n in nights]
    paths = {path for values in parts for path in config.folder.glob(_glob(source.files, values)) if path.is_file()}
    expression = _name_pattern(source.files)
    found = []
    for path in sorted(paths):
        matched = expression.fullmatch(path.relative_to(config.folder).as_posix())
        if matched:
            found.append(LogFile(path, *_file_days(path, matched)))
    return found


def _file_days(path: Path, matched: re.Match[str]) -> tuple[date | None, date | None]:
    try:
        return _days(matched)
    except ValueError as error:
        raise InputError(f"{path}: the date in its name is none ({error})") from None


def format_of(source: InputFiles) -> str:
    """csv, jsonl or parquet."""
    if source.format != "auto":
        return source.format
    name = re.sub(r"\.(gz|zst)$", "", source.files)
    if (ending := Path(name).suffix) not in FORMATS:
        raise InputError(
            f"the format of '{source.files}' is not clear from its name: set format to csv, jsonl or parquet"
        )
    return FORMATS[ending]
