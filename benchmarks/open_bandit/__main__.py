"""What policies that learn would earn on a real log that was drawn uniformly: the Open Bandit sample.

    python -m benchmarks.open_bandit FOLDER [--from-day 5] [--resamples 1000]

FOLDER has the sample of PyPI's `obp` as two tables: `impressions.parquet` (policy, campaign, row, timestamp, item_id,
click and, if there, user_feature_...) and, if there, `items.parquet` (campaign, item_id, item_feature_...). What the
tests have of it (tests/policies/open_bandit) has no times.

Every policy learns, anew every night, from the uniform slots of all days before, and is judged on those of each day
from `--from-day` (of seven) on, by the pipeline's own estimates: clicks a slot, self-normalised, and the difference to
the uniform policy, with 95 % intervals and the pipeline's refusals. `bts`, the shop's own Thompson sampling, ran beside
it: what it earned on the same days is its own log's. There are no user ids: every slot is drawn for itself, which makes
intervals too narrow if slots of a user hang together. Positions are not told apart, as they are drawn alike.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.open_bandit.policies import POLICIES, Policy, Slots, one_hot
from pipeline.policies import estimators, intervals
from pipeline.policies.intervals import Estimate
from pipeline.policies.logged import Logged, Support

CAMPAIGNS = ("all", "men", "women")
BETTER = 0.1
"""The difference, in shares of the uniform policy's clicks, for which it is said how many slots would tell it."""


def slots_of(folder: Path, campaign: str, *policies: str) -> Slots:
    """The log of some policies in one campaign, in the order of time; days count from 1."""
    table = pq.read_table(folder / "impressions.parquet")
    table = table.filter(pc.and_(pc.is_in(table["policy"], pa.array(policies)), pc.equal(table["campaign"], campaign)))
    table = table.sort_by([("timestamp", "ascending"), ("row", "ascending"), ("policy", "ascending")])
    day = pc.floor_temporal(table["timestamp"], unit="day").to_numpy().astype("datetime64[D]").astype(np.int64)
    users = [table[name].to_numpy() for name in table.column_names if name.startswith("user_feature_")]
    number = int(pc.max(table["item_id"]).as_py()) + 1
    return Slots(
        table["item_id"].to_numpy().astype(np.int64),
        day - day.min(initial=day[0]) + 1,
        table["click"].to_numpy().astype(np.float64),
        one_hot(users) if users else np.zeros((len(day), 0)),
        _items(folder / "items.parquet", campaign, number),
    )


def _items(file: Path, campaign: str, number: int) -> np.ndarray:
    """[I, G] the words that are said of each item."""
    if not file.exists():
        return np.zeros((number, 0))
    table = pq.read_table(file)
    table = table.filter(pc.equal(table["campaign"], campaign)).sort_by("item_id")
    words = [name for name in table.column_names if name.startswith("item_feature_") and name != "item_feature_0"]
    return one_hot([table[name].to_numpy() for name in words])


def days_of(slots: Slots, first: int, policy: Policy) -> Iterator[Logged]:
    """What a policy that learned on the days before would show in the slots of each day from the first one on."""
    for day in range(first, int(slots.day.max()) + 1):
        known, judged = slots.of(slots.day < day), slots.of(slots.day == day)
        chances = policy(known, judged.users)[np.arange(len(judged.item)), judged.item]
        chance = np.full(len(judged.item), 1 / len(slots.items))
        yield Logged(judged.click, chance, np.clip(chances, 0, 1), np.arange(len(judged.item)))


def together(parts: Sequence[Logged]) -> Logged:
    """Slots of several days or campaigns as one log."""
    reward, chance, target = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("reward", "chance", "target")
    )
    return Logged(reward, chance, target, np.arange(len(reward)))


