"""What all Sections share."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

# Columns of the interactions a model can be told to read (pipeline.features.read.Cutoff.matrix).
Decay = Literal["confidence", "count", "decay_7", "decay_30", "decay_90", "decay_365"]


class Section(BaseModel):
    """Base of all sections: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class SourceSection(Section):
    """A candidate source that can be switched off; its stage then writes no list, and nothing else notices."""

    enabled: bool = True
    """Whether the source is made."""
