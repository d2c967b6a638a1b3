"""What all Sections share."""

from enum import Enum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveInt, field_validator

# Columns of the interactions a model can be told to read (pipeline.features.read.Cutoff.matrix).
Decay = Literal["confidence", "count", "decay_7", "decay_30", "decay_90", "decay_365"]


class Outside(Enum):
    """Whether a setting may come from outside the shop's own file, where its type does not say: settings.outside."""

    FREE = "free"
    KEPT = "kept"


FREE, KEPT = Outside.FREE, Outside.KEPT

ListName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=100), FREE]
"""The name of a list of candidates, which is part of file names."""
Days = Annotated[int, Field(gt=0, le=36_500)]
"""A number of days or nights; the calendar ends not far beyond a hundred years."""
Seed = Annotated[int, Field(ge=0, le=1_000_000_000)]
"""What random numbers start from; with all that is added to it, LightGBM's 31 bits hold it."""
LARGEST = 2**31


class Section(BaseModel):
    """Base of all sections: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    @field_validator("*", mode="before")
    @classmethod
    def _no_library_would_choke_on_it(cls, given: Any) -> Any:
        if isinstance(given, str) and "\0" in given:
            raise ValueError("holds a NUL character: write it without")
        if isinstance(given, int) and abs(given) >= LARGEST:
            raise ValueError(f"is out of range: integers end at {LARGEST - 1}")
        return given


class SourceSection(Section):
    """A candidate source that can be switched off; its stage then writes no list, and nothing else notices."""

    enabled: bool = True
    """Whether the source is made."""
    candidates: PositiveInt = 120
    """Length of the lists."""


class RepeatingSection(SourceSection):
    """A source that knows nothing of repetition: in pool `all` the own history is added to its scores."""

    own: Decay = "decay_365"
    """Own history that is added in pool `all`."""
    own_weight: NonNegativeFloat = 0.1
    """Weight of the own history in pool `all`."""
