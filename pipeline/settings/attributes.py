"""What a shop declares of its users and items, as the rest of the configuration sees it."""

from collections.abc import Iterable, Mapping
from typing import Any, get_args

from pipeline.settings.sections.data import AttributeKind, DescribedInputFiles


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
