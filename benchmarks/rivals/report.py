"""Scores of all lists of some nights, and the README's table of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from benchmarks import scoring
from benchmarks.rivals.catalogue import PROTOCOLS, Rival
from benchmarks.rivals.runner import Measured, NightFiles

OURS = "nightjar"


@dataclass(frozen=True)
class Row:
    """One list under one protocol.

    Attributes:
        ndcg, recall: per-user NDCG@10 and Recall@50 by night.
        minus: mean and 95 % interval of Nightjar's NDCG@10 minus its, by night.
        pooled: the same for the mean of the nights.
    """

    name: str
    title: str
    ndcg: dict[date, np.ndarray]
    recall: dict[date, np.ndarray]
    minus: dict[date, tuple[float, float, float]]
    pooled: tuple[float, float, float] | None

    @property
    def mean(self) -> float:
        """NDCG@10, mean of the nights."""
        return float(np.mean([v.mean() for v in self.ndcg.values()]))

    @property
    def mean_recall(self) -> float:
        """Recall@50, mean of the nights."""
        return float(np.mean([v.mean() for v in self.recall.values()]))


def score(
    nights: list[NightFiles], files: Mapping[str, Mapping[date, Path]], titles: Mapping[str, str], protocol: str
) -> list[Row]:
    """Score lists under a protocol, best first.

    Args:
        files: by list's name and night, the Parquet file; a list is left out unless it has all nights.
    """
    judges = {n.date: n.judges() for n in nights}
    users = [scoring.judged(*judges[n.date], protocol) for n in nights]
    values: dict[str, dict[date, tuple[np.ndarray, np.ndarray]]] = {}
    for name, by_night in files.items():
        if all(n.date in by_night and by_night[n.date].exists() for n in nights):
            values[name] = {
                d: scoring.per_user(scoring.read_lists(by_night[d]), *judge, protocol) for d, judge in judges.items()
            }
    rows = []
    for name, found in values.items():
        ours = values.get(OURS) if name != OURS else None
        gaps = {d: ours[d][0] - found[d][0] for d in found} if ours else {}
        pooled = None
        if gaps:
            middle = float(np.mean([g.mean() for g in gaps.values()]))
            pooled = (middle, *scoring.pooled_interval(users, list(gaps.values())))
        minus = {d: (float(g.mean()), *scoring.interval(g)) for d, g in gaps.items()}
        ndcg, recall = ({d: v[part] for d, v in found.items()} for part in (0, 1))
        rows.append(Row(name, titles.get(name, name), ndcg, recall, minus, pooled))
    return sorted(rows, key=lambda row: -row.mean)


def title(rival: Rival) -> str:
    """What a rival is called in a table."""
    return f"{rival.title} ({rival.note})" if rival.note else rival.title


def _signed(found: tuple[float, float, float] | None) -> str:
    return "" if found is None else f"{found[0]:+.4f} [{found[1]:+.4f}, {found[2]:+.4f}]"


def _cost(found: Measured | None) -> str:
    return "" if found is None else f"{found.seconds:.0f} s, {found.peak_mb / 1000:.1f} GB"


def summary(rows: Mapping[str, list[Row]], cost: Mapping[str, Measured]) -> Iterator[str]:
    """The README's table as Markdown: a line per list, both protocols side by side, means of the nights."""
    every = {row.name: row.title for protocol in PROTOCOLS for row in rows[protocol]}
    found = {(p, row.name): row for p in PROTOCOLS for row in rows[p]}
    yield "| list | `all` | Nightjar minus it | `new` | Nightjar minus it | a night |"
    yield "|---|---|---|---|---|---|"
    order = sorted(every, key=lambda n: -max((found[p, n].mean for p in PROTOCOLS[:1] if (p, n) in found), default=0))
    for name in order:
        cells = []
        for protocol in PROTOCOLS:
            row = found.get((protocol, name))
            cells += [f"{row.mean:.4f}", _signed(row.pooled)] if row else ["-", ""]
        yield f"| {every[name]} | {' | '.join(cells)} | {_cost(cost.get(name))} |"


def details(rows: list[Row], protocol: str) -> Iterator[str]:
    """A table per protocol: every night, the mean, recall, and the differences night by night."""
    nights = list(rows[0].ndcg) if rows else []
    yield f"| `{protocol}` | {' | '.join(map(str, nights))} | mean | Recall@50 | Nightjar minus it, night by night |"
    yield "|---" * (len(nights) + 4) + "|"
    for row in rows:
        cells = [f"{row.ndcg[n].mean():.4f}" for n in nights]
        gaps = "; ".join(_signed(row.minus[n]) for n in nights if n in row.minus)
        yield f"| {row.title} | {' | '.join(cells)} | {row.mean:.4f} | {row.mean_recall:.4f} | {gaps} |"
