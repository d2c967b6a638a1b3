"""Whether a night's log is as usual: a few numbers per night, compared with the same weekdays before it.

The numbers stand in the report of the night's manifest: a night reads the manifests of the last weeks (`past_nights`),
never their events. Every sql/checks/events/*.sql returns (night, offence in words); `checks.severity` says what an
offence does.
"""

import glob
import json
import logging
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from pipeline.ground import artifacts, sql
from pipeline.ground.errors import InputError
from pipeline.intake.inputs import EVENTS
from pipeline.settings.config import Config

log = logging.getLogger(__name__)

# Of one night; event times are in seconds since its midnight, by the shop's clock.
NUMBERS = pa.schema(
    [
        pa.field("night", pa.date32(), nullable=False),
        pa.field("rows", pa.int64(), nullable=False),  # of the log: events and all that was refused
        pa.field("left_out", pa.int64(), nullable=False),  # rows of the log of which the mapping makes no event
        pa.field("events", pa.int64(), nullable=False),
        *(
            pa.field(f"{name}", pa.int64(), nullable=False)
            for name in ("duplicates", "unknown_types", "skewed", "late")
        ),
        pa.field("first_event", pa.int64()),  # 5 % of the events are earlier
        pa.field("last_event", pa.int64()),
        *(
            pa.field(f"null_{name}", pa.int64(), nullable=False)
            for name in ("users", "values", "quantities", "prices", "sessions")
        ),
        pa.field("free", pa.int64(), nullable=False),  # events with a price of zero or less
        pa.field("compared_prices", pa.int64(), nullable=False),  # items that had a price lately
        pa.field("far_prices", pa.int64(), nullable=False),  # those of them that cost far more or less
        pa.field("types", pa.list_(pa.struct([("type", pa.string()), ("events", pa.int64())])), nullable=False),
    ]
)
SHOWN = 3
"""Offences of one check that a message quotes."""
KEY = "quality"

NightNumbers = dict[str, Any]
"""Of one night, the fields of NUMBERS."""
Offences = dict[str, list[str]]
"""By check, in words."""


def measure(
    connection: duckdb.DuckDBPyConnection, config: Config, first: date, last: date, earlier: Sequence[Path] = ()
) -> list[NightNumbers]:
    """The numbers of every night of a range.

    Args:
        connection: with the tables of staging.staged.
        config: how far back prices are compared.
        first, last: the range.
        earlier: finished partitions of the nights before `first`, oldest first.
    Returns:
        One dict per night with the fields of NUMBERS.
    """
    since = first - timedelta(days=config.checks.price_nights)
    recent = [glob.escape(str(EVENTS.path(folder))) for folder in earlier if artifacts.run_date_of(folder) >= since]
    table = "ingest/earlier_prices" if recent else "ingest/earlier_prices_none"
    sql.execute(connection, table, partitions=recent)
    limits = config.checks.model_dump()
    rows = sql.query(connection, "ingest/quality", NUMBERS, first=first, last=last, **limits).to_pylist()
    return [dict(row) for row in rows]


def nothing(night: date) -> NightNumbers:
    """The numbers of a night without a log."""
    zero: NightNumbers = {field.name: None if field.nullable else 0 for field in NUMBERS}
    return zero | {"night": night, "types": []}


def reported(numbers: NightNumbers, found: Offences) -> dict[str, Any]:
    """What a night's manifest keeps: its numbers, and what is not as usual about them."""
    return {KEY: {name: value for name, value in numbers.items() if name != "night"}, "unusual": found}


def past_nights(config: Config, night: date) -> list[Path]:
    """The finished partitions whose manifests say what is usual for a night: those of the last `checks.weeks`."""
    since = night - timedelta(weeks=config.checks.weeks)
    folders = artifacts.partitions_until(config.lake, "ingest", night - timedelta(days=1))
    return [folder for folder in folders if artifacts.run_date_of(folder) >= since]


def history(folders: Sequence[Path]) -> list[NightNumbers]:
    """The numbers of nights, as their manifests have them; nights that were not measured are absent."""
    reports = ((folder, artifacts.read_manifest(folder)["report"].get(KEY)) for folder in folders)
    return [{"night": artifacts.run_date_of(folder)} | numbers for folder, numbers in reports if numbers is not None]


