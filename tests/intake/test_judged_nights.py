"""Checks of a night's log, through ingest: what is counted, what a stop says and leaves."""

import json
import logging
from collections.abc import Callable
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.operations import load_history
from pipeline.sources.configuration import FullConfig
from tests.tiny_log import ingest as ingest_night
from tests.tiny_log import row, shop, write

NIGHT = date(2024, 3, 12)  # a Tuesday
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


@pytest.mark.slow
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
