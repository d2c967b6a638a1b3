"""What drawn slots added: from a run's record and a log, through SQL, to the report; against a recount by hand."""

import json
from dataclasses import fields
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground import artifacts, sql
from pipeline.ground.errors import InputError
from pipeline.judging import outcomes, trial, trial_words
from pipeline.judging.trial import By, Log, Outcome, Tried
from pipeline.operations import trial as command
from pipeline.publication import stores, withheld
from pipeline.published.archive import EXPERIMENT
from pipeline.settings.config import Config
from tests.conftest import ROOT
from tests.docs.pages import blocks
from tests.published.targets.runs import history, tables
from tests.tiny_log import ingest, shop, write

FIRST, NIGHTS, USERS, ITEMS = date(2024, 1, 1), 6, 3_000, 5
MAPPING = """
select "user" as user_id, item as item_id, try_cast(ts as timestamp) as event_time, type as event_type, value,
    _file, _row
from raw
"""
TYPES = {"purchase": {"label": True, "neutral": 2}, "click": {"weight": 0}, "visit": {"weight": 0}}
ARMS = {
    "name": "salted",
    "since": FIRST,
    "arms": [{"name": "control", "share": 0.5}, {"name": "unlike", "share": 0.5}],
}
NIGHTS_END = FIRST + timedelta(days=NIGHTS - 1)
Pair = dict[str, Any]


def drawn(night: date, rng: np.random.Generator) -> list[Pair]:
    """One slot a user; "i0" is bought by a third of the users anyway, "i4" by those who have it in their list."""
    found = []
    for user in range(USERS):
        weights = rng.uniform(0.5, 1.5, ITEMS)
        chances = weights / weights.sum()
        shown = int(rng.choice(ITEMS, p=chances))
        for item in range(ITEMS):
            listed = item == shown
            bought = rng.random() < (1 / 3 if item == 0 else 0.25 if item == 4 and listed else 0.02)
            pair = {"user_id": f"u{user:04}", "item_id": f"i{item}", "chance": chances[item], "is_listed": listed}
            found.append(pair | {"score": 0.5 - item / 10, "place": item + 1, "night": night, "bought": bought})
    return found


def publish(config: Config, night: date, pairs: list[Pair], active: bool = True) -> str:
    """A run with the record of what its slots were drawn among."""
    run_id, target = f"{night}-made", stores.target(config)
    folder = tables(stores.archive(config).path(run_id), run_id)
    if night == FIRST:
        (folder / EXPERIMENT).write_text(json.dumps(config.experiment.made_of))
    schema = pa.schema(list(withheld.SCHEMA)[:6])  # as records were before they said what was known of a pair
    rows = [{name: pair[name] for name in schema.names} for pair in pairs]
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / withheld.FILE.format("home"))
    with target.lock():
        target.load(run_id, folder, history(run_id))
        if active:
            target.activate(run_id, published=True)
    return run_id


def write_log(folder: Path, night: date, pairs: list[Pair]) -> None:
    """Purchases two days after their night, one of which tells against its item, and visits of some a day later."""
    at = {day: night - timedelta(days=day) for day in (2, 3)}
    base = {"type": "purchase", "value": 5, "ts": f"{night} 10:00:00"}
    rows = [base | {"user": "nobody", "item": "i9"}]
    rows += [base | {"user": p["user_id"], "item": p["item_id"]} for p in pairs if p["bought"] and p["night"] == at[2]]
    rows.append(base | {"user": "u0001", "item": "i3", "value": 1})  # a purchase that is worth less than nothing
    came = {p["user_id"] for p in pairs if p["night"] == at[3] and p["is_listed"] and p["item_id"] == "i4"}
    rows += [base | {"user": user, "item": "i9", "type": "visit", "value": None} for user in sorted(came)]
    write(folder / f"log-{night}.csv", rows)


