"""What a night says of differential privacy in its report and its card: what learns through noise, and what it cost."""

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from pipeline.ground import artifacts

NOT_COVERED = (
    "Nothing else that is learned from people and shared between them is covered, the published lists included."
)


def spent(manifests: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """A sentence of each stage that is noised, by its manifest; names in backquotes."""
    for name, manifest in sorted(manifests.items()):
        said = manifest.get("report", {})
        if "epsilon_spent" in said:
            yield (
                f"Differential privacy of `{name}` ({said['private']}): epsilon {said['epsilon_per_fit']} a "
                f"release, {said['epsilon_spent']} in all {said['releases']} of it so far, delta {said['delta']}."
            )


def section(folders: Iterable[Path]) -> list[tuple[str, str]]:
    """The report's section, of a night of which some stage is noised: title and HTML.

    Args:
        folders: of the stages that the night is made of.
    """
    made = {artifacts.stage_of(f): artifacts.read_manifest(f) for f in folders if artifacts.is_finished(f)}
    sentences = [*spent(made)]
    if not sentences:
        return []
    listed = "".join(f"<li>{escape(one)}</li>" for one in sentences)
    return [("What privacy has cost", f"<ul>{listed}</ul><p class='soft'>{escape(NOT_COVERED)}</p>")]
