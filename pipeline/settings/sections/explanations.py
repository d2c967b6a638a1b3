"""What of the lists is explained in a table of its own, for people who answer for them."""

from typing import Self

from pydantic import Field, NonNegativeInt, model_validator

from pipeline.settings.sections.base import Section


class Explanations(Section):
    """What each source and each kind of knowledge adds to the published scores: the table `explanations`."""

    ranks: NonNegativeInt = 0
    """So many first ranks of every list are explained, ten rows or so for each; 0: there is no such table."""
    least: float = Field(default=0.05, ge=0, allow_inf_nan=False)
    """Drivers that change a score's log-odds by less than this are put together, as `others`; with 0 each has a row."""
    reasons: bool = False
    """Whether the reason of these ranks says what adds most to the score, of what a reason can say."""

    @model_validator(mode="after")
    def _reasons_follow_what_is_explained(self) -> Self:
        if self.reasons and not self.ranks:
            raise ValueError("reasons = true follows what is explained, and ranks = 0 explains nothing: set ranks too")
        return self

    @property
    def lead(self) -> bool:
        """Whether reasons follow what is explained."""
        return self.reasons
