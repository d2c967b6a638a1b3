"""What the evaluation leaves behind: its tables, and the scalars of its manifest."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.judging.champion import ON
from pipeline.judging.gate import FINAL, Comparison
from pipeline.judging.report import page as report
from pipeline.publication.night import FALLBACK

METRICS = pa.schema(
    [
        pa.field("pool", pa.string(), nullable=False),
        pa.field("list", pa.string(), nullable=False),
        pa.field("bucket_kind", pa.string(), nullable=False),  # 'overall', 'users' or 'items'
        pa.field("bucket", pa.string(), nullable=False),
        pa.field("metric", pa.string(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("low", pa.float64()),  # 95 % interval over users; null where a metric is not a mean over users
        pa.field("high", pa.float64()),
        pa.field("users", pa.int32(), nullable=False),
    ]
)

COMPARISONS = pa.schema(
    [
        pa.field("pool", pa.string(), nullable=False),
        pa.field("versus", pa.string(), nullable=False),
        pa.field("metric", pa.string(), nullable=False),
        pa.field("final", pa.float64(), nullable=False),
        pa.field("other", pa.float64(), nullable=False),
        pa.field("difference", pa.float64(), nullable=False),
        pa.field("low", pa.float64(), nullable=False),
        pa.field("high", pa.float64(), nullable=False),
        pa.field("significant", pa.bool_(), nullable=False),
        pa.field("users", pa.int32(), nullable=False),
        pa.field("all_low", pa.float64()),  # wide enough for all lists at once; null but for the gate's metric
        pa.field("all_high", pa.float64()),
    ]
)


def write(out: Path, page: report.Page, per_user: Sequence[pa.Table]) -> None:
    """Write metrics.parquet, comparisons.parquet and, one row per pool and judged user, per_user.parquet."""
    pq.write_table(pa.Table.from_pylist([row._asdict() for row in page.measured], METRICS), out / "metrics.parquet")
    rows = [asdict(comparison) | {"significant": comparison.significant} for comparison in page.comparisons]
    pq.write_table(pa.Table.from_pylist(rows, COMPARISONS), out / "comparisons.parquet")
    pq.write_table(pa.concat_tables(per_user), out / "per_user.parquet", compression="zstd")


def scalars(page: report.Page, judged_on: str) -> dict[str, Any]:
    """The evaluation in the manifest; `ndcg` there is ndcg@k, and so on, so that the names outlive a change of k.

    Args:
        page: what the report says.
        judged_on: see champion.Setting.
    """
    settings = page.config.evaluate
    found: dict[str, Any] = {
        "judged_cutoff": page.cutoff.isoformat(),
        ON: judged_on,
        "champion": str(page.opponent) if page.opponent else "none",
        "opponent": page.opponent.identity if page.opponent else None,
        "gate": page.decision,
        "k": settings.k,
        "deep": settings.deep,
        **({FALLBACK: ",".join(sorted(page.fallen))} if page.fallen else {}),
    }
    for row in page.measured:
        if row.bucket_kind == "overall" and (row.list == FINAL or row.metric == page.gate_metric):
            name = f"{row.pool}.{row.list}.{row.metric.partition('@')[0]}"
            found[name] = round(row.value, 6)
            if row.list == FINAL and row.low is not None and row.high is not None:
                found |= {f"{name}.low": round(row.low, 6), f"{name}.high": round(row.high, 6)}
    for pool in page.config.pools:
        found |= _difference(f"{pool}.best_single", page.best_single(pool))
        found |= _difference(f"{pool}.best_member", page.best_member(pool))
        found |= _difference(f"{pool}.opponent", page.main_comparison(pool))
    return found


def _difference(name: str, comparison: Comparison | None) -> dict[str, Any]:
    if comparison is None:
        return {}
    numbers = {key: round(getattr(comparison, key), 6) for key in ("difference", "low", "high")}
    return {name: comparison.versus} | {f"{name}.{key}": number for key, number in numbers.items()}
