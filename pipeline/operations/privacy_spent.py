"""What people's privacy has cost so far, by what was released, and for how many nights the budget lasts."""

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pipeline.ground import keeping, terminal
from pipeline.ground.errors import InputError
from pipeline.privacy import spending
from pipeline.privacy.spending import Release
from pipeline.settings.config import Config

FOREVER = 10_000
"""Nights beyond which nobody plans."""


@dataclass(frozen=True)
class Spent:
    """What was released, and what it cost together.

    Attributes:
        releases: all of them, oldest first.
        delta: at which epsilon is told.
        budget: of epsilon; None: there is none.
        since: the day on which somebody joined; None: was there from the first.
        path: where they are written down.
    """

    releases: tuple[Release, ...]
    delta: float
    budget: float | None
    since: date | None
    path: Path

    def __str__(self) -> str:
        names = sorted({release.of for release in self.releases})
        rows = [self._row(name, [release for release in self.releases if release.of == name]) for name in names]
        rows += [self._row("all", self.releases)] if len(names) > 1 else []
        header = ("of", "releases", "last night", "dearest", "epsilon together")
        lines = [f"What people's privacy has cost, at delta {self.delta:g} ({self.path}):", ""]
        lines += terminal.table(header, rows, right=header[1:])
        return "\n".join([*lines, "", *self._said()])

    def _row(self, name: str, releases: Sequence[Release]) -> tuple[str, ...]:
        dearest = max(spending.spent([release], self.delta) for release in releases)
        night = max(release.night for release in releases)
        return name, str(len(releases)), night, f"{dearest:.2f}", f"{spending.spent(releases, self.delta):.2f}"

    def _said(self) -> list[str]:
        found = []
        if self.since is not None:
            later = spending.spent(self.releases, self.delta, self.since)
            found.append(f"Who joined on {self.since} was in releases that cost epsilon {later:.2f} together.")
        if self.budget is not None:
            left = self.nights_left()
            many = "more than anybody plans" if left >= FOREVER else f"{left} nights like the last"
            found.append(f"Of a budget of epsilon {self.budget:g} there is enough left for {many}.")
        return found

    def nights_left(self) -> int:
        """For how many nights more the budget lasts, each of which releases what the last one did."""
        usual, budget = _newest(self.releases, max(release.night for release in self.releases)), self.budget or 0.0

        def overspent(nights: int) -> bool:
            more = [Release("", "", "", "", one.mu * math.sqrt(nights), one.delta * nights) for one in usual]
            return spending.spent([*self.releases, *more], self.delta) > budget * (1 + 1e-9)

        return max(0, bisect.bisect_left(range(FOREVER + 1), True, key=overspent) - 1)


def _newest(releases: Sequence[Release], night: str) -> list[Release]:
    """What a usual night releases: of each thing the newest cut-off, as a first night releases several, as often as it
    was, as a day with several moments does."""
    of_night = [release for release in releases if release.night == night]
    newest = {release.of: release.cutoff for release in sorted(of_night, key=lambda one: one.cutoff)}
    return [release for release in of_night if release.cutoff == newest[release.of]]


def run(config: Config, since: date | None = None) -> Spent:
    """Read what was released.

    Args:
        config: whose home, delta and budget.
        since: the day on which somebody joined, whose cost is told too.
    Raises:
        InputError: nothing was released through noise yet, or as spending.read.
    """
    keeping.bring(spending.path(config))  # where another machine spent
    releases, section = spending.read(config), config.privacy
    if not releases:
        raise InputError(
            f"nothing was released through noise yet ({spending.path(config)}): [privacy] asks for it "
            "(docs/differential-privacy.md)"
        )
    return Spent(tuple(releases), section.delta, section.epsilon_budget, since, spending.path(config))
