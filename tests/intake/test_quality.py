"""Checks of a night's log: what is as usual, what is not, what a stop says and leaves."""

import json
import logging
import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.intake import quality
from pipeline.operations import load_history
from pipeline.settings.sections.checks import Checks, names
from pipeline.sources import configuration
from pipeline.sources.configuration import FullConfig
from tests.tiny_log import ingest as ingest_night
from tests.tiny_log import row, shop, write

NIGHT = date(2024, 3, 12)  # a Tuesday
HOUR = 3600


def usual_night(night: date, events: int = 1000, **over: Any) -> quality.Night:
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


def history(weeks: int = 10, **over: Any) -> list[quality.Night]:
    """Ten weeks of usual nights before NIGHT; the shop is closed on Saturdays."""
    nights = [NIGHT - timedelta(days=n) for n in range(7 * weeks, 0, -1)]
    return [quality.nothing(n) if n.weekday() == 5 else usual_night(n, **over) for n in nights]


def found(tonight: quality.Night, past: list[quality.Night] | None = None, **checks: Any) -> quality.Offences:
    """What the checks say of tonight."""
    settings = FullConfig(checks=Checks(**checks))
    nights = [*(history() if past is None else past), tonight]
    return quality.judge(nights, tonight["night"], settings).get(tonight["night"], {})


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
    ("empty", NOTHING, "no log row at all; the last 8 Tuesdays that had any had 1,000 events"),
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


def a_year(shop: str) -> list[quality.Night]:
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
    judged = quality.judge(a_year(shop), NIGHT - timedelta(days=364), settings)
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


# --- through ingest ---------------------------------------------------------------------------------------------------

FILES = "{year}-{month}-{day}.csv"
PRICED = """
select "user" as user_id, item as item_id, try_cast(ts as timestamp) as event_time, type as event_type, price,
    _file, _row
from raw
"""
FIRST = NIGHT - timedelta(days=42)


def day_of_sales(night: date) -> list[dict[str, Any]]:
    """120 rows from 9:00 to 17:00, one every four minutes; a tenth of guests, two repeated rows, one unknown type."""
    rows = []
    for n in range(120):
        at = datetime(night.year, night.month, night.day, 9) + timedelta(minutes=4 * n)
        user, item = None if n % 10 == 0 else f"u{n % 7}", f"i{(n * 7 + night.day) % 30}"
        kind = "return" if n % 9 == 0 else "purchase"
        rows.append(row(user, item, f"{at:%F %T}", kind) | {"price": str(10 + n % 5 if n % 11 else 0)})
    return [*rows, rows[0], rows[1], row("u1", "i1", f"{night} 16:00:00", "poke") | {"price": "1"}]


@pytest.fixture
def open_shop(tmp_path: Path) -> Callable[..., FullConfig]:
    """Writes six weeks of daily logs up to NIGHT (no file on Saturdays), and gives configurations over them."""
    for n in range(43):
        night = FIRST + timedelta(days=n)
        if night.weekday() != 5:
            write(tmp_path / f"{night}.csv", day_of_sales(night))

    def configured(home: str = "home", **checks: Any) -> FullConfig:
        settings = {"allow_empty": True, "max_reject_share": 0.2}
        return shop(tmp_path, FILES, PRICED, home=tmp_path / home, ingest=settings, checks=checks | {"min_rows": 50})

    return configured


