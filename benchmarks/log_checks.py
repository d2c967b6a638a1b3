"""How often the checks of a night's log are wrong, on the example shop's two years of real logs.

    python -m benchmarks.log_checks

False alarms: nights that stop or warn although their log is whole. Then every night is cut in half, four ways, and
the halves that stop are counted. Thresholds were chosen on the nights before 2011-07-01, the later ones looked at
afterwards. What it gave stands in benchmarks/README.md.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import nights
from pipeline.ground import artifacts, sql
from pipeline.intake import quality
from pipeline.operations import load_history
from pipeline.settings.config import Config
from pipeline.sources import configuration

TUNED_UNTIL = date(2011, 7, 1)
LAST = date(2011, 12, 9)
Events = Sequence[tuple[int, str]]
"""Seconds since the night began and type of every event, in order of time."""


def noon(events: Events) -> Events:
    """The log as it is at noon."""
    return [event for event in events if event[0] < 12 * 3600]


def half_of_the_day(events: Events) -> Events:
    """The log up to half time between the night's first and last event."""
    middle = (events[0][0] + events[-1][0]) / 2
    return [event for event in events if event[0] <= middle]


def half_of_the_events(events: Events) -> Events:
    """The first half of the log's events."""
    return events[: len(events) // 2]


def every_other_event(events: Events) -> Events:
    """One of two servers' logs: half of the events, all day long."""
    return events[::2]


HALVES: tuple[Callable[[Events], Events], ...] = (noon, half_of_the_day, half_of_the_events, every_other_event)


def read(folder: Path, night: date) -> Events:
    """The events of a partition."""
    table = pq.read_table(folder / "events.parquet", columns=["event_time", "event_type"])
    begin = night.toordinal() - date(1970, 1, 1).toordinal()
    micros = table.column("event_time").cast(pa.int64()).to_pylist()
    seconds = [moment // 10**6 - begin * 86400 for moment in micros]
    return sorted(zip(seconds, table.column("event_type").to_pylist(), strict=True))


def numbers(whole: quality.NightNumbers, events: Events) -> quality.NightNumbers:
    """What ingest would measure of a part of a night, as far as the checks that stop look at it."""
    kinds = Counter(kind for _, kind in events)
    measured: dict[str, Any] = {"rows": len(events), "events": len(events)}
    for name in ("null_users", "null_values", "null_quantities", "null_prices", "null_sessions"):
        measured[name] = whole[name] * len(events) // whole["events"]
    if events:
        measured |= {"first_event": events[len(events) // 20][0], "last_event": events[-1][0]}
    else:
        measured |= {"first_event": None, "last_event": None}
    return whole | measured | {"types": [{"type": kind, "events": n} for kind, n in sorted(kinds.items())]}


def judge(measured: Sequence[quality.NightNumbers], first: date, settings: Config) -> dict[date, quality.Offences]:
    """What the checks say of nights from a first one on, see `quality.judge`."""
    with sql.connect(1, settings.memory_limit_mb) as connection:
        return quality.judge(connection, measured, first, settings)


def stops(settings: Config, past: Sequence[quality.NightNumbers], tonight: quality.NightNumbers) -> list[str]:
    """The checks that would stop the night."""
    night = tonight["night"]
    found = judge([*past, tonight], night, settings).get(night, {})
    return [check for check in found if settings.checks.severity[check] == "stop"]


def report(settings: Config, first: date, last: date) -> str:
    """False alarms and halves caught in a range of nights, as text."""
    folders = {artifacts.run_date_of(f): f for f in artifacts.partitions_until(settings.lake, "ingest", last)}
    measured = [
        {"night": night} | artifacts.read_manifest(folder)["report"][quality.KEY] for night, folder in folders.items()
    ]
    judged = [n for n in measured if n["night"] >= first and n["events"]]
    found = {night: o for night, o in judge(measured, first, settings).items() if night <= last}
    lines = [f"{first} .. {last}: {len(judged)} nights with events"]
    for kind in ("stop", "warn"):
        hit = {n: [c for c in o if settings.checks.severity[c] == kind] for n, o in found.items()}
        hit = {night: checks for night, checks in hit.items() if checks}
        counts = Counter(check for checks in hit.values() for check in checks)
        lines.append(f"  whole nights that {kind}: {len(hit)} {dict(counts)}")
        lines += [f"    {night:%a %Y-%m-%d} {', '.join(checks)}" for night, checks in sorted(hit.items())]
    caught: Counter[str] = Counter()
    by_check: Counter[str] = Counter()
    with_history = 0
    for tonight in judged:
        night = tonight["night"]
        past = [n for n in measured if night - timedelta(weeks=settings.checks.weeks) <= n["night"] < night]
        same = [n for n in past if n["night"].weekday() == night.weekday() and n["events"]]
        if len(same) < settings.checks.min_nights:
            continue
        with_history += 1
        events = read(folders[night], night)
        for cut in HALVES:
            if checks := stops(settings, past, numbers(tonight, cut(events))):
                caught[cut.__name__] += 1
                by_check.update(f"{cut.__name__}: {check}" for check in checks)
    lines.append(f"  halves that stop, of the {with_history} nights with enough history:")
    lines += [f"    {cut.__name__:<20} {caught[cut.__name__]:>4} of {with_history}" for cut in HALVES]
    return "\n".join([*lines, f"    {dict(sorted(by_check.items()))}"])


def main() -> None:
    """Load the history below --home and report the tuning nights and the later ones."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, help="where the history is loaded; default: a temporary folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        settings = configuration.load(nights.EXAMPLE, {"home": str(arguments.home or temporary), "threads": 2})
        print(load_history.load_history(settings, LAST))
        print(report(settings, date(2009, 12, 1), TUNED_UNTIL - timedelta(days=1)))
        print(report(settings, TUNED_UNTIL, LAST))


if __name__ == "__main__":
    main()
