"""What is said to a person of what was found."""

from typing import Any

import pytest

from pipeline.operations.checking import words
from pipeline.settings.sections.data import EventType


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"weight": 1.0, "label": True}, "weight 1, the goal"),
        ({"weight": -0.5, "neutral": 3.0}, "weight -0.5, neutral at 3"),
        ({"weight": 0, "shown": True}, "what the user was shown"),
        ({"weight": 0, "hides": 30}, "hides the item for 30 days"),
        ({"weight": -1.0, "hides": "ever", "after": 2}, "weight -1, hides the item for ever after 2 of them"),
        ({"weight": 0, "hides": 7, "after": 5, "cap": True}, "no more than 5 in 7 days"),
        ({"weight": 0}, "nothing: it makes neither a user nor an item known"),
        (None, "refused: features.event_types does not name it"),
    ],
)
def test_what_an_event_counts_for_is_said(settings: dict[str, Any] | None, said: str) -> None:
    assert words.worth(None if settings is None else EventType(**settings)) == said
