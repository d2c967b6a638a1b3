"""The tables that no statement gives: the configuration's event types, and what an action of each age still counts.

A power has other last bits in Java than in C, so that no engine raises one: Python does, once per age.
"""

import math
from collections.abc import Iterable, Mapping

import pyarrow as pa

from pipeline.settings.sections.data import AttributeKind, EventType

EVER = 1_000_000
"""Days for which an item is hidden that is hidden for ever: no log is as long."""
DECAYS = (7, 30, 90, 365)
"""The half-lives in days that have columns of their own."""
PLACES = 100
"""From this place on all places of a list are one: where an item was shown."""
NOTHING_SHOWN = {
    "shown_users": pa.schema({"user_id": pa.string(), "arrival": pa.date32()}),
    "shown_items": pa.schema({"item_id": pa.string(), "arrival": pa.date32()}),
    "impressions": pa.schema({"arrival": pa.date32(), "day": pa.int32()}),
}
"""What is asked of the tables of what was shown, where no type of events says it."""
NOTHING_SEARCHED = pa.schema({"who": pa.string(), "query": pa.string(), "day": pa.int32(), "item_id": pa.string()})
"""What is asked of the searches, where the shop has no such input."""
UNITS = 60
"""A unit of sums is 2^-60 (sql/features/macros.sql)."""


def event_types(types: Mapping[str, EventType]) -> pa.Table:
    """One row per event type of the configuration.

    Returns:
        event_type, weight, is_label; neutral, the value that speaks neither for nor against (null: values say nothing);
        hides, for how many days it takes the item off the user's lists (null: as it weighs); ever, that long for ever;
        after, how many such events it takes; caps, whether they count whatever the user did with the item; shown,
        whether it says that the user was shown the item.
    """
    hides = [EVER if kind.hides == "ever" else kind.hides for kind in types.values()]
    columns = {
        "event_type": pa.array(list(types), pa.string()),
        "weight": pa.array([kind.weight for kind in types.values()], pa.float64()),
        "is_label": pa.array([kind.label for kind in types.values()], pa.bool_()),
        "neutral": pa.array([kind.neutral for kind in types.values()], pa.float64()),
        "hides": pa.array(hides, pa.int32()),
        "after": pa.array([kind.after for kind in types.values()], pa.int32()),
        "caps": pa.array([kind.cap for kind in types.values()], pa.bool_()),
        "ever": pa.array([EVER] * len(types), pa.int32()),
        "shown": pa.array([kind.shown for kind in types.values()], pa.bool_()),
    }
    return pa.table(columns)


def ages(days: int, half_life_days: float) -> pa.Table:
    """One row per age from 0 to `days`: what an action of that age still counts, by half-life.

    Ages go back from the night itself to the first event's day: a night without events must not forget the oldest days.

    Returns:
        age int32, in days; decay float64, by `half_life_days`; decay_7 and so on int64, in units, by the fixed ones.
    """
    every = range(days + 1)
    fixed = {f"decay_{n}": pa.array(_units(every, n), pa.int64()) for n in DECAYS}
    decay = pa.array([0.5 ** (age / half_life_days) for age in every], pa.float64())
    return pa.table({"age": pa.array(list(every), pa.int32()), "decay": decay} | fixed)


def fading(hours: int, lifetime_hours: int) -> pa.Table:
    """One row per age of an action in hours, up to `hours` and down to a day that is not over: what it still counts.

    Returns:
        age int32, in hours; units decimal(38, 0), half after each lifetime.
    """
    every = range(-24, hours + 1)
    return pa.table(
        {
            "age": pa.array(list(every), pa.int32()),
            "units": pa.array(_units(every, lifetime_hours), pa.decimal128(38, 0)),
        }
    )


def _units(ages: Iterable[int], half_life: float) -> list[int]:
    """0.5 ** (age / half-life) in units, rounded half to even, as units() does."""
    return [round(math.ldexp(0.5 ** (age / half_life), UNITS)) for age in ages]


def declared(kinds: Mapping[str, AttributeKind]) -> pa.Table:
    """One row per attribute that the shop declares: attribute, kind."""
    columns = {"attribute": list(kinds), "kind": list(kinds.values())}
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


def price_words(words: Iterable[str]) -> pa.Table:
    """One row per price band: price_band int8, word."""
    given = list(words)
    return pa.table({"price_band": pa.array(list(range(len(given))), pa.int8()), "word": pa.array(given, pa.string())})
