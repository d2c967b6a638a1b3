"""An experiment: users in arms, whose lists are made with other settings, and what is compared."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from pipeline.settings.sections.base import KEPT, Days, ListName, Section
from pipeline.settings.sections.publication import Explore

CONTROL = "control"
NAME = r"^[a-z0-9][a-z0-9_-]*$"
Metric = Literal["actions", "hits", "clicks"]


class Overlaid(Section):
    """Settings that arms of one run can differ in; any other is refused, and those that may be are named."""

    @model_validator(mode="before")
    @classmethod
    def _only_what_can_differ(cls, given: Any) -> Any:
        others = sorted(set(given) - set(cls.model_fields)) if isinstance(given, Mapping) else []
        if others:
            raise ValueError(
                f"{', '.join(others)} cannot differ between the arms of one run, whose models are learned once: an arm "
                f"may set {allowed()}"
            )
        return given


class SurfaceOverlay(Overlaid):
    """What an arm makes otherwise of the candidates of one surface; what is not set is as the surface has it."""

    exclude_seen_days: Days | None = None
    """See surfaces.exclude_seen_days."""
    min_price_ratio: PositiveFloat | None = None
    """See surfaces.min_price_ratio."""
    max_price_ratio: PositiveFloat | None = None
    """See surfaces.max_price_ratio."""
    max_per_product: PositiveInt | None = None
    """See surfaces.max_per_product."""
    max_per_category: PositiveInt | None = None
    """See surfaces.max_per_category."""
    diversity: float | None = Field(default=None, ge=0, le=1)
    """See surfaces.diversity."""
    diversity_text: float | None = Field(default=None, ge=0, le=1)
    """See surfaces.diversity_text."""
    long_tail: float | None = Field(default=None, ge=0, le=10)
    """See surfaces.long_tail: prices are those of everybody's lists, and the arm's users' lists pay them."""
    calibrated_mix: float | None = Field(default=None, ge=0, le=1)
    """See surfaces.calibrated_mix."""
    min_exposure: float | None = Field(default=None, ge=0, le=1)
    """See surfaces.min_exposure: it is worked out of everybody's lists, as if all were the arm's."""
    explore: Explore | Literal[False] | None = None
    """See surfaces.explore; false: no slot is drawn."""


class EnsembleOverlay(Overlaid):
    """What an arm takes from the ranking."""

    final: ListName | None = None
    """The list that is published instead of the final one: weighted, reciprocal_rank, borda, one that fusion learns, or
    a source's. Its items keep the probability that the final list gives them."""


class Overlay(Overlaid):
    """What an arm's lists are made with instead of the shop's settings."""

    ensemble: EnsembleOverlay = EnsembleOverlay()
    """What is taken from the ranking."""
    surfaces: dict[str, SurfaceOverlay] = Field(default={})
    """What is made of it, by the name of the surface."""


def allowed() -> str:
    """The keys that arms may differ in, in words."""
    surface = ", ".join(SurfaceOverlay.model_fields)
    return f"ensemble.final, and of surfaces.NAME {surface}"


class Arm(Section):
    """A share of the users."""

    name: str = Field(pattern=NAME, max_length=50)
    """What the reports call it; one that is named control, else the first, is what the others are compared with."""
    share: float = Field(gt=0, le=1)
    """Its share of all users. Who is in no arm gets what the control gets, and is not counted."""
    overlay: Overlay = Overlay()
    """Its settings; the control has none."""


class Experiment(Section):
    """Arms of users whose lists are made with settings of their own, compared by what came of it."""

    name: str = Field(default="", pattern=NAME.replace("^", "^($|") + ")", max_length=50)
    """What the reports call it."""
    salt: str = Field(default="", max_length=200)
    """What users' ids are hashed with: with another one other users are in an arm; default: the name."""
    since: date | None = None
    """The first night whose tables have arms."""
    until: date | None = None
    """The last one; default: the experiment goes on."""
    surfaces: tuple[str, ...] = ()
    """The surfaces that differ; default: all."""
    metric: Metric = "actions"
    """What the verdict is about, per user and day: actions, what users did that the surface is for, whatever came of
    the list; hits, how much of that stood in the first evaluate.k of it; clicks, as logged on it."""
    arms: Annotated[tuple[Arm, ...], KEPT] = ()
    """Two or more; the order matters, as users are dealt out in it."""

    @property
    def key(self) -> str:
        """What users' ids are hashed with."""
        return self.salt or self.name

    @property
    def control(self) -> Arm:
        """The arm that the others are compared with."""
        return next((arm for arm in self.arms if arm.name == CONTROL), self.arms[0])

    def runs_on(self, night: date) -> bool:
        """Whether the tables of a night have arms."""
        begun = bool(self.arms) and self.since is not None and self.since <= night
        return begun and (self.until is None or night <= self.until)

    @property
    def made_of(self) -> dict[str, Any]:
        """What says who gets which lists, as JSON."""
        return self.model_dump(mode="json", include={"name", "surfaces", "arms"}) | {"salt": self.key}

    def is_of(self, said: Mapping[str, Any]) -> bool:
        """Whether `made_of`, as some version wrote it, says the same: a setting that it did not know is one not set."""
        try:
            known = {name: said[name] for name in ("name", "surfaces", "arms")}
            other = Experiment.model_validate(known | {"since": self.since, "salt": said["salt"]})
        except (ValueError, KeyError):
            return False
        return other.made_of == self.made_of

    @model_validator(mode="after")
    def _arms_make_sense(self) -> Self:
        if not self.arms:
            return self
        names = [arm.name for arm in self.arms]
        if not self.name or self.since is None:
            raise ValueError("an experiment with arms needs a name, and `since`, its first night")
        if len(names) < 2 or len(set(names)) < len(names):
            raise ValueError(f"an experiment needs two arms or more, each with a name of its own: it has {names}")
        if sum(arm.share for arm in self.arms) > 1 + 1e-9:
            raise ValueError("the shares of the arms sum to more than 1")
        if self.until is not None and self.until < self.since:
            raise ValueError(f"until {self.until} is before since {self.since}")
        if self.control.overlay != Overlay():
            raise ValueError(
                f"arm '{self.control.name}' is what the others are compared with, so it has no overlay: it gets what "
                "the shop's settings say (put first, or name control, the arm that does)"
            )
        return self
