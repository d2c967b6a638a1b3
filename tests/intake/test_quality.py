"""Checks of a night's log, on numbers made by hand: what is as usual, and what is not."""

import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.ground import sql
from pipeline.ground.errors import InputError
from pipeline.intake import quality
from pipeline.settings.sections.checks import Checks, names
from pipeline.sources import configuration
from pipeline.sources.configuration import FullConfig

NIGHT = date(2024, 3, 12)  # a Tuesday
HOUR = 3600


def usual_night(night: date, events: int = 1000, **over: Any) -> quality.NightNumbers:
    """A thousand events from nine to five, like every other day."""
    numbers = quality.nothing(night) | {
        "rows": events,
        "events": events,
        "first_event": 9 * HOUR,
        "last_event": 17 * HOUR,
        "null_users": events // 5,
        "null_values": events,
        "compared_prices": 500,
        "far_prices": 5,
        "types": [{"type": "purchase", "events": events - 50}, {"type": "return", "events": 50}],
    }
    return numbers | over


def history(weeks: int = 10, **over: Any) -> list[quality.NightNumbers]:
    """Ten weeks of usual nights before NIGHT; the shop is closed on Saturdays."""
    nights = [NIGHT - timedelta(days=n) for n in range(7 * weeks, 0, -1)]
    return [quality.nothing(n) if n.weekday() == 5 else usual_night(n, **over) for n in nights]


def judge(nights: list[quality.NightNumbers], first: date, settings: FullConfig) -> dict[date, quality.Offences]:
    with sql.connect(1, 256) as connection:
        return quality.judge(connection, nights, first, settings)


def found(
    tonight: quality.NightNumbers, past: list[quality.NightNumbers] | None = None, **checks: Any
) -> quality.Offences:
    """What the checks say of tonight."""
    settings = FullConfig(checks=Checks(**checks))
    nights = [*(history() if past is None else past), tonight]
    return judge(nights, tonight["night"], settings).get(tonight["night"], {})


NOTHING = {name: value for name, value in quality.nothing(NIGHT).items() if name != "night"}
PLANTED: list[tuple[str, dict[str, Any], str]] = [
    ("volume", {"events": 500}, "500 events, 50 % of the usual 1,000"),
    ("volume", {"events": 0, "rows": 50, "last_event": None, "first_event": None, "types": []}, "0 events"),
    ("freshness", {"last_event": 12 * HOUR}, "the last event is of 12:00 UTC; on the last 8 Tuesdays it was of 17:00"),
    ("missing_types", {"types": [{"type": "purchase", "events": 1000}]}, "no event of type return; each of the last 8"),
    ("nulls", {"null_users": 600}, "user_id is null in 60 % of the events, at most in 20 %"),
    ("nulls", {"null_users": 960}, "hardly anybody is known"),
    ("nulls", {"null_prices": 400}, "price is null in 40 %"),
    ("duplicates", {"rows": 1400, "duplicates": 400}, "400 of 1,400 log rows repeat an earlier event"),
    ("unknown_types", {"rows": 1020, "unknown_types": 20}, "20 of 1,020 log rows are of a type"),
    ("prices", {"free": 300}, "30 % of the events have a price of zero or less, at most 0 %"),
    ("prices", {"far_prices": 400}, "400 of 500 items cost 5.0x more or less"),
    ("clock", {"rows": 1020, "skewed": 20}, "20 of 1,020 log rows are from after the day they arrived"),
    ("clock", {"late": 400}, "40 % of the events arrived later than their day"),
    ("left_out", {"left_out": 500}, "the mapping leaves out 500 of 1,500 log rows, at most 0 % on the usual nights"),
    ("empty", NOTHING, "no log row at all; the last 8 Tuesdays that had any had 1,000 events"),
    ("empty", NOTHING | {"left_out": 9}, "the mapping leaves out all 9 log rows; the last 8 Tuesdays that had any had"),
]


@pytest.mark.parametrize(("check", "change", "words"), PLANTED)
def test_a_planted_fault_is_found(check: str, change: dict[str, Any], words: str) -> None:
    said = found(usual_night(NIGHT, **change))
    assert words in " ".join(said[check]), said


def test_every_check_has_a_planted_fault() -> None:
    assert {check for check, _, _ in PLANTED} == set(names("events"))


def test_a_night_like_the_others_passes() -> None:
    assert found(usual_night(NIGHT)) == {}
    assert found(usual_night(NIGHT, events=650, last_event=15 * HOUR)) == {}, "a slow day"
    assert found(usual_night(NIGHT, events=9000, last_event=22 * HOUR)) == {}, "a sale"


def test_little_history_judges_nothing_but_absolute_limits() -> None:
    half = usual_night(NIGHT, events=500, last_event=12 * HOUR)
    assert found(half, history(weeks=3)) == {}
    assert "volume" in found(half, history(weeks=4))
    assert found(usual_night(NIGHT, duplicates=3000, rows=4000), [])["duplicates"]


