"""Whether tonight's lists are as good for some people as for others: NDCG by group of users, and the widest gap.

Groups are how much users had done by the judged cut-off, and the words of the attributes that the shop declares of
them, where enough of the judged users share one. The gap of a grouping is between its best and its worst group. These
are picked because they are the furthest apart, so that some gap is always there; its interval allows for that: it holds
for all pairs of the grouping's groups at once (Bonferroni), and a gap whose interval has 0 in it is none that is known.

    out/user_groups.parquet    one row per pool, grouping and group
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.arrays import metrics
from pipeline.features.attributes import Attributes
from pipeline.features.read import Cutoff
from pipeline.ground.lists import Pool
from pipeline.judging import measuring
from pipeline.judging.measuring import USER_BUCKETS, Buckets
from pipeline.judging.report import words
from pipeline.judging.scoreboard import Scoreboard
from pipeline.settings.config import Config

ACTIVITY = "activity"
"""The grouping that every shop has."""
FILE = "user_groups.parquet"
SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string(), nullable=False) for name in ("pool", "grouping", "value")),
        pa.field("users", pa.int32(), nullable=False),
        *(pa.field(name, pa.float64(), nullable=False) for name in ("ndcg", "low", "high")),
    ]
)
Groupings = Mapping[str, tuple[Sequence[str], np.ndarray]]
"""By name: the groups, and of each target its group's place among them, int [T]; -1: of none."""


@dataclass(frozen=True)
class Group:
    """One group of the judged users: the mean of its NDCG with its 95 % interval."""

    pool: Pool
    grouping: str
    value: str
    users: int
    ndcg: float
    low: float
    high: float


@dataclass(frozen=True)
class Gap:
    """Between the best and the worst group of a grouping; the interval holds for all pairs of its groups at once."""

    pool: Pool
    grouping: str
    best: str
    worst: str
    gap: float
    low: float
    high: float

    @property
    def is_known(self) -> bool:
        """Whether it is more than chance."""
        return self.low > 0


@dataclass(frozen=True)
class Found:
    """What is known of groups.

    Attributes:
        groups: in the order of pools, groupings, groups; gaps: one per pool and grouping with two groups at least.
    """

    groups: tuple[Group, ...] = ()
    gaps: tuple[Gap, ...] = ()

    def widest(self, pool: Pool) -> Gap | None:
        """The widest gap of a pool; None: there are no two groups."""
        return max((gap for gap in self.gaps if gap.pool == pool), key=lambda gap: gap.gap, default=None)


def of_night(boards: Sequence[Scoreboard], cutoff: Cutoff, config: Config) -> Found:
    """The groups of a judged cut-off."""
    buckets = measuring.read_buckets(cutoff, cutoff.items, config.evaluate)
    return judge(boards, groupings(cutoff, buckets, config), config)


def groupings(cutoff: Cutoff, buckets: Buckets, config: Config) -> Groupings:
    """By what the judged users are grouped: activity, and the declared attributes that are words."""
    targets = cutoff.targets()
    known = Attributes.of_users(cutoff, config).words if config.user_attributes else {}
    return {ACTIVITY: (USER_BUCKETS, buckets.users)} | {
        name: (found.values, found.code[targets]) for name, found in sorted(known.items())
    }


def judge(boards: Sequence[Scoreboard], by: Groupings, config: Config) -> Found:
    """NDCG of the final lists in every group with `features.word_min_users` judged users at least."""
    groups: list[Group] = []
    gaps: list[Gap] = []
    for board in boards:
        values = board.final[f"ndcg@{config.evaluate.k}"]
        for name, (labels, codes) in by.items():
            mine = [(label, values[codes[board.rows] == code]) for code, label in enumerate(labels)]
            told = [(label, some) for label, some in mine if len(some) >= config.features.word_min_users]
            drawn = {label: _drawn(some, config, n) for n, (label, some) in enumerate(told)}
            groups += [_group(board.pool, name, label, some, drawn[label]) for label, some in told]
            gaps += _gap(board.pool, name, told, drawn)
    return Found(tuple(groups), tuple(gaps))


