"""From many lists to one, and its judge: fusion, ensemble, evaluation."""

from typing import Literal, Self

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    TypeAdapter,
    field_validator,
    model_validator,
)

from pipeline.ground.pools import kind_of
from pipeline.settings.sections.base import Days, ListName, Section, Seed

MERGED = ("weighted", "reciprocal_rank", "borda")
"""The lists that the ensemble makes of its members."""
Objective = Literal["lambdarank", "rank_xendcg", "binary"]


class Ranker(Section):
    """One learned ranker (LightGBM) over the candidates of all sources, with a model per pool."""

    objective: Objective = "lambdarank"
    """What the trees minimise: a ranking loss within a user's list, or the log loss of every pair."""
    new_objective: Objective | None = None
    """The same in pool new, where a list holds few hits to rank against each other, and in every pool where users do
    not come back to an item; default: no other."""
    leaves: PositiveInt = 31
    """Leaves of a tree."""
    learning_rate: PositiveFloat = 0.04
    """Weight of a tree."""
    seed: Seed = 1
    """Added to the configuration's seed; it chooses the columns and rows a tree sees."""

    def within(self, pool: str, repeats: bool) -> Self:
        """The ranker with the objective it has in a pool; `repeats`: whether users come back to an item."""
        own = self.new_objective if kind_of(pool) == "new" or not repeats else None
        return self.model_copy(update={"objective": own or self.objective})


class Fusion(Section):
    """Language model and collaborative filtering into one score: the alpha blend and the learned hybrid."""

    sources: tuple[ListName, ...] = ()
    """Lists whose items become candidates, as far as they are made; of several that rank an item alike, the first named
    is its source. Empty: the lists of all sources, the user's own repetitions first and what everybody likes last."""
    depth: PositiveInt = 40
    """Best items of every list that become candidates."""
    length: PositiveInt = 150
    """Length of the lists."""
    rankers: dict[str, Ranker] = Field(default={"hybrid": Ranker(), "hybrid_binary": Ranker(objective="binary")})
    """The learned lists by name."""
    rounds: PositiveInt = 250
    """Trees of every ranker."""
    negatives: PositiveInt = 30
    """Candidates without an action that a training user keeps, drawn at random; those with one are all kept."""
    min_leaf: PositiveInt = 100
    """Pairs a leaf must hold."""
    features_share: float = Field(default=0.6, gt=0, le=1)
    """Share of the features a tree may use."""
    rows_share: float = Field(default=0.8, gt=0, le=1)
    """Share of the pairs a tree is grown on."""
    reg: NonNegativeFloat = 5.0
    """L2 weight on a leaf's value."""
    neighbours: NonNegativeInt = 400
    """Most similar users whose votes are features and whose discoveries make the list `adoption`; 0: nobody's."""
    reference_users: PositiveInt = 20_000
    """Neighbours are looked for among this many users, those active last; in a smaller shop, among all."""
    adoption_days: Days = 28
    """An item first acted on by a neighbour within this many days is a discovery."""
    adoption_half_life: PositiveFloat = 14.0
    """Days after which a discovery counts half."""
    nearest_texts: PositiveInt = 50
    """Items nearest in text that an item of the history speaks for."""
    calibration_windows: PositiveInt = 4
    """Label windows before the validation window that the blend's scores are calibrated on."""
    seeds: PositiveInt = Field(default=1, le=100)
    """Models behind every ranker; its score is their mean, its time grows with them."""
    activity_rounds: PositiveInt = 40
    """Trees of the model that says whether a user acts at all."""
    activity_users: PositiveInt = 50_000
    """Users of a label window it learns from, drawn at random."""
    ablation: bool = True
    """Whether each source's worth is measured: the fusion without it, once a week."""
    ablation_rounds: PositiveInt = 70
    """Trees of a model that is compared for it."""
    ablation_pairs: PositiveInt = 300_000
    """Pairs such a model learns from."""
    alpha_step: float = Field(default=0.1, gt=0, le=0.5)
    """Grid on which the blend's alpha is searched."""
    cold_user_items: PositiveInt = 10
    """A user with fewer distinct items in the history is cold: the blend gives such users an alpha of their own."""
    cold_item_buyers: PositiveInt = 10
    """An item with fewer buyers so far is cold: the blend gives such items an alpha of their own."""

    @field_validator("rankers")
    @classmethod
    def _are_named_as_lists_are(cls, given: dict[str, Ranker]) -> dict[str, Ranker]:
        TypeAdapter(tuple[ListName, ...]).validate_python(tuple(given))
        return given


