"""What may be set from outside the shop's own file: by whoever triggers a run, and by a file that `tune` wrote.

A worker reads files and holds secrets that those who may trigger a run need not see. So nothing can be set from outside
that says where something is, what is run, or what is kept: only numbers, switches, choices among given words, and
names of a closed kind that a field marks as FREE. A number or a switch that is still the shop's own is marked KEPT.
What is added later as a path or a text is kept until somebody decides otherwise.
"""

from collections.abc import Mapping
from datetime import date
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from pipeline.ground.errors import InputError
from pipeline.settings.sections.base import FREE, KEPT, Section

HARMLESS = (bool, int, float, date, NoneType)


def require(kind: type[Section], given: Mapping[str, Any], origin: str) -> None:
    """Refuse settings that may not come from outside; a key that does not exist is left to the validation.

    Args:
        kind: the configuration's class.
        given: nested mapping of settings.
        origin: who sets them, for the message.
    Raises:
        InputError: names the keys, never a value.
    """
    if found := kept(kind, given):
        raise InputError(
            f"{origin}: {', '.join(found)} cannot be set from outside, only in the shop's own TOML file or with --set "
            "at the command line: it names a place or a text, or says what is kept"
        )


def kept(kind: type[Section], given: Mapping[str, Any], at: str = "") -> list[str]:
    """The keys of a nested mapping that may not be set from outside, with dots."""
    found: list[str] = []
    for key, value in given.items():
        if (field := kind.model_fields.get(key)) is None:
            continue
        section = _section(field.annotation)
        if section is not None and isinstance(value, Mapping) and KEPT not in field.metadata:
            found += kept(section, value, f"{at}{key}.")
        elif not is_free(field):
            found.append(f"{at}{key}")
    return found


def is_free(field: FieldInfo) -> bool:
    """Whether a field may be set from outside, with all that is in it."""
    return _marked(field.metadata, field.annotation)


def _marked(metadata: list[Any], annotation: Any) -> bool:
    if KEPT in metadata or FREE in metadata:
        return KEPT not in metadata
    return _is_harmless(annotation)


def _section(annotation: Any) -> type[Section] | None:
    return annotation if isinstance(annotation, type) and issubclass(annotation, Section) else None


def _is_harmless(annotation: Any) -> bool:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _marked(list(annotation.__metadata__), arguments[0])
    if origin is Literal or annotation is Ellipsis:
        return True
    if origin in (Union, UnionType, tuple):
        return all(map(_is_harmless, arguments))
    if origin is dict:  # its keys are judged by the validation of what they name
        return _is_harmless(arguments[1])
    if (section := _section(annotation)) is not None:
        return all(map(is_free, section.model_fields.values()))
    return annotation in HARMLESS
