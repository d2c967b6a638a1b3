"""The terminal views."""

import json
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.ground.terminal import WIDTH, width
from pipeline.operations import show, stages
from pipeline.publication import likeness, publish
from pipeline.published.contract import RUNS
from pipeline.settings.sections.answers import Answer
from tests.small_shop import NIGHT, Shop, go, shop

LONG = "A VERY LONG TITLE THAT GOES ON AND ON " * 5


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Two nights of the shop, with a title and an id that mean harm; the newer night is active."""
    home = tmp_path_factory.mktemp("shown")
    metrics: dict[str, Any] = {
        "all.final.ndcg": 0.3612,
        "new.final.ndcg": 0.1604,
        "all.best_single": "buy_again",
        "all.best_single.difference": 0.0301,
        "gate": "passed",
    }
    titles: Sequence[str] = ["WHITE MUG", LONG, "\x1b[31mRED\u202e POT", "GARDEN GNOME", "NEW KETTLE", "BOX", "", "ODD"]
    users = ["u0", "O'Hara \x1b[2J", "u2"]
    made = shop(home, titles=titles, user_ids=users, metrics=metrics)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(likeness, "ALIKE", 0.75)  # of the few pairs of eight items one in a hundred is less than one
        go(shop(home, night=NIGHT.replace(day=1)).write())
        go(made.write())
    for day in (NIGHT, NIGHT.replace(day=5)):
        folder = artifacts.stage_dir(made.config.lake, "ingest", day)
        folder.mkdir(parents=True)
        artifacts.write_manifest(folder, {"stage": "ingest", "report": {"events": 6}})
    return made


def test_a_user_sees_who_what_and_why(made: Shop) -> None:
    text = show.user(made.config, "u0")
    lines = text.splitlines()
    run = publish.active_run(made.config)
    assert run is not None
    assert lines[0] == "user u0 · new user · 6 events · last seen 2011-09-29"
    assert lines[1] == f"from run {run.run_id}, valid from 2011-10-03"
    assert lines[3] == "for_you"
    assert lines[4].split() == ["#", "item", "title", "score", "why"]
    assert lines[5].split(maxsplit=5) == [
        "1",
        "i0",
        "WHITE",
        "MUG",
        "1.000",
        "You bought it 5 times, last on 12 Sep 2011",
    ]
    assert "New, like [31mRED POT you bought" in lines[7]
    assert "discover" in lines
    assert max(map(width, lines)) <= WIDTH
    assert not [c for c in text if c != "\n" and not c.isprintable()]


def test_a_user_who_asked_something_is_seen_with_the_last_question(tmp_path: Path) -> None:
    made = shop(tmp_path)
    made.config = made.config.model_copy(update={"answer": Answer(k=2)})
    go(made.write())
    assert show.user(made.config, "u0").splitlines()[2] == (
        "asked last on 2011-09-01 · question d1 · about fee · cluster c0"
    )
    assert "asked last" not in show.user(made.config, "u1")


def test_one_surface_only(made: Shop) -> None:
    text = show.user(made.config, "u0", surface="discover")
    assert "discover" in text
    assert "for_you" not in text
    with pytest.raises(InputError, match="no surface 'x'; the surfaces are for_you, discover"):
        show.user(made.config, "u0", surface="x")


@pytest.mark.parametrize(("kept", "asked"), [("7", "7.0"), ("7.0", "7"), ("-3", "-3.0")])
def test_an_id_is_spelled_as_ingest_spells_it_or_did(tmp_path: Path, kept: str, asked: str) -> None:
    made = shop(tmp_path, user_ids=[kept, "u1", "u2"]).write()
    go(made)
    assert show.user(made.config, asked).startswith(f"user {asked} · new user")
    assert "is unknown to" in show.user(made.config, f"{asked}0")


def test_an_id_that_means_harm_is_only_an_id(made: Shop) -> None:
    text = show.user(made.config, "O'Hara \x1b[2J")
    assert text.startswith("user O'Hara [2J · new user")
    assert "\x1b" not in text


@pytest.mark.parametrize("user", ["nobody", "'; drop table user_profiles; --", "", "$user_id"])
def test_an_unknown_user_gets_the_popular_items(made: Shop, user: str) -> None:
    lines = show.user(made.config, user).splitlines()
    assert "is unknown to run 2011-10-02-" in lines[0]
    assert "popular" in lines[1]
    assert lines[3] == "popular_items, segment all"
    assert lines[5].split() == ["1", "i0", "WHITE", "MUG", "9"]
    assert max(map(width, lines)) <= WIDTH


def test_without_the_lake_the_lists_are_shown_without_titles(made: Shop) -> None:
    folder = made.folder("features")
    folder.rename(folder.with_name("away"))
    try:
        assert "You bought it 5 times" in show.user(made.config, "u0")
    finally:
        folder.with_name("away").rename(folder)


def test_status_says_what_is_active_how_old_and_how_good(made: Shop) -> None:
    lines = show.status(made.config).splitlines()
    run = publish.active_run(made.config)
    assert run is not None
    assert lines[0] == f"active   run {run.run_id}, valid from 2011-10-03"
    assert lines[1].strip() == "3 nights behind the newest night in the lake, 2011-10-05"
    assert lines[2] == (
        "quality  for_you: NDCG@10 0.3612 [0.3500, 0.3700], +0.0301 to the best single model (buy_again)"
    )
    assert lines[3] == "quality  discover: NDCG@10 0.1604"
    text = "\n".join(lines)
    assert "recommendations    24  3 users" in text
    assert [line.split()[2] for line in lines if line.strip().startswith("2011-10-0")] == ["active", "kept"]
    assert f"stages of 2011-10-05: 1 of {len(stages.EVERYWHERE)} finished" in text
    assert "to do: features, outcomes, fine_tune, popularity" in text
    assert max(map(width, lines)) <= WIDTH


def test_status_says_where_best_sellers_stand_in(made: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = publish.runs(made.config).to_pylist()
    told = [row | {"metrics": json.dumps(json.loads(row["metrics"]) | {"fallback": "new"})} for row in rows]
    monkeypatch.setattr(publish, "runs", lambda config: pa.Table.from_pylist(told, schema=RUNS.schema))
    lines = show.status(made.config).splitlines()
    assert lines[2].startswith("quality  for_you: NDCG@10 0.3612")
    assert lines[3].startswith("quality  discover: best-sellers, as what was learned (NDCG@10 0.1604)")


def ingested(made: Shop, night: date, events: int) -> None:
    """A partition of the log, as far as `status` looks at it."""
    folder = artifacts.stage_dir(made.config.lake, "ingest", night)
    folder.mkdir(parents=True, exist_ok=True)
    artifacts.write_manifest(folder, {"stage": "ingest", "report": {"events": events}})


def test_status_counts_nights_with_events_and_says_when_the_active_one_has_none(tmp_path: Path) -> None:
    made = shop(tmp_path).write()
    go(made)
    for before, events in ((3, 5), (0, 5)):
        ingested(made, NIGHT - timedelta(days=before), events)
    mistyped = date(NIGHT.year, 12, 25)
    ingested(made, mistyped, 0)
    lines = show.status(made.config).splitlines()
    assert lines[1].strip() == f"up to date: the newest night in the lake that has events is {NIGHT}"
    assert lines[2].startswith("quality")
    go(shop(tmp_path, night=mistyped).write())
    lines = show.status(made.config).splitlines()
    assert lines[1].strip() == f"up to date: the newest night in the lake that has events is {NIGHT}"
    assert lines[2].strip() == f"the active run's own night, {mistyped}, has no events"
    assert max(map(width, lines)) <= WIDTH
    for night in (NIGHT, NIGHT - timedelta(days=3)):
        ingested(made, night, 0)
    assert show.status(made.config).splitlines()[1].strip() == f"up to date: the newest night in the lake is {mistyped}"


def test_status_says_which_rows_wait_for_later_nights(tmp_path: Path) -> None:
    made = shop(tmp_path).write()
    go(made)
    folder = artifacts.stage_dir(made.config.lake, "ingest", NIGHT)
    folder.mkdir(parents=True, exist_ok=True)
    kept = {"rows": 3, "first": "2031-01-01", "last": "2031-01-01"}
    artifacts.write_manifest(folder, {"stage": "ingest", "report": {"events": 5, "kept for later nights": kept}})
    assert show.status(made.config).splitlines()[2].strip() == "3 log rows are kept for later nights, 2031-01-01"


def test_nothing_published_is_said(tmp_path: Path) -> None:
    for view in (lambda c: show.user(c, "u0"), show.status):
        with pytest.raises(InputError, match="nothing is published"):
            view(shop(tmp_path).config)
