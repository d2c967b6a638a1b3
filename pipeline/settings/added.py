"""Surfaces that go by what their rows add, and the surfaces whose drawn slots teach them."""

from collections.abc import Iterable, Sequence

from pipeline.settings import assortments
from pipeline.settings.arms import surface_of
from pipeline.settings.sections.experiment import Experiment
from pipeline.settings.sections.publication import Explore, Surface


def teacher_of(surface: Surface) -> str:
    """The name of the surface that teaches one."""
    return (surface.added.trial if surface.added else "") or surface.name


def recorded(surface: Surface, experiment: Experiment) -> list[Explore]:
    """How a surface's slots are drawn where its draws are recorded: for everybody, or in arms of an experiment."""
    each = (surface, *(surface_of(surface, arm) for arm in experiment.arms))
    return [one.explore for one in each if one.explore is not None and one.explore.record > 0]


def top(surface: Surface, surfaces: Iterable[Surface], experiment: Experiment) -> int:
    """How many of a user's best items the slots were drawn among that teach a surface."""
    teacher = next(one for one in surfaces if one.name == teacher_of(surface))
    return max(explore.top for explore in recorded(teacher, experiment))


def require(surfaces: Sequence[Surface], experiment: Experiment) -> None:
    """Refuse surfaces that go by what nothing can teach them.

    Raises:
        ValueError: names the surface.
    """
    known = {surface.name: surface for surface in surfaces}
    for surface in surfaces:
        if surface.added is None:
            continue
        said, name = f"surface '{surface.name}': added.trial", teacher_of(surface)
        if name not in known:
            raise ValueError(f"{said}: there is no surface '{name}', only {', '.join(known)}")
        if not recorded(known[name], experiment):
            raise ValueError(
                f"{said}: surface '{name}' keeps no record of what its slots could have shown: set its "
                "explore.record above 0, or name a surface that has it"
            )
        if surface.allot is not None and surface.candidates > (most := top(surface, surfaces, experiment)):
            raise ValueError(
                f"surface '{surface.name}': its items are allotted from {surface.candidates} of a user's best, and the "
                f"slots of '{name}' say something of {most}: set its explore.top, or fewer allot.candidates"
            )
        mine, theirs = (assortments.pool_in(one, surfaces) for one in (surface, known[name]))
        if mine != theirs:
            raise ValueError(
                f"{said}: surface '{name}' recommends other items or for something else, so that its slots say nothing "
                "of these: give both the same where, goal, horizon_days, max_age_days and repeats"
            )
