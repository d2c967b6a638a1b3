"""Confidence sequences: intervals that hold at every look together, so that looking every night costs nothing.

Users are seen on many nights, and what one user does hangs together, so the user is the unit: what counts of a user is
the sum so far, beside the number of days so far. The error of an arm's mean is that of a ratio of two such sums over
independent users. Of two such means the earlier one's error is the later one's and something independent of it, as what
users are like stays and what happens on a day does not come again: scaled by its information 1 / error^2, the estimate
is a Brownian motion with a drift, whichever part of the error is the larger (Scharfstein, Tsiatis & Robins, JASA 1997).
Robbins' normal mixture bounds such a motion at all times at once; that the error is estimated makes the bound one for
many users (Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas, Annals of Statistics 2024).

Sources: Robbins, Annals of Mathematical Statistics 41 (1970); for A/B tests Johari, Koomen, Pekelis & Walsh, Operations
Research 2022; the ratio's error: Cochran, Sampling Techniques, 1977, ch. 6.
"""

import math
from dataclasses import dataclass

LOOKS = 7
"""Intervals are narrowest where there is so many times as much information as at the first look."""
LEAST = 30
"""So many users of each arm must have done something, or would have if they were as the other arm's: with fewer an
error is not known well enough to say anything."""


@dataclass(frozen=True)
class Sums:
    """What is known of the users of an arm; s is what a user did so far, n on how many days.

    Attributes:
        users: how many; active: how many with s > 0.
        n, nn, s, ss, sn: the sums of n, n^2, s, s^2 and s n over the users.
    """

    users: int
    active: int
    n: float
    nn: float
    s: float
    ss: float
    sn: float

    @property
    def mean(self) -> float:
        """Per user and day; nan without users."""
        return self.s / self.n if self.n else math.nan

    @property
    def variance(self) -> float:
        """Of the mean, over users; nan with fewer than two."""
        if self.users < 2:
            return math.nan
        squares = self.ss - 2 * self.mean * self.sn + self.mean**2 * self.nn
        return max(squares, 0.0) / self.n**2 * self.users / (self.users - 1)


@dataclass(frozen=True)
class Look:
    """A difference of two means at one look.

    Attributes:
        value: the difference.
        low, high: of the sequence.
        first: the information of the first look that there was an interval at, which later looks need.
    """

    value: float
    low: float
    high: float
    first: float


def look(arm: Sums, control: Sums, first: float | None = None, level: float = 0.95) -> Look | None:
    """How much more an arm's users do than the control's, per user and day.

    Args:
        arm, control: all that is known so far.
        first: `first` of an earlier look; None: there was none.
        level: how often the intervals of all looks are to hold together.
    Returns:
        None where there are not LEAST users.
    """
    if not is_enough(arm, control):
        return None
    variance = _variance(arm, control) + _variance(control, arm)
    if not variance > 0:
        return None
    information = 1 / variance
    first = information if first is None else first
    value, half = arm.mean - control.mean, half_width(information, first, level)
    return Look(value, value - half, value + half, first)


def is_enough(arm: Sums, control: Sums) -> bool:
    """Whether there are LEAST users of each who did anything, or would have."""
    if not arm.users or not control.users:
        return False
    share = max(arm.active / arm.users, control.active / control.users)
    return min(arm.users, control.users) * share >= LEAST


def _variance(arm: Sums, other: Sums) -> float:
    """Of an arm's mean; where hardly anybody did anything, at least what it would be if they were as the other's."""
    return arm.variance if arm.active >= LEAST else max(arm.variance, other.variance * other.n / arm.n)


def half_width(information: float, first: float, level: float) -> float:
    """Half of the interval of a look, by its information and that of the first one.

    The mixture is normal with variance 1 / prior; with this prior the interval is narrowest at LOOKS x first.
    """
    alpha = 1 - level
    prior = LOOKS * first / (1 - 2 * math.log(alpha) + math.log(-2 * math.log(alpha)))
    grown = information + prior
    return math.sqrt(grown * math.log(grown / (prior * alpha**2))) / information
