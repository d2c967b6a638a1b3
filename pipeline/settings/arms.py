"""What an experiment's arms make of the configuration."""

from collections.abc import Mapping, Sequence

from pipeline.settings.sections.experiment import Arm, Experiment
from pipeline.settings.sections.publication import Surface


def surface_of(surface: Surface, arm: Arm) -> Surface:
    """A surface as an arm has it.

    Raises:
        ValueError: the two together make no sense.
    """
    over = arm.overlay.surfaces.get(surface.name)
    changed = {} if over is None else over.model_dump(exclude_none=True)
    if changed.get("explore") is False:
        changed["explore"] = None
    return Surface.model_validate(surface.model_dump() | changed) if changed else surface


def takes_part(experiment: Experiment, surface: str) -> bool:
    """Whether the lists of a surface can differ between arms."""
    return not experiment.surfaces or surface in experiment.surfaces


def final_of(experiment: Experiment, arm: Arm, surface: str) -> str | None:
    """The list that an arm is shown on a surface instead of the final one; None: the final one."""
    return arm.overlay.ensemble.final if takes_part(experiment, surface) else None


def require(experiment: Experiment, surfaces: Sequence[Surface]) -> None:
    """Refuse arms of surfaces that there are not, or whose settings make no sense there.

    Raises:
        ValueError: names arm and surface.
    """
    known: Mapping[str, Surface] = {surface.name: surface for surface in surfaces}
    for name in experiment.surfaces:
        if name not in known:
            raise ValueError(f"experiment.surfaces: there is no surface '{name}', only {', '.join(known)}")
    for arm in experiment.arms:
        for name in arm.overlay.surfaces:
            if name not in known or not takes_part(experiment, name):
                raise ValueError(
                    f"arm '{arm.name}': its overlay is about surface '{name}', which is not one of the experiment's: "
                    f"{', '.join(experiment.surfaces or known)}"
                )
            surface_of(known[name], arm)
        for name, surface in known.items():
            if surface.allot is not None and final_of(experiment, arm, name) is not None:
                raise ValueError(
                    f"arm '{arm.name}': surface '{name}' allots its items by the final list's probabilities, so no arm "
                    f"can have another list there: leave '{name}' out of experiment.surfaces"
                )
