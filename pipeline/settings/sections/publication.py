"""What applications read: the surfaces, the tables, their target."""

from typing import Annotated, Literal, Self

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from pipeline.settings.sections.added import Added
from pipeline.settings.sections.audiences import Audience
from pipeline.settings.sections.base import KEPT, Days, Section
from pipeline.settings.sections.copies import CopyName, PublishedCopy
from pipeline.settings.sections.data import InputFiles


class Publish(Section):
    """The tables that applications read."""

    target: Annotated[Literal["duckdb", "postgres"], KEPT] = "duckdb"
    """Where the tables go; a Parquet copy is always kept beside. How PostgreSQL is reached is in the environment."""
    schema_name: str = Field(default="nightjar", pattern=r"^[a-z_][a-z0-9_]{0,62}$")
    """PostgreSQL: the schema of the tables."""
    settle_seconds: Annotated[PositiveInt, KEPT] = 60
    """PostgreSQL: how long a flip waits for transactions that have had the tables in use since before the new run."""
    lock_minutes: Annotated[PositiveFloat, KEPT] = 60.0
    """How long a publication, rollback or erasure waits for another one before it fails, naming who holds the lock."""
    keep_runs: Annotated[PositiveInt, KEPT] = 28
    """How many runs stay published: the newest nights, and always the active run and the one a rollback returns to."""
    activate_older: bool = False
    """Whether the run of an older night may replace the active run of a newer one (a backfill then goes live)."""
    max_churn: float = Field(default=0.9, ge=0, le=1)
    """Highest mean share of a user's top 10 that may go against the champion of the last `churn_nights` nights; of its
    items only those count that somebody still acts on and that may be shown, as an article's day is over soon."""
    churn_nights: Days = 7
    """A champion older than this is compared and reported, and never blocks."""
    similar_k: PositiveInt = 50
    """Similar items per item; also how far a reason looks for an item the user has."""
    similar_min_buyers: PositiveInt = 5
    """Buyers an item needs to be compared by who buys it; below, its text decides."""
    popular_k: PositiveInt = 100
    """Popular items per segment; the reason "Popular this month" is for the same number of items."""
    search_k: PositiveInt = 50
    """Items per query."""
    search_prior: PositiveFloat = 20.0
    """Choices after a query that the texts and popularity weigh as much as."""
    search_temperature: PositiveFloat = 0.1
    """Divides the cosines of query and item; the smaller, the more the best matches get."""
    search_popularity_power: NonNegativeFloat = 0.3
    """An item counts with its buyers of 91 days to this power."""
    search_terms: NonNegativeInt = 0
    """Items of a term in the table search_terms, by which an application answers any query, one that nobody asked yet
    too; 0: there is no such table. With 1000, long lists lose what no query finds by the term alone."""
    new_days: Days = 28
    """Days for which an item first seen counts as new."""
    segment_by: tuple[str, ...] = ()
    """Attributes of the users, words, by whose values popular_items has more segments, e.g. "country". A value with
    fewer than features.word_min_users users who acted in the last 28 days has none."""
    segment_prior: NonNegativeFloat = 20.0
    """Users who act as everybody does that are added to a segment's own, so that few of them do not make its list."""
    editorial: InputFiles | None = None
    """Editors' pins, blocks and boosts: files, and a mapping that selects kind, surface (null: all), item_id, rank (of
    a pin), factor (of a boost), valid_from, valid_until (days the tables are for, both included), note, _file, _row."""
    audiences: tuple[Audience, ...] = ()
    """Items or categories whose likeliest users the table `audiences` has."""
    copies: Annotated[dict[CopyName, PublishedCopy], KEPT] = Field(default={})
    """Where the active run's tables also go, by a name for messages; see docs/copies.md. They change no table."""
    verb: str = ""
    """What users did, in the past tense, for the reasons ("You bought it twice"); default: from the event types."""

    @field_validator("editorial")
    @classmethod
    def _rules_are_files(cls, given: InputFiles | None) -> InputFiles | None:
        if given is not None and given.connection is not None:
            raise ValueError("editors' rules are read as files, and no connection is asked for them: leave it out")
        return given


