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
from pipeline.settings.sections.privacy import COVERED

TABLE = RUNS
AFTER_LISTS = True
"""See pipeline.publication.tables."""
PRIVATE = ("delta", "epsilon_per_fit", "epsilon_spent", "releases")
"""What such a stage's manifest says."""


def make(night: Night) -> Iterable[pa.Table]:
    """One row: the night's run."""
    sections = [name for name, value in night.config if isinstance(value, Section)]
    row = {
        "run_id": night.run_id,
        "run_date": night.run_date,
        "published_at": night.valid_from,
        "code_version": artifacts.code_version(),
        "config_hash": night.config.digest(*sections),
        "metrics": _json(_metrics(night.evaluate) | exposure.metrics(night) | _privacy(night)),
    }
    return [pa.Table.from_pylist([row], schema=TABLE.schema)]


def _json(said: dict[str, Any]) -> str:
    return json.dumps(said, sort_keys=True, ensure_ascii=False)


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


def _privacy(night: Night) -> dict[str, Any]:
    """What people's privacy has cost, "privacy.als.epsilon_spent" and so on, of each stage that is noised."""
    if not night.config.privacy.asked_of(COVERED):
        return {}
    found: dict[str, Any] = {}
    folders = {"features": night.features, **night.sources}
    for stage in sorted(COVERED & folders.keys()):
        said = artifacts.read_manifest(folders[stage])["report"]
        found |= {f"privacy.{stage}.{name}": said[name] for name in PRIVATE if name in said}
    return found
