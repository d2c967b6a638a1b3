"""A starter shop in a folder: settings, mappings and a log, so that the first night runs as it stands."""

import json
import shlex
import shutil
from pathlib import Path
from string import Template

from pipeline.ground.errors import InputError
from pipeline.ground.terminal import clean
from pipeline.operations.starter import columns, example, known_logs, mapping, proposals, survey
from pipeline.operations.starter.mapping import Log
from pipeline.operations.starter.survey import Taken
from pipeline.settings.sections.data import Ingest, InputFiles
from pipeline.sources import configuration

TEMPLATES = Path(__file__).parent / "starter"
ENOUGH_DAYS = 35
ITEMS = """
[ingest.items]
files = {files}
sql = "items.sql"  # what your log says about its items: titles, categories, prices
{reading}"""
NO_ITEMS = """
# Titles and categories make an item recommendable before anybody has bought it. A file with item_id, title, category,
# price and a date becomes known so; its mapping selects item_id, title, category, price, arrived_at and _file from raw:
# [ingest.items]
# files = "items/*.csv"
# sql = "items.sql"
"""


def init(folder: Path, log: Path | None = None) -> str:
    """Write a starter shop.

    Args:
        folder: does not exist, or is empty.
        log: CSV or JSON Lines, which is copied; its columns are recognised by their names. Or the name of a schema that
            is known (known_logs.NAMES), without a log. Default: a made-up one.
    Returns:
        For people: what was recognised, what the mapping takes of the log, and the commands that come next.
    Raises:
        InputError: the folder is not empty, or the log cannot be read; nothing is written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} exists and is not empty: name a new folder; nothing there was changed")
    schema = str(log) if log is not None and str(log) in known_logs.NAMES and not log.is_file() else None
    if log is not None and schema is None and not log.is_file():
        raise InputError(
            f"{log} is no file: name your log after --from, or a schema that is known ({', '.join(known_logs.NAMES)})"
        )
    place = folder.resolve()  # of "." too
    partial = place.parent / f".{place.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    try:
        (partial / "logs").mkdir(parents=True)
        if schema is not None:
            said = known_logs.write(schema, partial, folder)
            _put(partial, folder)
            return said
        if log is None:
            log = partial / "logs" / "example.csv"
            log.write_text(example.log(), encoding="utf-8")
        else:
            shutil.copyfile(log, partial / "logs" / log.name)
        said = _write(partial, folder, log)
        _put(partial, folder)
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error}") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return said


def _put(partial: Path, folder: Path) -> None:
    """Put what was written into its place; an empty folder that is there stays the one that it is, as a mount does."""
    if not folder.exists():
        partial.replace(folder)
        return
    for path in sorted(partial.iterdir()):
        path.replace(folder / path.name)


def _write(partial: Path, folder: Path, log: Path) -> str:
    """Everything but the log; says what was done."""
    read_as = survey.source(log)
    found = survey.look(log, read_as)
    (partial / "events.sql").write_text(mapping.events(found), encoding="utf-8")
    if (items := mapping.items(found)) is not None:
        (partial / "items.sql").write_text(items, encoding="utf-8")
    toml = partial / "pipeline.toml"
    toml.write_text(_settings(found, read_as, folder, None), encoding="utf-8")
    taken = None if found.missing else survey.take(configuration.load(toml))
    toml.write_text(_settings(found, read_as, folder, taken), encoding="utf-8")
    path = shlex.quote(str(folder / "pipeline.toml"))
    night = str(taken.complete or taken.last) if taken and taken.last else "DATE"
    readme = Template((TEMPLATES / "README.md").read_text(encoding="utf-8"))
    users = found.chosen["user_id"].column.counts.most_common(1) if "user_id" in found.chosen else []
    user = shlex.quote(clean(users[0][0])) if users else "ID"
    (partial / "README.md").write_text(readme.substitute(config=path, night=night, user=user), encoding="utf-8")
    return "\n".join([f"{folder} is written", *_recognised(found), *_taken(taken), *_next(found, path, night, user)])


def _settings(found: Log, read_as: InputFiles, folder: Path, taken: Taken | None) -> str:
    """pipeline.toml."""
    reading = "" if read_as.format == "auto" else f'format = "{read_as.format}"\n'
    reading += "" if read_as.delimiter == "," else f"delimiter = {_quoted(read_as.delimiter)}\n"
    files = _quoted(read_as.named)
    has_items = mapping.items(found) is not None
    return Template((TEMPLATES / "pipeline.toml").read_text(encoding="utf-8")).substitute(
        home=_quoted(str(folder.absolute() / ".nightjar")),
        windows=_windows(taken),
        files=files,
        reading=reading,
        items=(ITEMS.format(files=files, reading=reading) if has_items else NO_ITEMS).lstrip("\n"),
        event_types=_event_types(found),
    )


def _quoted(text: str) -> str:
    """A text as TOML, whose basic strings are JSON's."""
    return json.dumps(text, ensure_ascii=False)