def report(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = artifacts.read_manifest(folder)["report"]
    return found


def cut(config: FullConfig, night: date = NIGHT) -> Path:
    """Cut a night's log at noon."""
    path = config.folder / f"{night}.csv"
    write(path, [r for r in day_of_sales(night) if r["ts"] < f"{night} 12:00:00"])
    return path


def test_half_a_night_stops_says_what_is_usual_and_leaves_nothing(open_shop: Callable[..., FullConfig]) -> None:
    settings = open_shop()
    load_history.load_history(settings, NIGHT - timedelta(days=1))
    path = cut(settings)
    with pytest.raises(InputError) as stopped:
        ingest_night(settings, NIGHT)
    message = str(stopped.value)
    for part in (
        f"the log of {NIGHT} ({path}) is not as usual",
        "volume: 45 events, 38 % of the usual 120 (median of the last 6 Tuesdays that had any; the quietest had 120)",
        "freshness: the last event is of 11:56 UTC; on the last 6 Tuesdays it was of 16:56",
        "Nothing was written",
        "--set checks.severity.freshness=warn --set checks.severity.volume=warn",
        'overrides {"checks": {"severity": {"freshness": "warn", "volume": "warn"}}}',
    ):
        assert part in message, message
    assert not artifacts.stage_dir(settings.lake, "ingest", NIGHT).exists()
    write(path, day_of_sales(NIGHT))
    again = report(ingest_night(settings, NIGHT))
    assert (again["events"], again["unusual"]) == (120, {}), "the whole log is taken once it is there"


def test_one_run_may_warn_instead(open_shop: Callable[..., FullConfig], caplog: pytest.LogCaptureFixture) -> None:
    load_history.load_history(open_shop(), NIGHT - timedelta(days=1))
    cut(open_shop())
    with caplog.at_level(logging.WARNING):
        mild = open_shop(severity={"volume": "warn", "freshness": "warn"})
        unusual = report(ingest_night(mild, NIGHT))["unusual"]
    assert unusual.keys() == {"freshness", "volume"}
    assert "is not as usual. volume: 45 events" in caplog.text


def test_a_night_without_a_file_or_without_rows_says_what_is_usual(open_shop: Callable[..., FullConfig]) -> None:
    settings = open_shop()
    load_history.load_history(settings, NIGHT - timedelta(days=1))
    strict = settings.model_copy(update={"ingest": settings.ingest.model_copy(update={"allow_empty": False})})
    path = settings.folder / f"{NIGHT}.csv"
    usual = r"\(the last 6 Tuesdays that had any had about 120 events\)"
    path.write_text("user,item,ts,type,price\n")
    with pytest.raises(InputError, match=rf"no log row arrived on {NIGHT} {usual}; read: .*{NIGHT}\.csv\. Has its log"):
        ingest_night(strict, NIGHT)
    path.unlink()
    with pytest.raises(InputError, match=rf"no log file of {NIGHT} matches '{FILES}' in .* {usual}: has it been"):
        ingest_night(strict, NIGHT)
    assert not artifacts.stage_dir(settings.lake, "ingest", NIGHT).exists()
    assert report(ingest_night(settings, NIGHT))["unusual"].keys() == {"empty"}, "allowed, and said"


def test_history_is_never_stopped_and_judged_as_its_nights_were(open_shop: Callable[..., FullConfig]) -> None:
    missing, short = NIGHT - timedelta(days=1), NIGHT - timedelta(days=2)
    (open_shop().folder / f"{missing}.csv").unlink()
    cut(open_shop(), short)
    mild = {"severity": {"volume": "warn", "freshness": "warn"}}
    one, many = open_shop("one", **mild), open_shop("many", **mild)
    said = load_history.load_history(one, NIGHT)
    assert f"1 unusual nights: empty ({missing})" in said
    assert f"1 unusual nights: volume ({short})" in said
    load_history.load_history(many, NIGHT - timedelta(days=8))
    for night in (NIGHT - timedelta(days=n) for n in range(7, -1, -1)):
        ours = artifacts.read_manifest(artifacts.stage_dir(one.lake, "ingest", night))
        theirs = artifacts.read_manifest(ingest_night(many, night))
        assert ours["report"] == theirs["report"], night
        assert ours["files"] == theirs["files"]
    assert load_history.load_history(open_shop("strict"), NIGHT) is not None


def test_the_numbers_are_what_is_counted_by_hand(open_shop: Callable[..., FullConfig]) -> None:
    settings = open_shop()
    load_history.load_history(settings, NIGHT)
    numbers = report(artifacts.stage_dir(settings.lake, "ingest", NIGHT))["quality"]
    rows = day_of_sales(NIGHT)
    taken = rows[:120]
    seconds = sorted((datetime.fromisoformat(r["ts"]) - datetime(2024, 3, 12)).total_seconds() for r in taken)
    assert numbers["rows"] == len(rows)
    assert (numbers["events"], numbers["duplicates"], numbers["unknown_types"]) == (120, 2, 1)
    assert numbers["null_users"] == sum(r["user"] is None for r in taken)
    assert numbers["free"] == sum(float(r["price"]) <= 0 for r in taken)
    assert numbers["null_values"] == numbers["null_quantities"] == 120
    assert numbers["last_event"] == seconds[-1]
    assert seconds[4] <= numbers["first_event"] <= seconds[6]
    kinds = {kind: sum(r["type"] == kind for r in taken) for kind in ("purchase", "return")}
    assert {t["type"]: t["events"] for t in numbers["types"]} == kinds


def test_prices_are_compared_with_the_latest_of_the_item(open_shop: Callable[..., FullConfig]) -> None:
    settings = open_shop(price_factor=1.2, price_nights=5)
    load_history.load_history(settings, NIGHT - timedelta(days=1))
    numbers = report(ingest_night(settings, NIGHT))["quality"]
    by_item: dict[str, dict[date, float]] = {}
    for night in (NIGHT - timedelta(days=n) for n in range(6, -1, -1)):
        if night.weekday() != 5:
            for item in {r["item"] for r in day_of_sales(night)[:120]}:
                prices = [float(r["price"]) for r in day_of_sales(night)[:120] if r["item"] == item]
                if positive := [price for price in prices if price > 0]:
                    by_item.setdefault(item, {})[night] = median(positive)
    steps = [
        (before[1], now[1])
        for prices in by_item.values()
        for before, now in pairwise(sorted(prices.items()))
        if now[0] == NIGHT and NIGHT - before[0] <= timedelta(days=5)
    ]
    assert numbers["compared_prices"] == len(steps)
    assert numbers["far_prices"] == sum(max(a / b, b / a) > 1.2 for a, b in steps)


def test_partitions_made_before_there_were_numbers_are_no_history(open_shop: Callable[..., FullConfig]) -> None:
    settings = open_shop()
    load_history.load_history(settings, NIGHT - timedelta(days=1))
    for path in settings.lake.glob("ingest/*/manifest.json"):
        manifest = json.loads(path.read_text())
        del manifest["report"]["quality"], manifest["report"]["unusual"]
        path.write_text(json.dumps(manifest))
    cut(settings)
    assert report(ingest_night(settings, NIGHT))["unusual"] == {}