@pytest.fixture(scope="module", name="tried")
def fixture_tried(tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, list[Pair]]:
    """Three nights with records, the second of which nobody saw, and six of a log."""
    folder = tmp_path_factory.mktemp("tried")
    surfaces = [{"name": "home", "k": 5, "explore": {"slots": [2], "record": 1.0}}, {"name": "quiet"}]
    settings = {"surfaces": surfaces, "horizon_days": 2, "evaluate": {"resamples": 200}, "experiment": ARMS}
    config = shop(folder, "log-{year}-{month}-{day}.csv", MAPPING, features={"event_types": TYPES}, **settings)
    rng, pairs = np.random.default_rng(1), []
    for number in range(3):
        night = FIRST + timedelta(days=number)
        found = drawn(night, rng)
        publish(config, night, found, active=number != 1)
        pairs += found if number != 1 else []
    for number in range(NIGHTS):
        write_log(folder, FIRST + timedelta(days=number), pairs)
        ingest(config, FIRST + timedelta(days=number))
    return config, pairs


def bought(pairs: list[Pair]) -> dict[tuple[str, str], set[date]]:
    """On which days each user bought each item."""
    found: dict[tuple[str, str], set[date]] = {}
    for pair in pairs:
        if pair["bought"]:
            found.setdefault((pair["user_id"], pair["item_id"]), set()).add(pair["night"] + timedelta(days=2))
    return found


def means(pairs: list[Pair], outcome: list[float]) -> tuple[float, float]:
    """The mean outcome of what was withheld and of what was listed, by inverse chances."""
    sums = {True: [0.0, 0.0], False: [0.0, 0.0]}
    for pair, value in zip(pairs, outcome, strict=True):
        weight = 1 / (pair["chance"] if pair["is_listed"] else 1 - pair["chance"])
        sums[pair["is_listed"]][0] += weight * value
        sums[pair["is_listed"]][1] += weight
    return sums[False][0] / sums[False][1], sums[True][0] / sums[True][1]


@pytest.mark.slow
def test_what_is_listed_against_what_was_withheld(tried: tuple[Config, list[Pair]]) -> None:
    config, pairs = tried
    result = command.run(config, "actions", 2)
    whole, *arms = result.tried
    assert (whole.name, whole.support.pairs, whole.support.users) == ("home", 2 * USERS * ITEMS, USERS)
    days = bought(pairs)
    acted = [any(1 <= (d - p["night"]).days <= 2 for d in days.get((p["user_id"], p["item_id"]), ())) for p in pairs]
    assert (whole.without, whole.given) == pytest.approx(means(pairs, acted))
    assert whole.average.value == pytest.approx(whole.given - whole.without)
    for found in (whole.average, whole.modelled):
        assert found.low < 0.23 / ITEMS < found.high
        assert found.low > 0
    assert whole.modelled.high - whole.modelled.low < whole.average.high - whole.average.low
    assert whole.score.area.high < 0 < whole.uplift.area.low, "the best by score are bought anyway"
    assert whole.better.low > 0
    assert "listing adds; the score puts those first whom it helps less; the foretold uplift finds" in whole.verdict
    assert [one.name for one in arms] == ["home, control", "home, unlike"]
    assert sum(one.support.pairs for one in arms) == USERS * ITEMS, "the third night was not of the experiment"
    said = str(result)
    assert "What standing in the list added, pairs whose user acted on the item, within 2 days, per pair:" in said
    assert f"home: {whole.verdict}" in said
    assert "…" not in said, "no column is cut off"
    assert said.count("  overlap  ") == said.count("  difference  ") == 3, "of each surface and arm"


def test_runs_whose_days_are_not_over_are_left_out(tried: tuple[Config, list[Pair]]) -> None:
    config, _ = tried
    found, *_ = command.run(config, "actions", 4).tried  # of the third night's list the fourth day is the seventh
    assert found.support.pairs == USERS * ITEMS
    with pytest.raises(InputError, match="what its slots could have shown 7 days ago or earlier: set "):
        command.run(config, "visits", 6)


def test_days_on_which_users_came_back(tried: tuple[Config, list[Pair]]) -> None:
    """On the second and third day after the night: by a purchase, whatever it was worth, or a visit."""
    config, pairs = tried
    (found, *_) = command.run(config, "visits", 2).tried
    came: dict[str, set[date]] = {"u0001": {FIRST + timedelta(days=n) for n in range(NIGHTS)}}
    for (user, _), days in bought(pairs).items():
        came.setdefault(user, set()).update(days)
    for pair in pairs:
        if pair["item_id"] == "i4" and pair["is_listed"]:
            came.setdefault(pair["user_id"], set()).add(pair["night"] + timedelta(days=3))
    counted = [sum(2 <= (d - p["night"]).days <= 3 for d in came.get(p["user_id"], ())) for p in pairs]
    assert (found.without, found.given) == pytest.approx(means(pairs, counted))
    assert found.support.pairs == len(pairs)