def newest_with_events(config: Config) -> date | None:
    """The newest night in the lake whose log had events, which a mistyped or closed one has not; None without any."""
    for folder in reversed(artifacts.partitions_until(config.lake, "ingest", date.max)):
        if has_events(folder):
            return artifacts.run_date_of(folder)
    return None


def has_events(folder: Path) -> bool:
    """Whether a finished ingest partition has events."""
    return bool(artifacts.read_manifest(folder).get("report", {}).get("events"))


def judge(
    connection: duckdb.DuckDBPyConnection, nights: Sequence[NightNumbers], first: date, config: Config
) -> dict[date, Offences]:
    """Run every check that is not off.

    Args:
        connection: to any database, in which tables are made that only the checks see; opening one takes longer.
        nights: with their history, in any order.
        first: nights before it are only history.
        config: severities and limits.
    Returns:
        Offences by night and check; as-usual nights are absent.
    """
    section, found = config.checks, dict[date, Offences]()
    limits = section.model_dump() | {"first": first, "timezone": config.timezone}
    with connection.cursor() as cursor:
        sql.in_zone(cursor, "UTC")
        # as JSON: a table of Python's objects would import pandas, a second
        limits["nights"], limits["usual_nights"] = json.dumps(list(nights), default=str), section.nights
        for table in ("nights", "past", "usual", "tonight"):
            sql.execute(cursor, f"checks/{table}", **limits)
        for check in section.of("events"):
            for night, said in sql.execute(cursor, f"checks/events/{check}", **limits).fetchall():
                found.setdefault(night, {}).setdefault(check, []).append(said)
    return found


def require(offences: Offences, night: date, config: Config, files: Sequence[Path]) -> Offences:
    """Warn of what a night's log offends, or stop.

    Returns:
        The offences that only warn.
    Raises:
        InputError: a check whose severity is `stop` found something; names the files, what is usual and the remedy.
    """
    severity = config.checks.severity
    stopping = [check for check in offences if severity[check] == "stop"]
    said = [
        f"{check}: {'; '.join(offences[check][:SHOWN])}"
        for check in (*stopping, *sorted(set(offences) - set(stopping)))
    ]
    named = _named(files) or "no file"
    if stopping:
        flags = " ".join(f"--set checks.severity.{check}=warn" for check in stopping)
        override = ", ".join(f'"{check}": "warn"' for check in stopping)
        error = InputError(
            f"the log of {night} ({named}) is not as usual. {' | '.join(said)}. Nothing was written. "
            f"Deliver the whole log and run the night again; if the day really was like this, run it once with {flags} "
            f'(in Airflow: overrides {{"checks": {{"severity": {{{override}}}}}}})'
        )
        error.found = {check: len(said) for check, said in offences.items()}
        raise error
    for words in said:
        log.warning("the log of %s (%s) is not as usual. %s", night, named, words)
    if offences and files:
        log.warning(
            "should a better log of %s come, read it with: run --run-date %s --stages ingest --force", night, night
        )
    return offences


def usual(nights: Sequence[NightNumbers], night: date) -> str:
    """What the same weekdays before a night had, in words; "" when nothing is known."""
    same = [n["events"] for n in nights if n["night"].weekday() == night.weekday() and n["events"]]
    if not same:
        return ""
    middle = sorted(same)[len(same) // 2]
    return f" (the last {len(same)} {night:%A}s that had any had about {middle:,} events)"


def gaps(found: Mapping[date, Offences]) -> list[str]:
    """Lines for people: by check, how many nights of a loaded history are not as usual, and the first of them."""
    by_check: dict[str, list[date]] = {}
    for night, offences in sorted(found.items()):
        for check in offences:
            by_check.setdefault(check, []).append(night)
    lines = []
    for check, nights in sorted(by_check.items(), key=lambda entry: -len(entry[1])):
        first = ", ".join(night.isoformat() for night in nights[:SHOWN])
        lines.append(f"{len(nights):>12,} unusual nights: {check} ({first}{', ...' if len(nights) > SHOWN else ''})")
    return lines


def _named(files: Sequence[Path]) -> str:
    return ", ".join(map(str, files[:SHOWN])) + (" ..." if len(files) > SHOWN else "")
