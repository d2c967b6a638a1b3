"""The table `runs`: what the night's run says about itself."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.ground import artifacts
from pipeline.publication.night import Night
from pipeline.publication.tables import exposure
from pipeline.published.contract import RUNS
from pipeline.settings.sections.base import Section

TABLE = RUNS
AFTER_LISTS = True
"""See pipeline.publication.tables."""


def make(night: Night) -> Iterable[pa.Table]:
    """One row: the night's run."""
    sections = [name for name, value in night.config if isinstance(value, Section)]
    row = {
        "run_id": night.run_id,
        "run_date": night.run_date,
        "published_at": night.valid_from,
        "code_version": artifacts.code_version(),
        "config_hash": night.config.digest(*sections),
        "metrics": json.dumps(_metrics(night.evaluate) | exposure.metrics(night), sort_keys=True, ensure_ascii=False),
    }
    return [pa.Table.from_pylist([row], schema=TABLE.schema)]


def _metrics(evaluate: Path) -> dict[str, Any]:
    """The evaluation's scalars, and "<pool>.final.<metric>.low" and ".high" of the final lists' 95 % intervals."""
    found: dict[str, Any] = dict(artifacts.read_manifest(evaluate)["report"])
    path = evaluate / "metrics.parquet"
    measured = pq.read_table(path).to_pylist() if path.is_file() else []
    for row in measured:
        if row["list"] == "final" and row["bucket_kind"] == "overall" and row["low"] is not None:
            for end in ("low", "high"):
                found[f"{row['pool']}.final.{row['metric']}.{end}"] = round(row[end], 6)
    return found
