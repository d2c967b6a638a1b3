"""Where the time of a night went, stage by stage."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.operations import bringing, stages
from pipeline.settings.config import Config

BAR = 30


def table(manifests: Mapping[str, Mapping[str, Any]]) -> str:
    """Stages with seconds, a bar, peak memory and bytes written, as aligned text.

    Args:
        manifests: manifest by stage name; one with "skipped" was already up to date.
    """
    spent = {name: 0.0 if m.get("skipped") else float(m["seconds"]) for name, m in manifests.items()}
    longest = max(spent.values(), default=0.0) or 1.0
    lines = [f"{'stage':<16}{'seconds':>9}  {'':<{BAR}}{'peak MB':>9}{'written MB':>12}"]
    for name, manifest in manifests.items():
        written = sum(entry["bytes"] for entry in manifest["files"].values()) / 2**20
        bar = "#" * round(BAR * spent[name] / longest)
        time = "up to date" if manifest.get("skipped") else f"{spent[name]:.1f}"
        lines.append(f"{name:<15}{time:>10}  {bar:<{BAR}}{manifest['peak_memory_mb']:>9}{written:>12.1f}")
    peak = max((m["peak_memory_mb"] for m in manifests.values()), default=0)
    lines.append(f"{'total':<15}{sum(spent.values()):>10.1f}  {'':<{BAR}}{peak:>9}")
    return "\n".join(lines)


def of_night(config: Config, run_date: date) -> str:
    """The table of the stages finished for a night."""
    bringing.nights(config)
    folders = {name: artifacts.stage_dir(config.lake, name, run_date) for name in stages.STAGES}
    finished = {name: artifacts.read_manifest(f) for name, f in folders.items() if artifacts.is_finished(f)}
    if not finished:
        raise InputError(f"no stage of {run_date} is finished in {config.lake}")
    return f"night {run_date}\n{table(finished)}"
