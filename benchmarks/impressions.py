"""What it is worth to log what was shown: the same log, with and without its impressions.

    python -m benchmarks.impressions OUT [--seeds 5 6 7] [--nights 2] [--users 1500] [--learned-alone]

A site is made up, whose truth is known: users with tastes, items that appeal, each list of ten looked at from the top,
a place less likely the lower it stands. The site shows what was clicked most lately, an editor's favourites that nobody
wants, and some chance; half of the items come up later. What a user looks for by search is in the log too. A night
learns from the clicks, and once more from clicks and impressions (`shown = true`).

A list is worth the clicks that it would get: of each user who came, the sum over ten places of the chance that the
place is looked at times the chance that the item is clicked. Judged is what was made, whether or not the gate lets it
pass. Seeds 0 to 4 were looked at while this was built. Seconds are of the nights' commands; with 15,000 users there are
a million impressions in the days that count.
"""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks import nights, scoring
from benchmarks.every_log import running
from benchmarks.every_log.shop import write_csv

USERS, ITEMS, TASTES, DAYS, LENGTH = 1500, 400, 6, 70, 10
START = date(2024, 1, 1)
VISITS, SEARCHES = 0.25, 0.3
"""Visits of a user a day, and how many of them end with a search."""
FAVOURITES = 15
"""Items that the editors put forward although few want them."""
SETTINGS = """horizon_days = 7

[ingest.events]
files = "logs/{{year}}-{{month}}-{{day}}.csv.zst"
sql = "events.sql"

[features.event_types]
click = {{ label = true }}
impression = {{ weight = 0, shown = {shown} }}

[ensemble]
backstop = {backstop}
"""
MAPPING = """select
    "user" as user_id, item as item_id, try_cast("at" as timestamptz) as event_time, kind as event_type,
    place as rank_shown, _file, _row
from raw
"""