def _event_types(found: Log) -> str:
    types = proposals.event_types(found.behaviours)
    return "\n".join(
        f"{kind} = {{ weight = {worth.weight}{', label = true' if worth.label else ''} }}"
        for kind, worth in types.items()
    )


def _windows(taken: Taken | None) -> str:
    """Label windows that fit into the log."""
    days = _days(taken) if taken else None
    if days is None or (fitting := proposals.windows(days)) is None:
        return ""
    return (
        f"horizon_days = {fitting[0]}  # recommendations are for, and judged by, so many days; 14 once the log is "
        f"longer\nlabel_windows = {fitting[1]}  # how many such stretches of the past are learned from; at most 12\n"
    )


def _days(taken: Taken) -> int | None:
    until = taken.complete or taken.last
    return (until - taken.first).days + 1 if until and taken.first else None


def _recognised(found: Log) -> list[str]:
    lines = []
    for role in columns.NAMES:
        if role in found.missing:
            lines.append(f"  {role:12}NOT FOUND: choose the column in events.sql")
        elif choice := found.chosen.get(role):
            doubts = [*([] if choice.sure else ["a guess"]), *(f"or {clean(name)}?" for name in choice.others)]
            doubts += found.doubts if role == "event_time" else []
            lines.append(f"  {role:12}{clean(choice.column.name)}" + (f"  ({'; '.join(doubts)})" if doubts else ""))
    if "event_type" not in found.chosen:
        lines.append(f"  {'event_type':12}{' or '.join(found.behaviours)}, as no column says it")
    if found.unknown_kinds:
        lines.append(f"  left out    {', '.join(map(clean, found.unknown_kinds[:10]))}: behaviours that are not known")
    return lines


def _taken(taken: Taken | None) -> list[str]:
    if taken is None:
        return []
    said = f"{taken.events:,} events of {taken.users:,} users and {taken.items:,} items, {taken.first} .. {taken.last}"
    lines = ["", said, *(f"{rows:,} rows are refused: {reason}" for reason, rows in taken.refused.items())]
    refused = sum(rows for reason, rows in taken.refused.items() if not reason.startswith("duplicate"))
    if refused > Ingest().max_reject_share * (taken.events + refused):
        lines.append("That is too many for a night to be run: mend events.sql first.")
    days = _days(taken)
    if days is not None and days < ENOUGH_DAYS:
        lines.append(f"{days} days are few to learn from: with {ENOUGH_DAYS} and more the lists can be judged")
    return lines


def _next(found: Log, path: str, night: str, user: str) -> list[str]:
    first = [f"  choose {', '.join(found.missing)} in events.sql beside {path}"] if found.missing else []
    return [
        "",
        "next:",
        *first,
        f"  nightjar --config {path} run --run-date {night} --with-history",
        f"  nightjar --config {path} show --user {user}",
    ]