def _drawn(values: np.ndarray, config: Config, number: int) -> np.ndarray:
    """float64 [resamples], means of users drawn with replacement, another draw for each group."""
    rng = np.random.default_rng([config.seed, number])
    size = max(1, metrics.BOOTSTRAP_CELLS // len(values))
    means = []
    for start in range(0, config.evaluate.resamples, size):
        rows = min(size, config.evaluate.resamples - start)
        means.append(values[rng.integers(0, len(values), (rows, len(values)))].mean(axis=1))
    return np.concatenate(means)


def _group(pool: Pool, grouping: str, label: str, values: np.ndarray, drawn: np.ndarray) -> Group:
    low, high = np.quantile(drawn, [0.025, 0.975]).tolist()
    return Group(pool, grouping, label, len(values), float(values.mean()), low, high)


def _gap(
    pool: Pool, grouping: str, told: Sequence[tuple[str, np.ndarray]], drawn: Mapping[str, np.ndarray]
) -> Iterator[Gap]:
    """Source: Dunn, Journal of the American Statistical Association 56 (1961), for all pairs at once."""
    if len(told) < 2:
        return
    means = {label: float(values.mean()) for label, values in told}
    best, worst = max(means, key=lambda label: means[label]), min(means, key=lambda label: means[label])
    if means[best] == means[worst]:
        return
    outside = 0.05 / (len(told) * (len(told) - 1) / 2)
    low, high = np.quantile(drawn[best] - drawn[worst], [outside / 2, 1 - outside / 2]).tolist()
    yield Gap(pool, grouping, best, worst, means[best] - means[worst], low, high)


def write(found: Found, out: Path) -> None:
    """Write FILE."""
    rows = [{name: getattr(group, name) for name in SCHEMA.names} for group in found.groups]
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), out / FILE)


def scalars(found: Found, config: Config) -> dict[str, float]:
    """For the manifest: <pool>.final.group_gap, with .low and .high, of the widest gap of each pool."""
    widest = [gap for pool in config.pools if (gap := found.widest(pool))]
    return {
        f"{gap.pool}.final.group_gap{end}": round(value, 6)
        for gap in widest
        for end, value in (("", gap.gap), (".low", gap.low), (".high", gap.high))
    }


# --- the report -------------------------------------------------------------------------------------------------------


def section(found: Found, surfaces: Mapping[Pool, str], config: Config) -> list[tuple[str, str]]:
    """The report's part about groups: (title, HTML); nothing where no two can be told apart.

    Args:
        found: from `judge`.
        surfaces: names of the surfaces that draw on each pool.
        config: what people are called.
    """
    if not found.gaps:
        return []
    note = words.said(
        "Groups of {people} side by side: how good their first {k} are, and the range in which that lies with 95 %. "
        "Where the ranges of two overlap much, chance may be all there is between them. A group of fewer than "
        "{least} judged {people} is not told.",
        config,
        k=config.evaluate.k,
        least=config.features.word_min_users,
    )
    parts = [_pool(found, pool, name, config) for pool, name in surfaces.items() if found.widest(pool)]
    return [("Is it as good for everybody?", f'<p class="soft">{escape(note)}</p>{"".join(parts)}')]


def _pool(found: Found, pool: Pool, surface: str, config: Config) -> str:
    said = "".join(f"<li>{escape(_sentence(gap, config))}</li>" for gap in found.gaps if gap.pool == pool)
    mine = [group for group in found.groups if group.pool == pool]
    top = max(group.high for group in mine) or 1.0
    rows = "".join(
        f"<tr><td>{escape(_label(group.grouping, group.value, config))}</td><td>{group.users}</td>"
        f"<td>{group.ndcg:.3f}</td><td>{group.low:.3f} to {group.high:.3f}</td><td>{_bar(group, top)}</td></tr>"
        for group in mine
    )
    header = "".join(f"<th>{escape(cell)}</th>" for cell in ("", words.of(config).people, "ndcg", "95 %", ""))
    table = f'<div class="wide"><table><thead><tr>{header}</tr></thead><tbody>{rows}</tbody></table></div>'
    return f"<h3>{escape(surface)}</h3><ul>{said}</ul>{table}"


def _sentence(gap: Gap, config: Config) -> str:
    """What a gap says, in words."""
    best, worst = (_label(gap.grouping, value, config) for value in (gap.best, gap.worst))
    known = "more than chance" if gap.is_known else "it may be chance"
    return f"“{best}” is ahead of “{worst}” by {gap.gap:.3f} [{gap.low:.3f}, {gap.high:.3f}]: {known}"


def _label(grouping: str, value: str, config: Config) -> str:
    if grouping != ACTIVITY:
        return f"{grouping}: {value}"
    return words.said(words.BUCKETS["users", value], config, **config.evaluate.model_dump())


def _bar(group: Group, top: float) -> str:
    """The mean as a bar, its interval as a line over it."""
    x, low, high = (round(120 * value / top, 1) for value in (group.ndcg, group.low, group.high))
    title = f"{group.ndcg:.3f}, {group.low:.3f} to {group.high:.3f}"
    return (
        f'<svg viewBox="0 0 120 14" width="120" height="14" role="img" aria-label="{title}">'
        f'<rect x="0" y="3" width="{x}" height="8" style="fill:var(--fused)"/>'
        f'<path d="M{low} 7H{high}" style="stroke:var(--ink);stroke-width:1.5"/></svg>'
    )
