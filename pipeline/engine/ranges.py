"""Statements that can be made a range of users, or of items, at a time, so that what they group fits in memory.

Such a statement says so itself: it selects by `user_index >= $first_user and user_index < $users`, or by `$first_item`
and `$items`, and its rows of a range need nobody outside it. Range after range they are the rows of all at once.
"""

import itertools
from collections.abc import Mapping
from typing import Any

_UNTIL = {"first_user": "users", "first_item": "items"}
"""By the parameter with which a range begins the one with which it ends."""


def everything(params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a statement with those of a range that is everything."""
    return dict.fromkeys(_UNTIL, 0) | dict(params)


def split(text: str, params: Mapping[str, Any], parts: int) -> list[dict[str, Any]]:
    """The parameters of a statement, range by range in ascending order; once, where it knows no ranges.

    Args:
        text: the statement.
        params: its parameters; where it has ranges, how many users or items there are.
        parts: how many ranges at most.
    """
    whole = everything(params)
    for first, until in _UNTIL.items():
        if f"${first}" in text:
            number = whole[until]
            cuts = [number * part // parts for part in range(parts + 1)]
            some = [(a, b) for a, b in itertools.pairwise(cuts) if a < b]
            return [whole | {first: a, until: b} for a, b in some or [(0, number)]]
    return [whole]
