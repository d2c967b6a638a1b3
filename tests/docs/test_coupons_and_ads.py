"""The page on coupons and ads: its settings are settings, and its lines are the program's."""

import tomllib
from typing import Any

import pytest

from pipeline.publication.allotment import page
from pipeline.settings.sections.added import Added
from pipeline.sources.configuration import FullConfig
from tests.conftest import ROOT
from tests.docs.pages import blocks

TEXT = (ROOT / "docs" / "coupons-and-ads.md").read_text(encoding="utf-8")
*SETTINGS, TRIAL, ADDED = [tomllib.loads(block) for block in blocks(TEXT, "toml")]
TYPES: dict[str, Any] = {"purchase": {"label": True}, "redemption": {}, "click": {}}


@pytest.mark.parametrize("given", SETTINGS, ids=lambda given: given["surfaces"][0]["name"])
def test_the_settings_of_the_page_are_accepted(given: dict[str, Any]) -> None:
    config = FullConfig.model_validate(given | {"features": {"event_types": TYPES}})
    assert config.allotted == {given["surfaces"][0]["name"]}


def test_there_are_coupons_and_ads() -> None:
    assert [given["surfaces"][0]["name"] for given in SETTINGS] == ["coupons", "ads"]


def test_the_terminal_says_what_the_page_says() -> None:
    (shown,) = blocks(TEXT, "text")
    item = {"limit": "at most capacity rows, by item", "things": 142, "full": 11, "named": "coupon-10000085361"}
    everything = {"limit": "at most 1,500 rows, in all", "things": 1, "full": 0, "named": "all rows"}
    limits = [everything | {"most": 1500.0, "used": 1310.0, "price": 0.0}]
    limits.append(item | {"most": 40.0, "used": 40.0, "price": 0.014730893075466156})
    said = {"rows": 1310, "users": 1115, "worth": 6.581563665062276, "gap": 0.0, "unsaid": 0, "limits": limits}
    assert page.lines("coupons", said) == shown.splitlines()


def test_the_record_of_a_trial_is_a_setting() -> None:
    (surface,) = FullConfig.model_validate(TRIAL).surfaces
    assert surface.explore is not None
    assert surface.explore.record == 0.2


def test_a_surface_may_go_by_what_a_row_adds() -> None:
    home, letter = FullConfig.model_validate(ADDED).surfaces
    assert (home.added, letter.added) == (Added(), Added(trial="home"))
