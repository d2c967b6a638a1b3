"""What a shop's settings should be, by how long its log is and what its users do."""

from collections.abc import Collection

from pipeline.operations.starter import columns
from pipeline.settings.sections.data import EventType, Features

# The kind of behaviour that recommendations are for: the first of these that the log has.
GOALS = ("purchase", "rating", "like", "cart", "comment", "share", "click", "view")
# (days of log, horizon_days, label_windows): the settings for a log that is long enough. None: the profile's.
LENGTHS = ((83, None, None), (62, 14, 5), (0, 7, 3))


def goal(kinds: Collection[str]) -> str:
    """Which of Nightjar's kinds of behaviour the recommendations are for."""
    return next((kind for kind in GOALS if kind in kinds), GOALS[-1])


def event_types(kinds: Collection[str]) -> dict[str, EventType]:
    """What each of Nightjar's kinds of behaviour is worth, in the order of columns.KINDS; one of them is the goal."""
    known, chosen = Features().event_types, goal(kinds)
    named = sorted({*kinds, chosen}, key=list(columns.KINDS).index)
    return {
        kind: EventType(weight=1.0, label=True) if kind == chosen else EventType(weight=known[kind].weight)
        for kind in named
    }


def windows(days: int) -> tuple[int, int] | None:
    """Horizon and label windows that fit into so many days of log; None where the profile's do."""
    horizon, number = next((horizon, number) for least, horizon, number in LENGTHS if days >= least)
    return None if horizon is None or number is None else (horizon, number)
