"""What a configuration is laid together from: a profile, the shop's TOML file, what was tuned, the overrides."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.ground import places
from pipeline.ground.errors import InputError
from pipeline.settings import outside
from pipeline.settings.sections.base import Section

PROFILES = Path(__file__).parent / "profiles"


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one nested mapping over another."""
    merged = dict(base)
    for key, value in over.items():
        nested = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if nested else value
    return merged


def override(text: str) -> dict[str, Any]:
    """ "als.factors=64" as {"als": {"factors": 64}}; the value is TOML, else a string."""
    path, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"--set {text!r}: write it as section.key=value")
    try:
        nested: Any = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        nested = value
    for key in reversed(path.strip().split(".")):
        nested = {key: nested}
    return dict(nested)


def read_toml(path: Path, remedy: str) -> dict[str, Any]:
    """The content of a TOML file.

    Raises:
        InputError: there is no such file (the remedy is said), it cannot be read, or it is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: {remedy}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not TOML ({places.of_toml(error)}): mend it", content=str(error)) from None
    except (OSError, ValueError) as error:  # a folder, no right to read it, a NUL in its name
        raise InputError(f"{str(path)!r} cannot be read ({_reason(error)}): name a TOML file") from None


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def profiles() -> list[str]:
    """The names of the shipped profiles; "default" is no file."""
    return ["default", *sorted(path.stem for path in PROFILES.glob("*.toml"))]


def stack(kind: type[Section], content: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The profile, the file, what was tuned, the overrides: each laid over the one before.

    Args:
        kind: the configuration's class, which says what a tuned file may set.
        content: of the shop's file, with its `folder`.
        overrides: nested mapping; it may name a profile and a tuned file as well.
    Raises:
        InputError: the profile or the tuned file does not exist, or a tuned file sets what it may not.
    """
    asked = merge(content, overrides)
    name, tuned = str(asked.get("profile", "default")), asked.get("tuned")
    if name not in profiles():
        raise InputError(f"there is no profile '{name}': there are {', '.join(profiles())}")
    below = {} if name == "default" else read_toml(PROFILES / f"{name}.toml", "install Nightjar again")
    above = {}
    if tuned:
        path = Path(str(asked["folder"]), str(tuned))
        above = read_toml(path, "run `python -m pipeline tune`, or remove the key `tuned`")
        outside.require(kind, above, str(path))
    return merge(merge(merge(below, content), above), overrides)
