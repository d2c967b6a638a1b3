"""Differential privacy: what noise hides of a person, in what, and how often."""

from collections.abc import Collection
from typing import Annotated, Any, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from pipeline.settings.sections.base import KEPT, Section

COVERED = frozenset({"als", "features", "fine_tune", "language_model", "popularity"})
"""The stages of which something sees people through noise only, where it is asked for."""
OF_STAGE = {
    "als": {"epsilon_per_fit", "delta", "contributions", "items", "factors", "tail", "damping"},
    "fine_tune": {"epsilon_texts", "delta", "contributions"},
    "features": {"epsilon_queries", "delta", "contributions"},
    "popularity": {"epsilon_popular", "delta", "contributions"},
    "publish": {"similar_items"},
}
"""The settings that change what a stage makes."""
LEAST = 0.01
"""A lower epsilon is noise alone in any shop."""


class Privacy(Section):
    """Differential privacy of whole people, by noise: of the item factors of `als`, of the encoder, of the tables
    `popular_items` and `similar_items`, of which queries are named, each where it is asked for, and of nothing else.
    All other sources, the fusion and what answers a query learn from people as ever: see docs/differential-privacy.md
    before anybody is promised anything."""

    epsilon_per_fit: Annotated[NonNegativeFloat, KEPT] = Field(default=0.0, le=1000)
    """What the item factors of one cut-off may cost each person; 0: no noise. A usual night fits one cut-off, a first
    one all of them, and all that were ever fitted add up: see `epsilon_budget`. Needs NIGHTJAR_NOISE_KEY."""
    epsilon_popular: Annotated[NonNegativeFloat, KEPT] = Field(default=0.0, le=1000)
    """What the table `popular_items` of one night may cost each person, beside `epsilon_per_fit`; 0: no noise. It is
    then of noised counts of four weeks, also where items live days, and of no segment of users."""
    epsilon_queries: Annotated[NonNegativeFloat, KEPT] = Field(default=0.0, le=1000)
    """What it may cost each person that the tables of one night name queries, beside the others; 0: no noise. Which are
    named is then decided by noised counts of who asked, and no longer by `features.query_min_users`."""
    epsilon_texts: Annotated[NonNegativeFloat, KEPT] = Field(default=0.0, le=1000)
    """What the encoder of one tuning, once in `tuning_days`, may cost each person; 0: it is fine-tuned on the log as it
    is. With it nothing is trained: a linear map behind the untouched encoder is worked out from one noised sum. `mode`,
    `steps`, `tasks` and what else there is of training then says nothing."""
    similar_items: Annotated[bool, KEPT] = False
    """Whether the table `similar_items` is made of noised item factors and of texts as a noised encoder reads them, and
    of nothing else; that costs nothing more. Needs `epsilon_per_fit` or `epsilon_texts`: without the one an item has
    none by its buyers, without the other none by its text."""
    delta: Annotated[float, KEPT] = Field(default=1e-5, ge=1e-15, le=1e-3)
    """The chance that a cost is not kept to; below one in as many people as the shop has. What was spent is told at
    this delta: with a higher one the same releases cost less epsilon."""
    epsilon_budget: Annotated[PositiveFloat | None, KEPT] = Field(default=None, le=100_000)
    """What all fits since the first may cost together, at the same delta: the run stops before one that would cost
    more. Asked for where `epsilon_per_fit` is set."""
    contributions: Annotated[PositiveInt, KEPT] = Field(default=50, le=100_000)
    """Items of a user that others learn from, those with most history; the user's own lists know all of them. And
    queries of a person that count, those last asked."""
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
        for name in ("epsilon_per_fit", "epsilon_popular", "epsilon_queries", "epsilon_texts"):
            cost = getattr(self, name)
            if cost and self.epsilon_budget is None:
                raise ValueError(
                    f"{name} = {cost} is the cost of one release, and every night makes another: set epsilon_budget "
                    "too, what all of them may cost together"
                )
            if 0 < cost < LEAST:
                raise ValueError(f"{name} = {cost} leaves nothing but noise: at least {LEAST}")
            if cost and (self.epsilon_budget or 0) < cost:
                raise ValueError(
                    f"epsilon_budget = {self.epsilon_budget} does not pay for one release of {name} = {cost}: raise "
                    "the one, or lower the other"
                )
        if self.similar_items and not (self.enabled or self.texts):
            raise ValueError(
                "similar_items asks for noised item factors, which epsilon_per_fit makes, or texts as a noised encoder "
                "reads them, which epsilon_texts makes: set one of them too"
            )
        return self

    @property
    def enabled(self) -> bool:
        """Whether item factors are noised."""
        return self.epsilon_per_fit > 0

    @property
    def counts(self) -> bool:
        """Whether what is popular is noised."""
        return self.epsilon_popular > 0

    @property
    def queries(self) -> bool:
        """Whether the queries that are named are chosen by noised counts."""
        return self.epsilon_queries > 0

    @property
    def texts(self) -> bool:
        """Whether the encoder is noised."""
        return self.epsilon_texts > 0

    def require_encoder(self, *, made: bool, untouched: bool) -> None:
        """Check that an encoder is there to be noised, and that no other log is in it.

        Args:
            made: whether there is a language model with an encoder.
            untouched: whether it starts from the pretrained one.
        Raises:
            ValueError: there is none, or it does not.
        """
        if self.texts and not made:
            raise ValueError(
                "privacy.epsilon_texts is of the encoder, and there is none (language_model.enabled, fine_tune.model)"
            )
        if self.texts and not untouched:
            raise ValueError(
                "privacy.epsilon_texts promises an encoder that saw people through noise only, and "
                "fine_tune.start_from names one that did not: leave one of the two out"
            )

    def require(self, segment_by: Collection[str], unsold_days: int | None, *, fitted: bool) -> None:
        """Check that what is promised can be kept, and is of something.

        Args:
            segment_by: attributes of users by which there are segments of what is popular.
            unsold_days: features.unsold_days.
            fitted: whether there is `als`.
        Raises:
            ValueError: it cannot, or is of nothing.
        """
        if (self.counts or self.similar_items) and unsold_days is not None:
            raise ValueError(
                f"[privacy] promises tables in which nobody's purchase shows, and features.unsold_days = {unsold_days} "
                "lets one purchase put an item into them: leave one of the two out"
            )
        if self.enabled and not fitted:
            raise ValueError("privacy.epsilon_per_fit is of what the source 'als' learns, which is switched off")
        if self.counts and segment_by:
            raise ValueError(
                f"privacy.epsilon_popular promises noise, and publish.segment_by = {list(segment_by)} asks for "
                "segments of users, which are counted without: leave one of them out"
            )

    def asked_of(self, stages: Collection[str]) -> dict[str, Any]:
        """The settings that change what stages make; none where nothing is asked of them."""
        asked = {"als": self.enabled, "popularity": self.counts, "publish": self.similar_items}
        asked |= {"features": self.queries, "fine_tune": self.texts}
        names = {name for stage in stages if asked.get(stage) for name in OF_STAGE[stage]}
        return {name: getattr(self, name) for name in sorted(names)}