class Ensemble(Section):
    """Several fused rankings into one."""

    members: tuple[ListName, ...] = Field(default=("hybrid", "hybrid_binary"), min_length=1)
    """Lists that are merged: of fusion (the rankers' names, "blend"), or of any source."""
    final: ListName = "weighted"
    """What is published: weighted, reciprocal_rank, borda, or a member."""
    step: float = Field(default=0.1, gt=0, le=0.5)
    """Grid of the weights that are tried on the validation window; the weights of a list sum to 1."""
    shrinkage: float = Field(default=0.5, ge=0, le=1)
    """How far the best weights are moved towards equal ones."""
    backstop: bool = True
    """Whether the best list of a single model takes part where it did as well as the merged lists or better on windows
    that neither had seen: as on a young log, from which little could be learned. Not where `final` is a member."""
    calibration: Literal["platt", "isotonic"] = "platt"
    """How scores become probabilities: by a logistic curve, or by one of steps."""
    calibration_users: PositiveInt = 20_000
    """Users of the validation window that is learned on, at most."""
    constant: PositiveFloat = 60.0
    """Reciprocal rank fusion adds 1 / (constant + rank)."""
    length: PositiveInt = 150
    """Length of the lists."""

    @model_validator(mode="after")
    def _final_is_made(self) -> Self:
        if len(set(self.members)) < len(self.members):
            raise ValueError("members names a list twice")
        made = (*MERGED, *self.members)
        if self.final not in made:
            raise ValueError(f"final is '{self.final}': it must be one of {', '.join(made)}, or be among the members")
        return self


class Evaluate(Section):
    """The metrics and the gate."""

    k: PositiveInt = 10
    """How many items of a list are judged, except by recall."""
    deep: PositiveInt = 50
    """How many items of a list recall looks at."""
    gate_metric: Literal["ndcg", "recall", "map", "mrr", "hit_rate", "precision", "rare_dcg"] = "ndcg"
    """The metric tonight must not lose on. rare_dcg: the discounted gain of hits that count the less the more their
    item was looked at before, by the impressions of a type with `shown = true`."""
    tolerance: NonNegativeFloat = 0.0
    """What may be lost of it: blocked when the whole 95 % interval of the difference lies below minus this."""
    baseline: ListName = "popularity"
    """The list tonight must not lose to in any case; with a first publication it is the only opponent."""
    block: bool = True
    """Whether a lost comparison or a failed check stops the publication; false reports it and goes on."""
    drift: Literal["warn", "stop", "off"] = "warn"
    """What it does that a published run did significantly worse since than it was judged to."""
    drift_tolerance: float = Field(default=0.1, ge=0, lt=1)
    """The share by which it must be worse for that."""
    resamples: PositiveInt = 2000
    """Bootstrap resamples of the users behind every interval."""
    new_user_items: PositiveInt = 10
    """A user with fewer distinct items in the history counts as new."""
    heavy_user_items: PositiveInt = 100
    """A user with at least this many distinct items in the history counts as heavy."""
    cold_days: Days = 28
    """An item never acted on, or first acted on within this many days, counts as cold."""
    head_share: float = Field(default=0.5, gt=0, lt=1)
    """The best-selling items that make up this share of the last 91 days' purchases are the head."""
    samples: bool = True
    """Whether the report shows, without ids, what three users last did and what they get tonight."""
    min_users_share: float = Field(default=0.95, ge=0, le=1)
    """Table check: at least this share of the users must have `k` items, or all that there are for them."""
    max_same_share: float = Field(default=0.5, gt=0, le=1)
    """Table check: at most this share of the users with more than `k` items to choose from may have the same `k`."""

    @property
    def depth(self) -> int:
        """How many items of a list the gate's metric looks at."""
        return self.deep if self.gate_metric == "recall" else self.k

    @property
    def deepest(self) -> int:
        """How many items of a list any metric looks at."""
        return max(self.k, self.deep)