def test_only_nights_with_events_say_what_is_usual() -> None:
    saturday = NIGHT - timedelta(days=3)
    assert found(quality.nothing(saturday), [n for n in history() if n["night"] < saturday]) == {}
    assert found(usual_night(saturday, events=60), [n for n in history() if n["night"] < saturday]) == {}
    weeks_off = [n if n["night"] < NIGHT - timedelta(days=35) else quality.nothing(n["night"]) for n in history()]
    half = usual_night(NIGHT, events=500)
    assert "volume" in found(half, weeks_off), "after a closure the weeks before it are usual"


def test_a_shop_of_ups_and_downs_is_not_stopped_by_volume() -> None:
    swinging = [n | ({"events": 400} if n["events"] and n["night"].toordinal() % 3 == 0 else {}) for n in history()]
    assert "volume" not in found(usual_night(NIGHT, events=400), swinging)


def test_a_shop_that_ends_its_days_by_chance_is_not_stopped_by_freshness() -> None:
    scattered = [
        n | ({"last_event": 13 * HOUR} if n["events"] and n["night"].toordinal() % 3 == 0 else {}) for n in history()
    ]
    assert found(usual_night(NIGHT, last_event=13 * HOUR), scattered) == {}
    assert "freshness" in found(usual_night(NIGHT, last_event=12 * HOUR), scattered)


def a_year(shop: str) -> list[quality.NightNumbers]:
    """A year, and the weeks before it, of a shop too small or too odd for chance to be told from a cut log."""
    draw, nights = random.Random(shop), []
    for n in range(365 + 70):
        night = NIGHT - timedelta(days=n)
        counts = {"one": 1, "few": draw.randint(2, 8), "dozens": draw.randint(30, 70), "batch": draw.randint(900, 1100)}
        begin, end = (2 * HOUR, 2 * HOUR + draw.randint(60, HOUR // 2)) if shop == "batch" else (7 * HOUR, 23 * HOUR)
        events = counts[shop]
        times = sorted(draw.randint(begin, end) for _ in range(events))
        kinds = [{"type": "purchase", "events": events}]
        nights.append(usual_night(night, events, first_event=times[events // 20], last_event=times[-1], types=kinds))
    return nights


@pytest.mark.parametrize("shop", ["one", "few", "dozens", "batch"])
def test_chance_never_stops_a_small_shop_or_a_batch_job_in_a_year(shop: str) -> None:
    settings = FullConfig()
    judged = judge(a_year(shop), NIGHT - timedelta(days=364), settings)
    stops = [(n, o) for n, o in judged.items() if any(settings.checks.severity[check] == "stop" for check in o)]
    assert stops == []


def test_the_smallest_shops_that_are_judged_are_configured() -> None:
    small, half = history(events=60, rows=60), usual_night(NIGHT, events=20, last_event=12 * HOUR)
    assert found(half, small).keys() == {"volume"}
    assert found(half, small, min_events=61) == {}
    assert found(half, small, min_rows=60).keys() == {"freshness", "volume"}
    assert found(half, small, min_rows=60, min_day_hours=8.5).keys() == {"volume"}


def test_a_growing_shop_is_not_stopped() -> None:
    past = [n["night"] for n in history() if n["events"]]
    grown = [usual_night(night, int(1000 * 1.25 ** ((night - past[0]).days / 7))) for night in past]
    tonight = usual_night(NIGHT, int(1000 * 1.25**10))
    assert found(tonight, grown) == {}


def test_a_shop_open_over_midnight_utc_is_judged_by_its_own_day() -> None:
    night_owl = history(first_event=-2 * HOUR, last_event=7 * HOUR)
    assert found(usual_night(NIGHT, first_event=-2 * HOUR, last_event=7 * HOUR), night_owl) == {}
    assert "freshness" in found(usual_night(NIGHT, first_event=-2 * HOUR, last_event=3 * HOUR), night_owl)


def test_limits_and_severity_are_configured() -> None:
    half = usual_night(NIGHT, events=500)
    assert found(half, min_share=0.4) == {}
    assert found(half, severity={"volume": "off"}) == {}
    assert found(half, severity={"volume": "warn"}).keys() == {"volume"}


def test_an_unknown_check_is_refused_and_an_override_keeps_the_others(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.toml"
    path.write_text('[checks.severity]\nvolume = "warn"\n')
    loaded = configuration.load(path, {"checks": {"severity": {"nulls": "stop"}}}).checks.severity
    assert (loaded["volume"], loaded["nulls"], loaded["freshness"], loaded["runs"]) == ("warn", "stop", "stop", "stop")
    assert set(loaded) == {*names("events"), *names("tables")}
    path.write_text('[checks.severity]\nvolumes = "warn"\n')
    with pytest.raises(InputError, match=r"checks\.severity: .*there is no check volumes; the checks are clock"):
        configuration.load(path)
    path.write_text('[checks.severity]\nvolume = "ignore"\n')
    with pytest.raises(InputError, match=r"checks\.severity\.volume"):
        configuration.load(path)


def test_severities_do_not_change_what_a_stage_makes() -> None:
    loud = FullConfig(checks=Checks(severity={"volume": "warn"}, min_share=0.1))
    assert loud.digest("ingest", "publish") == FullConfig().digest("ingest", "publish")
