"""Whether the hours at which people act fit the time zone that days are counted in."""

import cmath
import math
from collections.abc import Sequence
from dataclasses import dataclass

ASLEEP = (22, 8)
"""Hours of a clock between which the middle of people's activity does not lie."""
AWAKE = 15
"""The hour about which it lies, in shops."""
CLEAR, ENOUGH_EVENTS = 0.25, 1000
"""How pronounced a day's rhythm must be (0: none, 1: one hour), and of how many events, to say anything."""


@dataclass(frozen=True)
class Clock:
    """The hours of activity.

    Attributes:
        zone: in which days are counted.
        hours: events by the hour of its clock, [24]; those at midnight to the second are left out, being mostly dates.
        middle: the hour about which activity lies; None where it has no rhythm, or too few events.
        suggests: hours by which the shop's clock seems to be ahead of the zone's; None where nothing does.
    """

    zone: str
    hours: Sequence[int]
    middle: float | None = None
    suggests: int | None = None


def read(zone: str, hours: Sequence[int]) -> Clock:
    """What the hours of a log say.

    Args:
        zone: in which days are counted.
        hours: events by the hour of its clock, [24].
    """
    return Clock(zone, hours, *rhythm(hours))


def rhythm(hours: Sequence[int]) -> tuple[float | None, int | None]:
    """About which hour activity lies, and by how much the clock seems to be wrong.

    Nobody can tell a zone from its neighbours by this. Only where the middle of the day's activity lies in the night,
    when people sleep, is something said.

    Args:
        hours: events by the hour of a clock, [24].
    Returns:
        The hour, None without a rhythm; and hours to add for a middle at AWAKE, None where nothing is wrong.
    """
    total = sum(hours)
    if total < ENOUGH_EVENTS:
        return None, None
    mean = sum(n * cmath.exp(2j * math.pi * (hour + 0.5) / 24) for hour, n in enumerate(hours)) / total
    if abs(mean) < CLEAR:
        return None, None
    middle = cmath.phase(mean) / (2 * math.pi) * 24 % 24
    if ASLEEP[1] <= middle <= ASLEEP[0]:
        return middle, None
    ahead = round(AWAKE - middle) % 24
    return middle, ahead if ahead <= 12 else ahead - 24
