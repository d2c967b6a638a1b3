"""The experiment of the settings: its arms, what came of them, and what to write into the shop's file to end it.

Ending one writes nothing. Which lists users get is said by the shop's own file, which is under version control and read
by every night on every machine; an ending kept elsewhere would be a setting that nobody sees there. So the command
prints what the file must say.
"""

from datetime import date

from pipeline.ground import terminal
from pipeline.ground.errors import InputError
from pipeline.judging import arm_words, arms
from pipeline.operations import bringing
from pipeline.settings.config import Config
from pipeline.settings.sections.experiment import Arm
from pipeline.settings.sections.lists import MERGED


def show(config: Config) -> str:
    """The arms, and what came of them as far as the newest night knows.

    Raises:
        InputError: the settings have no experiment.
    """
    known = _known(config)
    experiment = config.experiment
    users = {row["arm"]: row["users"] for row in arm_words.newest(known)} if known and len(known.looks) else {}
    made = experiment.made_of["arms"]
    rows = [
        [arm["name"], f"{arm['share']:.0%}", f"{users[arm['name']]:,}" if arm["name"] in users else "-"] for arm in made
    ]
    until = f" until {experiment.until}" if experiment.until else ""
    head = (
        f"experiment {experiment.name}, since {experiment.since}{until}; users by the hash of {experiment.key}:user_id"
    )
    other = (f"  {arm['name']} has {arm_words.overlay(arm) or 'what the shop has'}" for arm in made)
    lines = [head, "", *terminal.table(["arm", "share", "users"], rows, right=["share", "users"]), "", *other]
    if known is None or not len(known.looks):
        return "\n".join([*lines, "", "no day has been counted yet: the first is, on the night after the first tables"])
    table = terminal.table(list(arm_words.HEAD), list(map(arm_words.cells, arm_words.newest(known))), right=_NUMBERS)
    verdicts = (f"  {words}" for words in arm_words.verdicts(known, experiment))
    counted = f"what users did, per day on which they had a list, up to {known.through}"
    return "\n".join([*lines, "", counted, *table, "", f"by {experiment.metric}:", *verdicts])


_NUMBERS = list(arm_words.HEAD[3:])


def _known(config: Config) -> arms.Known | None:
    if not config.experiment.arms:
        raise InputError("the settings have no experiment: give the shop's file an [experiment] (docs/experiments.md)")
    bringing.nights(config, whole=["outcomes"])
    return arms.latest(config, date.max)


def end(config: Config, name: str) -> str:
    """What the shop's file must say for an arm's lists to be everybody's.

    Args:
        config: the settings.
        name: of the arm.
    Raises:
        InputError: the settings have no experiment, or it has no such arm.
    """
    known, experiment = _known(config), config.experiment
    arm = next((arm for arm in experiment.arms if arm.name == name), None)
    if arm is None:
        names = ", ".join(arm.name for arm in experiment.arms)
        raise InputError(f"experiment '{experiment.name}' has no arm '{name}', only {names}")
    said = arm_words.verdicts(known, experiment) if known and len(known.looks) else ["no day has been counted yet"]
    steps = [
        f"# Experiment '{experiment.name}' as of the newest night, by {experiment.metric}:",
        *(f"#   {words}" for words in said),
        f"# To end it with what arm '{name}' has, change the shop's file; the next night obeys. Nothing was written.",
        "# 1. Remove [experiment] with its arms, or keep its numbers in sight: set `until` to its last night.",
    ]
    changes = _changes(config, arm)
    return "\n".join([*steps, "# 2. Set:" if changes else "# 2. Leave the other settings as they are.", *changes])


def _changes(config: Config, arm: Arm) -> list[str]:
    """The arm's settings as the shop's own, in TOML."""
    lines: list[str] = []
    if (final := arm.overlay.ensemble.final) is not None:
        lines += ["", "[ensemble]", f"final = {arm_words.toml(final)}"]
        if final not in (*MERGED, *config.ensemble.members):
            lines.append(f"members = {arm_words.toml([*config.ensemble.members, final])}")
    for surface, over in arm.overlay.surfaces.items():
        given = over.model_dump(mode="json", exclude_unset=True)
        lines += ["", f"# in the table [[surfaces]] that has name = {arm_words.toml(surface)}"]
        lines += [
            f"{key} = {arm_words.toml(value)}" if value is not False else f"# remove {key}"
            for key, value in given.items()
        ]
    return lines
