"""Surfaces that go by what a row adds: what nothing can teach is refused when the settings are read."""

from typing import Any

import pytest

from pipeline.settings import added
from pipeline.settings.config import Config

SLOTS = {"slots": [2], "record": 0.5}
HOME = {"name": "home", "k": 5, "explore": SLOTS}


def given(*surfaces: dict[str, Any], **changes: Any) -> Config:
    return Config.model_validate({"surfaces": surfaces} | changes)


def test_a_surface_is_taught_by_itself_or_another_one() -> None:
    config = given(HOME | {"added": {}}, {"name": "other", "added": {"trial": "home", "learner": "x"}})
    assert [added.teacher_of(surface) for surface in config.surfaces] == ["home", "home"]
    assert added.top(config.surfaces[1], config.surfaces, config.experiment) == 50
    assert config.rearranged == {"home", "other"}


def test_an_arm_may_keep_the_record() -> None:
    arms: list[dict[str, Any]] = [{"name": "control", "share": 0.5}, {"name": "drawn", "share": 0.5}]
    arms[1]["overlay"] = {"surfaces": {"plain": {"explore": SLOTS | {"top": 60}}}}
    config = given(
        {"name": "plain", "k": 5, "added": {}}, experiment={"name": "try", "since": "2024-01-01", "arms": arms}
    )
    assert added.top(config.surfaces[0], config.surfaces, config.experiment) == 60


@pytest.mark.parametrize(
    ("surfaces", "words"),
    [
        ([{"name": "a", "added": {"trial": "b"}}], "surface 'a': added.trial: there is no surface 'b', only a"),
        ([{"name": "a", "added": {}}], "surface 'a' keeps no record of what its slots could have shown: set its"),
        ([HOME, {"name": "a", "added": {"trial": "home"}, "repeats": False}], "give both the same where, goal"),
        ([HOME, {"name": "a", "added": {"trial": "home"}, "where": "price < 3"}], "recommends other items or for some"),
        ([HOME, {"name": "a", "added": {"trial": "home"}, "horizon_days": 1}], "recommends other items or for some"),
        ([HOME | {"added": {}, "diversity": 0.1}], "added and diversity exclude each other, as what is shown"),
        ([HOME | {"added": {}, "long_tail": 1}], "added and long_tail exclude each other"),
        (
            [HOME, {"name": "a", "added": {"trial": "home"}, "allot": {"candidates": 60}}],
            "its items are allotted from 60 of a user's best, and the slots of 'home' say something of 50",
        ),
    ],
)
def test_what_nothing_teaches_is_refused(surfaces: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        given(*surfaces)
