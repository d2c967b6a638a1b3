"""The shop's raw log files: which ones a night needs."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from pipeline.ground import keeping
from pipeline.ground.errors import InputError
from pipeline.settings.config import Config
from pipeline.settings.sections.data import InputFiles
from pipeline.store import fetched, urls

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


def folder_of(source: InputFiles, config: Config) -> Path:
    """Where a source's files lie, and its globs start: of the shop's own files its folder, which is only read; of those
    that are made of what a database was asked for a folder of the home.
    """
    return config.folder if source.connection is None else config.asked


def find(source: InputFiles, config: Config, night: date | None = None) -> list[LogFile]:
    """The files of a source, in name order; one that several globs match has the days of the first that says some.

    Args:
        source: the section that names them.
        config: where they lie.
        night: only files in which rows can stand that arrive on it: those about it and about the day before, as the
            last rows of a file may be of the day after. Default: all files.
    Raises:
        InputError: what matches is no file that can be read, or the date in its name is none.
    """
    nights = [night + timedelta(days=n) for n in (-1, 0)] if night else []
    globs = tuple(dict.fromkeys((*source.globs, *source.given)))  # a file's own name may have braces
    expressions = [_expression(glob) for glob in globs]
    found: dict[Path, LogFile] = {}
    for glob, expression in zip(globs, expressions, strict=True):
        dated = [of_night(glob, night) for night in nights] or [_with(glob, {})]
        for path in (path for one in dated for path in _there(folder_of(source, config), one)):
            if path in found or not expression.fullmatch(name := name_of(config, path)):
                continue
            if _is_log(path, glob):
                found[path] = LogFile(path, *_days(path, name, expressions))
    wanted = (file for file in found.values() if not nights or any(map(file.is_about, nights)))
    return sorted(wanted, key=lambda file: file.path)


def format_of(source: InputFiles) -> str:
    """csv, jsonl or parquet.

    Raises:
        InputError: the names do not say it, or say several.
    """
    if source.format != "auto":
        return source.format
    endings = [Path(re.sub(r"\.(gz|zst)$", "", glob)).suffix for glob in source.globs]
    if unclear := [glob for glob, ending in zip(source.globs, endings, strict=True) if ending not in FORMATS]:
        raise InputError(
            f"the format of '{unclear[0]}' is not clear from its name: set format to csv, jsonl or parquet"
        )
    if len(kinds := {FORMATS[ending] for ending in endings}) > 1:
        raise InputError(f"'{source.named}' are of several formats ({', '.join(sorted(kinds))}): name those of one")
    return kinds.pop()


def _with(glob: str, values: Mapping[str, str]) -> str:
    """A glob in which only * and ? stand for anything: of a night, or of all."""
    for name in PLACEHOLDERS:
        glob = glob.replace(f"{{{name}}}", values.get(name, "*"))
    return glob


def _expression(glob: str) -> re.Pattern[str]:
    """The glob as a regular expression that reads the date in a file's name; a bracket is a bracket."""
    parts = re.split(r"(\{year\}|\{month\}|\{day\}|\*\*/|\*|\?)", glob)
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


def of_night(glob: str, night: date) -> str:
    """A glob with the date of a night."""
    return _with(glob, {"year": f"{night:%Y}", "month": f"{night:%m}", "day": f"{night:%d}"})


def name_of(config: Config, path: Path) -> str:
    """A log file's name: relative to where its source's files lie, or its URL."""
    if path.is_relative_to(config.asked):
        return path.relative_to(config.asked).as_posix()
    shown = keeping.shown(str(path))
    return path.relative_to(config.folder).as_posix() if shown == str(path) else shown


def _there(folder: Path, glob: str) -> Iterator[Path]:
    """The files that match a glob, below a folder or in an object store, from which they are fetched first."""
    if not urls.is_url(glob):
        yield from _matching(folder, glob.split("/"))
        return
    parts = glob.split("/")
    fixed = next(n for n, part in enumerate(parts) if "*" in part or "?" in part or n == len(parts) - 1)
    shelf = fetched.shelf("/".join(parts[:fixed]))
    shelf.fetch_matching(_expression("/".join(parts[fixed:])))
    yield from _matching(shelf.folder, parts[fixed:])


def _matching(folder: Path, parts: Sequence[str]) -> Iterator[Path]:
    """What there is below a folder by the parts of a glob; ** does not follow links."""
    part, *rest = parts
    if part == "**":
        yield from _matching(folder, rest)
        for entry in _entries(folder):
            if entry.is_dir(follow_symlinks=False):
                yield from _matching(folder / entry.name, parts)
        return
    if "*" in part or "?" in part:
        expression = _expression(part)
        paths = [folder / entry.name for entry in _entries(folder) if expression.fullmatch(entry.name)]
    else:
        paths = [folder / part]
    for path in paths:
        if rest:
            yield from _matching(path, rest)
        elif os.path.lexists(path):
            yield path


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except PermissionError:
        raise InputError(f"{folder} is forbidden to this user: give it the right to list the folder") from None


def _is_log(path: Path, glob: str) -> bool:
    """Whether what matches is a file; a folder whose name `*` alone matches is none, and nobody's mistake.

    Raises:
        InputError: it looks like a log and is none.
    """
    try:
        str(path).encode()
        if path.is_file():
            return True
        if path.is_dir():
            if glob.rpartition("/")[2] == "*":
                return False
            raise InputError(
                f"{path} is a folder and matches '{glob}': name the files in it ('{glob}/*.csv'), or rename it"
            )
    except UnicodeEncodeError:
        raise InputError(f"{str(path)!a}: its name is not UTF-8: rename it") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): mend it, or give this user the right") from None
    if path.is_symlink():
        raise InputError(f"{path} is a link to what does not exist: mend it, or remove it")
    raise InputError(f"{path} is neither a file nor a folder: remove it, or name the files so that it does not match")


def _days(path: Path, name: str, expressions: Sequence[re.Pattern[str]]) -> tuple[date | None, date | None]:
    """First and last day of the year, month or day in a file's name, as the first glob has it that has one."""
    for expression in expressions:
        matched = expression.fullmatch(name)
        if matched and "year" in matched.groupdict():
            try:
                return _span(matched)
            except ValueError as error:
                raise InputError(f"{path}: the date in its name is none ({error})") from None
    return None, None


def _span(matched: re.Match[str]) -> tuple[date, date]:
    given = {key: int(value) for key, value in matched.groupdict().items()}
    month, day = given.get("month"), given.get("day")
    first = date(given["year"], month or 1, day or 1)
    if day is not None and month is not None:
        return first, first
    following = first.replace(day=28) + timedelta(days=4) if month else date(first.year + 1, 1, 1)
    return first, following.replace(day=1) - timedelta(days=1)


def is_catalogue(source: InputFiles, files: Sequence[LogFile]) -> bool:
    """Whether the files are one that names no day: all that there is, as it stands."""
    return len(files) == 1 and not any(f"{{{part}}}" in glob for glob in source.globs for part in PLACEHOLDERS)