class Explore(Section):
    """Slots of a list that are drawn, so that what is not shown yet can be learned of."""

    slots: tuple[PositiveInt, ...] = Field(min_length=1)
    """Ranks that are drawn, e.g. [4, 9]. Where editors pin an item, nothing is drawn."""
    share: float = Field(default=1.0, gt=0, le=1)
    """How often such a slot is drawn; else it shows the best item that is left."""
    policy: Literal["uniform", "softmax", "thompson", "new", "learned"] = "uniform"
    """What is drawn: any item alike; by its score; by its chance to be the best, as few actions leave it uncertain; or
    any of the new ones (publish.new_days) alike. Learned: by its chance to be the best, by the score and by what was
    clicked in the slots that were drawn in the last four weeks; while these are few, a smaller share is drawn."""
    reward: Literal["clicks", "actions", "visits"] = "clicks"
    """What `learned` learns by: clicks in the drawn slots; what their users then acted on (types with `label`), from
    the slot's day on; or on how many of the days after it they came back."""
    reward_days: Days = 7
    """Within so many days actions and visits count; a night learns of slots whose days are over."""
    top: PositiveInt = 50
    """Drawn are the user's best so many items that the surface may show."""
    temperature: PositiveFloat = 1.0
    """Of softmax: an item is drawn in proportion to its score to the power of 1 / temperature. Of thompson: an item's
    log-odds are uncertain by temperature / sqrt(1 + those who acted on it). Of learned: what they are learned to be
    uncertain by is multiplied with it. The less, the more often the best."""
    record: float = Field(default=0.0, ge=0, le=1)
    """Share of the users, drawn anew each night, of whom it is kept what the slots could have shown and did not: what
    `nightjar trial` needs, of a list that is shorter than `top`. Up to `top` rows for each of them, as long as the run
    is kept."""

    @model_validator(mode="after")
    def _ranks_differ(self) -> Self:
        if len(set(self.slots)) < len(self.slots):
            raise ValueError("explore.slots names a rank twice")
        if self.reward != "clicks" and self.policy != "learned":
            raise ValueError(
                f"explore.reward = '{self.reward}' is for policy 'learned': '{self.policy}' learns by none"
            )
        return self


ALLOTTED_FROM = 20
"""From how many of a user's items what is allotted is chosen."""


class Limit(Section):
    """What all rows of a surface together may use, of one thing or of one for each item or group of items."""

    by: str = ""
    """What each has a limit of its own: "item", "category" or an attribute of the items that is a word, as an ad's
    campaign; an item that has none is one by itself. Default: all rows together have one."""
    most: Annotated[float, Field(ge=0, allow_inf_nan=False)] | str
    """How much may be used: a number, or the attribute of the items that says it, the least of those of a group. Of
    what does not say it, nothing is shown."""
    cost: str = ""
    """How much a row uses: an attribute of its item that is a number. Default: every row uses 1."""
    when: Literal["shown", "acted"] = "shown"
    """Whether it is used by showing the item, or only where the user acts: then a row uses cost x probability."""

    @model_validator(mode="after")
    def _an_attribute_is_of_items(self) -> Self:
        if isinstance(self.most, str) and not self.by:
            raise ValueError(
                f"allot.limits: most = '{self.most}' is of items, so say by which: by = \"item\", or a word"
            )
        return self


class Allot(Section):
    """Limits of a surface over the table of a whole night, and what its rows are worth: who gets what is then decided
    for all users together."""

    limits: tuple[Limit, ...] = ()
    """What all rows together may use."""
    value: str = ""
    """What it is worth when a user acts: an attribute of the item that is a number, such as a bid. Default: 1."""
    reserve: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """A row whose value x probability is less is not shown."""
    group: str = ""
    """Of items of one group a user gets at most `per_group`: "category" or an attribute of the items that is a word."""
    per_group: PositiveInt = 1
    """How many items of one group a user gets at most."""
    candidates: PositiveInt | None = None
    """From how many of a user's most probable items those are chosen that the user gets; default: 20, or k where that
    is more."""


