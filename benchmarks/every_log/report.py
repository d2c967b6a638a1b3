"""The table of the benchmark, and every list behind it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from benchmarks.every_log.comparison import MADE, PUBLISHED, Row
from benchmarks.every_log.running import Ran

MOST = 12
"""Lists of a surface that are printed."""


def summary(rows: Sequence[Row]) -> Iterator[str]:
    """A row per surface of every shop, in Markdown."""
    yield "| surface | users | made | published | best simple list | | difference [95 %] | verdict | chosen before |"
    yield "|---|---:|---:|---:|---:|---|---|---|---:|"
    for row in rows:
        users = " ".join(str(len(night.users)) for night in row.nights.values())
        means = f"{row.mean(MADE):.4f} | {row.mean(PUBLISHED):.4f} | {row.mean(row.best):.4f} | {row.best}"
        low, high = row.interval
        gap = f"{row.difference:+.4f} [{low:+.4f}, {high:+.4f}]"
        foreseen = "" if row.foreseen is None else f"{row.foreseen:.4f}"
        yield f"| {row.shop}, {row.surface} | {users} | {means} | {gap} | {row.verdict} | {foreseen} |"


def details(row: Row) -> Iterator[str]:
    """The best lists of a surface night by night, what is made and published always among them."""
    yield f"\n{row.shop}, {row.surface}"
    yield f"{'list':<36}" + "".join(f"{night!s:>12}" for night in row.nights) + f"{'mean':>10}"
    for place, name in enumerate(row.names):
        if place < MOST or name in (PUBLISHED, MADE):
            found = (night.ndcg.get(name) for night in row.nights.values())
            values = "".join(f"{'-' if v is None else format(v.mean(), '.4f'):>12}" for v in found)
            yield f"{name:<36}{values}{row.mean(name):>10.4f}"
    if any(night.unfit for night in row.nights.values()):
        shares = " ".join(f"{night.unfit:.1%}" for night in row.nights.values())
        yield f"of the published top tens not on offer, another surface's or not new to the user: {shares}"


def stops(shop: str, ran: Mapping[date, Ran]) -> Iterator[str]:
    """The nights that did not publish, each with what was said."""
    for night, how in ran.items():
        if how.stopped:
            yield f"\n{shop}, {night} did not publish: {how.stopped}"