@dataclass(frozen=True)
class Site:
    """The laws of a site.

    Attributes:
        seed: of everything.
        users: how many.
        backstop: whether a single list may take part in the final one.
    """

    seed: int
    users: int
    backstop: bool = True

    def _rng(self, stream: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, stream])

    @cached_property
    def chance(self) -> np.ndarray:
        """[U, I] that a user clicks an item she looks at."""
        rng = self._rng(1)
        tastes, kinds = rng.dirichlet(np.full(TASTES, 0.3), self.users), rng.dirichlet(np.full(TASTES, 0.3), ITEMS)
        appeal = rng.normal(0, 0.8, ITEMS)
        appeal[self.favourites] -= 1.5
        return np.asarray(1 / (1 + np.exp(3.2 - 3.5 * tastes @ kinds.T - appeal)))

    @cached_property
    def favourites(self) -> np.ndarray:
        """The editors' items."""
        return self._rng(2).choice(ITEMS // 2, FAVOURITES, replace=False)

    @cached_property
    def begins(self) -> np.ndarray:
        """[I] the day on which each item comes up."""
        return np.where(np.arange(ITEMS) < ITEMS // 2, 0, self._rng(3).integers(0, DAYS - 5, ITEMS))

    @cached_property
    def looked(self) -> np.ndarray:
        """[LENGTH] the chance that a place is looked at."""
        return np.arange(1, LENGTH + 1) ** -self._rng(4).uniform(0.5, 1.2)

    def days(self) -> Iterator[tuple[int, pa.Table]]:
        """Every day's log: user, item, kind, place, at."""
        rng, clicks = self._rng(5), np.zeros(ITEMS)
        active = rng.lognormal(0, 0.7, self.users)
        active *= VISITS / active.mean()
        for day in range(DAYS):
            up = self.begins <= day
            users = np.flatnonzero(rng.random(self.users) < active)
            score = np.log1p(clicks) + rng.gumbel(0, 1.0, (len(users), ITEMS))
            score[:, self.favourites] += rng.random((len(users), FAVOURITES)) * 4
            lists = np.argsort(np.where(up, -score, np.inf), axis=1)[:, :LENGTH]
            looked = rng.random(lists.shape) < self.looked
            clicked = looked & (rng.random(lists.shape) < self.chance[users[:, None], lists])
            searching = users[rng.random(len(users)) < SEARCHES]
            wanted = np.where(up, self.chance[searching], 0).cumsum(axis=1)
            found = (wanted < rng.random((len(searching), 1)) * wanted[:, -1:]).sum(axis=1)
            clicks *= 0.8
            np.add.at(clicks, lists[clicked], 1)
            np.add.at(clicks, found, 1)
            row, column = np.nonzero(clicked)
            who = np.concatenate([np.repeat(users, LENGTH), users[row], searching])
            what = np.concatenate([lists.ravel(), lists[row, column], found])
            place = [*np.tile(np.arange(1, LENGTH + 1), len(users)), *(column + 1), *[None] * len(found)]
            kind = ["impression"] * lists.size + ["click"] * (len(row) + len(found))
            second = np.sort(rng.integers(0, 80_000, len(who)))
            begin = datetime(START.year, START.month, START.day, tzinfo=UTC) + timedelta(days=day)
            columns = {
                "user": [f"u{n:06}" for n in who],
                "item": [f"i{n:03}" for n in what],
                "kind": kind,
                "place": pa.array(place, pa.int32()),
                "at": [(begin + timedelta(seconds=int(s))).isoformat() for s in second],
            }
            yield day, pa.table(columns)

    def write(self, folder: Path, *, shown: bool) -> Path:
        """The shop's folder, its log written once."""
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "whole").exists():
            for day, table in self.days():
                write_csv(table, folder / "logs" / f"{START + timedelta(days=day)}.csv.zst")
            (folder / "whole").touch()
        (folder / "events.sql").write_text(MAPPING)
        (folder / "pipeline.toml").write_text(
            SETTINGS.format(shown=json.dumps(shown), backstop=json.dumps(self.backstop))
        )
        return folder

    def worth(self, lists: Mapping[str, Sequence[str]], night: date) -> np.ndarray:
        """[users of the lists] the clicks that each list would get."""
        there = self.begins <= (night - START).days + 1
        found = []
        for user, items in lists.items():
            row = self.chance[int(user[1:])] * there
            found.append(sum(row[int(item[1:])] * self.looked[n] for n, item in enumerate(items[:LENGTH])))
        return np.array(found)

    def best(self, users: Sequence[str], night: date) -> dict[str, list[str]]:
        """The lists that nobody could better."""
        there = self.begins <= (night - START).days
        order = {user: np.argsort(-self.chance[int(user[1:])] * there)[:LENGTH] for user in users}
        return {user: [f"i{n:03}" for n in items] for user, items in order.items()}


def measure(site: Site, number: int, out: Path, profile: str) -> Iterator[tuple[date, dict[str, np.ndarray], str]]:
    """What the lists of a site's last nights are worth, by how they were made, users side by side; and seconds."""
    last = START + timedelta(days=DAYS - 1)
    chosen = [last - timedelta(days=7 * n) for n in reversed(range(number))]
    found: dict[str, dict[date, Mapping[str, Sequence[str]]]] = {}
    seconds: dict[date, list[str]] = {night: [] for night in chosen}
    for name, shown in (("clicks", False), ("clicks and impressions", True)):
        folder = site.write(out / f"site{site.seed}.{site.users}.{'shown' if shown else 'plain'}", shown=shown)
        home = out / f"{folder.name}.{profile}"
        for night, ran in running.run(folder, chosen, last, home, profile).items():
            if ran.stopped:
                print(f"seed {site.seed}, {name}, {night}: {ran.stopped}", flush=True)
            seconds[night].append(f"{ran.seconds:.0f}")
            settings = running.settings_of(folder, home, profile)
            found.setdefault(name, {})[night] = dict(nights.lists_of(settings, "ensemble", night, "all"))["final"]
    for night in chosen:
        users = sorted(set.intersection(*(set(lists[night]) for lists in found.values())))
        worth = {name: site.worth({u: lists[night][u] for u in users}, night) for name, lists in found.items()}
        yield night, worth | {"best possible": site.worth(site.best(users, night), night)}, " and ".join(seconds[night])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the sites and print a row for each night."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folders that are made, homes")
    parser.add_argument("--seeds", nargs="+", type=int, default=[5, 6, 7])
    parser.add_argument("--nights", type=int, default=2)
    parser.add_argument("--users", type=int, default=USERS)
    parser.add_argument("--learned-alone", action="store_true", help="no single list takes part (ensemble.backstop)")
    parser.add_argument("--profile", choices=["fast", "default"], default="fast")
    args = parser.parse_args(arguments)
    print("| seed | night | users | clicks | clicks and impressions | best possible | gained [95 %] | seconds |")
    print("|---|---|---:|---:|---:|---:|---|---|", flush=True)
    gained = []
    for seed in args.seeds:
        for night, worth, seconds in measure(
            Site(seed, args.users, not args.learned_alone), args.nights, args.out.resolve(), args.profile
        ):
            plain, shown, best = (worth[name] for name in ("clicks", "clicks and impressions", "best possible"))
            gained.append((shown - plain) / plain.mean())
            low, high = scoring.pooled_interval([[str(n) for n in range(len(plain))]], [gained[-1]])
            print(
                f"| {seed} | {night} | {len(plain)} | {plain.mean():.4f} | {shown.mean():.4f} | {best.mean():.4f} "
                f"| {gained[-1].mean():+.1%} [{low:+.1%}, {high:+.1%}] | {seconds} |",
                flush=True,
            )
    print(f"\nmean of {len(gained)} nights: {np.mean([one.mean() for one in gained]):+.1%}")


if __name__ == "__main__":
    main()
