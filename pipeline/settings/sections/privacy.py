"""Differential privacy: what noise hides of a person, in what, and how often."""

from typing import Annotated, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from pipeline.settings.sections.base import KEPT, Section

COVERED = frozenset({"als"})
"""The stages whose models see people through noise only, where it is asked for."""


LEAST = 0.01
"""A lower epsilon is noise alone in any shop."""


class Privacy(Section):
    """Differential privacy of whole people, by noise: of the item factors of `als`, and of nothing else. All other
    sources, the fusion, the encoder, popular and similar items and answers to queries learn from people as ever: see
    docs/differential-privacy.md before anybody is promised anything."""

    epsilon_per_fit: Annotated[NonNegativeFloat, KEPT] = Field(default=0.0, le=1000)
    """What the item factors of one cut-off may cost each person; 0: no noise. A usual night fits one cut-off, a first
    one all of them, and all that were ever fitted add up: see `epsilon_budget`. Needs NIGHTJAR_NOISE_KEY."""
    delta: Annotated[float, KEPT] = Field(default=1e-5, ge=1e-15, le=1e-3)
    """The chance that a cost is not kept to; below one in as many people as the shop has. What was spent is told at
    this delta: with a higher one the same releases cost less epsilon."""
    epsilon_budget: Annotated[PositiveFloat | None, KEPT] = None
    """What all fits since the first may cost together, at the same delta: the run stops before one that would cost
    more. Asked for where `epsilon_per_fit` is set."""
    contributions: Annotated[PositiveInt, KEPT] = Field(default=50, le=100_000)
    """Items of a user that others learn from, those with most history; the user's own lists know all of them."""
    items: Annotated[PositiveInt, KEPT] = Field(default=500, le=20_000)
    """Items that have factors, by noised counts. More items have more noise in all of them: on the example 800
    were best at epsilon 10, 300 at 3, 200 at 1; memory grows with the square of it, time with the cube."""
    factors: Annotated[PositiveInt, KEPT] = Field(default=128, le=1024)
    """At most so long are a user's and an item's vector: less where the noise leaves less."""
    tail: Annotated[NonNegativeFloat, KEPT] = Field(default=0.15, le=2)
    """Power by which what few people have gets more of each one's part: an item weighs (noised count) to minus this."""
    damping: Annotated[PositiveFloat, KEPT] = 20.0
    """A direction of taste counts half as much as one that everybody shares where as many users as this share it."""

    @model_validator(mode="after")
    def _noise_has_a_budget(self) -> Self:
        if self.epsilon_per_fit and self.epsilon_budget is None:
            raise ValueError(
                f"epsilon_per_fit = {self.epsilon_per_fit} is the cost of one fit, and every night makes another: set "
                "epsilon_budget too, what all of them may cost together"
            )
        if 0 < self.epsilon_per_fit < LEAST:
            raise ValueError(f"epsilon_per_fit = {self.epsilon_per_fit} leaves nothing but noise: at least {LEAST}")
        if self.epsilon_per_fit and (self.epsilon_budget or 0) < self.epsilon_per_fit:
            raise ValueError(
                f"epsilon_budget = {self.epsilon_budget} does not pay for one fit of epsilon_per_fit = "
                f"{self.epsilon_per_fit}: raise the one, or lower the other"
            )
        return self

    @property
    def enabled(self) -> bool:
        """Whether anything is noised."""
        return self.epsilon_per_fit > 0
