"""Whether tonight's table may be published: checks of the lists themselves, and comparisons that must not be lost."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.arrays import metrics
from pipeline.arrays.blocks import blocks
from pipeline.features.offers import Never
from pipeline.features.read import Cutoff
from pipeline.ground.lists import Pool, kind_of
from pipeline.ranking.finals import Recipe
from pipeline.settings.config import Config
from pipeline.settings.sections.lists import Evaluate

FEW_USERS = 10
"""Fewer judged users say nothing: a bootstrap interval of so few is too narrow by far, and stops no publication.
Source: Hesterberg, "What teachers should know about the bootstrap", The American Statistician 69 (2015), section 4."""
SAME = "have the very same first"
NOBODY = "nobody has a list"
FINAL = "final"
CHAMPION = "champion"


@dataclass(frozen=True)
class Comparison:
    """Tonight's final list against another on one metric, paired over users.

    Attributes:
        pool, versus, metric: what is compared; versus is a list's name or "champion".
        final, other: means over the users.
        difference, low, high: mean of final - other, with its 95 % interval.
        users: how many users.
        all_low, all_high: an interval so wide that those to all other lists hold together with 95 % (Bonferroni);
            None where the metric is not the gate's.
    """

    pool: Pool
    versus: str
    metric: str
    final: float
    other: float
    difference: float
    low: float
    high: float
    users: int
    all_low: float | None = None
    all_high: float | None = None

    @property
    def significant(self) -> bool:
        """Whether the interval leaves out 0, of enough users for it to be one."""
        return self.users >= FEW_USERS and (self.low > 0 or self.high < 0)

    def __str__(self) -> str:
        return (
            f"{self.metric} {self.final:.4f} against {self.other:.4f}, "
            f"difference {self.difference:+.4f}, 95 % [{self.low:+.4f}, {self.high:+.4f}], {self.users} users"
        )


def lost(
    comparisons: Iterable[Comparison], settings: Evaluate, recipes: Mapping[Pool, Recipe] | None = None
) -> list[str]:
    """The comparisons that forbid publication, in words: with the champion and the baseline, on the gate's metric.

    Args:
        comparisons: of the judged lists.
        settings: metric, baseline and tolerance.
        recipes: how tonight's lists were made. They were chosen on the window that judges, one fold later than the
            lists that are judged: where a single model's list takes part in them, the baseline had its chance to.
    """
    found = []
    for comparison in comparisons:
        judged = comparison.metric.partition("@")[0] == settings.gate_metric
        fell_back = recipes is not None and recipes[comparison.pool].single is not None
        opponent = comparison.versus in ((CHAMPION,) if fell_back else (CHAMPION, settings.baseline))
        lower = comparison.users >= FEW_USERS and comparison.high < -settings.tolerance
        if judged and opponent and lower:
            name = "the table in use" if comparison.versus == CHAMPION else f"the baseline '{comparison.versus}'"
            found.append(f"pool '{comparison.pool}' is significantly worse than {name}: {comparison}")
    return found


def _wrong(items: np.ndarray, scores: np.ndarray, known: int) -> dict[str, np.ndarray]:
    """What can be wrong with a row of a list, whoever it is for: bool [B] each."""
    there = items >= 0
    ordered = np.where(there, scores, -np.inf)
    falls = (ordered[:, 1:] <= ordered[:, :-1]) | ~there[:, 1:]
    return {
        "an item shown twice": metrics.repeated(items).any(axis=1),
        "an item the catalogue does not know": ((items >= known) | (items < -1)).any(axis=1),
        "a score that is not finite": (there & ~np.isfinite(scores)).any(axis=1),
        "scores that do not descend": ~falls.all(axis=1),
        "a gap between ranks": (there[:, 1:] & ~there[:, :-1]).any(axis=1),
    }


def broken_lists(
    items: np.ndarray,
    scores: np.ndarray,
    cutoff: Cutoff,
    pool: Pool,
    config: Config,
    *,
    shown: np.ndarray,
    alike: bool = False,
) -> list[str]:
    """Checks of the lists that are about to be published, in words; empty if all is well.

    Args:
        items, scores: [T, n] of the final list, row t is target t of `cutoff`; may be memory-mapped.
        cutoff: tonight.
        pool: of one for what is new to a user, nothing the user already acted on may be shown.
        config: `evaluate` has the limits.
        shown: bool [I], what may be shown to anybody at all.
        alike: whether the lists are meant to be the same for everybody.
    """
    users = len(items)
    if not users:
        return [] if cutoff.untouched else [NOBODY]
    targets, history = cutoff.targets(), cutoff.interactions(["user_index", "item_index"])
    owner, owned = (history.column(i).to_numpy() for i in range(2))
    counts: dict[str, int] = {}
    for block in blocks(users, config.block_users):
        rows = np.asarray(items[block])
        wrong = _wrong(rows, np.asarray(scores[block]), cutoff.items)
        if kind_of(pool) == "new":
            first, last = (np.searchsorted(owner, targets[block], side) for side in ("left", "right"))
            wrong["an item already acted on"] = _any_owned(rows, owned, first, last)
        for name, found in wrong.items():
            counts[name] = counts.get(name, 0) + int(found.sum())
    problems = [f"{count} of {users} lists have {name}" for name, count in counts.items() if count]
    possible = Never.read(cutoff).possible(shown)[targets]
    if kind_of(pool) == "new" or not cutoff.repeats:
        possible -= np.bincount(owner[shown[owned]], minlength=cutoff.users)[targets]
    tops = np.ascontiguousarray(items[:, : config.evaluate.k])
    problems += _short(tops, possible, config.evaluate)
    problems += [] if alike else _same(tops, possible, config.evaluate)
    return [f"pool '{pool}': {problem}" for problem in problems]


def _short(tops: np.ndarray, possible: np.ndarray, settings: Evaluate) -> list[str]:
    """Whether too many users have fewer items than they could have.

    Args:
        tops: [T, at most k] the first items of the lists.
        possible: [T] how many items there are for each user.
        settings: `k`, `min_users_share`.
    """
    users, k = len(tops), settings.k
    full = int(((tops >= 0).sum(axis=1) >= np.minimum(possible, k)).sum())
    if full >= settings.min_users_share * users:
        return []
    less = int((possible < k).sum())
    fewer = f", or all that there are for them ({less} of them)" if less else ""
    return [f"only {full} of {users} users have {k} items{fewer}; {settings.min_users_share:.0%} must"]


def _same(tops: np.ndarray, possible: np.ndarray, settings: Evaluate) -> list[str]:
    """Whether too many of the users have the same list who could have another; arguments as `_short`."""
    choosing = tops[possible > settings.k]
    if len(choosing) < 2:
        return []
    same, users = int(np.unique(choosing, axis=0, return_counts=True)[1].max()), len(choosing)
    if same <= max(1, settings.max_same_share * users):
        return []
    return [f"{same} of {users} users {SAME} {settings.k} items"]


def untaught(fusion: Path, pool: Pool, rankers: Iterable[str]) -> str:
    """In words, that no ranker of tonight's fold has learned anything in a pool; empty where one has.

    Args:
        fusion: the stage's folder.
        pool: the pool.
        rankers: their names.
    """
    if any((fusion / "fold=publish" / f"{pool}.{name}.txt").is_file() for name in rankers):
        return ""
    return (
        f"in pool '{pool}' there was nothing to learn from, as too few users did what the recommendations are for "
        "(`label` in features.event_types) within the label windows: the sources vote, equal votes go by popularity"
    )


def _any_owned(items: np.ndarray, owned: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Whether row b shows one of owned[first[b]:last[b]]: bool [B]; first and last ascend."""
    members = np.concatenate([owned[a:b] for a, b in zip(first, last, strict=True)]) if len(first) else owned[:0]
    starts = np.concatenate([[0], np.cumsum(last - first)])
    return np.asarray(metrics.member(items, starts, members.astype(np.int64)).any(axis=1))
