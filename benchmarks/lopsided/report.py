"""What is printed of two nights that are compared."""

from collections.abc import Mapping

from benchmarks.lopsided.measuring import Spent

FELT = 1.0
"""Seconds below which a stage is start-up and noise, and has no ratio."""


def ratio(lopsided: float, even: float) -> str:
    """How many times as long; "" where neither is felt."""
    return "" if max(lopsided, even) < FELT else f"{lopsided / max(even, 0.1):.2f}"


def table(name: str, lopsided: Mapping[str, Spent], even: Mapping[str, Spent]) -> list[str]:
    """Lines of a Markdown table: every stage, and all of them."""
    lines = [
        f"| {name} | seconds | even log | ratio | processor s | even log | ratio | peak MB | even log |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [_row(stage, spent, even[stage]) for stage, spent in lopsided.items()]
    return [*lines, _row("**all**", together(lopsided), together(even))]


def together(night: Mapping[str, Spent]) -> Spent:
    """Sums of seconds, and the highest peak."""
    spent = list(night.values())
    return Spent(
        sum(one.seconds for one in spent),
        sum(one.processor for one in spent),
        max((one.peak_mb for one in spent), default=0),
    )


def _row(stage: str, one: Spent, other: Spent) -> str:
    clock = f"{one.seconds:.1f} | {other.seconds:.1f} | {ratio(one.seconds, other.seconds)}"
    processor = f"{one.processor:.1f} | {other.processor:.1f} | {ratio(one.processor, other.processor)}"
    return f"| {stage} | {clock} | {processor} | {one.peak_mb} | {other.peak_mb} |"