def test_clicks_of_nobody_are_no_verdict(tried: tuple[Config, list[Pair]]) -> None:
    config, _ = tried
    found, *_ = command.run(config, "clicks", 2).tried
    assert found.average.value == 0
    assert found.verdict == "no verdict: 0 pairs of one side that acted; 30 are needed"


def test_a_night_says_it_in_the_report(tried: tuple[Config, list[Pair]], tmp_path: Path) -> None:
    config, _ = tried
    last = NIGHTS_END
    ingested = artifacts.stage_dir(config.lake, "ingest", last)
    with sql.connect(2, 512, tmp_path / "spill", config.timezone) as connection:
        found = outcomes._tried(connection, ingested, last, config)
    (by, whole), *arms = found
    assert (by, whole.name, len(arms)) == (Outcome("actions", 2), "home", 2)
    trial_words.write(found, tmp_path / "trial.json")
    again = trial_words.read(tmp_path / "trial.json")
    assert [(b, t.name, t.verdict) for b, t in again] == [(b, t.name, t.verdict) for b, t in found]
    ((title, page),) = trial_words.section(again)
    assert (title, page) == trial_words.section(found)[0]
    assert page.count("<polyline") == 3 * 3, "chance, the score and the foretold uplift, of all users and two arms"
    assert "home: listing adds" in page
    assert "NaN" not in (tmp_path / "trial.json").read_text()


def test_what_nobody_records_is_in_no_report(tmp_path: Path) -> None:
    assert trial.wanted(Config()) == []
    assert trial_words.section(trial_words.read(tmp_path / "trial.json")) == []
    with pytest.raises(InputError, match="no published run that is kept says what its slots could have shown"):
        command.run(shop(tmp_path, features={"event_types": TYPES}))


def test_names_are_escaped(tried: tuple[Config, list[Pair]]) -> None:
    config, _ = tried
    (whole, *_) = command.run(config, "actions", 2).tried
    bad = Tried(**{f.name: getattr(whole, f.name) for f in fields(whole)} | {"arm": "<b>&"})
    ((_, page),) = trial_words.section([(Outcome("actions", 2), bad)])
    assert "<b>" not in page
    assert "home, &lt;b&gt;&amp;" in page


@pytest.mark.parametrize(("by", "last"), [("actions", 6), ("clicks", 6), ("visits", 7)])
def test_the_days_that_must_be_over(by: By, last: int) -> None:
    assert Outcome(by, 7).last == last


def test_of_many_pairs_those_of_a_share_of_users_count(
    tried: tuple[Config, list[Pair]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, _ = tried
    monkeypatch.setattr(trial, "MOST", USERS * ITEMS)
    nights = artifacts.partitions_until(config.lake, "ingest", date.max)
    with sql.connect(2, 512, tmp_path / "spill", config.timezone) as connection:
        surface = trial.wanted(config)[0]
        whole, *_ = trial.judge(connection, surface, Outcome("actions", 2), Log(nights, NIGHTS_END), config)
    assert 0.45 < whole.support.users / USERS < 0.55
    assert whole.support.pairs == 2 * ITEMS * whole.support.users, "all nights of them"


def test_the_query_of_the_page_says_the_same(tried: tuple[Config, list[Pair]], monkeypatch: pytest.MonkeyPatch) -> None:
    config, pairs = tried
    (asked,) = blocks((ROOT / "docs" / "coupons-and-ads.md").read_text(encoding="utf-8"), "sql")
    replaced = {"2026-11-21-1f0c9a7e": f"{FIRST}-made", "2026-11-22": "2024-01-02", "2026-11-28": "2024-01-03"}
    for before, after in replaced.items():
        assert before in asked
        asked = asked.replace(before, after)
    monkeypatch.chdir(config.tables / "parquet")
    found = {is_listed: acted for is_listed, _, acted in duckdb.sql(asked).fetchall()}
    mine = [pair for pair in pairs if pair["night"] == FIRST]
    outcome = [pair["bought"] or (pair["user_id"], pair["item_id"]) == ("u0001", "i3") for pair in mine]
    assert (found[False], found[True]) == pytest.approx(means(mine, outcome))
