"""What is known of all sources together: asked here, so that nobody else names one."""

from importlib import import_module

from pipeline.settings.config import Config
from pipeline.sources import SOURCES
from pipeline.sources.contract import CandidateList, Source, Vectors

ADOPTION = CandidateList("adoption", "Discoveries of similar customers", says="peers")
"""A list that the fusion makes itself, from the features alone (pipeline.ranking.candidate_lists)."""


def source(name: str) -> Source:
    """What a source says about itself."""
    found: Source = import_module(f"pipeline.sources.{name}").SOURCE
    return found


def made_by() -> dict[str, str]:
    """The source of every list by the list's name, in the order of SOURCES."""
    return {made.name: name for name in SOURCES for made in source(name).lists}


def candidate_lists() -> dict[str, CandidateList]:
    """Every list that can be fused, by name, those first that an item is credited to first where they rank it alike.

    What a user does again comes before what models say of the user, and what everybody likes comes last.
    """
    found = [made for name in SOURCES for made in source(name).lists] + [ADOPTION]
    by_name = {made.name: made for made in found}
    return dict(sorted(by_name.items(), key=lambda entry: {"own": 0, "everybody": 2}.get(entry[1].says, 1)))


def made_lists(config: Config) -> tuple[str, ...]:
    """Names of the lists that are fused by default, as far as their sources are enabled."""
    makers = made_by()
    return tuple(
        name for name, made in candidate_lists().items() if made.fused and config.enabled(makers.get(name, name))
    )


def scoring(kind: Vectors) -> str | None:
    """The source whose vectors are of a kind, the first of them; None where there is none."""
    return next((name for name in SOURCES if source(name).vectors == kind), None)


def exact_lists() -> dict[str, str]:
    """The lists whose sources can score any pair, and these sources."""
    return {source(name).lists[0].name: name for name in SOURCES if source(name).vectors is not None}
