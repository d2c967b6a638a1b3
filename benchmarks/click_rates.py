"""How far click rates that are learned of slots can be trusted, on a real log: the Open Bandit sample.

    python -m benchmarks.click_rates FOLDER [--from-day 4] [--resamples 1000]

FOLDER is that of `benchmarks.open_bandit`. Each model foretells the clicks of a day's slots, those of both policies and
all campaigns, from the days before it, and is compared with whoever foretells the same rate for every slot of a
campaign: log loss, calibration error, and the difference in log loss with a 95 % interval over slots, as there are no
user ids. Nothing was tuned on it.

    item rates      what the policy `learned` knows of items (pipeline.policies.learned)
    reward model    what doubly robust estimates go by (pipeline.policies.reward_model): trees over the item's rate and
                    what is known of user and item
    hashed, C       a logistic regression over hashed words of campaign, item, user, and pairs of item and user
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.open_bandit.__main__ import CAMPAIGNS, slots_of
from benchmarks.open_bandit.policies import Slots
from pipeline.judging import reliability
from pipeline.policies import learned, reward_model

HASHED = 2**16
"""Columns of the logistic regression."""
CONSTANT = "constant"


@dataclass(frozen=True)
class Task:
    """A day that is foretold from the days before it, one campaign.

    Attributes:
        campaign: its name.
        known, judged: the slots that are learned from, and those that are foretold.
    """

    campaign: str
    known: Slots
    judged: Slots


Model = Callable[[Sequence[Task]], list[np.ndarray]]
"""Of one day's campaigns the click rate [N] that is foretold of each one's slots."""


def _rate(slots: Slots) -> float:
    return float((slots.click.sum() + 1) / (len(slots.click) + 20))


def constant(tasks: Sequence[Task]) -> list[np.ndarray]:
    """Each campaign's clicks a slot so far."""
    return [np.full(len(task.judged.item), _rate(task.known)) for task in tasks]


def _items(task: Task) -> np.ndarray:
    known = learned.learn(*task.known.counts())
    return np.asarray(1 / (1 + np.exp(-known.log_odds)))


def item_rates(tasks: Sequence[Task]) -> list[np.ndarray]:
    """What drawn slots say of each item, drawn towards the mean of all as far as items turn out to differ."""
    return [_items(task)[task.judged.item] for task in tasks]


def trees(tasks: Sequence[Task]) -> list[np.ndarray]:
    """The reward model, a campaign at a time; a day's slots are foretold by models of four fifths of what is known."""
    found = []
    for task in tasks:
        rates = _items(task)
        both = [
            np.column_stack([rates[part.item], part.users, part.items[part.item]]) for part in (task.known, task.judged)
        ]
        is_known = np.arange(sum(map(len, both))) < len(both[0])
        click = np.append(task.known.click, np.zeros(len(both[1])))
        features = np.concatenate(both)
        model = reward_model.across(click, np.arange(len(click)), features, seed=1, rows=is_known)
        found.append(model(features)[~is_known])
    return found


def _words(campaign: str, slots: Slots) -> Iterator[list[str]]:
    kinds, place = np.unique(slots.users, axis=0, return_inverse=True)
    of_users = [[f"u{n}" for n in np.flatnonzero(kind)] for kind in kinds]
    for item, user in zip(slots.item, place.ravel(), strict=True):
        known = of_users[user]
        yield [campaign, f"{campaign} {item}", *known, *(f"{campaign} {item} {word}" for word in known)]


def hashed(tasks: Sequence[Task], strength: float) -> list[np.ndarray]:
    """A logistic regression over all campaigns.

    Args:
        tasks: a day's.
        strength: C, the inverse of how strongly weights are drawn towards 0.
    """
    from sklearn.feature_extraction import FeatureHasher
    from sklearn.linear_model import LogisticRegression

    hasher = FeatureHasher(HASHED, input_type="string", alternate_sign=False)
    known = hasher.transform(words for task in tasks for words in _words(task.campaign, task.known))
    model = LogisticRegression(C=strength, max_iter=1000)
    model.fit(known, np.concatenate([task.known.click for task in tasks]))
    return [model.predict_proba(hasher.transform(_words(t.campaign, t.judged)))[:, 1] for t in tasks]


MODELS: dict[str, Model] = {
    CONSTANT: constant,
    "item rates": item_rates,
    "reward model": trees,
    "hashed, C 1": partial(hashed, strength=1.0),
    "hashed, C 0.1": partial(hashed, strength=0.1),
    "hashed, C 0.01": partial(hashed, strength=0.01),
}


def foretold(logs: dict[str, Slots], first: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """What each model foretells of all slots from a day on, and what came: [N] each.

    Args:
        logs: each campaign's slots; first: the first day that is foretold, from 1.
    """
    found: dict[str, list[np.ndarray]] = {name: [] for name in MODELS}
    came = []
    for day in range(first, max(int(log.day.max()) for log in logs.values()) + 1):
        tasks = [Task(name, log.of(log.day < day), log.of(log.day == day)) for name, log in logs.items()]
        came += [task.judged.click for task in tasks]
        for name, model in MODELS.items():
            found[name] += model(tasks)
    return {name: np.concatenate(parts) for name, parts in found.items()}, np.concatenate(came)


def losses(rate: np.ndarray, came: np.ndarray) -> np.ndarray:
    """[N] each slot's negative log-likelihood, in nats."""
    sure = np.clip(rate, reliability.TINY, 1 - reliability.TINY)
    return np.asarray(-(came * np.log(sure) + (1 - came) * np.log1p(-sure)))


def interval(gap: np.ndarray, resamples: int, seed: int = 1) -> tuple[float, float]:
    """95 %, of the mean of [N] differences, slots drawn with replacement."""
    rng = np.random.default_rng(seed)
    drawn = [gap[rng.integers(0, len(gap), len(gap))].mean() for _ in range(resamples)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def rows_of(rates: dict[str, np.ndarray], came: np.ndarray, resamples: int) -> Iterator[str]:
    """The table, as Markdown."""
    yield "| model | log loss a thousand slots | less than the constant [95 %] | calibration error, of the mean rate |"
    yield "|---|---:|---|---:|"
    base = losses(rates[CONSTANT], came)
    for name, rate in rates.items():
        mine = losses(rate, came)
        known = reliability.measure(rate, came > 0)
        error = known.error / came.mean() if known is not None else float("nan")
        less = "-"
        if name != CONSTANT:
            low, high = interval(base - mine, resamples)
            less = f"{1000 * (base - mine).mean():+.3f} [{1000 * low:+.3f}, {1000 * high:+.3f}]"
        yield f"| {name} | {1000 * mine.mean():.3f} | {less} | {error:.0%} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="has impressions.parquet")
    parser.add_argument("--from-day", type=int, default=4, choices=range(2, 8), help="the first that is foretold")
    parser.add_argument("--resamples", type=int, default=1000, help="draws of each interval")
    args = parser.parse_args(arguments)
    logs = {name: slots_of(args.folder, name, "random", "bts") for name in CAMPAIGNS}
    rates, came = foretold(logs, args.from_day)
    print(f"{len(came):,} slots, {came.sum():.0f} clicks\n")
    for line in rows_of(rates, came, args.resamples):
        print(line, flush=True)


if __name__ == "__main__":
    main()
