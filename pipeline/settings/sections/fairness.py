"""Who gets the attention of the published lists: what is measured of it every night, and how far it may go."""

from typing import Self

from pydantic import Field, model_validator

from pipeline.settings.sections.base import Section

POPULARITY, AGE, CATEGORY, PRICE_BAND = GROUPINGS = ("popularity", "age", "category", "price_band")
"""By what items are grouped, whatever the shop declares of them."""


class FairnessLimits(Section):
    """How unequal it may be: what goes beyond is found by the check exposure_limits."""

    max_gini: float | None = Field(default=None, gt=0, le=1)
    """Highest Gini coefficient of the exposure of a surface's items."""
    max_group_gap: float | None = Field(default=None, gt=0, le=1)
    """Highest NDCG that the best group of users may be ahead of the worst, on any surface, as far as it is known: the
    lower end of the gap's interval counts."""
    min_exposure_ratio: float | None = Field(default=None, gt=0, le=1)
    """Lowest share of exposure over share of relevance that a group of items may have on a surface..."""
    min_relevance_share: float = Field(default=0.01, ge=0, le=1)
    """... where its share of relevance is at least this: of few actions a ratio is chance."""


class Fairness(Section):
    """Exposure of items and of groups of them, by surface: the table `exposure`, and metrics of every run."""

    groups: tuple[str, ...] = GROUPINGS
    """By what items are grouped in the table `exposure`: popularity (head and long tail), age (days since the item was
    first seen), category, price_band, or an attribute of the items that is a word, as an owner. What no item has is
    left out; with none of them there is no such table."""
    head_share: float = Field(default=0.8, gt=0, lt=1)
    """The fewest items that make up this share of what was acted on in 91 days are the head; all others are the long
    tail."""
    limits: FairnessLimits = FairnessLimits()
    """How unequal exposure may be. What a limit that is broken does is checks.severity.exposure_limits: warn by
    default, or stop."""

    @model_validator(mode="after")
    def _limits_are_of_the_table(self) -> Self:
        if not self.groups and self.limits != FairnessLimits():
            raise ValueError('fairness.limits look at the table exposure: name fairness.groups, as ["popularity"]')
        return self
