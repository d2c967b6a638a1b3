"""What a shop declares of its users and items, as the rest of the configuration sees it."""

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any, get_args

from pipeline.settings.sections.content import ContentLimit
from pipeline.settings.sections.data import AttributeKind, DescribedInputFiles
from pipeline.settings.sections.fairness import GROUPINGS
from pipeline.settings.sections.publication import Allot, Surface

ITEM, CATEGORY = "item", "category"
"""What a limit can be by without an attribute."""


def declared(files: DescribedInputFiles | None) -> dict[str, AttributeKind]:
    """The attributes of an input, in the order of their names; none where the shop has no such input."""
    return dict(sorted(files.attributes.items())) if files else {}


def of_items(given: Any) -> dict[str, str]:
    """The items' attributes in a configuration that is being read, whatever else is wrong with it."""
    for key in ("ingest", "items", "attributes"):
        given = given.get(key) if isinstance(given, Mapping) else getattr(given, key, None)
    found = given.items() if isinstance(given, Mapping) else ()
    return {name: kind for name, kind in found if isinstance(name, str) and kind in get_args(AttributeKind)}


def require_words(segment_by: Iterable[str], users: Mapping[str, AttributeKind]) -> None:
    """Check what segments are made of.

    Raises:
        ValueError: it is no attribute of the users, or no word.
    """
    for name in segment_by:
        said = f"publish.segment_by: '{name}'"
        if name not in users:
            raise ValueError(
                f"{said} is no attribute of the users: declare it in [ingest.users] (attributes = {{ {name} = "
                '"word" }) and select it in the mapping, or leave it out'
            )
        if (kind := users[name]) != "word":
            raise ValueError(
                f"{said} is a {kind}, and segments are of words: let the mapping make words of it (case when age < "
                "30 then 'young' else 'older' end as age_band), and name that"
            )
        if name == "surface":
            raise ValueError(f"{said}: segments of that name are the surfaces' own: call the attribute otherwise")


def require_allotted(surfaces: Iterable[Surface], items: Mapping[str, AttributeKind]) -> None:
    """Check what the limits of surfaces are about.

    Raises:
        ValueError: it is no attribute of the items, or none of the kind that is needed; names surface and key.
    """
    for surface in surfaces:
        for key, name, kind in _named(surface.allot) if surface.allot else ():
            if items.get(name) != kind:
                found = f"is a {items[name]}" if name in items else "is no attribute of the items"
                raise ValueError(
                    f"surface '{surface.name}': allot.{key} = '{name}' {found}, and a {kind} is needed: declare it in "
                    f'[ingest.items] (attributes = {{ {name} = "{kind}" }}) and select it in the mapping'
                )


def require_groups(groups: Iterable[str], items: Mapping[str, AttributeKind]) -> None:
    """Check what items are grouped by.

    Raises:
        ValueError: it is no grouping that every shop has and no attribute of the items that is a word.
    """
    for name in groups:
        if name not in GROUPINGS and items.get(name) != "word":
            found = f"is a {items[name]}" if name in items else "is no attribute of the items"
            raise ValueError(
                f"fairness.groups: '{name}' {found}, and a word is needed: declare it in [ingest.items] "
                f'(attributes = {{ {name} = "word" }}) and select it in the mapping, or name one of '
                f"{', '.join(GROUPINGS)}"
            )


def require_words_of_items(surfaces: Iterable[Surface], items: Mapping[str, AttributeKind]) -> None:
    """Check what the mixes are of that lists keep, and the groups that they show enough.

    Raises:
        ValueError: it is nothing that every shop has and no attribute of the items that is a word; names the surface.
    """
    keys = (("calibrated_by", (CATEGORY,)), ("min_exposure_by", GROUPINGS))
    for surface, (key, known) in product(surfaces, keys):
        name = getattr(surface, key)
        if name not in known and items.get(name) != "word":
            found = f"is a {items[name]}" if name in items else "is no attribute of the items"
            words = [*known, *(word for word, kind in items.items() if kind == "word")]
            raise ValueError(
                f"surface '{surface.name}': {key} = '{name}' {found}, and a word is needed: name one of "
                f"{', '.join(words)}, or declare another word in `attributes` of [ingest.items]"
            )


def require_content(
    limits: Iterable[ContentLimit], items: Mapping[str, AttributeKind], users: Mapping[str, AttributeKind]
) -> None:
    """Check what limits by users' attributes are about.

    Raises:
        ValueError: it is no attribute, or none of the kind that the rule compares; names limit and key.
    """
    for limit in limits:
        among = limit.rule == "among"
        for key, name, declared_, kinds in (
            ("item", limit.item, items, ("word",) if among else ("number",)),
            ("user", limit.user, users, ("word",) if among else ("number", "date")),
        ):
            if (kind := declared_.get(name)) not in kinds:
                found = f"is a {kind}" if kind else f"is no attribute of the {key}s"
                raise ValueError(
                    f"content limit '{limit.name}': {key} = '{name}' {found}, and rule '{limit.rule}' compares a "
                    f'{" or a ".join(kinds)}: declare it in [ingest.{key}s] (attributes = {{ {name} = "{kinds[0]}" }}) '
                    "and select it in the mapping"
                )


def _named(allot: Allot) -> Iterable[tuple[str, str, AttributeKind]]:
    """Key, name and kind of every attribute that limits ask for."""
    if allot.value:
        yield "value", allot.value, "number"
    if allot.group not in ("", CATEGORY):
        yield "group", allot.group, "word"
    for limit in allot.limits:
        if limit.by not in ("", ITEM, CATEGORY):
            yield "limits.by", limit.by, "word"
        if isinstance(limit.most, str):
            yield "limits.most", limit.most, "number"
        if limit.cost:
            yield "limits.cost", limit.cost, "number"