@dataclass(frozen=True)
class Judged:
    """A policy's estimate: clicks a slot, more than the uniform policy's, and why there may be no verdict."""

    earned: Estimate
    more: Estimate
    support: Support

    @classmethod
    def of(cls, logged: Logged, uniform: Logged, resamples: int) -> "Judged":
        return cls(
            intervals.interval(estimators.snips(logged), resamples, 1),
            intervals.interval(estimators.difference(logged, uniform), resamples, 1),
            Support.of(logged),
        )

    @property
    def verdict(self) -> str:
        if self.support.refusal() is not None:
            return "refused"
        return "better" if self.more.low > 0 else "worse" if self.more.high < 0 else "no verdict"

    def needed(self, base: float) -> float:
        """Slots of a log like this one whose interval would be as wide as a difference of BETTER."""
        half = (self.more.high - self.more.low) / 2
        return self.support.rows * (half / (BETTER * base)) ** 2


def rows_of(logs: dict[str, Logged], resamples: int) -> Iterator[str]:
    """The table of one campaign, as Markdown."""
    yield "| policy | clicks a thousand slots | more than uniform | effective | overlap | slots to tell 10 % | |"
    yield "|---|---|---|---:|---:|---:|---|"
    base = float(logs["uniform"].reward.mean())
    for name, logged in logs.items():
        found = Judged.of(logged, logs["uniform"], resamples)
        needed = "-" if name == "uniform" or found.verdict == "refused" else f"{found.needed(base):,.0f}"
        yield (
            f"| {name} | {_thousand(found.earned)} | {_thousand(found.more, '+')} | {found.support.effective:,.0f} | "
            f"{found.support.overlap:.0%} | {needed} | {found.verdict if name != 'uniform' else 'the log'} |"
        )


def _thousand(known: Estimate, sign: str = "") -> str:
    value, low, high = (f"{1000 * x:{sign}.1f}" for x in (known.value, known.low, known.high))
    return f"{value} [{low}, {high}]"


def pairs_of(logs: dict[str, Logged], resamples: int) -> str:
    """How many pairs of policies that are not refused the log tells apart, each with 95 %."""
    judged = {name: logged for name, logged in logs.items() if Support.of(logged).refusal() is None}
    apart = []
    for one, other in combinations(judged, 2):
        known = intervals.interval(estimators.difference(judged[one], judged[other]), resamples, 1)
        if known.low > 0 or known.high < 0:
            apart.append(f"{one} and {other} ({_thousand(known, '+')})")
    number = len(judged) * (len(judged) - 1) // 2
    return f"pairs told apart: {len(apart)} of {number}" + (": " + "; ".join(apart) if apart else "")


def beside(folder: Path, campaigns: Sequence[str], first: int, resamples: int) -> str:
    """What `bts` earned on the same days, by its own log."""
    logs = [slots_of(folder, campaign, "bts") for campaign in campaigns]
    click = np.concatenate([log.click[log.day >= first] for log in logs])
    own = Logged(click, np.ones(len(click)), np.ones(len(click)), np.arange(len(click)))
    known = intervals.interval(estimators.on_policy(own), resamples, 1)
    return f"bts, by its own log: {_thousand(known)} clicks a thousand slots, {len(click):,} slots"


def report(folder: Path, first: int, resamples: int) -> Iterator[str]:
    """All tables."""
    found: dict[str, dict[str, Logged]] = {}
    for campaign in CAMPAIGNS:
        slots = slots_of(folder, campaign, "random")
        found[campaign] = {name: together(list(days_of(slots, first, policy))) for name, policy in POLICIES.items()}
    found["together"] = {name: together([found[c][name] for c in CAMPAIGNS]) for name in POLICIES}
    for campaign, logs in found.items():
        reward = logs["uniform"].reward
        yield f"\n**{campaign}**, {len(reward):,} slots, {reward.sum():.0f} clicks\n"
        yield from rows_of(logs, resamples)
        campaigns = CAMPAIGNS if campaign == "together" else [campaign]
        yield f"\n{pairs_of(logs, resamples)}\n{beside(folder, campaigns, first, resamples)}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="has impressions.parquet")
    parser.add_argument("--from-day", type=int, default=5, choices=range(2, 8), help="the first that judges")
    parser.add_argument("--resamples", type=int, default=1000, help="draws of each interval")
    args = parser.parse_args(arguments)
    for line in report(args.folder, args.from_day, args.resamples):
        print(line, flush=True)


if __name__ == "__main__":
    main()
