"""Night after night as the files come, or all files at once: the same events, each once, every line accounted for."""

import contextlib
import os
import random
import tempfile
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from pipeline.ground import artifacts
from pipeline.intake import left_out
from pipeline.operations import load_history, stages
from pipeline.sources.configuration import FullConfig
from tests.intake import log_writer
from tests.intake.log_writer import TYPE, Line, Server
from tests.tiny_log import digests, rows_of, shop
from tests.tiny_log import ingest as ingest_night

pytestmark = pytest.mark.slow

ZONES = [
    "UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago",
    "Africa/Cairo", "Australia/Lord_Howe",
]  # fmt: skip
FIRST = [date(2024, 3, 9), date(2024, 3, 30), date(2024, 4, 25), date(2024, 10, 26), date(2024, 7, 1)]
DAYS, LINES, AFTER = 2, 25, 2
ENDS = [("\n",), ("\r\n",), ("\n", "\r\n")]
ALONE = [("\r",), ("\r", "\n"), ("\n", "\r", "\r\n", "\r\n")]


def servers(**over: st.SearchStrategy[Any]) -> st.SearchStrategy[Server]:
    return st.booleans().flatmap(
        lambda is_csv: st.builds(
            Server,
            **{
                "zone": st.sampled_from(ZONES),
                "offset": st.integers(-7200, 7200).map(lambda seconds: timedelta(seconds=seconds)),
                "sorted": st.booleans(),
                "is_csv": st.just(is_csv),
                "ends": st.sampled_from([*ENDS, *ALONE] if is_csv else ENDS),
                **over,
            },
        )
    )


LATENESS = st.sampled_from([timedelta(seconds=30), timedelta(hours=6), timedelta(days=2)])
SERVERS = servers(lateness=LATENESS, growth=st.just(0))
GROWING = servers(lateness=st.just(timedelta(days=1)), growth=st.just(3))
REWRITING = servers(lateness=st.just(timedelta(days=1)), growth=st.just(3), anew=st.just(True))
EARLY = Server("Pacific/Pago_Pago", -timedelta(seconds=616), timedelta(days=1), 3, True, ("\n", "\r\n"))
"""Its files are there before a row of theirs arrives."""
ARRIVALS = st.sampled_from(["event_time", "file", "arrived_at"])
READINGS = st.tuples(st.sampled_from(ZONES), ARRIVALS)
ITEMS = st.sampled_from([None, "{year}-{month}-{day}", "items-{year}-{month}-{day}"])


@pytest.fixture(autouse=True)
def nothing_to_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """A night before any row's has no history: nothing is loaded, and nothing else is said here."""
    load = load_history.load_history

    def loaded(config: FullConfig, until: date) -> str:
        with contextlib.suppress(load_history.NoHistoryError):
            return load(config, until)
        return ""

    monkeypatch.setattr(load_history, "load_history", loaded)


SEEDS = st.integers(0, 10_000)
MORE = int(os.environ.get("NIGHTJAR_EXAMPLES", "0"))
"""So many random examples, where somebody has the time, instead of a few that are always the same."""
THOROUGH = settings(
    max_examples=MORE or 3,
    deadline=None,
    derandomize=not MORE,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # a failing server is small enough, and each of its nights takes its time
    suppress_health_check=list(HealthCheck),
)


def configured(home: Path, zone: str, arrival: str, server: Server, items: str | None = None) -> FullConfig:
    folder = home.parent
    ingest: dict[str, Any] = {"arrival": arrival, "max_reject_share": 1, "allow_empty": True}
    ending = "csv" if server.is_csv else "jsonl"
    if items is not None:
        (folder / "items.sql").write_text(log_writer.ITEMS)
        ingest["items"] = {"files": f"{items}.{ending}", "sql": "items.sql"}
    files = f"{{year}}-{{month}}-{{day}}.{ending}"
    return shop(folder, files, log_writer.MAPPING, home=home, timezone=zone, ingest=ingest)


def lake(config: FullConfig) -> dict[date, tuple[list[str], int]]:
    """By night, the ids of its events and the number of lines that are refused or left out."""
    found = {}
    for folder in artifacts.partitions_until(config.lake, "ingest", date.max):
        left = artifacts.read_manifest(folder)["report"].get(left_out.KEY, 0)
        events = sorted(e["event_id"] for e in rows_of(folder))
        found[artifacts.run_date_of(folder)] = (events, len(rows_of(folder, "rejects")) + left)
    return found


def nights_of(lines: list[Line], first: date) -> list[date]:
    """From the day before the first file to some after the last line is there."""
    begin = min([first, *(line.file_day for line in lines)]) - timedelta(days=2)
    end = max(line.visible for line in lines) + timedelta(days=AFTER)
    return [begin + timedelta(days=n) for n in range((end - begin).days + 1)]


