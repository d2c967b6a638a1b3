"""History that was loaded with other event types than the configuration has now.

A row whose type features.event_types did not name when its night was loaded was refused; an event whose type it names
no longer stays in the lake and counts for nothing. The manifests of the nights say both.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pipeline.ground import artifacts
from pipeline.intake import quality
from pipeline.intake.refusals import REJECTED, UNKNOWN_TYPE
from pipeline.settings.config import Config


@dataclass
class _Missed:
    """What nights refused that were loaded without some of the types.

    Attributes:
        types: those that they did not know.
        nights: oldest first.
        rows: refused for their type, be it one of these or another.
    """

    types: set[str] = field(default_factory=set)
    nights: list[date] = field(default_factory=list)
    rows: int = 0


def told(config: Config, besides: date | None = None) -> list[str]:
    """What the nights in the lake miss of the event types that there are now, and have of others, for people.

    Args:
        config: the lake, and the types.
        besides: a night that is about to be written, and not looked at.
    Returns:
        A line for each of the two that is so, with what to do.
    """
    known = set(config.features.event_types)
    missed, left = _Missed(), Counter[str]()
    for folder in artifacts.partitions_until(config.lake, "ingest", date.max):
        night = artifacts.run_date_of(folder)
        if night == besides:
            continue
        manifest = artifacts.read_manifest(folder)
        added = known - _types(manifest)
        rows = manifest["report"].get(f"{REJECTED}{UNKNOWN_TYPE}", 0)
        if added and rows:
            missed.types |= added
            missed.nights.append(night)
            missed.rows += rows
        taken = manifest["report"].get(quality.KEY, {}).get("types", [])
        left.update({of["type"]: of["events"] for of in taken if of["type"] not in known})
    return [*_added(missed), *_removed(left)]


def _types(manifest: Mapping[str, Any]) -> set[str]:
    """The types that a night was loaded with."""
    return set(manifest["config"].get("features", {}).get("event_types", {}))


def _added(missed: _Missed) -> list[str]:
    if not missed.nights:
        return []
    first, last = missed.nights[0], missed.nights[-1]
    return [
        f"features.event_types names {', '.join(sorted(missed.types))}, which {len(missed.nights):,} nights from "
        f"{first} to {last} did not know when they were loaded: they refused {missed.rows:,} rows of types that they "
        f"did not know, and up to so many events are missing. Load them again: load-history --until {last} --force"
    ]


def _removed(left: Counter[str]) -> list[str]:
    if not left:
        return []
    named = ", ".join(f"{kind} ({events:,})" for kind, events in sorted(left.items()))
    return [
        f"{left.total():,} events in the lake count for nothing, as features.event_types names their type no longer: "
        f"{named}. Where that is meant, name it with weight = 0; where the mapping calls it otherwise now, load the "
        "history again (load-history --force)"
    ]
