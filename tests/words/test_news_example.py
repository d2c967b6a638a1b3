"""The news of examples/news: what happened is found on its day, and next to nothing else is."""

import csv
from datetime import date

import pytest

from pipeline.operations import load_history, stages
from pipeline.settings.config import Config
from pipeline.sources import configuration
from tests.conftest import ROOT
from tests.tiny_log import rows_of

pytestmark = pytest.mark.slow

NEWS = ROOT / "examples" / "news"
NIGHT = date(2024, 3, 30)


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """All days after the first month as one night sees them."""
    home = {"home": tmp_path_factory.mktemp("news"), "entities": {"days": 60, "past_days": 30}}
    none = {"model": "none"}
    config = configuration.load(NEWS / "pipeline.toml", home | {"classify": none, "topics": none})
    load_history.load_history(config, NIGHT)
    for stage in ("classify", "entities", "topics"):
        stages.run_stage(stage, NIGHT, config)
    return config


def test_what_happened_is_unusual_on_its_day_and_next_to_nothing_else_is(counted: Config) -> None:
    happened = {(one["company"], one["day"]) for one in csv.DictReader((NEWS / "happened.csv").open(encoding="utf-8"))}
    found = rows_of(counted.lake / "entities" / f"run_date={NIGHT}", "unusual")
    assert {(one["entity"], str(one["day"])) for one in found if one["false_share"] < 1e-6} == happened
    assert len(found) <= len(happened) + 2, "on a hundredth of the days, of which there are 60, one may be by chance"
    words = {(one["entity"], str(one["day"])): set(one["words"]) for one in found}
    assert words["Ember Health", "2024-03-28"] >= {"auditor", "accounts", "resigns"}
    assert "lawsuit" in words["Dover Motors", "2024-03-21"]


def test_the_tone_of_what_happened_is_unlike_the_past(counted: Config) -> None:
    days = rows_of(counted.lake / "entities" / f"run_date={NIGHT}", "days")
    of = {(one["entity"], str(one["day"])): one for one in days}
    for one in csv.DictReader((NEWS / "happened.csv").open(encoding="utf-8")):
        found = of[one["company"], one["day"]]
        assert (found["mean"] > 0) is (one["tone"] == "positive")
    assert of["Ember Health", "2024-03-28"]["change_high"] < 0


def test_what_happened_in_the_last_week_is_a_topic_of_its_own_that_rises(counted: Config) -> None:
    topics = rows_of(counted.lake / "topics" / f"run_date={NIGHT}", "topics")
    (found,) = (one for one in topics if one["direction"] == "rising")
    assert found["entities"] == ["Ember Health"]
    assert set(found["words"]) & {"auditor", "accounts", "resigns"}
    assert (found["documents_before"], str(found["first_seen"].date())) == (0, "2024-03-28")
