"""What surfaces, and the audiences of them, have to be together; each by itself is checked where it is declared."""

from collections.abc import Mapping, Sequence

from pipeline.settings.sections.audiences import Audience
from pipeline.settings.sections.data import EventType
from pipeline.settings.sections.publication import Surface


def require(surfaces: Sequence[Surface], event_types: Mapping[str, EventType], horizon_days: int) -> None:
    """Refuse surfaces of one name, and those whose goal is not seen.

    Args:
        surfaces: all of them.
        event_types: what the shop knows.
        horizon_days: the shop's.
    Raises:
        ValueError: names the surface.
    """
    names = [surface.name for surface in surfaces]
    if len(set(names)) < len(names):
        raise ValueError(f"two surfaces have the same name: {', '.join(names)}")
    for surface in surfaces:
        for name in surface.goal:
            if name not in event_types or event_types[name].weight <= 0:
                raise ValueError(
                    f"surface '{surface.name}': its goal '{name}' is no type of features.event_types with a weight "
                    "above 0: name one that is, or give it one"
                )
        if surface.horizon_days is not None and surface.horizon_days > horizon_days:
            raise ValueError(
                f"surface '{surface.name}': horizon_days {surface.horizon_days} is above the shop's "
                f"{horizon_days}: raise that one"
            )


def require_audiences(audiences: Sequence[Audience], surfaces: Sequence[Surface]) -> None:
    """Refuse audiences of one name, and those of no surface.

    Raises:
        ValueError: names the audience.
    """
    known, names = {surface.name for surface in surfaces}, [one.name for one in audiences]
    if len(set(names)) < len(names):
        raise ValueError(f"two of publish.audiences have the same name: {', '.join(names)}")
    for one in audiences:
        if one.surface not in known:
            raise ValueError(
                f"publish.audiences '{one.name}': there is no surface '{one.surface}', only {', '.join(known)}"
            )