class Surface(Section):
    """A named list of recommendations."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """What applications ask for."""
    repeats: bool = True
    """Whether items the user has already acted on may be shown."""
    k: PositiveInt = 50
    """Length of the list."""
    where: str = "true"
    """SQL predicate over the items table, of the day $valid_on; an item that fails it is never shown on this surface.
    Surfaces with the same `where`, `goal`, `horizon_days` and `max_age_days` are one recommender: with candidates,
    rankers, calibration and a gate of their own among the items that passed on each day that is learned from."""
    goal: tuple[str, ...] = ()
    """Event types that this surface recommends for; empty: those with `label` in features.event_types."""
    horizon_days: Days | None = None
    """It recommends for what is done within so many days; default, and at most: the shop's horizon_days."""
    max_age_days: Days | None = None
    """An item is shown for so many days from its valid_from or, where it has none, from the day it was first seen."""
    exclude_seen_days: Days | None = None
    """For so many days after a user acted on an item it is not shown to them again (1: tonight's day only)."""
    min_price_ratio: PositiveFloat | None = None
    """An item cheaper than this times the user's usual price (the mean of what they paid) is not shown to them..."""
    max_price_ratio: PositiveFloat | None = None
    """... nor one dearer than this times it. Where item or user has no price yet, nothing is hidden."""
    max_per_product: PositiveInt = 1
    """How many variants of one product, items of the same parent_id, a list may hold."""
    max_per_category: PositiveInt | None = None
    """How many items of one category a list may hold; items without a category count as none of any."""
    diversity: float = Field(default=0.0, ge=0, le=1)
    """How much likeness to the items above it counts against an item: 0 not at all, 1 as the only thing."""
    diversity_text: float = Field(default=0.5, ge=0, le=1)
    """What the texts say of likeness; the rest is who buys the items (ALS). Where one of them is off, the other counts
    alone."""
    long_tail: float = Field(default=0.0, ge=0, le=10)
    """What an item pays at most for being shown much, over all lists of the night together, in mean probabilities of
    what the lists show: who loses least by it is shown something else. 0: nothing; see docs/fairness.md for the cost of
    more."""
    calibrated_mix: float = Field(default=0.0, ge=0, le=1)
    """How much a list keeps the mix of categories of what the user did (calibrated recommendations), against the
    probabilities of its items: 0 not at all, 1 as the only thing; see docs/fairness.md for the cost."""
    calibrated_by: str = "category"
    """What the mix is of: "category", or an attribute of the items that is a word."""
    min_exposure: float = Field(default=0.0, ge=0, le=1)
    """Lowest share of exposure over share of relevance that a group of items gets, in all lists of the night together,
    as far as candidates have its items; nothing is asked for groups that have less relevance than
    fairness.limits.min_relevance_share. 0: nothing for any; see docs/fairness.md for the cost of more."""
    min_exposure_by: str = "category"
    """What the groups are: category, popularity, age, price_band, or an attribute of the items that is a word."""
    explore: Explore | None = None
    """Slots that are drawn with a known chance, which the table then says (`policy`, `propensity`); default: none."""
    allot: Allot | None = None
    """Limits over the whole night's table, such as so many coupons in all; k is then the most that a user gets.
    Default: none, and every user's list is made by itself."""
    added: Added | None = None
    """Its lists go by what a row adds to what the user does; default: by the probability that the user does it."""

    @property
    def has_price_band(self) -> bool:
        """Whether prices far from what a user usually pays are hidden."""
        return self.min_price_ratio is not None or self.max_price_ratio is not None

    @property
    def candidates(self) -> int:
        """How many of a user's best items are looked at: k, or where items are allotted, more."""
        return self.k if self.allot is None else self.allot.candidates or max(self.k, ALLOTTED_FROM)

    @property
    def is_personal(self) -> bool:
        """Whether rules about the user or about the list as a whole can leave it shorter than what there is to show."""
        limits = (self.exclude_seen_days, self.max_per_category)
        return self.has_price_band or self.allot is not None or any(limit is not None for limit in limits)

    @property
    def is_plain(self) -> bool:
        """Whether it shows its pool's lists as they are: in their order, and of what it may show the first k."""
        weighed = self.diversity or self.long_tail or self.min_exposure or self.calibrated_mix
        return not (self.is_personal or weighed or self.added or self.explore)

    @model_validator(mode="after")
    def _rules_make_sense(self) -> Self:
        low, high = self.min_price_ratio or 0, self.max_price_ratio or float("inf")
        if low > high:
            raise ValueError(f"surface '{self.name}': min_price_ratio {low} is above max_price_ratio {high}")
        if self.allot is not None:  # first: what is said of slots would not help where none can be drawn
            self._require_lists_of_their_own_order(self.allot)
        if self.explore is not None:
            self._require_slots_of_the_list(self.explore)
        if self.added is not None:
            self._require_no_order_beside("added", {})
        if self.calibrated_mix and self.diversity:
            raise ValueError(
                f"surface '{self.name}': calibrated_mix and diversity exclude each other, as each chooses the next "
                "item by those before it: leave one out (max_per_category goes with both)"
            )
        if self.where != "true":
            # here, so that a configuration without predicates is read without DuckDB
            from pipeline.settings.predicates import require

            require(self.name, self.where)
        return self

    def _require_slots_of_the_list(self, explore: Explore) -> None:
        if beyond := [rank for rank in explore.slots if rank > self.k]:
            raise ValueError(f"surface '{self.name}': explore.slots {beyond} are beyond k = {self.k}")
        if explore.record and explore.top <= self.k:
            raise ValueError(
                f"surface '{self.name}': nothing is withheld, so that explore.record has nothing to keep: a list of "
                f"k = {self.k} holds all of the explore.top = {explore.top} that are drawn among: set k below top"
            )

    def _require_lists_of_their_own_order(self, allot: Allot) -> None:
        self._require_no_order_beside("allot", {"explore": self.explore})
        if allot.candidates is not None and allot.candidates < self.k:
            raise ValueError(f"surface '{self.name}': allot.candidates {allot.candidates} are fewer than k = {self.k}")

    def _require_no_order_beside(self, key: str, others: dict[str, object]) -> None:
        names = ("diversity", "long_tail", "min_exposure", "calibrated_mix")
        others = others | {name: getattr(self, name) for name in names}
        if other := next((name for name, given in others.items() if given), None):
            raise ValueError(
                f"surface '{self.name}': {key} and {other} exclude each other, as what is "
                f"{'allotted' if key == 'allot' else 'shown'} is decided by what it is worth alone: leave one out"
            )
