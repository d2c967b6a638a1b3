"""What all Sections share."""

from enum import Enum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveInt

# Columns of the interactions a model can be told to read (pipeline.features.read.Cutoff.matrix).
Decay = Literal["confidence", "count", "decay_7", "decay_30", "decay_90", "decay_365"]


class Outside(Enum):
    """Whether a setting may come from outside the shop's own file, where its type does not say: settings.outside."""

    FREE = "free"
    KEPT = "kept"


FREE, KEPT = Outside.FREE, Outside.KEPT

ListName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=100), FREE]
"""The name of a list of candidates, which is part of file names."""


class Section(BaseModel):
    """Base of all sections: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


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