def expected(lines: list[Line], zone: str, arrival: str) -> dict[str, date]:
    """By id of the events that can be taken, the night on which the first of its lines arrives."""
    found: dict[str, date] = {}
    for line in lines:
        if line.kind != TYPE or line.time is None:
            continue
        happened, written = (moment.astimezone(ZoneInfo(zone)).date() for moment in (line.time, line.written))
        own = {"event_time": happened, "file": line.file_day, "arrived_at": written}[arrival]
        night = max(own, line.file_day)
        if own <= line.file_day + timedelta(days=1) and happened <= night:
            found[line.id] = min(night, found.get(line.id, night))
    return found


@THOROUGH
@given(server=SERVERS, reading=READINGS, first=st.sampled_from(FIRST), seed=SEEDS, items=ITEMS)
def test_files_that_are_whole_on_their_night(
    server: Server, reading: tuple[str, str], first: date, seed: int, items: str | None
) -> None:
    """Then every night is the same bytes, and the one that the calendar says."""
    with tempfile.TemporaryDirectory() as folder:
        live, backfill = (configured(Path(folder) / home, *reading, server, items) for home in ("live", "backfill"))
        lines = server.log(first, DAYS, LINES, seed)
        nights = nights_of(lines, first)
        for night in nights:
            server.write(live.folder, lines, night)
            ingest_night(live, night)
        load_history.load_history(backfill, nights[-1])
        found = lake(live)
        by_night = {event: night for night, (events, _) in found.items() for event in events}
        assert by_night == expected(lines, *reading)
        assert sum(len(events) + refused for events, refused in found.values()) == len(lines)
        for night in lake(backfill):
            ours, theirs = (artifacts.stage_dir(config.lake, "ingest", night) for config in (live, backfill))
            assert digests(ours) == digests(theirs), night


@THOROUGH
@given(server=GROWING, zone=st.sampled_from(ZONES), first=st.sampled_from(FIRST), arrival=ARRIVALS, seed=SEEDS)
def test_files_that_go_on_or_come_when_their_night_is_over(
    server: Server, zone: str, first: date, arrival: str, seed: int
) -> None:
    """Then an event may be of another night, but it is the same events, each once."""
    with tempfile.TemporaryDirectory() as folder:
        live, backfill = (configured(Path(folder) / home, zone, arrival, server) for home in ("live", "backfill"))
        lines = server.log(first, DAYS, LINES, seed)
        nights = nights_of(lines, first)
        for night in nights:
            server.write(live.folder, lines, night)
            ingest_night(live, night)
        load_history.load_history(backfill, nights[-1])
        for found in (lake(live), lake(backfill)):
            events = Counter(event for of_night, _ in found.values() for event in of_night)
            assert events == dict.fromkeys(expected(lines, zone, arrival), 1)
            assert sum(len(of_night) + refused for of_night, refused in found.values()) == len(lines)


@THOROUGH
@example(server=EARLY, zone="Europe/Berlin", first=date(2024, 3, 30), arrival="event_time", seed=120)
@given(server=GROWING, zone=st.sampled_from(ZONES), first=st.sampled_from(FIRST), arrival=ARRIVALS, seed=SEEDS)
def test_nights_that_are_run_again_after_others_took_their_late_rows(
    server: Server, zone: str, first: date, arrival: str, seed: int
) -> None:
    """Whatever is run again, and whatever of the history is loaded again: each line counts once."""
    with tempfile.TemporaryDirectory() as folder:
        live, rng = configured(Path(folder) / "live", zone, arrival, server), random.Random(seed)
        lines = server.log(first, DAYS, LINES, seed)
        nights = nights_of(lines, first)
        for number, night in enumerate(nights):
            server.write(live.folder, lines, night)
            ingest_night(live, night)
            if rng.random() < 0.4:
                again = rng.choice(nights[: number + 1])
                if rng.random() < 0.7:
                    stages.run_stage("ingest", again, live, force=True)
                elif any(line.visible <= again for line in lines):
                    load_history.load_history(live, again)
        found = lake(live)
        events = Counter(event for of_night, _ in found.values() for event in of_night)
        assert events == dict.fromkeys(expected(lines, zone, arrival), 1)
        assert sum(len(of_night) + refused for of_night, refused in found.values()) == len(lines)


@THOROUGH
@given(server=REWRITING, zone=st.sampled_from(ZONES), first=st.sampled_from(FIRST), arrival=ARRIVALS, seed=SEEDS)
def test_files_that_are_written_anew_in_another_order(
    server: Server, zone: str, first: date, arrival: str, seed: int
) -> None:
    """With rows that came late, or without; also when nights are run again."""
    with tempfile.TemporaryDirectory() as folder:
        live, rng = configured(Path(folder) / "live", zone, arrival, server), random.Random(seed)
        lines = server.log(first, DAYS, LINES, seed)
        nights = nights_of(lines, first)
        for number, night in enumerate(nights):
            server.write(live.folder, lines, night)
            ingest_night(live, night)
            if rng.random() < 0.2:
                stages.run_stage("ingest", rng.choice(nights[: number + 1]), live, force=True)
        found = lake(live)
        events = Counter(event for of_night, _ in found.values() for event in of_night)
        assert events == dict.fromkeys(expected(lines, zone, arrival), 1)
        assert sum(len(of_night) + refused for of_night, refused in found.values()) == len(lines)
