"""A surface's published list against its best simple one: the mean of the nights, with an interval over the users."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from benchmarks import scoring
from benchmarks.every_log.shop import Own, Seen
from benchmarks.scoring import Acted, Lists

PUBLISHED = "published"
MADE = "made"
"""What the night came to, whether or not the gate let it pass."""


@dataclass(frozen=True)
class Judged:
    """A surface on one night.

    Attributes:
        users: who is judged: had a history, and then did something for the goal.
        ndcg: by list [users] NDCG@10.
        unfit: share of the published top tens, everybody's, that should not be there, see `unfit`.
    """

    users: Sequence[str]
    ndcg: Mapping[str, np.ndarray]
    unfit: float = 0.0


@dataclass(frozen=True)
class Row:
    """A surface over its nights.

    Attributes:
        shop, surface: whose.
        nights: how each was judged.
        best: name of the simple list with the highest mean.
        interval: 95 %, of the difference of published and best.
        foreseen: NDCG@10 in the mean of the nights of the simple list that is best on each one's other nights: what
            somebody has who must choose before. None of a single night.
    """

    shop: str
    surface: str
    nights: Mapping[date, Judged]
    best: str
    interval: tuple[float, float]
    foreseen: float | None

    def mean(self, name: str) -> float:
        """A list's NDCG@10 in the mean of the nights."""
        return mean(name, list(self.nights.values()))

    @property
    def names(self) -> list[str]:
        """The lists, the best first, equal ones by name."""
        return sorted(_names(self.nights.values()), key=lambda name: (-self.mean(name), name))

    @property
    def difference(self) -> float:
        """Published minus best."""
        return self.mean(PUBLISHED) - self.mean(self.best)

    @property
    def verdict(self) -> str:
        """What the interval says, in words."""
        return verdict(self.difference, *self.interval)


def truth_of(seen: Seen, own: Own) -> Acted:
    """What users did for the goal with the items of a surface; who did nothing is not there."""
    found = {user: {item for item in items if own.belongs(item)} for user, items in seen.truth.items()}
    return {user: items for user, items in found.items() if items}


def judge(shown: Mapping[str, Lists], seen: Seen, own: Own, pool: str) -> Judged:
    """Score the lists of one surface on one night.

    Args:
        shown: by name.
        seen: the night; own: of the surface.
        pool: "all", or "new", where only what a user never acted on counts.
    """
    truth = truth_of(seen, own)
    users = scoring.judged(truth, seen.history, pool)
    ndcg = {name: scoring.per_user(lists, truth, seen.history, pool)[0] for name, lists in shown.items()}
    return Judged(users, ndcg, unfit(shown.get(PUBLISHED, {}), seen, own, pool))


def unfit(published: Lists, seen: Seen, own: Own, pool: str) -> float:
    """The share of the lists' first ten items that do not belong to the surface or may not be shown to their user.

    Under "new" what a user ever acted on, a dislike too, is among them.
    """
    may_be_shown, items, wrong = own.shown_by(seen), 0, 0
    for user, ranked in published.items():
        had = seen.history.get(user, set()) if pool == "new" else set()
        items += len(ranked[:10])
        wrong += sum(item in had or not may_be_shown(user, item) for item in ranked[:10])
    return wrong / max(items, 1)


def compare(shop: str, surface: str, nights: Mapping[date, Judged]) -> Row | None:
    """The published list against the best simple one in the mean of the nights; None where nobody was judged.

    The best is chosen on the same nights, which favours it. The interval draws users, each with all her nights
    (see scoring.pooled_interval).
    """
    found = {night: judged for night, judged in nights.items() if len(judged.users)}
    if not found:
        return None
    judged = list(found.values())
    best = best_simple(judged, judged)
    gaps = [_of(PUBLISHED, night) - _of(best, night) for night in judged]
    interval = scoring.pooled_interval([night.users for night in judged], gaps)
    return Row(shop, surface, found, best, interval, foreseen(judged))


def best_simple(on: Sequence[Judged], among: Sequence[Judged]) -> str:
    """The simple list with the highest mean on some nights, of those that any of others has; of equals the first."""
    return max(sorted(_names(among) - {PUBLISHED, MADE}), key=lambda name: mean(name, on))


def foreseen(nights: Sequence[Judged]) -> float | None:
    """See Row.foreseen. Of many lists about as good, the best of the nights it is judged on is a lucky one."""
    if len(nights) < 2:
        return None
    others = [[other for other in nights if other is not night] for night in nights]
    return float(
        np.mean([mean(best_simple(rest, nights), [night]) for night, rest in zip(nights, others, strict=True)])
    )


def mean(name: str, nights: Sequence[Judged]) -> float:
    """The mean of the nights' means of a list; a night without it counts as 0."""
    return float(np.mean([_of(name, night).mean() for night in nights]))


def verdict(difference: float, low: float, high: float) -> str:
    """A difference and its 95 % interval in words; "as good" is what cannot be told apart."""
    if low > 0:
        return "better"
    if high < 0:
        return "worse"
    return "as good" if difference >= 0 else "as good, but below in the mean"


def _names(nights: Iterable[Judged]) -> set[str]:
    return {name for night in nights for name in night.ndcg}


def _of(name: str, night: Judged) -> np.ndarray:
    return night.ndcg.get(name, np.zeros(len(night.users)))
