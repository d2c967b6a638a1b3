"""Settings that a shop's log asks for, as TOML ready to paste. A type's name is a stranger's: it is quoted."""

import json
import re
import unicodedata
from datetime import timedelta

from pipeline.ground import terminal
from pipeline.operations.checking.facts import Facts, Kind
from pipeline.operations.starter import columns, proposals
from pipeline.settings.config import Config
from pipeline.settings.sections.data import EventType, Features

AGAINST = frozenset(
    ("dislike", "disliked", "downvote", "hide", "hidden", "notinterested", "skip", "skipped", "thumbsdown")
) | {"unsubscribe", "unsubscribed"}
"""What logs call an action that says no (as columns.NAMES)."""
SHOWN = frozenset(("impression", "impressions", "shown", "exposure", "exposed", "served", "displayed", "viewport"))
"""What logs call it that something was shown, which says nothing by itself."""
GUESS = 0.1
"""Weight of a behaviour that nobody knows."""
TOO_MANY = 20
"""So many unknown kinds of behaviour are none: another column was taken for it."""
STARS = 10.0
"""Ratings are of no more than so many stars..."""
HALF = 0.5
"""... and on at least this share of a type's rows."""
YOUNG, SHORT = 0.5, 3
"""Share of the events on items younger than a week, from which items live days; a horizon, in days, that suits them."""


def toml(facts: Facts, config: Config) -> str:
    """What pipeline.toml should say instead of what it says; "" where nothing.

    Args:
        facts: of the log.
        config: the shop's.
    """
    blocks = [
        _calendar(facts, config),
        _section("features", _repeats(facts, config)),
        _section("features.event_types", _event_types(facts, config)),
    ]
    return "\n".join("\n".join(block) + "\n" for block in blocks if block)


def _section(name: str, lines: list[str]) -> list[str]:
    return [f"[{name}]", *lines] if lines else []


def _calendar(facts: Facts, config: Config) -> list[str]:
    lines, events = [], facts.events
    if facts.clock and facts.clock.suggests is not None:
        lines.append(f'# timezone = "..."  # a zone about {facts.clock.suggests:+d} hours from {facts.clock.zone}?')
    night = events and (events.complete or events.last)
    if not events or not events.first or not night:
        return lines
    if (
        facts.fresh
        and facts.fresh.events
        and facts.fresh.young >= YOUNG * facts.fresh.events
        and config.horizon_days > SHORT
    ):
        lines.append("# horizon_days = 2  # items live days here: what users do in the next days is what can be told")
    if min(config.label_cutoffs(night)) - timedelta(days=1) < events.first and (
        fitting := proposals.windows(events.days)
    ):
        horizon, windows = fitting
        if horizon <= config.horizon_days and windows < config.label_windows:
            lines.append(f"horizon_days = {horizon}  # {events.days} days of log are short: 14 once there are 83")
            lines.append(f"label_windows = {windows}")
    return lines


def _repeats(facts: Facts, config: Config) -> list[str]:
    """Only where the log cannot say it yet, and what it has speaks against."""
    if not facts.repeats or config.features.repeats != "learned" or facts.repeats.is_learned is not None:
        return []
    if facts.repeats.repeated or not facts.repeats.pairs:
        return []
    return [
        f'# repeats = "no"  # none of {facts.repeats.pairs:,} pairs came back yet: a film is seen once, milk is not'
    ]


def _event_types(facts: Facts, config: Config) -> list[str]:
    """All types, where one is missing, none is the goal, or ratings are counted like clicks."""
    known = config.features.event_types
    if sum(not kind.known for kind in facts.kinds) > TOO_MANY:
        return []
    found = {kind.name: _worth(kind, known) for kind in facts.kinds}
    remarks = {kind.name: "" if kind.known or _alias(kind.name) else "a guess" for kind in facts.kinds}
    if found and not any(worth.label for worth, _ in found.values()):
        goal = _goal(list(found))
        found[goal] = (found[goal][0].model_copy(update={"label": True, "weight": 1.0, "shown": False}), True)
        remarks[goal] = "the goal: is it what recommendations are for?"
    if not any(is_new for _, is_new in found.values()):
        return []
    own = known if known != Features().event_types else {}
    found |= {name: (worth, False) for name, worth in own.items() if name not in found}
    return [_line(name, worth, remarks.get(name, "not in the log")) for name, (worth, _) in found.items()]


def _worth(kind: Kind, known: dict[str, EventType]) -> tuple[EventType, bool]:
    """What a kind should be worth, and whether that is not what the configuration says."""
    worth, is_new = (known[kind.name], False) if kind.known else (_guessed(kind.name), True)
    if worth.neutral is None and (neutral := _neutral(kind)) is not None:
        return worth.model_copy(update={"neutral": neutral}), True
    return worth, is_new


def _guessed(name: str) -> EventType:
    """What a kind that the configuration does not name should be worth."""
    return EventType(weight=_weight(name), shown=columns.plain(name) in SHOWN)


def _weight(name: str) -> float:
    plain = columns.plain(name)
    if plain in AGAINST:
        return -1.0
    if plain in SHOWN:
        return 0.0
    alias = _alias(name)
    return Features().event_types[alias].weight if alias in Features().event_types else GUESS


def _alias(name: str) -> str:
    """What Nightjar calls a behaviour; "" where it does not know it."""
    plain = columns.plain(name)
    if plain in AGAINST | SHOWN:
        return plain
    return next((kind for kind, aliases in columns.KINDS.items() if plain in aliases), "")


def _goal(names: list[str]) -> str:
    """Which of the log's types the recommendations should be for; the most frequent of those that mean the same."""
    by_kind = {_alias(name): name for name in reversed(names)}
    return by_kind.get(proposals.goal(by_kind.keys()), names[0])


def _neutral(kind: Kind) -> float | None:
    """The middle of the stars, where a type's values are stars."""
    if _alias(kind.name) != "rating" or kind.valued < HALF * kind.rows or kind.different < 2:
        return None
    if kind.least is None or kind.greatest is None or kind.least < 0 or kind.greatest > STARS:
        return None
    return 3.0 if 1 < kind.greatest <= 5 else (kind.least + kind.greatest) / 2


def _line(name: str, worth: EventType, remark: str) -> str:
    said = [f"weight = {worth.weight:g}"]
    said += ["label = true"] if worth.label else []
    said += ["shown = true"] if worth.shown else []
    said += [f"neutral = {worth.neutral:g}"] if worth.neutral is not None else []
    return f"{key(name)} = {{ {', '.join(said)} }}" + (f"  # {remark}" if remark else "")


def key(name: str) -> str:
    """A name as a key of TOML that reads back as it was, without a character that would steer a terminal."""
    if re.fullmatch(r"[A-Za-z0-9_-]+", name):
        return name
    text = json.dumps(name, ensure_ascii=False)
    return "".join(f"\\U{ord(c):08x}" if unicodedata.category(c) in terminal.STEERING else c for c in text)
