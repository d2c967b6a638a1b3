"""Which key of the gate tells a better table from a worse one, where users act on what the table in use shows.

    python -m benchmarks.gate_key [--seeds 1 2 3 4 5 6 7 8 9 10] [--users 1500] [--days 7]

A site is made up, whose truth is known (`benchmarks.impressions`): users look at a list of ten from the top, click by
chance, and find some things by search. For 28 days and the days that judge it shows the lists of the table in use, but
for the tenth place, which is drawn from the best fifty that are left. That table is a list of what is popular and of
the editors' favourites, or a personal one with errors; tonight's table is another one, worse or better. Each key says
of both what they would have found of what users did in the days that judge, and stops tonight's table where it is
significantly worse (95 %, users drawn anew). What a table is truly worth is the clicks that its lists would get.

Wrong are stops of a table that is truly better by a hundredth, and passes of one that is truly worse by as much.
Nothing was chosen on these seeds.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.impressions import ITEMS, LENGTH, SEARCHES, VISITS, Site
from pipeline.policies import estimators, intervals
from pipeline.policies.estimators import Terms
from pipeline.policies.intervals import Estimate
from pipeline.policies.logged import Logged
from pipeline.ranking.backstop import rarity

BEFORE, TOP = 28, 50
ERRORS = (0.3, 1.0, 2.0)
"""Deviations of the errors of personal tables' log-odds; a click's own differ by about 1.2."""
MATTERS = 0.01
MOST = 10.0
"""What a hit counts at most in the key that divides by a user's own looks."""
DISCOUNT = 1 / np.log2(np.arange(2, LENGTH + 2))


@dataclass
class Seen:
    """What a site showed and what came of it, over some days.

    Attributes:
        looks: [U, I] how often each user is expected to have looked at each item.
        shown, found: [U, I] clicks in lists; what was found by search.
        slots: (user, item, chance, clicked) [N] each, of the tenth places.
    """

    looks: np.ndarray
    shown: np.ndarray
    found: np.ndarray
    slots: list[tuple[np.ndarray, ...]]

    @classmethod
    def nothing(cls, users: int) -> "Seen":
        """Before the first day."""
        return cls(np.zeros((users, ITEMS)), np.zeros((users, ITEMS)), np.zeros((users, ITEMS)), [])

    def day(self, site: Site, score: np.ndarray, rng: np.random.Generator, *, satisfied: bool) -> None:
        """A day on which the lists [U, LENGTH] of a score [U, I] are shown; `satisfied`: see `--satisfied`."""
        users = np.flatnonzero(rng.random(site.users) < VISITS)
        order = np.argsort(-score[users], axis=1, kind="stable")
        lists = order[:, :LENGTH].copy()
        drawn = LENGTH - 1 + rng.integers(0, TOP, len(users))
        lists[:, -1] = order[np.arange(len(users)), drawn]
        who = np.broadcast_to(users[:, None], lists.shape)
        clicked = rng.random(lists.shape) < site.looked * site.chance[who, lists]
        np.add.at(self.looks, (who, lists), np.broadcast_to(site.looked, lists.shape))
        np.add.at(self.shown, (who[clicked], lists[clicked]), 1)
        searching = users[rng.random(len(users)) < SEARCHES]
        wanted = (site.chance[searching] * ~(satisfied & (self.shown[searching] > 0))).cumsum(axis=1)
        self.found[searching, (wanted < rng.random((len(searching), 1)) * wanted[:, -1:]).sum(axis=1)] += 1
        self.slots.append((users, lists[:, -1], np.full(len(users), 1 / TOP), clicked[:, -1].astype(np.float64)))


def in_use(site: Site, kind: str, seen: Seen, errors: np.ndarray) -> np.ndarray:
    """[U, I] the score of the table in use."""
    if kind == "personal":
        return np.asarray(log_odds(site.chance) + errors)
    clicks = (seen.shown + seen.found).sum(axis=0)
    score = np.asarray(np.log1p(clicks)[None, :] + 0.1 * errors)
    score[:, site.favourites] += 1.0
    return score


