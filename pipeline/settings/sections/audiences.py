"""The table the other way round: whom an item or a category is for."""

from typing import Literal, Self

from pydantic import Field, PositiveInt, model_validator

from pipeline.settings.sections.base import Section


class Audience(Section):
    """For items or categories, the users most likely to act on them: a table the other way round."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """What applications ask for."""
    surface: str = "for_you"
    """Whose lists it is made of."""
    where: str = "true"
    """The items it is about: a SQL predicate over the items table, as a surface's."""
    by: Literal["item", "category"] = "item"
    """Whether it is about each item or each category."""
    k: PositiveInt = 1000
    """How many users of each."""

    @model_validator(mode="after")
    def _where_is_a_condition(self) -> Self:
        if self.where != "true":
            from pipeline.settings.predicates import require

            require(f"publish.audiences {self.name}", self.where)
        return self
