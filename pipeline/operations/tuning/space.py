"""What a search may try: settings by name, each a range or choices; read from TOML, checked against a Config."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from pydantic import ValidationError, model_validator

from pipeline.ground.errors import InputError
from pipeline.settings import outside
from pipeline.settings.config import Config
from pipeline.settings.layers import merge, read_toml
from pipeline.settings.sections.base import Section

if TYPE_CHECKING:
    from optuna import Trial

SHIPPED = Path(__file__).with_name("space.toml")


class Knob(Section):
    """What may be tried for one setting."""

    low: float | None = None
    """Lowest value."""
    high: float | None = None
    """Highest value."""
    log: bool = False
    """Whether values are drawn evenly on a logarithmic scale."""
    step: float | None = None
    """Distance between values; default: any value, any integer where the setting is one."""
    choices: tuple[str | int | float | bool, ...] = ()
    """The values instead of a range."""

    @model_validator(mode="after")
    def _is_a_range_or_a_choice(self) -> Self:
        if self.choices and (self.low is not None or self.high is not None):
            raise ValueError("give a range or choices, not both")
        if not self.choices and (self.low is None or self.high is None or self.low > self.high):
            raise ValueError("a range needs low and high, low first")
        if self.log and (self.step is not None or not (self.low or 0) > 0):
            raise ValueError("a logarithmic range has no step and begins above 0")
        return self

    def reaching(self, now: Any) -> "Knob":
        """The knob with the setting in force among its values."""
        if self.choices:
            return self if now in self.choices else self.model_copy(update={"choices": (*self.choices, now)})
        return self.model_copy(update={"low": min(self.low or 0.0, now), "high": max(self.high or 0.0, now)})

    def draw(self, trial: "Trial", name: str, now: object) -> str | int | float | bool:
        """Let a trial choose a value; integers where the setting is one `now`."""
        if self.choices:
            return cast(str | int | float | bool, trial.suggest_categorical(name, self.choices))
        low, high = self.low or 0.0, self.high or 0.0  # both are there, see the validator
        if isinstance(now, int) and not isinstance(now, bool):
            return int(trial.suggest_int(name, int(low), int(high), step=int(self.step or 1), log=self.log))
        return round(float(trial.suggest_float(name, low, high, step=self.step, log=self.log)), 6)


Space = dict[str, Knob]
"""Knobs by the name of their setting, "section.key"."""


def read(path: Path, name: str, config: Config) -> Space:
    """The knobs of one list.

    Args:
        path: a TOML file with a table per list.
        name: the list that is to become better.
        config: which settings exist, and of what type they are.
    Raises:
        InputError: the file has no such list, a knob is none of a setting of the configuration, or of one that the file
            which tune writes may not set.
    """
    content = read_toml(path, "name a file that exists with --space")
    if name not in content:
        raise InputError(f"{path} has no table [{name}]: it can make better {', '.join(content)}")
    if not isinstance(content[name], Mapping):
        raise InputError(f"{path}: {name} is no table: write [{name}] and a knob per line")
    if others := [setting for setting in content[name] if setting.count(".") != 1]:
        raise InputError(f"{path}: {name}.{others[0]}: what is tried is a setting of a section, as als.reg is")
    outside.require(type(config), nested(content[name]), str(path))
    space: Space = {}
    for setting, knob in content[name].items():
        try:
            space[setting] = Knob.model_validate(knob).reaching(current(config, setting))
        except ValidationError as error:
            raise InputError(f"{path}: {name}.{setting}: {error.errors()[0]['msg']}") from None
        except TypeError:
            raise InputError(f"{path}: {name}.{setting} is no number: give it choices instead of a range") from None
    return space


def current(config: Config, setting: str) -> Any:
    """The value of "section.key" in force.

    Raises:
        InputError: there is no such setting.
    """
    value: Any = config
    for key in setting.split("."):
        if key not in type(value).model_fields:
            raise InputError(f"there is no setting '{setting}' in the configuration")
        value = getattr(value, key)
    return value


def nested(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """{"als.reg": 3.0} as {"als": {"reg": 3.0}}."""
    found: dict[str, Any] = {}
    for setting, value in chosen.items():
        part: Any = value
        for key in reversed(setting.split(".")):
            part = {key: part}
        found = merge(found, part)
    return found