def candidates(site: Site, seen: Seen, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """[U, I] the scores of tables that could be tonight's."""
    clicks, looks = (seen.shown + seen.found).sum(axis=0), seen.looks.sum(axis=0)
    appeal = np.log((seen.shown.sum(axis=0) + 1) / (looks + 20))
    everybody = {"popular": np.log1p(clicks), "shown most": np.log1p(looks), "appeal": appeal}
    found = {name: np.broadcast_to(one, site.chance.shape) for name, one in everybody.items()}
    true = log_odds(site.chance)
    for error in ERRORS:
        found[f"personal, errors {error}"] = true + rng.normal(0, error, true.shape)
    mixed = true + rng.normal(0, 1.0, true.shape)
    return found | {"personal and popular": mixed + np.log1p(clicks), "personal and appeal": mixed + appeal}


def log_odds(chance: np.ndarray) -> np.ndarray:
    return np.asarray(np.log(chance) - np.log1p(-chance))


def tops(score: np.ndarray) -> np.ndarray:
    """[U, LENGTH] the best items."""
    return np.argsort(-score, axis=1, kind="stable")[:, :LENGTH]


def truth(site: Site, lists: np.ndarray) -> float:
    """Clicks that lists would get, a user."""
    return float((np.take_along_axis(site.chance, lists, axis=1) * site.looked).sum(axis=1).mean())


def gains(lists: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """[U] the discounted gain of lists by what each hit counts [U, I], 0 for none."""
    return np.asarray(np.take_along_axis(weight, lists, axis=1) @ DISCOUNT)


def keys(tonight: np.ndarray, now: np.ndarray, before: Seen, seen: Seen) -> dict[str, Estimate]:
    """By each key, how much more tonight's lists find than those of the table in use."""
    hit = ((seen.shown + seen.found) > 0).astype(np.float64)
    rare = rarity(before.looks.sum(axis=0))
    rare = np.ones(ITEMS) if rare is None else rare
    own = np.minimum(1 / np.maximum(1 - np.exp(-seen.looks), 1e-9), MOST)
    weights = {
        "rarity of the item": hit * rare,
        "rarity for the user": hit * own,
        "rarity for the user, mean of both": hit * own * rare,
        "found by search": (seen.found > 0).astype(np.float64),
    }
    judged = np.flatnonzero(hit.any(axis=1))
    ideal = np.cumsum(DISCOUNT)[np.minimum(hit.sum(axis=1), LENGTH).astype(int) - 1]
    ndcg = (gains(tonight, hit) - gains(now, hit)) / ideal
    found = {"as today: NDCG@10": Terms(ndcg[judged], np.ones(len(judged)), judged)}
    for name, weight in weights.items():
        mine = np.flatnonzero(weight.any(axis=1))
        above = gains(tonight, weight) - gains(now, weight)
        found[name] = Terms(above[mine], weight.sum(axis=1)[mine], mine)
    found["by drawn slots (second key)"] = by_slots(tonight, now, seen)
    return {name: intervals.interval(terms, 300, 1) for name, terms in found.items()}


def by_slots(tonight: np.ndarray, now: np.ndarray, seen: Seen) -> Terms:
    """The difference by the tenth places, as `pipeline.judging.by_slots` takes it."""
    user, item, chance, clicked = (np.concatenate(parts) for parts in zip(*seen.slots, strict=True))
    mine, other = ((lists[user, -1] == item).astype(np.float64) for lists in (tonight, now))
    return estimators.difference(Logged(clicked, chance, mine, user), Logged(clicked, chance, other, user))


@dataclass(frozen=True)
class Verdict:
    """What a key said of a table: by how much it is truly better, in shares, and its estimate."""

    better: float
    said: Estimate

    @property
    def stops(self) -> bool:
        """Whether the table is withheld."""
        return self.said.high < 0


def verdicts(seed: int, users: int, days: int, satisfied: bool) -> Iterator[tuple[str, str, dict[str, Verdict]]]:
    """Of each table in use and each of tonight's, what the keys say."""
    site = Site(seed, users)
    for kind in ("popular", "personal"):
        rng = np.random.default_rng([seed, 11])
        errors, before, seen = rng.normal(0, 1.0, (users, ITEMS)), Seen.nothing(users), Seen.nothing(users)
        for _ in range(BEFORE):
            before.day(site, in_use(site, kind, before, errors), rng, satisfied=satisfied)
        now = in_use(site, kind, before, errors)
        for _ in range(days):
            seen.day(site, now, rng, satisfied=satisfied)
        worth = truth(site, tops(now))
        for name, score in candidates(site, before, rng).items():
            lists = tops(score)
            better = truth(site, lists) / worth - 1
            said = keys(lists, tops(now), before, seen)
            yield kind, name, {key: Verdict(better, one) for key, one in said.items()}


def rows_of(found: Mapping[str, Sequence[Verdict]]) -> Iterator[str]:
    """The table of all keys, as Markdown."""
    yield "| key | better tables that are stopped | worse tables that pass | sign of the estimate is right |"
    yield "|---|---:|---:|---:|"
    for key, all_of in found.items():
        better = [one for one in all_of if one.better > MATTERS]
        worse = [one for one in all_of if one.better < -MATTERS]
        right = sum((one.said.value > 0) == (one.better > 0) for one in better + worse)
        stopped, passed = sum(one.stops for one in better), sum(not one.stops for one in worse)
        share = right / max(len(better) + len(worse), 1)
        yield f"| {key} | {stopped} of {len(better)} | {passed} of {len(worse)} | {share:.0%} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table of each table in use, and which tables of tonight's a key stops wrongly."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(1, 11)))
    parser.add_argument("--users", type=int, default=1500)
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--satisfied", action="store_true", help="nobody searches for what was clicked in a list")
    args = parser.parse_args(arguments)
    found: dict[str, dict[str, list[Verdict]]] = {}
    wrong: dict[str, dict[str, int]] = {}
    true: dict[tuple[str, str], list[float]] = {}
    for seed in args.seeds:
        for kind, name, said in verdicts(seed, args.users, args.days, args.satisfied):
            for key, one in said.items():
                found.setdefault(kind, {}).setdefault(key, []).append(one)
                if abs(one.better) > MATTERS and one.stops != (one.better < 0):
                    names = wrong.setdefault(f"{kind}, {key}", {})
                    names[name] = names.get(name, 0) + 1
            true.setdefault((kind, name), []).append(next(iter(said.values())).better)
    for kind, by_key in found.items():
        better = "; ".join(f"{name} {np.mean(of):+.0%}" for (one, name), of in true.items() if one == kind)
        print(f"\n**In use: {kind}.** Truly, in the mean: {better}\n")
        print("\n".join(rows_of(by_key)))
    for name, count in wrong.items():
        print(f"wrong, {name}: " + ", ".join(f"{table} {number}" for table, number in count.items()))


if __name__ == "__main__":
    main()
