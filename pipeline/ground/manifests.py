"""What a manifest says; the only place that puts one together."""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pipeline.ground import artifacts, resources


@dataclass(frozen=True)
class Made:
    """Whose artifact it is.

    Attributes:
        stage, run_date: of the folder.
        config: the configuration as JSON, without where files are.
        config_hash: of what of it can change the stage's bytes.
        inputs: content hashes of the stages that were read, by name.
    """

    stage: str
    run_date: date
    config: Mapping[str, Any]
    config_hash: str
    inputs: Mapping[str, str]

    def same(self, manifest: Mapping[str, Any]) -> bool:
        """Whether a manifest tells of an artifact that was made of the same, by the same code."""
        theirs = (manifest["inputs"], manifest["config_hash"], manifest["code_version"])
        return theirs == (dict(self.inputs), self.config_hash, artifacts.code_version())


def seal(
    out: Path,
    made: Made,
    report: Mapping[str, Any],
    started: float,
    parts: Mapping[str, str] | None = None,
    *,
    linked: Collection[str] = (),
) -> dict[str, Any]:
    """Write the manifest of a folder that is otherwise whole.

    Args:
        out: the folder.
        made: whose artifact it is.
        report: JSON scalars that the stage returned.
        started: time.perf_counter() when it began.
        parts: keys of the parts that other nights may link, by name.
        linked: the names of those that another night made.
    Returns:
        The manifest.
    """
    manifest = {
        "stage": made.stage,
        "run_date": made.run_date.isoformat(),
        "config": dict(made.config),
        "config_hash": made.config_hash,
        "code_version": artifacts.code_version(),
        "files": artifacts.describe(out),
        "inputs": dict(made.inputs),
        "parts": dict(parts or {}),
        "linked": sorted(linked),
        "report": dict(report),
        "seconds": round(time.perf_counter() - started, 2),
        "peak_memory_mb": resources.peak_memory_mb(),
    }
    artifacts.write_manifest(out, manifest)
    return manifest
